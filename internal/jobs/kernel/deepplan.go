package kernel

import (
	"context"
	"math"
	"slices"

	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
	"tessera/tikhonov/kernel/deep"
)

// trainMost is how many observations a plan trains on, at most.
const trainMost = 300

// excerpt reads or makes a sample of the observations.
func (c *deepConfig) excerpt() (*excerpt, error) {
	if c.Observations.Path != "" {
		return c.kernel().excerpt()
	}
	e := &excerpt{}
	e.fill(2, c.Simulate.Count, c.observation)
	e.bounds()
	return e, nil
}

// longestSide of the box of the observations, in the unit of the solver.
func (c *deepConfig) longestSide(e *excerpt) float64 {
	return (&scattered{lo: e.box[0], hi: e.box[1], door: e.door}).longestSide()
}

// deepLayer is what one of the two layers costs.
type deepLayer struct {
	probe      *probe
	neighbours float64
	share      share   // of a rank
	layout     layout  // of the ranks' cells, in space or in feature space
	iterations float64 // of a linear solve
}

// newDeepLayer measures a layer by a fit of a sample of its places.
func newDeepLayer(ctx context.Context, comm ranks.Comm, e *excerpt, k kernel.Kernel, lambda float64, n int) (*deepLayer, error) {
	l := &deepLayer{}
	var err error
	// The solver need not converge here: rows and blocks are what is measured.
	if l.probe, err = newProbe(ctx, comm, e, kernel.Options{Kernel: k, Lambda: lambda, MaxIterations: 20}); err != nil {
		return nil, err
	}
	var each []float64
	l.neighbours, each = e.neighbours(k.Radius())
	l.layout = e.layout(n, each, max(k.Radius(), defaultOverlap(k)), defaultOverlap(k))
	l.share = l.probe.share(e.count, n, l.neighbours, l.layout.fetch[0], l.layout.fetch[1], l.layout.crowd)
	return l, nil
}

// seconds of a factorisation and some linear solves on a rank.
func (l *deepLayer) seconds(solves float64) float64 {
	return l.probe.secondsOf(l.share, 2*l.iterations*solves+4)
}

// plan is what a run would cost. It trains on some hundred observations, in a few steps:
// their features say how the observations lie in feature space.
func (c *deepConfig) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	e, err := c.excerpt()
	if err != nil {
		return nil, err
	}
	o := c.options(&e.door)
	if o.Inner.Family == "" {
		o.Inner = kernel.Kernel{Family: kernel.Family(c.Deep.Inner), Width: c.longestSide(e) / 2}
	}
	if layers := c.candidates(e.data.Dim); len(layers) > 1 {
		layers[1].fill(&o) // with the most features, and entries
	}
	few := o
	few.Starts, few.Steps = min(2, o.Starts), min(3, o.Steps)
	obs := every(&e.data, trainMost)
	model, err := deep.Train(ctx, comm, &obs, few)
	if err != nil {
		return nil, err
	}
	features, err := c.features(model, e, o.Features)
	if err != nil {
		return nil, err
	}
	inner, err := newDeepLayer(ctx, comm, e, o.Inner, o.InnerLambda, n)
	if err != nil {
		return nil, err
	}
	outer, err := newDeepLayer(ctx, comm, features, o.Outer, o.OuterLambda, n)
	if err != nil {
		return nil, err
	}
	inner.iterations, outer.iterations = 1, 1
	for _, s := range model.Steps {
		inner.iterations = max(inner.iterations, float64(s.Inner))
		outer.iterations = max(outer.iterations, float64(s.Outer))
	}

	// The starts need the inner system of all steps, and one outer system each.
	starts := inner.seconds(float64(o.Starts*o.Features)) + float64(o.Starts)*outer.seconds(1)
	steps := float64(o.Steps) * (inner.seconds(1) + outer.seconds(1))
	p := &lifecycle.Plan{Ranks: n, Iterations: float64(o.Steps), Compute: starts + steps}
	if c.Observations.Path != "" { // the choice of the layers, on a sample: as many solves, of blocks of a third power
		each := min(1, math.Pow(0.8*choiceMost/e.count, 3))
		p.Compute += 4 * each * (min(1, choiceStarts/float64(o.Starts))*starts + min(1, choiceSteps/float64(o.Steps))*steps)
	}

	d := float64(e.data.Dim)
	vectors := max(inner.iterations, outer.iterations) + 10
	a, b := inner.share.bytes(e.data.Dim, vectors), outer.share.bytes(o.Features, vectors)
	single, err := c.singleBytes(ctx, comm, e, n)
	if err != nil {
		return nil, err
	}
	p.MemoryBytes = a + b + max(a, b, single)
	p.Row("observations", "%.0f in %d dimensions, %.0f a rank on %d ranks", e.count, e.data.Dim, inner.share.owned, n)
	p.Row("inner kernel", "%s, width %.4g: %.3g entries a rank, blocks of %.0f", o.Inner.Family, o.Inner.Width, inner.share.entries, inner.share.size)
	p.Row("outer kernel", "%s, width %.4g: %.3g entries a rank, blocks of %.0f", o.Outer.Family, o.Outer.Width, outer.share.entries, outer.share.size)
	p.Row("training", "%d starts and at most %d steps", o.Starts, o.Steps)
	if n > 1 {
		accepted := float64(model.Accepted) / float64(max(1, len(model.Steps)))
		t := c.traffic(e, inner, outer, o.Features, accepted, n)
		p.SentBytes, p.Messages = t.bytes, t.messages
		p.Talk = link.Latency * t.messages / float64(n)
		if link.Bandwidth > 0 {
			p.Talk += t.bytes / float64(n) / link.Bandwidth
		}
	}
	return p, c.planAnswer(p, e, d, n)
}

// features are the places of the sample in feature space.
func (c *deepConfig) features(model *deep.Model, e *excerpt, count int) (*excerpt, error) {
	z, err := model.Features(e.data.X)
	if err != nil {
		return nil, err
	}
	f := &excerpt{data: kernel.Observations{Dim: count, X: z, Y: e.data.Y, Sigma: e.data.Sigma}, count: e.count, held: e.held}
	f.bounds()
	return f, nil
}

// singleBytes is what a rank holds for the widest of the single layers.
func (c *deepConfig) singleBytes(ctx context.Context, comm ranks.Comm, e *excerpt, n int) (float64, error) {
	widths, lambdas := c.Single.lists(&e.door, c.singleSide(c.longestSide(e)))
	k := kernel.Kernel{Family: kernel.Gaussian, Width: slices.Max(widths)}
	team := min(n, int(e.count/4000)+1) // ranks that fit together
	l, err := newDeepLayer(ctx, comm, e, k, slices.Max(lambdas), team)
	if err != nil {
		return 0, err
	}
	return l.share.bytes(e.data.Dim, 10), nil
}

// traffic is that of deep.Train.
func (c *deepConfig) traffic(e *excerpt, inner, outer *deepLayer, features int, accepted float64, n int) traffic {
	t := traffic{ranks: float64(n)}
	d, f := float64(e.data.Dim), float64(features)
	others := 1 - 1/t.ranks
	near, far := inner.share.fetched*t.ranks, outer.share.fetched*t.ranks
	asked := e.count * min(outer.layout.fetch[0]+1, t.ranks) * others // places of which other ranks know a part of g
	solve := func(l *deepLayer, fetched, times float64) {
		t.iterate(times*l.iterations, times*(4*l.iterations+3), fetched)
		t.reduce(times*l.iterations, 3)
	}
	fitOuter := func(times float64) {
		for range int(times + 0.5) {
			t.distribute(e.count, 3+f, others)
			t.balance(e.count, 3+f, outer.layout.moved, features)
		}
		t.exchange(times, far*(f+1))
		solve(outer, far, times)
		t.exchange(times, far)
	}
	t.distribute(e.count, 3+d, others)
	t.balance(e.count, 3+d, inner.layout.moved, e.data.Dim)
	t.exchange(1, near*(d+1))
	starts, steps := float64(c.Deep.Starts), float64(c.Deep.Steps)
	solve(inner, near, starts*f)
	t.exchange(starts*f, near)
	fitOuter(starts)

	t.spread(steps*accepted, asked*(1+2*f)) // g and its gradient
	t.exchange(steps, near*(d+1+f))
	solve(inner, near, steps)
	t.exchange(steps*f, near)
	t.spread(steps, asked*(1+f)) // g at the new features
	fitOuter(steps * accepted)
	return t
}

// planAnswer adds what the evaluation of both fits on the grid takes.
func (c *deepConfig) planAnswer(p *lifecycle.Plan, e *excerpt, d float64, n int) error {
	shape, _ := c.Evaluate.Shape.Ints(1)
	g, err := newGrid(&scattered{lo: e.box[0], hi: e.box[1]}, shape)
	if err != nil {
		return err
	}
	places := product(g.shape)
	part := min(places/float64(n), partPlaces)
	p.MemoryBytes += 8*3*places/float64(n) + 8*part*(5*d+6) + 8*e.count/float64(n)*(d+1)
	p.RootBytes += 8 * 3 * places
	if len(g.shape) == 2 {
		p.RootBytes += 40 * places // pictures
	}
	if c.Observations.Path != "" {
		p.RootBytes += 8 * e.count * (d + 3)
	}
	p.Row("evaluation", "%v, %.3g places", g.shape, places)
	return nil
}
