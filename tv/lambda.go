package tv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"tessera/forward"
	"tessera/ranks"
)

// Search is how a rule found lambda; the same on all ranks.
type Search struct {
	Values   int     // observed
	Noise    float64 // standard deviation of a pixel of weight 1; 0 = the rule needs none
	Inferred bool    // it was estimated from the data
	Probes   int     // random vectors of SURE; else 0
	Unmet    string  // why no lambda meets the rule; lambda is then the tried one that comes closest. "" = one does
	Trials   []Trial // in the order in which they were made
}

// Trial is one value of lambda that was tried.
type Trial struct {
	Lambda     float64
	Criterion  float64 // see the rules
	Error      float64 // standard error of the criterion from the random vectors; 0 = it has none
	Misfit     float64 // ||W^(1/2) (A x - y)||^2
	TV         float64
	Iterations int // of all its solves
}

const (
	stride     = 2.5     // factor between the trials that look for a bracket
	mostTrials = 12      // to find the bracket
	leastStep  = 1. / 64 // of FPPA, in units of 1/L, to which a rule without an answer reduces the step
)

// searcher looks for lambda.
type searcher struct {
	*solver
	rule  Rule
	found *Search
	truth float64 // known values of the truth, of all ranks
}

// search finds lambda by the rule, and solves there. Collective.
func (s *solver) search(ctx context.Context) (*Result, error) {
	q := &searcher{solver: s, rule: s.o.Rule, found: &Search{}}
	first, err := q.begin()
	if err != nil {
		return nil, err
	}
	lambda, err := q.answer(ctx, first)
	var none *noAnswerError
	for errors.As(err, &none) && none.above && s.o.Method == FPPA && s.o.Step > leastStep {
		// Beyond some lambda the steps of FPPA no longer change with it.
		s.o.Step /= 4
		q.found.Trials = nil
		lambda, err = q.answer(ctx, first)
	}
	if errors.As(err, &none) {
		q.found.Unmet, err = none.text, nil
		lambda = q.closest()
	}
	if err != nil {
		return nil, err
	}
	r, err := s.solve(ctx, lambda, "solve")
	if err == nil && none == nil && q.quick() {
		r, err = q.confirm(ctx, r)
	}
	if r != nil {
		r.Search = q.found
	}
	return r, err
}

// answer looks for lambda from a first value. Collective.
func (q *searcher) answer(ctx context.Context, first float64) (float64, error) {
	if q.rule == Discrepancy {
		return q.crossing(ctx, first)
	}
	return q.minimum(ctx, first)
}

// noAnswerError says that no lambda meets a rule; above, that one beyond the largest that was
// tried might.
type noAnswerError struct {
	above bool
	text  string
}

func noAnswer(above bool, format string, a ...any) error {
	return &noAnswerError{above, fmt.Sprintf(format, a...)}
}

func (e *noAnswerError) Error() string { return "tv: " + e.text }

// closest is the tried lambda that comes closest to what the rule wants.
func (q *searcher) closest() float64 {
	if q.rule != Discrepancy {
		best, _, _ := q.best()
		return best.Lambda
	}
	far := func(t Trial) float64 { return math.Abs(math.Log(t.Criterion)) }
	return slices.MinFunc(q.found.Trials, func(a, b Trial) int { return cmp.Compare(far(a), far(b)) }).Lambda
}

// begin counts the values, finds the noise and the first lambda to try. Collective.
func (q *searcher) begin() (float64, error) {
	counts := []float64{0, 0}
	for _, v := range q.o.Truth {
		if !math.IsNaN(v) {
			counts[1]++
		}
	}
	for i := range q.p.Data {
		if !q.p.Weights.Missing(i) {
			counts[0]++
		}
	}
	if err := q.comm.Allreduce(counts, counts, ranks.Sum); err != nil {
		return 0, err
	}
	q.found.Values, q.truth = int(counts[0]), counts[1]
	noise := q.o.Noise
	if noise == 0 && (q.rule != Oracle || q.o.Lambda == 0) {
		if !q.dataIsFrame() {
			return 0, fmt.Errorf("tv: lambda by %q needs the noise: the data are no frame of 2 axes to estimate it from (noise = ...)", q.rule)
		}
		var err error
		if noise, err = forward.EstimateNoise(q.comm, q.p.Frame, q.p.Channels, q.p.Data, q.p.Weights); err != nil {
			return 0, fmt.Errorf("tv: %w", err)
		}
		q.found.Inferred = true
	}
	q.found.Noise = noise
	if q.o.Lambda > 0 {
		return q.o.Lambda, nil
	}
	typical, err := q.p.Weights.Typical(q.comm, len(q.p.Data))
	return noise * math.Sqrt(typical), err
}

// dataIsFrame tells whether the data are channels x owned box of a frame of 2 axes, on every
// rank alike.
func (q *searcher) dataIsFrame() bool {
	return len(q.field.shape) == 2 && len(q.p.Data) == q.p.Channels*q.field.cells
}

// try solves at one lambda and computes the criterion. Collective.
func (q *searcher) try(ctx context.Context, lambda float64) (Trial, error) {
	phase := fmt.Sprintf("lambda, try %d", len(q.found.Trials)+1)
	start := q.start
	if q.quick() {
		q.settling = &settling{scale: q.noiseEnergy()}
		defer func() { q.settling = nil }()
	} else if q.rule == Discrepancy {
		wanted := q.o.Tolerance
		q.o.Tolerance = max(wanted, trialGap)
		defer func() { q.o.Tolerance = wanted }()
	}
	if q.rule == SURE {
		q.dual, q.split = nil, nil // as in the solves along the random vectors
	}
	r, err := q.solve(ctx, lambda, phase)
	if err != nil && !errors.As(err, new(*NotConvergedError)) {
		return Trial{}, err
	}
	t := Trial{Lambda: lambda, Misfit: r.Misfit, TV: r.TV, Iterations: r.Iterations}
	energy := q.found.Noise * q.found.Noise
	switch q.rule {
	case Discrepancy:
		t.Criterion = r.Misfit / q.noiseEnergy()
	case Oracle:
		sum := []float64{0}
		for i, v := range r.Solution {
			if d := v - q.o.Truth[i]; !math.IsNaN(q.o.Truth[i]) {
				sum[0] += d * d
			}
		}
		if err := q.comm.Allreduce(sum, sum, ranks.Sum); err != nil {
			return t, err
		}
		t.Criterion = sum[0] / q.truth
	case SURE:
		trace, spread, err := q.divergence(ctx, r, start, phase)
		if err != nil {
			return t, err
		}
		t.Criterion = r.Misfit/energy - float64(q.found.Values) + 2*trace
		t.Error = 2 * spread
		t.Iterations *= 1 + q.o.Probes
		q.start = start // every solve begins alike, or its iterations are those of another map
	}
	if math.IsNaN(t.Criterion) || math.IsInf(t.Criterion, 0) {
		return t, fmt.Errorf("tv: searching for lambda by %q: the criterion at %.4g is %g", q.rule, lambda, t.Criterion)
	}
	q.found.Trials = append(q.found.Trials, t)
	return t, nil
}

// minimum is the lambda of the least criterion: a bracket by steps of a fixed factor,
// then the vertices of two parabolas in log lambda. Collective.
func (q *searcher) minimum(ctx context.Context, lambda float64) (float64, error) {
	for factor, count := 1.0, 0; ; count++ {
		if _, err := q.try(ctx, lambda*factor); err != nil {
			return 0, err
		}
		best, low, high := q.best()
		switch {
		case low == nil:
			factor = best.Lambda / stride / lambda
		case high == nil:
			factor = best.Lambda * stride / lambda
		default:
			return q.narrow(ctx)
		}
		if count == mostTrials {
			return 0, noAnswer(high == nil, "the criterion has no minimum between lambda = %.3g and %.3g: is the noise %.4g right?",
				slices.MinFunc(q.found.Trials, byLambda).Lambda, slices.MaxFunc(q.found.Trials, byLambda).Lambda, q.found.Noise)
		}
	}
}

func (q *searcher) narrow(ctx context.Context) (float64, error) {
	for range 2 {
		best, low, high := q.best()
		a, b, c := math.Log(low.Lambda), math.Log(best.Lambda), math.Log(high.Lambda)
		left, right := (b-a)*(best.Criterion-high.Criterion), (b-c)*(best.Criterion-low.Criterion)
		v := b - 0.5*((b-a)*left-(b-c)*right)/(left-right)
		if !(v > a && v < c) || math.Abs(v-b) < 0.02 {
			break
		}
		if _, err := q.try(ctx, math.Exp(v)); err != nil {
			return 0, err
		}
	}
	best, _, _ := q.best()
	return best.Lambda, nil
}

// best is the trial of the least criterion, and its neighbours in lambda; nil = none.
func (q *searcher) best() (best, low, high *Trial) {
	list := slices.SortedFunc(slices.Values(q.found.Trials), byLambda)
	at := 0
	for i, t := range list {
		if t.Criterion < list[at].Criterion {
			at = i
		}
	}
	if at > 0 {
		low = &list[at-1]
	}
	if at < len(list)-1 {
		high = &list[at+1]
	}
	return &list[at], low, high
}

func byLambda(a, b Trial) int { return cmp.Compare(a.Lambda, b.Lambda) }
