package job

import (
	"context"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"

	"tessera/ranks"
	"tessera/scdl"
)

// plan prints what a run on n ranks would cost; of files only the shapes are looked
// at. A few tiles of noise of the same size are taken through some iterations to know
// the time of one.
func (c *scdlConfig) plan(ctx context.Context, comm ranks.Comm, w io.Writer, n int, link Link) error {
	high, low, err := c.shapes()
	if err != nil {
		return err
	}
	learn := c.learned(high.count, high.count)
	_, most := scdl.Share(learn, n, 0)
	tiles := (most + scdl.TileSamples - 1) / scdl.TileSamples
	perTile, err := c.trial(ctx, comm, high.rows, low.rows, min(tiles, 8))
	if err != nil {
		return err
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
	_, err = fmt.Fprintf(w, `samples         %d of %d and %d numbers, and %d held out, at most %d a rank on %d ranks
state           %s
memory          about %.0f MB a rank
sum over ranks  %.2f MB %s
iterations      %d, each about %.3g s (%.2g s a tile of %d samples, measured on one core; %.2g s for the sum)
training        about %.1f s if every rank has a core%s
`, learn, high.rows, low.rows, high.count-learn, most, n, state, megabytes, sums/1e6, how,
		c.SCDL.Iterations, each+talk, perTile, scdl.TileSamples, talk, float64(c.SCDL.Iterations)*(each+talk), c.diskRemark())
	return err
}

func (c *scdlConfig) diskRemark() string {
	if c.SCDL.State == stateDisk {
		return " and the files are as fast as memory"
	}
	return ""
}

// trial is the seconds that an iteration takes for a tile.
func (c *scdlConfig) trial(ctx context.Context, comm ranks.Comm, p, m, tiles int) (float64, error) {
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
