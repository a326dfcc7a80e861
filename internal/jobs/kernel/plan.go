package kernel

import (
	"context"
	"math"
	"time"

	"tessera/halo"
	"tessera/internal/lifecycle"
	"tessera/internal/linalg"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tikhonov/kernel"
)

// plan is what a run would cost. It looks at a sample of some thousand observations and
// fits some hundred of them.
func (c *settings) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	e, err := c.excerpt()
	if err != nil {
		return nil, err
	}
	d := e.data.Dim
	o := c.options(&e.door, int(e.count))
	probe, err := newProbe(ctx, comm, e, o)
	if err != nil {
		return nil, err
	}
	radius, overlap := o.Kernel.Radius(), c.reach(o.Kernel)
	neighbours, each := e.neighbours(radius)
	l := e.layout(n, each, max(radius, overlap), overlap)
	s := probe.share(e.count, n, neighbours, l.fetch[0], l.fetch[1], l.crowd)
	vectors := min(probe.iterations, float64(o.Restart)) + 4
	if probe.entry == 4 {
		vectors *= 1.5 // the preconditioned vectors are kept too, in single precision
	}
	p := &lifecycle.Plan{Ranks: n, Iterations: probe.iterations, Compute: probe.secondsOf(s, probe.iterations)}
	p.MemoryBytes = s.bytes(d, vectors)
	p.Row("observations", "%.0f in %d dimensions, %.0f a rank on %d ranks", e.count, d, s.owned, n)
	p.Row("kernel", "%s, width %.4g, radius %.4g: about %.0f neighbours each", o.Kernel.Family, o.Kernel.Width*e.door.length, radius*e.door.length, neighbours)
	if s.blocks > 0 {
		p.Row("blocks", "about %.0f a rank, of %.0f observations each: %s of factors", math.Ceil(s.blocks), s.size, lifecycle.Bytes(s.factors))
	}
	p.Row("rows", "%.3g entries a rank: %s", s.entries, lifecycle.Bytes(12*s.entries))
	if c.Kernel.Choose != "none" {
		c.planSearch(p, e, o, probe, n)
	}
	if n > 1 {
		p.Row("halo", "about %.0f observations of other ranks", s.fetched)
		t := c.traffic(e, o, l, s, probe.iterations, n)
		p.SentBytes, p.Messages = t.bytes, t.messages
		p.Talk = link.Latency * t.messages / float64(n)
		if link.Bandwidth > 0 {
			p.Talk += t.bytes / float64(n) / link.Bandwidth
		}
	}
	return p, c.planAnswer(ctx, comm, p, e, n, radius)
}

// reach is how far the blocks reach beyond the points that they own.
func (c *settings) reach(k kernel.Kernel) float64 {
	switch {
	case c.Kernel.Method == string(krylov.CG):
		return 0
	case c.Kernel.Overlap > 0:
		return c.Kernel.Overlap * k.Radius()
	}
	return defaultOverlap(k)
}

// defaultOverlap is how far the solver's blocks reach unless they are told.
func defaultOverlap(k kernel.Kernel) float64 {
	switch k.Family {
	case kernel.WendlandC0, kernel.WendlandC2, kernel.WendlandC4:
		return k.Width / 2
	}
	return min(2*k.Width, k.Radius())
}

// traffic is that of kernel.Solve.
func (c *settings) traffic(e *excerpt, o kernel.Options, l layout, s share, iterations float64, n int) traffic {
	t := traffic{ranks: float64(n)}
	d := float64(e.data.Dim)
	record, others := 3+d, 1-1/t.ranks
	fetched := s.fetched * t.ranks
	t.distribute(e.count, record, others)
	if o.Balance != kernel.Never {
		t.balance(e.count, record, l.moved, e.data.Dim)
	}
	t.exchange(1, fetched*(d+1))
	if o.Balance == kernel.ByWork || o.Balance == kernel.ByTime {
		t.exchange(1, fetched*(d+1))
		t.balance(e.count, record+1, 0.1, e.data.Dim) // how much moves is not known
	}
	each := 2.0
	if o.Method == krylov.CG {
		each = 1
	}
	t.iterate(iterations, each*iterations+4, fetched)
	return t
}

// planSearch adds what choosing width and lambda takes: memory, if the widest kernel
// needs more than the one of the config, and time.
func (c *settings) planSearch(p *lifecycle.Plan, e *excerpt, o kernel.Options, probe *probe, n int) {
	if c.Kernel.Choose == string(kernel.LeaveOneOut) {
		// The kernel that is chosen may be as wide as the observations.
		p.MemoryBytes = max(p.MemoryBytes, 12*min(e.count*e.count, kernel.MostEntries)/float64(n))
		size := min(e.count, float64(c.Search.Sample))
		p.Row("search", "about %d pairs of width and lambda on a sample of %.0f observations: about %s of computing before the fit; a wider kernel than planned may be chosen",
			kernel.Candidates, size, lifecycle.Seconds(math.Ceil(kernel.Candidates/float64(n))*inversionSeconds(int(size))))
		return
	}
	widths, lambdas, folds := e.door.lengths(c.Search.Widths), len(c.Search.Lambdas), c.Search.Folds
	if len(widths) == 0 {
		for _, f := range []float64{.25, .5, 1, 2, 4} {
			widths = append(widths, f*o.Kernel.Width)
		}
	}
	if lambdas == 0 {
		lambdas = 7
	}
	solves := 1.0
	if c.Kernel.Choose == string(kernel.GCV) {
		folds = 1
		solves += min(e.count, 64, max(4, 16384/e.count)) // probes of the trace
	}
	// Groups of ranks that have no more than 4000 observations each share the work.
	team := min(n, max(1, int(math.Ceil(e.count/4000))))
	groups := float64(min(n/team, len(widths)*folds))
	seconds := 0.0
	for _, w := range widths {
		k := o.Kernel
		k.Width = w
		neighbours, each := e.neighbours(k.Radius())
		l := e.layout(team, each, max(k.Radius(), c.reach(k)), c.reach(k))
		scaled := *probe
		if grow := neighbours / probe.neighbours; grow < 1 { // smaller blocks than the probe's
			scaled.size, scaled.owned = probe.size*grow, probe.owned*grow
			scaled.neighbours = neighbours
			scaled.seconds *= grow * grow
		}
		s := scaled.share(e.count, team, neighbours, l.fetch[0], l.fetch[1], l.crowd)
		p.MemoryBytes = max(p.MemoryBytes, s.bytes(e.data.Dim, probe.iterations+4))
		seconds += scaled.secondsOf(s, 2*solves*probe.iterations) * float64(lambdas*folds) / groups
	}
	p.Row("search", "%d fits to choose width and lambda by %s: about %s of computing before the fit", len(widths)*lambdas*folds, c.Kernel.Choose, lifecycle.Seconds(seconds))
}

// inversionSeconds is how long the inversion of a matrix of n rows takes, by that of a small one.
func inversionSeconds(n int) float64 {
	small := min(n, 200)
	a := make([]float64, small*small)
	seconds := 0.0
	for range 2 { // the first pays for page faults
		for i := range small {
			a[i*small+i] = 1
		}
		start := time.Now()
		if linalg.SPDInverse(small, a, small) != nil {
			return 0
		}
		seconds = time.Since(start).Seconds()
	}
	return seconds * math.Pow(float64(n)/float64(small), 3)
}

// planAnswer adds what the evaluation takes, and the comparisons, tables and pictures.
func (c *settings) planAnswer(ctx context.Context, comm ranks.Comm, p *lifecycle.Plan, e *excerpt, n int, radius float64) error {
	shape, _ := c.Evaluate.Shape.Ints(1)
	d := float64(e.data.Dim)
	g, err := newGrid(&scattered{lo: e.box[0], hi: e.box[1], rows: e.rows, cols: e.cols}, shape)
	if err != nil {
		return err
	}
	places := float64(1)
	for _, k := range g.shape {
		places *= float64(k)
	}
	arrays := 2.0 // the fit, and the sum of its parts
	if c.Evaluate.Variance {
		arrays++
	}
	if e.file == "" {
		arrays++ // the truth
	}
	ranks := float64(n)
	own := e.count / ranks
	// A rank has its values, and some places at a time with what the others ask for;
	// the observations, and a record of each for the table of coefficients.
	part := min(places/ranks, partPlaces)
	p.MemoryBytes += 8*arrays*places/ranks + 8*part*(5*d+6) + 8*own*(d+1)
	p.RootBytes += 8*arrays*places + 8*e.count*(2*d+7)
	if len(g.shape) == 2 {
		p.MemoryBytes += 8 * 2 * places // observations by pixel
		p.RootBytes += 40 * places      // pictures
	}
	if e.file != "" {
		p.RootBytes += 8 * e.count * (3*d + 6) // the table, and what is kept of it
	}
	p.Row("evaluation", "%v, %.3g places", g.shape, places)
	if n > 1 {
		t := traffic{ranks: ranks}
		t.spread(2, places*(1-1/ranks)*(d+1))
		p.Row("", "about %s sent to evaluate", lifecycle.Bytes(t.bytes))
	}
	if e.rows > 0 {
		return c.planComparison(ctx, comm, p, e, n)
	}
	return nil
}

// planComparison adds the Tikhonov inpainting of the frame, from that of two pieces.
func (c *settings) planComparison(ctx context.Context, comm ranks.Comm, p *lifecycle.Plan, e *excerpt, n int) error {
	var x, bytes [2]float64
	for i, side := range []int{32, 64} {
		frame, err := halo.Decompose([]int{side, side}, 1)
		if err != nil {
			return err
		}
		part := &image.Problem{Channels: 1, Frame: frame, Data: make([]float64, side*side), Weights: make([]float64, side*side)}
		step := max(1, int(float64(e.rows)*float64(e.cols)/e.count))
		for k := 0; k < side*side; k += step {
			part.Data[k], part.Weights[k] = e.data.Y[k/step%len(e.data.Y)], 1
		}
		o := comparison
		o.MaxIterations = 50 // by then it keeps as many vectors as it ever does
		x[i] = float64(side * side)
		if bytes[i], err = lifecycle.PeakHeap(func() error {
			_, err := image.Solve(ctx, comm, part, o)
			return unfinished(err)
		}); err != nil {
			return err
		}
	}
	pixels := float64(e.rows) * float64(e.cols)
	line := lifecycle.LineThrough(x[0], bytes[0], x[1], bytes[1])
	p.MemoryBytes += line.At(pixels/float64(n)) + 16*pixels/float64(n)
	p.RootBytes += 8 * 4 * pixels // pixels and weights, nearest neighbours, inpainting
	if e.truth {
		p.RootBytes += 8 * pixels
	}
	p.Row("comparison", "nearest neighbours and Tikhonov inpainting of %d x %d pixels", e.rows, e.cols)
	return nil
}
