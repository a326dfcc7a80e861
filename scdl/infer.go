package scdl

import (
	"cmp"
	"fmt"
	"math"

	"tessera/internal/linalg"
)

// Code says how a low sample s is written in atoms.
type Code struct {
	Method     string  // "ridge": min |s - D_l w|^2 + lambda |w|^2; "lasso": min |s - D_l w|^2/2 + lambda |w|_1
	Lambda     float64 // > 0
	Iterations int     // lasso, FISTA (Beck and Teboulle 2009); 0 = 200
}

// Infer predicts high samples from low ones, count x M: count x P.
func (p *Pair) Infer(low []float64, code Code) ([]float64, error) {
	predict, err := p.Predictor(code)
	if err != nil {
		return nil, err
	}
	return predict(low)
}

// Predictor prepares a code for many calls. What it returns keeps work arrays and must
// not be used by two goroutines at once.
func (p *Pair) Predictor(code Code) (Predictor, error) {
	if !(code.Lambda > 0) {
		return nil, fmt.Errorf("scdl: a code with lambda %g", code.Lambda)
	}
	switch code.Method {
	case "ridge":
		linear, err := p.ridge(code.Lambda)
		if err != nil {
			return nil, err
		}
		return linear.Predict, nil
	case "lasso":
		return func(low []float64) ([]float64, error) {
			return p.lasso(low, code.Lambda, cmp.Or(code.Iterations, 200)), nil
		}, nil
	}
	return nil, fmt.Errorf("scdl: code %q, want ridge or lasso", code.Method)
}

// ridge is linear: s_h = D_h D_l' (D_l D_l' + lambda I)^-1 s_l.
func (p *Pair) ridge(lambda float64) (*Linear, error) {
	gram := make([]float64, p.M*p.M)
	linalg.Gemm(true, false, p.M, p.M, p.Atoms, 1, p.Low, p.M, p.Low, p.M, 0, gram, p.M)
	for i := range p.M {
		gram[i*p.M+i] += lambda
	}
	if err := linalg.SPDInverse(p.M, gram, p.M); err != nil {
		return nil, fmt.Errorf("scdl: the low dictionary is not finite: %w", err)
	}
	cross, linear := make([]float64, p.P*p.M), make([]float64, p.P*p.M)
	linalg.Gemm(true, false, p.P, p.M, p.Atoms, 1, p.High, p.P, p.Low, p.M, 0, cross, p.M)
	linalg.Gemm(false, false, p.P, p.M, p.M, 1, cross, p.M, gram, p.M, 0, linear, p.M)
	return &Linear{P: p.P, M: p.M, Map: linear}, nil
}

// lasso by FISTA, some samples at a time.
func (p *Pair) lasso(low []float64, lambda float64, iterations int) []float64 {
	// |D_l|^2, from above: the trace bounds the power method's beginning.
	gram := make([]float64, p.M*p.M)
	linalg.Gemm(true, false, p.M, p.M, p.Atoms, 1, p.Low, p.M, p.Low, p.M, 0, gram, p.M)
	norm := largestEigenvalue(gram, p.M)
	n := len(low) / p.M
	high := make([]float64, n*p.P)
	if norm == 0 {
		return high
	}
	const batch = 256
	w, z, next, res := make([]float64, batch*p.Atoms), make([]float64, batch*p.Atoms), make([]float64, batch*p.Atoms), make([]float64, batch*p.M)
	for at := 0; at < n; at += batch {
		k := min(batch, n-at)
		s := low[at*p.M : (at+k)*p.M]
		w, z, next, res := w[:k*p.Atoms], z[:k*p.Atoms], next[:k*p.Atoms], res[:k*p.M]
		clear(w)
		clear(z)
		momentum := 1.0
		for range iterations {
			copy(res, s)
			linalg.Gemm(false, false, k, p.M, p.Atoms, -1, z, p.Atoms, p.Low, p.M, 1, res, p.M)
			copy(next, z)
			linalg.Gemm(false, true, k, p.Atoms, p.M, 1/norm, res, p.M, p.Low, p.M, 1, next, p.Atoms)
			faster := (1 + math.Sqrt(1+4*momentum*momentum)) / 2
			push := (momentum - 1) / faster
			for i, v := range next {
				v = soft(v, lambda/norm)
				z[i] = v + push*(v-w[i])
				w[i] = v
			}
			momentum = faster
		}
		linalg.Gemm(false, false, k, p.P, p.Atoms, 1, w, p.Atoms, p.High, p.P, 0, high[at*p.P:(at+k)*p.P], p.P)
	}
	return high
}

// largestEigenvalue of a symmetric positive semidefinite matrix, from above: the
// power method's estimate and a thousandth, or the trace where that is smaller.
func largestEigenvalue(a []float64, n int) float64 {
	trace := 0.0
	for i := range n {
		trace += a[i*n+i]
	}
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i] = 1 + float64(i%7)/10
	}
	value := 0.0
	for range 200 {
		linalg.Gemm(false, false, n, 1, n, 1, a, n, x, 1, 0, y, 1)
		if value = linalg.Norm2(y); value == 0 {
			return trace
		}
		for i := range x {
			x[i] = y[i] / value
		}
	}
	return min(1.001*value, trace)
}

// Coherence is the mean over the atoms of the largest |cosine| with another one.
func Coherence(atoms, rows int, dictionary []float64) float64 {
	unit := append([]float64(nil), dictionary...)
	for a := range atoms {
		if n := linalg.Norm2(unit[a*rows : (a+1)*rows]); n > 0 {
			linalg.Scale(1/n, unit[a*rows:(a+1)*rows])
		}
	}
	gram := make([]float64, atoms*atoms)
	linalg.Gemm(false, true, atoms, atoms, rows, 1, unit, rows, unit, rows, 0, gram, atoms)
	mean := 0.0
	for a := range atoms {
		most := 0.0
		for b := range atoms {
			if a != b {
				most = max(most, math.Abs(gram[a*atoms+b]))
			}
		}
		mean += most / float64(atoms)
	}
	return mean
}
