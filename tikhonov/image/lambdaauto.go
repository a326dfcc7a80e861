package image

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/ranks"
)

// noMinimumError is that of a cross-validation function that still falls at an end of the
// search.
type noMinimumError struct {
	lambda float64 // there, in the caller's units
	above  bool    // the upper end
}

func (e *noMinimumError) Error() string {
	end, ask := "lower", "no regularisation"
	if e.above {
		end, ask = "upper", "the smoothest image"
	}
	return fmt.Sprintf("image: gcv has no minimum: the cross-validation function still falls at lambda = %.3g, the %s end of the search: the data ask for %s "+
		"(is the noise correlated between pixels, or are the data free of noise? Use \"discrepancy\" or \"auto\", or give lambda as a number)", e.lambda, end, ask)
}

// nearly is how far above its least value a flat cross-validation function may be.
const nearly = 1.01

// tried tells whether a trial has a criterion.
func (s *searcher) tried() bool {
	return slices.ContainsFunc(s.found.Trials, func(t Trial) bool { return t.Criterion > 0 })
}

// nearlyLeast is the largest lambda that was tried at which the criterion is within 1 % of
// its least value. It notes that, and why.
func (s *searcher) nearlyLeast(why string) float64 {
	least, at := math.Inf(1), 0.0
	for _, t := range s.found.Trials {
		if t.Criterion > 0 {
			least = min(least, t.Criterion)
		}
	}
	for _, t := range s.found.Trials {
		if t.Criterion > 0 && t.Criterion <= nearly*least {
			at = max(at, t.Lambda)
		}
	}
	s.found.Note = why + " the largest lambda within 1 % of its least value was taken"
	return at / s.units.weight
}

// amplified is the share of the values outside of the range of the data from which a solution is
// taken for amplified noise. A sharp image has some such values, at its stars and edges.
const amplified = 0.5

// outside is the share of the solution's values at a lambda that are outside of the range of the observed values by
// more than 1 % of it. Collective.
func (s *searcher) outside(ctx context.Context, lambda float64) (float64, error) {
	res, _, err := s.dataTrial(ctx, math.Log(lambda), func(float64) float64 { return criterionAccuracy })
	if err != nil {
		return 0, err
	}
	ends := []float64{math.Inf(-1), math.Inf(-1)} // minus the least value, and the largest
	for i, y := range s.p.Data {
		if !s.p.Weights.Missing(i) {
			ends[0], ends[1] = max(ends[0], -y), max(ends[1], y)
		}
	}
	if err := s.comm.Allreduce(ends, ends, ranks.Max); err != nil {
		return 0, err
	}
	count := []float64{0, float64(len(res.Solution))}
	beyond := (ends[0] + ends[1]) / 100
	for _, x := range res.Solution {
		if x < -ends[0]-beyond || x > ends[1]+beyond {
			count[0]++
		}
	}
	if err := s.comm.Allreduce(count, count, ranks.Sum); err != nil {
		return 0, err
	}
	return count[0] / count[1], nil
}

// corner is what AutoRule does where gcv has found lambda at the lower end of the search: if the
// solution there is amplified noise, the corner of the L-curve is taken, which needs no model of
// the noise. Collective.
func (s *searcher) corner(ctx context.Context, lambda float64) (*searcher, float64, error) {
	share, err := s.outside(ctx, lambda)
	if errors.As(err, new(*TrialError)) || err == nil && share < amplified {
		return s, lambda, nil
	}
	if err != nil {
		return s, 0, err
	}
	other := newSearcher(s.solver, s.units)
	other.found.Rule = LCurve
	other.found.Note = fmt.Sprintf("the noise is correlated between pixels: gcv falls to the lower end of the search, where %.0f %% of the solution is outside of the range of the data", 100*share)
	if err := other.measure(); err != nil {
		return s, 0, err
	}
	at, err := other.lCurve(ctx)
	if err != nil {
		s.found.Note += fmt.Sprintf("; %.0f %% of the solution is outside of the range of the data: noise that is correlated between pixels", 100*share)
		return s, lambda, ctx.Err()
	}
	return other, at, nil
}

// automatic is AutoRule. It returns the searcher of the rule that found lambda. Collective.
func (s *searcher) automatic(ctx context.Context) (*searcher, float64, error) {
	s.found.Rule, s.hasty = GCV, true
	lambda, err := s.gcv(ctx)
	if err == nil && s.found.Note != "" {
		return s.corner(ctx, lambda)
	}
	if !errors.As(err, new(*noMinimumError)) && !errors.As(err, new(*TrialError)) {
		return s, lambda, err
	}
	other := newSearcher(s.solver, s.units)
	other.found.Rule = Discrepancy
	other.found.Note = "by discrepancy, as " + strings.TrimPrefix(err.Error(), "image: ")
	if e := other.measure(); e != nil {
		return s, 0, errors.Join(err, e)
	}
	lambda, e := other.discrepancy(ctx)
	if e != nil {
		return s, 0, fmt.Errorf("%w; and %w", err, e)
	}
	return other, lambda, nil
}
