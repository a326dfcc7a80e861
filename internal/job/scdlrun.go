package job

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/scdl"
)

// scdlRun is the state of one rank of an scdl-train job.
type scdlRun struct {
	comm         ranks.Comm
	env          Env
	log          *slog.Logger
	c            *scdlConfig
	began        float64
	m            *scdlMetrics
	learn, judge scdl.Samples // this rank's, to learn from and to judge by
	result       *scdl.Result
	linear       *scdl.Linear
	raw          *scdl.Pair // samples as atoms
}

func (r *scdlRun) run(ctx context.Context) error {
	start := r.comm.Wtime()
	r.env.Progress.Phase("samples")
	if err := ranks.AgreeError(r.comm, r.read()); err != nil {
		return err
	}
	r.m.Seconds.Read = r.comm.Wtime() - start
	o := r.c.options()
	o.Progress = func(p scdl.Progress) {
		r.env.Progress.Count("training", p.Iteration, p.Of, fmt.Sprintf("error %.3g high, %.3g low", p.High, p.Low))
		r.log.Info("iteration", "iteration", p.Iteration, "high", number(p.High), "low", number(p.Low))
	}
	before := *r.comm.Stats()
	var err error
	if r.result, err = scdl.Train(ctx, r.comm, &r.learn, o); err != nil {
		return err
	}
	after := *r.comm.Stats()
	r.m.BytesSent = after.BytesSent - before.BytesSent
	if err := r.compare(); err != nil {
		return err
	}
	if err := ranks.AgreeError(r.comm, ctx.Err()); err != nil {
		return err
	}
	return r.write()
}

// read gets this rank's stretch of both parts: which samples are held out is a matter
// of the seed and the sample alone. Files are read by every rank on its own.
func (r *scdlRun) read() error {
	if r.c.Patches.Images != "" {
		return r.readPictures()
	}
	d := &r.c.Data
	hs, ls, err := r.c.shapes()
	if err != nil {
		return err
	}
	sim := simulate.Spectra{Seed: r.c.Seed, High: r.c.Simulate.High, Noise: r.c.Simulate.Noise}
	x, y := make([]float64, hs.rows), make([]float64, ls.rows)
	sample := func(k int) (high, low []float64) {
		sim.Draw(k, x, y)
		return x, y
	}
	if d.High != "" {
		if hs.count != ls.count {
			return fmt.Errorf("%s has %d samples, %s has %d: they do not match", d.High, hs.count, d.Low, ls.count)
		}
		high, err := readMatrix(d.High, d.Samples)
		if err != nil {
			return err
		}
		low, err := readMatrix(d.Low, d.Samples)
		if err != nil {
			return err
		}
		sample = func(k int) ([]float64, []float64) {
			return high[k*hs.rows : (k+1)*hs.rows], low[k*ls.rows : (k+1)*ls.rows]
		}
	}
	var learn, judge []int
	for k := range hs.count {
		if rand.New(rand.NewPCG(r.c.Seed, uint64(k)|1<<40)).Float64() < d.HeldOut {
			judge = append(judge, k)
		} else {
			learn = append(learn, k)
		}
	}
	for _, part := range []struct {
		to    *scdl.Samples
		which []int
	}{{&r.learn, learn}, {&r.judge, judge}} {
		lo, hi := halo.Split(len(part.which), r.comm.Size(), r.comm.Rank())
		*part.to = scdl.Samples{P: hs.rows, M: ls.rows, First: lo, Total: len(part.which)}
		for _, k := range part.which[lo:hi] {
			high, low := sample(k)
			part.to.High = append(part.to.High, high...)
			part.to.Low = append(part.to.Low, low...)
		}
	}
	return nil
}

// readPictures draws this rank's patches. The pictures are read by every rank.
func (r *scdlRun) readPictures() error {
	c := &r.c.Patches
	paths, err := pictures(c.Images)
	if err != nil {
		return err
	}
	var images []*scdl.Image
	for _, path := range paths {
		f, err := imageio.ReadFrame(path)
		if err != nil {
			return err
		}
		images = append(images, withoutColour(f))
	}
	held := int(math.Round(r.c.Data.HeldOut * float64(c.Count)))
	for _, part := range []struct {
		to          *scdl.Samples
		first, last int
	}{{&r.learn, 0, c.Count - held}, {&r.judge, c.Count - held, c.Count}} {
		lo, hi := halo.Split(part.last-part.first, r.comm.Size(), r.comm.Rank())
		*part.to = scdl.Samples{First: lo, Total: part.last - part.first}
		if err := c.grid().Pairs(images, r.c.Seed, part.first+lo, part.first+hi, part.to); err != nil {
			return fmt.Errorf("%s: %w", c.Images, err)
		}
	}
	return nil
}

// compare makes the yardsticks, raw samples as atoms and linear regression, and judges
// the dictionaries beside them by the held-out samples, if there are any. Collective.
func (r *scdlRun) compare() error {
	var err error
	if r.linear, err = scdl.Regress(r.comm, &r.learn); err != nil {
		return err
	}
	if r.raw, err = scdl.RawAtoms(r.comm, &r.learn, r.c.SCDL.Atoms, r.c.Seed+1); err != nil {
		return err
	}
	if r.judge.Total == 0 {
		return nil
	}
	learned, err := r.result.Infer(r.judge.Low, r.c.Code.code())
	if err != nil {
		return err
	}
	plain, err := r.raw.Infer(r.judge.Low, r.c.Code.code())
	if err != nil {
		return err
	}
	for _, c := range []struct {
		to **spectralQuality
		x  []float64
	}{{&r.m.Learned, learned}, {&r.m.RawAtoms, plain}, {&r.m.Regression, r.linear.Apply(r.judge.Low)}} {
		if *c.to, err = spectral(r.comm, c.x, r.judge.High, r.judge.P, r.judge.M, r.c.Patches.Images != ""); err != nil {
			return err
		}
	}
	return nil
}
