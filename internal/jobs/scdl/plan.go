package scdl

import (
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"

	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/scdl"
)

// plan prints what a run on n ranks would cost; of files only the shapes are looked
// at. A few tiles of noise of the same size are taken through some iterations to know
// the time of one.
func (c *trainSettings) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	high, low, err := c.shapes()
	if err != nil {
		return nil, err
	}
	learn := c.learned(high.count, high.count)
	_, most := scdl.Share(learn, n, 0)
	tiles := (most + scdl.TileSamples - 1) / scdl.TileSamples
	perTile, err := c.trial(ctx, comm, high.rows, low.rows, min(tiles, 8))
	if err != nil {
		return nil, err
	}
	o := c.options()
	a, rows := float64(c.SCDL.Atoms), float64(high.rows+low.rows)
	megabytes := 1e-6 * rows * 8 * float64(most)
	state, sums, how := fmt.Sprintf("%.0f MB in all, ", 1e-6*float64(o.StateBytes(learn))), 8*a*(rows+2), "an iteration"
	switch {
	case c.SCDL.Method == methodOnline:
		state, sums, how = "none: codes are forgotten", 8*a*(a+rows), "a mini-batch"
		megabytes += 1e-6 * a * (3*a + rows) * 8
	case c.SCDL.State == stateDisk:
		state += fmt.Sprintf("in files, read and written once an iteration, three tiles of %.1f MB in memory", 1e-6*float64(o.StateBytes(scdl.TileSamples)))
		megabytes += 3e-6 * float64(o.StateBytes(scdl.TileSamples))
	default:
		state += "in memory"
		megabytes += 1e-6 * float64(o.StateBytes(most))
	}
	each := perTile * float64(tiles)
	meetings := 1
	if c.SCDL.Method == methodOnline {
		meetings = max(1, learn/c.SCDL.Batch)
	}
	talk := 0.0
	if n > 1 && link.Bandwidth > 0 {
		talk = float64(meetings) * (float64(2*bits.Len(uint(n-1)))*link.Latency + 2*sums/link.Bandwidth)
	}
	p := &lifecycle.Plan{
		Ranks: n, MemoryBytes: 1e6 * megabytes, SentBytes: sums * float64(n*meetings*c.SCDL.Iterations),
		Iterations: float64(c.SCDL.Iterations), Compute: each * float64(c.SCDL.Iterations), Talk: talk * float64(c.SCDL.Iterations),
	}
	p.Row("samples", "%d of %d and %d numbers, and %d held out, at most %d a rank on %d ranks", learn, high.rows, low.rows, high.count-learn, most, n)
	p.Row("state", "%s", state)
	p.Row("sum over ranks", "%.2f MB %s", sums/1e6, how)
	p.Row("an iteration", "about %.3g s (%.2g s a tile of %d samples, measured on one core)%s", each+talk, perTile, scdl.TileSamples, c.diskRemark())
	return p, nil
}

func (c *trainSettings) diskRemark() string {
	if c.SCDL.State == stateDisk {
		return " if the files are as fast as memory"
	}
	return ""
}

// trial is the seconds that an iteration takes for a tile.
func (c *trainSettings) trial(ctx context.Context, comm ranks.Comm, p, m, tiles int) (float64, error) {
	s := &scdl.Samples{P: p, M: m, Total: tiles * scdl.TileSamples}
	r := rand.New(rand.NewPCG(1, 1))
	for _, x := range []*[]float64{&s.High, &s.Low} {
		rows := p
		if x == &s.Low {
			rows = m
		}
		*x = make([]float64, s.Total*rows)
		for i := range *x {
			(*x)[i] = r.NormFloat64()
		}
	}
	o := c.options()
	o.Atoms, o.Folder, o.FirstColumns, o.Batch, o.CheckEvery = min(c.SCDL.Atoms, s.Total), "", true, s.Total, 1
	var last, each float64
	o.Progress = func(scdl.Progress) {
		now := comm.Wtime()
		if last > 0 && (each == 0 || now-last < each) {
			each = now - last
		}
		last = now
	}
	train := scdl.Train
	o.MaxIterations = 4
	if c.SCDL.Method == methodOnline {
		train, o.FirstColumns = scdl.Online, false
	}
	if _, err := train(ctx, comm, s, o); err != nil {
		return 0, err
	}
	return each / float64(tiles) * float64(c.SCDL.Atoms) / float64(o.Atoms), nil
}
