package scdl

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"tessera/internal/linalg"
)

// Code says how the code w of a low sample s is found.
type Code struct {
	Method        string  // "ridge": min |s - D_l w|^2 + lambda |w|^2; "lasso": min |s - D_l w|^2/2 + lambda |w|_1
	Lambda        float64 // > 0; ridge: in units of the squared length of an atom; lasso: in units of Unit times that of an atom
	MaxIterations int     // lasso: rounds in which up to 4 atoms each join a code; 0 = 200; ridge: not used
	Unit          float64 // of the samples, more than 0: lasso predicts for the low samples divided by it, and multiplies the high ones; 0 = 1; ridge: not used
}

// Infer predicts the high samples, count x P, of low samples, count x M. It is not
// collective. When ctx is cancelled, a prediction by lasso ends after some hundred samples
// with the context's error; one by ridge is a single matrix product.
func (p *Pair) Infer(ctx context.Context, low []float64, code Code) ([]float64, error) {
	predict, batch, err := p.predictor(code)
	if err != nil {
		return nil, err
	}
	if batch *= p.M; batch == 0 || len(low) <= batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return predict(low)
	}
	high := make([]float64, 0, len(low)/p.M*p.P)
	for at := 0; at < len(low); at += batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part, err := predict(low[at:min(at+batch, len(low))])
		if err != nil {
			return nil, err
		}
		high = append(high, part...)
	}
	return high, nil
}

// Predictor prepares the prediction by a code for many calls. Two goroutines must not call
// the same Predictor at once, because it owns work arrays.
func (p *Pair) Predictor(code Code) (Predictor, error) {
	predict, _, err := p.predictor(code)
	return predict, err
}

// predictor is Predictor. Samples may be divided at multiples of batch without a change of
// a prediction to the last bit; 0 = they must not be divided.
func (p *Pair) predictor(code Code) (predict Predictor, batch int, err error) {
	if !(code.Lambda > 0) {
		return nil, 0, fmt.Errorf("scdl: a code with lambda %g, want more than 0", code.Lambda)
	}
	switch code.Method {
	case "ridge":
		linear, err := p.ridge(code.Lambda)
		if err != nil {
			return nil, 0, err
		}
		return linear.Predict, 0, nil
	case "lasso":
		unit := cmp.Or(code.Unit, 1)
		if !(unit > 0) || math.IsInf(unit, 0) {
			return nil, 0, fmt.Errorf("scdl: a code with the unit %g, want more than 0", unit)
		}
		l := newLasso(p, code.Lambda, cmp.Or(code.MaxIterations, 200))
		if unit == 1 {
			return l.predict, len(l.codes), nil
		}
		return inUnit(unit, l.predict), len(l.codes), nil
	}
	return nil, 0, fmt.Errorf("scdl: code %q, want ridge or lasso", code.Method)
}

// ridge is a linear map: s_h = D_h D_l' (D_l D_l' + lambda I)^-1 s_l.
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

// Coherence is the mean over the atoms of the largest |cosine| of the angle to another
// atom. dictionary: atoms x rows.
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
