package image

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
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

// nearlyLeast is the largest lambda that was tried at which the criterion is within 1 % of
// its least value. It notes that.
func (s *searcher) nearlyLeast() float64 {
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
	s.found.Note = "the cross-validation function falls to the lower end of the search (correlated noise, or none): the largest lambda within 1 % of its least value was taken"
	return at / s.units.weight
}

// automatic is AutoRule. It returns the searcher of the rule that found lambda. Collective.
func (s *searcher) automatic(ctx context.Context) (*searcher, float64, error) {
	s.found.Rule = GCV
	lambda, err := s.gcv(ctx)
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
