package image

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/forward"
)

// The L-curve is looked at between these bounds, in units of the scale of H'WH.
const (
	curveLowest  = 1e-6
	curveHighest = 1e3
)

// lCurve finds the corner of the L-curve, log ||Q w||^2 against log of the misfit: the point
// of largest curvature. With ' = d/d log lambda and
//
//	a = (log misfit)' = lambda t / misfit,   b = -(log ||Q w||^2)' = t / ||Q w||^2,
//	t = 2 lambda (Q'Q w)' M^-1 (Q'Q w),
//
// the curvature is a b (1 - a - b) / (a^2 + b^2)^(3/2), so that one more solve gives it
// without finite differences. Hansen and O'Leary, SIAM J. Sci. Comput. 14 (1993) 1487.
// Collective.
func (s *searcher) lCurve(ctx context.Context) (float64, error) {
	if s.bnorm == 0 {
		return 0, errors.New("image: lambda by l-curve: the data are zero everywhere")
	}
	curvature, err := s.curvature(ctx)
	if err != nil {
		return 0, err
	}
	_, start, _ := s.bounds()
	step := math.Log(10)
	at := []float64{start}
	f, err := curvature(start)
	if err != nil {
		return 0, err
	}
	values := []float64{f}
	var refused *TrialError // at an end of the curve
	for _, way := range []float64{-step, step} {
		for l := start + way; l > math.Log(curveLowest*s.scale)-1e-9 && l < math.Log(curveHighest*s.scale)+1e-9; l += way {
			f, err := curvature(l)
			if errors.As(err, &refused) {
				break // the corner may lie on the accurate part
			}
			if err != nil {
				return 0, err
			}
			if way < 0 {
				at, values = append([]float64{l}, at...), append([]float64{f}, values...)
			} else {
				at, values = append(at, l), append(values, f)
			}
		}
	}
	best := 0
	for i, v := range values {
		if v < values[best] {
			best = i
		}
	}
	if best == 0 || best == len(at)-1 || values[best] >= 0 {
		err := fmt.Errorf("image: the l-curve has no corner between lambda = %.3g and %.3g: use another rule, or give lambda as a number", s.lambda(at[0]), s.lambda(at[len(at)-1]))
		if refused != nil {
			err = fmt.Errorf("%w; the next trial was refused: %w", err, refused)
		}
		return 0, err
	}
	return minimum{at[best-1], at[best], at[best+1], values[best-1], values[best], values[best+1]}.narrow(curvature)
}

// curvature makes the function that returns minus the curvature at log lambda. Collective.
func (s *searcher) curvature(ctx context.Context) (func(l float64) (float64, error), error) {
	// M without data: Q'Q.
	q, err := forward.NewNormal(s.comm, &forward.Problem{
		Frame: s.p.Frame, Channels: s.p.Channels, Weights: make([]float64, s.m.rows*s.m.cols),
		Border: s.o.Border, Regulariser: s.o.Regulariser, Lambda: 1,
	})
	if err != nil {
		return nil, err
	}
	g := make([]float64, s.m.Len())
	var guess []float64
	return func(l float64) (float64, error) {
		res, trial, err := s.dataTrial(ctx, l, func(float64) float64 { return 10 * criterionAccuracy })
		if err != nil {
			return 0, err
		}
		if err := q.Apply(g, res.Solution); err != nil {
			return 0, err
		}
		data, lambda := s.x, math.Exp(l)
		s.x = guess
		v, err := s.quadratic(ctx, lambda, g, trial, func(v float64) float64 { return 10 * criterionAccuracy * math.Abs(v) })
		guess, s.x = s.x, data
		if err != nil {
			return 0, err
		}
		t := 2 * lambda * v
		a, b := lambda*t/res.Misfit, lambda*t/(res.Objective-res.Misfit)
		c := a * b * (1 - a - b) / math.Pow(a*a+b*b, 1.5)
		if !finite(c) {
			c = 0 // a point, not a curve
		}
		trial.Criterion = c
		return -c, nil
	}, nil
}
