package image

import (
	"context"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/ranks"
)

// literal is D3L as the paper prints it (equations 23-30, algorithm 1): each tile
// minimises its own functional, with the rows of H cut to the tile too and a
// penalty that draws the overlaps together,
//
//	J_i(w_i) = ||A_i w_i - y_i||^2 + lambda ||Q_i w_i||^2 + omega sum_j ||w_i - w_j||^2 on the overlap with j,
//
// against its neighbours' last values, until nothing moves. That is not the
// minimiser of J: the couplings that the cut rows held are gone. The result tells
// how far off it is, for the four ways the paper puts the tiles together.
type literal struct {
	*solver
	o       *Options
	plan    *halo.Plan
	weights *around
	tiles   []tile
	own     []*pattern // per tile: the tile as a frame of its own
	batch   []*linalg.BandedBatch[float64]
	w       [][]float64 // per tile: channels x extended tile
	rhs     [][]float64
	data    []float64 // y over the extended box
	sum     []float64 // sum of all tiles over a pixel
	covers  []float64 // how many tiles lie over it
}

// SweepsError says that the literal method's tiles still move after the last sweep.
// The result so far, with its bias, is returned beside it.
type SweepsError struct {
	Sweeps int
	Moved  float64 // length of the last step, relative to the tiles'
}

func (e *SweepsError) Error() string {
	return fmt.Sprintf("image: the literal method still moves by %.3g after %d sweeps", e.Moved, e.Sweeps)
}

func (s *solver) literal(ctx context.Context, lambda float64) (*Result, error) {
	o := s.o
	o.Lambda = lambda
	s.m.SetLambda(lambda)
	begin := s.comm.Wtime()
	l, err := s.newLiteral(&o)
	if err != nil {
		return nil, err
	}
	res := &Result{Lambda: lambda, Setup: s.setup + s.comm.Wtime() - begin, TilesExact: len(l.tiles)}
	begin = s.comm.Wtime()
	sweepErr := l.sweeps(ctx, res)
	if res.History == nil {
		return nil, sweepErr
	}
	res.Solve = s.comm.Wtime() - begin
	res.Solution = l.owner()
	r := make([]float64, s.m.Len())
	if err := s.m.Apply(r, res.Solution); err != nil {
		return nil, err
	}
	norms := make([]float64, 2)
	for i, b := range s.b {
		norms[0] += (b - r[i]) * (b - r[i])
		norms[1] += b * b
	}
	if err := s.comm.Allreduce(norms, norms, ranks.Sum); err != nil {
		return nil, err
	}
	if norms[1] > 0 {
		res.Residual = math.Sqrt(norms[0] / norms[1])
	}
	misfit, penalty, err := s.m.Objective(res.Solution, s.p.Data)
	if err != nil {
		return nil, err
	}
	res.Misfit, res.Objective = misfit, misfit+penalty

	// The minimiser itself, to measure the bias against.
	o.Method, o.phase = RASGMRES, "the true minimiser"
	o.MaxIterations = max(o.MaxIterations, 500) // the user's is for the sweeps
	exact, err := s.solve(ctx, lambda, o)
	if err != nil {
		return nil, fmt.Errorf("image: the true minimiser, to measure the bias against: %w", err)
	}
	if res.Bias, err = l.bias(res.Solution, exact.Solution); err != nil {
		return nil, err
	}
	res.ErrorBound = res.Bias.Owner
	res.Converged = sweepErr == nil
	return res, sweepErr
}

func (s *solver) newLiteral(o *Options) (*literal, error) {
	plan, err := halo.NewPlan(s.p.Frame, s.comm.Rank(), []int{o.Overlap, o.Overlap}, o.Border)
	if err != nil {
		return nil, err
	}
	l := &literal{solver: s, o: o, plan: plan}
	shape := s.p.Frame.Domain().Shape()
	l.tiles = cutTiles(plan.Owned(), shape, o.Tile, o.Overlap, o.Border)
	if l.weights, err = s.m.weightsAround(o); err != nil {
		return nil, err
	}
	channels := s.p.Channels
	size := plan.Extended().Size()
	l.data, l.sum, l.covers = make([]float64, channels*size), make([]float64, channels*size), make([]float64, size)
	y := append([]float64(nil), s.p.Data...)
	for i := range y {
		if s.m.owned != nil && s.m.owned[i%len(s.m.owned)] == 0 {
			y[i] = 0
		}
	}
	plan.Scatter(l.data, y, channels)
	if err := plan.Exchange(s.comm, l.data, channels); err != nil {
		return nil, err
	}
	for i := range l.tiles {
		l.each(&l.tiles[i], func(_, at int) { l.covers[at]++ })
	}
	if err := l.share(l.covers, 1); err != nil {
		return nil, err
	}
	shapes := map[[2]int]*pattern{}
	for i := range l.tiles {
		if err := l.prepare(i, shapes); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// prepare factors tile i and forms its right-hand side A_i'W y_i.
func (l *literal) prepare(i int, shapes map[[2]int]*pattern) error {
	t := &l.tiles[i]
	rows, cols := t.ext[0].len(), t.ext[1].len()
	p := shapes[[2]int{rows, cols}]
	if p == nil {
		alone := &tile{ext: [2]span{{0, rows}, {0, cols}}}
		p = newPattern(alone, []int{rows, cols}, l.m.kernel, l.m.q, halo.Zero)
		shapes[[2]int{rows, cols}] = p
	}
	weight := l.weights.at(t, p)
	m, band := rows*cols, p.band
	low := make([]float64, m*(band+1))
	p.banded(low, l.o.Lambda, weight)
	l.each(t, func(j, at int) { low[j*(band+1)+band] += l.o.Omega * (l.covers[at] - 1) })
	batch := linalg.NewBandedBatch[float64](m, band, 1)
	batch.Set(0, low)
	if err := batch.Factor(); err != nil {
		return notSPD(t, err)
	}
	rhs := make([]float64, l.p.Channels*m)
	plane := len(l.data) / l.p.Channels
	for c := range l.p.Channels {
		l.each(t, func(q, at int) {
			for _, e := range p.data[q] {
				rhs[c*m+e.at] += weight(q) * e.value * l.data[c*plane+at]
			}
		})
	}
	l.own, l.batch = append(l.own, p), append(l.batch, batch)
	l.rhs, l.w = append(l.rhs, rhs), append(l.w, make([]float64, len(rhs)))
	return nil
}

// each visits the pixels of an extended tile: number in it, index over the box.
func (l *literal) each(t *tile, f func(i, at int)) {
	box := l.plan.Extended()
	stride := box.Hi[1] - box.Lo[1]
	i := 0
	for r := t.ext[0].lo; r < t.ext[0].hi; r++ {
		at := (r-box.Lo[0])*stride - box.Lo[1]
		for c := t.ext[1].lo; c < t.ext[1].hi; c++ {
			f(i, at+c)
			i++
		}
	}
}

// share adds contributions to a pixel over the ranks and shows the sum to all.
func (l *literal) share(a []float64, planes int) error {
	if err := l.plan.AddBack(l.comm, a, planes); err != nil {
		return err
	}
	return l.plan.Exchange(l.comm, a, planes)
}

// total refreshes the sum of the tiles.
func (l *literal) total() error {
	clear(l.sum)
	plane := len(l.data) / l.p.Channels
	for i := range l.tiles {
		m := l.tiles[i].area()
		for c := range l.p.Channels {
			l.each(&l.tiles[i], func(j, at int) { l.sum[c*plane+at] += l.w[i][c*m+j] })
		}
	}
	return l.share(l.sum, l.p.Channels)
}

func (l *literal) sweeps(ctx context.Context, res *Result) error {
	plane := len(l.data) / l.p.Channels
	for {
		stop := []float64{0, 0, 0}
		if ctx.Err() != nil {
			stop[2] = 1
		}
		for i := range l.tiles {
			t, m := &l.tiles[i], l.tiles[i].area()
			next := append([]float64(nil), l.rhs[i]...)
			for c := range l.p.Channels {
				l.each(t, func(j, at int) { next[c*m+j] += l.o.Omega * (l.sum[c*plane+at] - l.w[i][c*m+j]) })
				l.batch[i].Solve(next[c*m : (c+1)*m])
			}
			for j, v := range next {
				d := v - l.w[i][j]
				stop[0] += d * d
				stop[1] += v * v
			}
			l.w[i] = next
		}
		if err := l.total(); err != nil {
			return err
		}
		if err := l.comm.Allreduce(stop, stop, ranks.Sum); err != nil {
			return err
		}
		if stop[2] > 0 {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			return context.Canceled
		}
		res.Iterations++
		moved := 0.0
		if stop[1] > 0 {
			moved = math.Sqrt(stop[0] / stop[1])
		}
		res.History = append(res.History, moved)
		if l.o.Progress != nil && l.comm.Rank() == 0 {
			l.o.Progress(Progress{Phase: "literal", Iteration: res.Iterations, Residual: moved, Target: l.o.Tolerance})
		}
		// Without a penalty the first sweep is final.
		if moved <= l.o.Tolerance || l.o.Omega == 0 {
			return nil
		}
		if res.Iterations >= l.o.MaxIterations {
			return &SweepsError{Sweeps: res.Iterations, Moved: moved}
		}
	}
}

// owner puts the tiles together by their owned pixels.
func (l *literal) owner() []float64 {
	out := make([]float64, l.m.Len())
	box := l.plan.Owned()
	for i := range l.tiles {
		t := &l.tiles[i]
		m, cols := t.area(), t.ext[1].len()
		for c := range l.p.Channels {
			for r := t.owned[0].lo; r < t.owned[0].hi; r++ {
				from := c*m + (r-t.ext[0].lo)*cols + t.owned[1].lo - t.ext[1].lo
				to := (c*l.m.rows+r-box.Lo[0])*l.m.cols + t.owned[1].lo - box.Lo[1]
				copy(out[to:], l.w[i][from:from+t.owned[1].len()])
			}
		}
	}
	return out
}

// bias measures the four patches against the minimiser.
func (l *literal) bias(owner, exact []float64) (*Bias, error) {
	channels := l.p.Channels
	sum, covers := make([]float64, len(owner)), make([]float64, len(owner)/channels)
	l.plan.Gather(sum, l.sum, channels)
	l.plan.Gather(covers, l.covers, 1)
	norms := make([]float64, 4) // of exact, owner - exact, averaged - exact, sum - exact
	for i, w := range exact {
		norms[0] += w * w
		norms[1] += square(owner[i] - w)
		norms[2] += square(sum[i]/covers[i%len(covers)] - w)
		norms[3] += square(sum[i] - w)
	}
	if err := l.comm.Allreduce(norms, norms, ranks.Sum); err != nil {
		return nil, err
	}
	if norms[0] == 0 {
		return nil, fmt.Errorf("image: the minimiser is zero, so that the bias of the literal method has no scale")
	}
	least, err := l.argMin(exact, norms[0])
	if err != nil {
		return nil, err
	}
	scale := 1 / math.Sqrt(norms[0])
	return &Bias{
		Owner: scale * math.Sqrt(norms[1]), Averaged: scale * math.Sqrt(norms[2]),
		PlainSum: scale * math.Sqrt(norms[3]), ArgMin: scale * math.Sqrt(least),
	}, nil
}

func square(x float64) float64 { return x * x }

// argMin returns ||EO_i w_i - w*||^2 for the tile i whose zero extension EO_i w_i
// has the least J = ||y||^2 - 2 b'EO_i w_i + w_i'M_i w_i, as algorithm 1 has it.
func (l *literal) argMin(exact []float64, exactNorm float64) (float64, error) {
	channels := l.p.Channels
	b, w := make([]float64, len(l.data)), make([]float64, len(l.data))
	l.plan.Scatter(b, l.b, channels)
	l.plan.Scatter(w, exact, channels)
	for _, a := range [][]float64{b, w} {
		if err := l.plan.Exchange(l.comm, a, channels); err != nil {
			return 0, err
		}
	}
	plane := len(l.data) / channels
	least, distance := math.Inf(1), 0.0
	shape := l.p.Frame.Domain().Shape()
	patterns := map[class]*pattern{}
	for i := range l.tiles {
		t, m := &l.tiles[i], l.tiles[i].area()
		key := classify(t, shape, l.m.reach, l.o.Border)
		p := patterns[key]
		if p == nil {
			p = newPattern(t, shape, l.m.kernel, l.m.q, l.o.Border)
			patterns[key] = p
		}
		j, d := 0.0, exactNorm
		for c := range channels {
			x := l.w[i][c*m : (c+1)*m]
			l.each(t, func(n, at int) {
				j -= 2 * b[c*plane+at] * x[n]
				d += x[n]*x[n] - 2*x[n]*w[c*plane+at]
			})
			j += p.quadratic(l.o.Lambda, l.weights.at(t, p), x)
		}
		if j < least {
			least, distance = j, d
		}
	}
	global := []float64{least}
	if err := l.comm.Allreduce(global, global, ranks.Min); err != nil {
		return 0, err
	}
	winner := []float64{math.Inf(1)}
	if least == global[0] {
		winner[0] = distance
	}
	err := l.comm.Allreduce(winner, winner, ranks.Min)
	return math.Max(0, winner[0]), err
}
