package scdl

import (
	"fmt"
	"math"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// Linear is a linear map from low to high samples, a baseline for dictionaries.
type Linear struct {
	P, M int       // numbers of a high and of a low sample
	Map  []float64 // P x M: high sample = Map times low sample
}

// Regress fits a linear map to the samples of all ranks by least squares. The ridge, 1e-10
// of the sum of the squared low samples, is needed because the low patches of a picture
// have mean 0, so that the normal matrix is singular. The map is the same on all ranks,
// and so is an error. Collective.
func Regress(comm ranks.Comm, s *Samples) (*Linear, error) {
	if err := s.agree(comm, "Regress", nil); err != nil {
		return nil, err
	}
	high, low, err := s.ofSquares(comm)
	if err != nil {
		return nil, err
	}
	n := s.Count()
	sums := make([]float64, (s.M+s.P)*s.M)
	gram, cross := sums[:s.M*s.M], sums[s.M*s.M:]
	if n > 0 {
		linalg.Gemm(true, false, s.M, s.M, n, 1, low, s.M, low, s.M, 0, gram, s.M)
		linalg.Gemm(true, false, s.P, s.M, n, 1, high, s.P, low, s.M, 0, cross, s.M)
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	trace := 0.0
	for i := range s.M {
		trace += gram[i*s.M+i]
	}
	for i := range s.M {
		gram[i*s.M+i] += 1e-10 * trace
	}
	if err := linalg.SPDInverse(s.M, gram, s.M); err != nil {
		return nil, fmt.Errorf("scdl: the low samples are all zero: %w", err)
	}
	r := &Linear{P: s.P, M: s.M, Map: make([]float64, s.P*s.M)}
	linalg.Gemm(false, false, s.P, s.M, s.M, 1, cross, s.M, gram, s.M, 0, r.Map, s.M)
	return r, nil
}

// ofSquares are the high and the low samples, where their squares would leave the range of
// float64 divided by a power of two. Collective.
func (s *Samples) ofSquares(comm ranks.Comm) (high, low []float64, err error) {
	most := []float64{0}
	for _, x := range [][]float64{s.High, s.Low} {
		for _, v := range x {
			most[0] = max(most[0], math.Abs(v))
		}
	}
	if err := comm.Allreduce(most, most, ranks.Max); err != nil {
		return nil, nil, err
	}
	_, exponent := math.Frexp(most[0])
	if exponent > -100 && exponent < 100 {
		return s.High, s.Low, nil
	}
	u := newUnits(exponent, 1)
	copied := func(x []float64) []float64 {
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = u.in(v)
		}
		return y
	}
	return copied(s.High), copied(s.Low), nil
}

// Apply predicts the high samples, count x P, of low samples, count x M.
func (r *Linear) Apply(low []float64) []float64 {
	n := len(low) / r.M
	high := make([]float64, n*r.P)
	linalg.Gemm(false, true, n, r.P, r.M, 1, low, r.M, r.Map, r.M, 0, high, r.P)
	return high
}

// Predict is Apply as a Predictor.
func (r *Linear) Predict(low []float64) ([]float64, error) { return r.Apply(low), nil }
