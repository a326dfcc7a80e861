package literal

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tikhonov/image/internal/tiles"
)

// method is the state of the sweeps on one rank.
type method struct {
	comm       ranks.Comm
	p          *image.Problem
	o          *Options
	m          *forward.Normal // of the whole frame
	b          []float64       // H'Wy
	kernel     stencil.Kernel  // of H
	q          stencil.Regulariser
	reach      [2]int // of M, in rows and columns
	rows, cols int    // of the owned box

	plan    *halo.Plan // as wide as the overlap
	weights *tiles.Weights
	tiles   []tiles.Tile
	batch   []*linalg.BandedBatch[float64] // the factor of each tile
	w       [][]float64                    // per tile: channels x extended tile
	rhs     [][]float64                    // likewise: A_i'W_i y_i
	data    []float64                      // y over the extended box, 0 where missing
	sum     []float64                      // sum of all tiles over a pixel
	covers  []float64                      // how many tiles lie over it
}

// newMethod cuts the tiles and factors them. Collective.
func newMethod(comm ranks.Comm, p *image.Problem, o *Options) (*method, error) {
	m, err := forward.NewNormal(comm, &forward.Problem{
		Frame: p.Frame, Channels: p.Channels, PSF: p.PSF, Weights: p.Weights,
		Border: o.Border, Regulariser: o.Regulariser, Lambda: o.Lambda,
	})
	if err != nil {
		return nil, err
	}
	l := &method{comm: comm, p: p, o: o, m: m, kernel: tiles.Kernel(p.PSF, p.Frame, o.Border)}
	l.q, _ = tiles.Penalty(o.Regulariser)
	l.reach[0], l.reach[1] = m.Reach()
	if l.b, err = m.RightSide(p.Data); err != nil {
		return nil, err
	}
	if l.plan, err = halo.NewPlan(p.Frame, comm.Rank(), []int{o.Overlap, o.Overlap}, o.Border); err != nil {
		return nil, err
	}
	owned, shape := l.plan.Owned(), p.Frame.Domain().Shape()
	l.rows, l.cols = owned.Shape()[0], owned.Shape()[1]
	l.tiles = tiles.Cut(owned, shape, o.Tile, o.Overlap, o.Border)
	width := [2]int{o.Overlap + l.kernel.RowRadius, o.Overlap + l.kernel.ColRadius}
	if l.weights, err = tiles.NewWeights(comm, p.Frame, p.Weights, m.Even(), width, o.Border); err != nil {
		return nil, err
	}
	size := l.plan.Extended().Size()
	l.data, l.sum, l.covers = make([]float64, p.Channels*size), make([]float64, p.Channels*size), make([]float64, size)
	y := append([]float64(nil), p.Data...)
	for i := range y {
		if p.Weights.Missing(i) {
			y[i] = 0
		}
	}
	l.plan.Scatter(l.data, y, p.Channels)
	if err := l.plan.Exchange(comm, l.data, p.Channels); err != nil {
		return nil, err
	}
	for i := range l.tiles {
		l.each(&l.tiles[i], func(_, at int) { l.covers[at]++ })
	}
	if err := l.share(l.covers, 1); err != nil {
		return nil, err
	}
	shapes := map[[2]int]*tiles.Pattern{}
	for i := range l.tiles {
		if err = l.prepare(i, shapes); err != nil {
			break
		}
	}
	return l, ranks.AgreeError(comm, err)
}

// prepare factors tile i and forms its right-hand side A_i'W y_i.
func (l *method) prepare(i int, shapes map[[2]int]*tiles.Pattern) error {
	t := &l.tiles[i]
	rows, cols := t.Ext[0].Len(), t.Ext[1].Len()
	p := shapes[[2]int{rows, cols}]
	if p == nil {
		alone := &tiles.Tile{Ext: [2]tiles.Span{{Lo: 0, Hi: rows}, {Lo: 0, Hi: cols}}}
		p = tiles.New(alone, []int{rows, cols}, l.kernel, l.q, halo.Zero)
		shapes[[2]int{rows, cols}] = p
	}
	weight := l.weights.At(t, p)
	m, band := rows*cols, p.Band
	low := make([]float64, m*(band+1))
	p.Banded(low, l.o.Lambda, weight)
	l.each(t, func(j, at int) { low[j*(band+1)+band] += l.o.Omega * (l.covers[at] - 1) })
	batch := linalg.NewBandedBatch[float64](m, band, 1)
	batch.Set(0, low)
	if err := batch.Factor(); err != nil {
		return fmt.Errorf("literal: the local matrix at rows %d-%d, columns %d-%d: %w (use a larger lambda)",
			t.Ext[0].Lo, t.Ext[0].Hi-1, t.Ext[1].Lo, t.Ext[1].Hi-1, err)
	}
	rhs := make([]float64, l.p.Channels*m)
	plane := len(l.data) / l.p.Channels
	for c := range l.p.Channels {
		l.each(t, func(q, at int) {
			for _, e := range p.Data[q] {
				rhs[c*m+e.At] += weight(q) * e.Value * l.data[c*plane+at]
			}
		})
	}
	l.batch = append(l.batch, batch)
	l.rhs, l.w = append(l.rhs, rhs), append(l.w, make([]float64, len(rhs)))
	return nil
}

// each visits the pixels of an extended tile: number in it, index over the box.
func (l *method) each(t *tiles.Tile, f func(i, at int)) {
	box := l.plan.Extended()
	stride := box.Hi[1] - box.Lo[1]
	i := 0
	for r := t.Ext[0].Lo; r < t.Ext[0].Hi; r++ {
		at := (r-box.Lo[0])*stride - box.Lo[1]
		for c := t.Ext[1].Lo; c < t.Ext[1].Hi; c++ {
			f(i, at+c)
			i++
		}
	}
}

// share adds up the contributions of all ranks to a pixel and gives the sum to every
// rank that holds the pixel.
func (l *method) share(a []float64, planes int) error {
	if err := l.plan.AddBack(l.comm, a, planes); err != nil {
		return err
	}
	return l.plan.Exchange(l.comm, a, planes)
}

// total refreshes the sum of the tiles.
func (l *method) total() error {
	clear(l.sum)
	plane := len(l.data) / l.p.Channels
	for i := range l.tiles {
		m := l.tiles[i].Area()
		for c := range l.p.Channels {
			l.each(&l.tiles[i], func(j, at int) { l.sum[c*plane+at] += l.w[i][c*m+j] })
		}
	}
	return l.share(l.sum, l.p.Channels)
}

func (l *method) sweeps(ctx context.Context, res *Result) error {
	plane := len(l.data) / l.p.Channels
	for {
		stop := []float64{0, 0, 0}
		if ctx.Err() != nil {
			stop[2] = 1
		}
		for i := range l.tiles {
			t, m := &l.tiles[i], l.tiles[i].Area()
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
			l.o.Progress(krylov.Progress{Phase: "literal", Iteration: res.Iterations, Of: l.o.MaxIterations, Residual: moved, Target: l.o.Tolerance})
		}
		// Without a penalty the first sweep is final.
		if moved <= l.o.Tolerance || l.o.Omega == 0 {
			res.Status = krylov.Converged
			return nil
		}
		// Moves as small as the rounding of the pixels do not get smaller any more.
		if moved < 1e-14 && len(res.History) > 1 && moved >= res.History[len(res.History)-2] {
			res.Status = krylov.Stagnated
			return nil
		}
		if res.Iterations >= l.o.MaxIterations {
			res.Status = krylov.IterationLimit
			return nil
		}
	}
}

// owner puts the tiles together by their owned pixels.
func (l *method) owner() []float64 {
	out := make([]float64, l.m.Len())
	box := l.plan.Owned()
	for i := range l.tiles {
		t := &l.tiles[i]
		m, cols := t.Area(), t.Ext[1].Len()
		for c := range l.p.Channels {
			for r := t.Owned[0].Lo; r < t.Owned[0].Hi; r++ {
				from := c*m + (r-t.Ext[0].Lo)*cols + t.Owned[1].Lo - t.Ext[1].Lo
				to := (c*l.rows+r-box.Lo[0])*l.cols + t.Owned[1].Lo - box.Lo[1]
				copy(out[to:], l.w[i][from:from+t.Owned[1].Len()])
			}
		}
	}
	return out
}
