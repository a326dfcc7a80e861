package tv

import (
	"cmp"
	"context"
	"math"
	"slices"

	"tessera/ranks"
)

const (
	closeTo1    = 0.01 // accuracy of the misfit of Discrepancy by that of the noise
	closeLambda = 0.01 // accuracy of its lambda where the trials are quick, relative
	trialGap    = 1e-3 // relative duality gap of its other trials where the tolerance is less
	mostConfirm = 3    // solves at a corrected lambda

	settleEvery = 5    // iterations from one misfit of a quick trial to the next
	settleTail  = 8    // the misfit moves by less than so many times its last change
	settleShare = 0.2  // of the distance of the misfit to that of the noise: how well it must be known, in logarithms
	settleLeast = 1e-3 // or this
)

// quick tells whether the trials of the rule end as soon as the misfit is known well enough. Those of the other methods
// end by the duality gap: their misfit takes as long to settle. So do those with bounds, as iterates that are put within them
// may have any misfit.
func (q *searcher) quick() bool {
	return q.rule == Discrepancy && q.o.Method == ADMM && q.o.Bounds == nil
}

// noiseEnergy is what the misfit should be.
func (q *searcher) noiseEnergy() float64 {
	return q.found.Noise * q.found.Noise * float64(q.found.Values)
}

// settling ends a solve once its misfit is known well enough to be compared with scale: where the last two changes of
// its logarithm, each times settleTail, are less than settleShare of its distance to that of scale.
type settling struct {
	scale        float64
	last, change float64
	measured     int
}

// known tells whether this is the last misfit that is needed.
func (s *settling) known(misfit float64) bool {
	v := math.Log(misfit / s.scale)
	change := math.Abs(v - s.last)
	enough := s.measured >= 2 && settleTail*max(change, s.change) <= max(settleShare*math.Abs(v), settleLeast)
	s.last, s.change = v, change
	s.measured++
	return enough
}

// settled tells whether the misfit of the iterate x is known; r then has its cost. ax is A x, or nil. x must be in ext of
// the field, which has it within the bounds afterwards if it is known. Collective.
func (s *solver) settled(r *Result, x, ax []float64) (bool, error) {
	if s.o.Bounds != nil {
		x, ax = append([]float64(nil), x...), nil
		s.bounded(x)
	}
	if ax == nil {
		ax = make([]float64, len(s.p.Data))
		if err := s.fid.apply(ax, x); err != nil {
			return false, err
		}
	}
	sums := []float64{s.fid.misfit(ax)}
	if err := s.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return false, err
	}
	r.Misfit = sums[0]
	if !s.settling.known(r.Misfit) {
		return false, nil
	}
	if s.o.Bounds != nil {
		if err := s.field.set(x); err != nil {
			return false, err
		}
	}
	sums[0], _ = s.field.variation(s.o.Penalty, s.o.Coupled, 0)
	if err := s.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return false, err
	}
	r.TV = sums[0]
	r.Cost = r.Misfit/2 + r.Lambda*r.TV
	return true, nil
}

// crossing is the lambda at which the criterion, which grows with lambda, is 1. Collective.
func (q *searcher) crossing(ctx context.Context, lambda float64) (float64, error) {
	t, err := q.try(ctx, lambda)
	if err != nil {
		return 0, err
	}
	low, high := t, t // below and above 1
	for range mostTrials {
		if low.Criterion < 1 != (high.Criterion < 1) {
			break
		}
		if t.Criterion < 1 {
			t, err = q.try(ctx, high.Lambda*stride)
			low, high = high, t
		} else {
			t, err = q.try(ctx, low.Lambda/stride)
			low, high = t, low
		}
		if err != nil {
			return 0, err
		}
	}
	if low.Criterion >= 1 || high.Criterion < 1 {
		return 0, noAnswer(high.Criterion < 1, "the misfit is %.3g of that of the noise at lambda = %.3g and %.3g at %.3g, never 1: is the noise %.4g right?",
			low.Criterion, low.Lambda, high.Criterion, high.Lambda, q.found.Noise)
	}
	for range mostTrials {
		lambda = q.secant(low, high)
		done := math.Abs(t.Criterion-1) < closeTo1
		if q.quick() {
			done = math.Abs(math.Log(lambda/t.Lambda)) < closeLambda
		}
		if done || high.Lambda < low.Lambda*(1+closeTo1) {
			break
		}
		if t, err = q.try(ctx, lambda); err != nil {
			return 0, err
		}
		if t.Criterion < 1 {
			low = t
		} else {
			high = t
		}
	}
	return lambda, nil
}

// secant is where the line through the logarithms of the two trials closest to 1 meets 1, but inside of the bracket.
func (q *searcher) secant(low, high Trial) float64 {
	far := func(t Trial) float64 { return math.Abs(math.Log(t.Criterion)) }
	list := slices.SortedFunc(slices.Values(q.found.Trials), func(a, b Trial) int { return cmp.Compare(far(a), far(b)) })
	lambda, ok := line(list[0], list[1])
	if !ok || !(lambda > low.Lambda && lambda < high.Lambda) {
		if lambda, ok = line(low, high); !ok {
			lambda = math.Sqrt(low.Lambda * high.Lambda)
		}
	}
	return lambda
}

// line is where the line through the logarithms of two trials meets 1; false where it does not rise.
func line(a, b Trial) (float64, bool) {
	x, y := math.Log(b.Lambda/a.Lambda), math.Log(b.Criterion/a.Criterion)
	if !(x*y > 0) {
		return 0, false
	}
	return a.Lambda * math.Exp(-math.Log(a.Criterion)*x/y), true
}

// confirm corrects lambda where the misfit of the solution r, which is more accurate than those of the quick trials, is
// that of a lambda closeLambda away or more. Collective.
func (q *searcher) confirm(ctx context.Context, r *Result) (*Result, error) {
	for range mostConfirm {
		t := Trial{Lambda: r.Lambda, Criterion: r.Misfit / q.noiseEnergy(), Misfit: r.Misfit, TV: r.TV, Iterations: r.Iterations}
		slope := q.slope(t.Lambda)
		if !(slope > 0) {
			break
		}
		step := -math.Log(t.Criterion) / slope
		if !(math.Abs(step) >= closeLambda) {
			break
		}
		q.found.Trials = append(q.found.Trials, t)
		next, err := q.solve(ctx, t.Lambda*math.Exp(max(-1, min(step, 1))), "solve")
		if next != nil {
			r = next
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// slope is that of the logarithms of criterion and lambda between the trials next to lambda on both sides; 0 = none.
func (q *searcher) slope(lambda float64) float64 {
	var below, above *Trial
	for i, t := range q.found.Trials {
		if t.Lambda <= lambda && (below == nil || t.Lambda > below.Lambda) {
			below = &q.found.Trials[i]
		}
		if t.Lambda > lambda && (above == nil || t.Lambda < above.Lambda) {
			above = &q.found.Trials[i]
		}
	}
	if below == nil || above == nil {
		return 0
	}
	return math.Log(above.Criterion/below.Criterion) / math.Log(above.Lambda/below.Lambda)
}
