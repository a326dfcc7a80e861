package scdl

import (
	"context"
	"fmt"

	"tessera/halo"
	"tessera/internal/checkpoint"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/scdl"
)

// trainRun is the state of one rank of an scdl-train job.
type trainRun struct {
	*lifecycle.Run
	c              *trainSettings
	m              *trainMetrics
	learn, heldOut scdl.Samples // this rank's
	kept           *lifecycle.Checkpoints
	result         *scdl.Result
	linear         *scdl.Linear
	raw            *scdl.Pair // samples as atoms
}

func (r *trainRun) run(ctx context.Context) error {
	start := r.Comm.Wtime()
	r.Progress.Phase("samples")
	if err := ranks.AgreeError(r.Comm, r.read(ctx)); err != nil {
		return err
	}
	r.m.Seconds.Read = r.Comm.Wtime() - start
	if err := r.train(ctx); err != nil {
		return r.kept.Stopped(err)
	}
	start = r.Comm.Wtime()
	r.Progress.Phase("evaluation")
	if err := r.compare(ctx); err != nil {
		return r.kept.Stopped(err)
	}
	r.m.Seconds.Evaluate = r.Comm.Wtime() - start
	return r.write()
}

// train learns the dictionaries, from the checkpoint if the run resumes one. Collective.
func (r *trainRun) train(ctx context.Context) error {
	o := r.c.options()
	if o.Atoms > r.learn.Total {
		text := fmt.Sprintf("scdl.atoms = %d, but there are %d samples to learn from: that many atoms are learned", o.Atoms, r.learn.Total)
		r.Log.Warn(text)
		r.Progress.Say("note: " + text)
		o.Atoms = r.learn.Total
	}
	r.kept = lifecycle.NewCheckpoints(r.Run, "scdl-train")
	o.Save = func(s *scdl.Snapshot) error {
		if err := r.kept.Keep((*checkpoint.Snapshot)(s)); err != nil || r.kept.Kept() {
			return err
		}
		return scdl.ErrNotKept
	}
	from, err := r.kept.Begin(r.Resume)
	if err != nil {
		return err
	}
	o.Resume = (*scdl.Snapshot)(from)
	o.Progress = func(p scdl.Progress) {
		r.Progress.Count("training", p.Iteration, p.Of, fmt.Sprintf("error %.3g high, %.3g low", p.High, p.Low))
		r.Log.Info("iteration", "iteration", p.Iteration, "high", lifecycle.Number(p.High), "low", lifecycle.Number(p.Low))
	}
	train := scdl.Train
	if r.c.SCDL.Method == methodOnline {
		train = scdl.Online
	}
	stop := ranks.Measure(r.Comm)
	r.result, err = train(ctx, r.Comm, &r.learn, o)
	if older := r.kept.Older(err); older != nil { // the state in the files is damaged
		o.Resume = (*scdl.Snapshot)(older)
		r.result, err = train(ctx, r.Comm, &r.learn, o)
	}
	work := stop()
	if err != nil {
		return err
	}
	samples := float64(r.learn.Count())
	if r.m.RanksDid, err = lifecycle.Accounts(r.Comm, work, samples, 0, samples); err != nil {
		return err
	}
	sums := []float64{float64(r.result.Read), float64(r.result.Written)}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	r.m.StateRead, r.m.StateWritten = int64(sums[0]), int64(sums[1])
	return nil
}

// read gets this rank's samples to learn from and its held-out samples. Rank 0 tells the
// others the shapes; then each reads the smallest ranges of the files that contain its
// samples. Collective, but the error may be that of one rank.
func (r *trainRun) read(ctx context.Context) error {
	var high, low matrixShape
	err := ranks.OnRoot(r.Comm, func() (err error) {
		high, low, err = r.c.shapes()
		return err
	})
	if err != nil {
		return err
	}
	if err := ranks.Share(r.Comm, &high.rows, &high.count, &low.rows, &low.count); err != nil {
		return err
	}
	if err := r.c.checkRoom(r.Comm, high, low); err != nil {
		return err
	}
	if r.c.Patches.Images != "" {
		return r.readPictures(ctx)
	}
	learn := r.c.learned(high.count, high.count)
	lo, hi := scdl.Share(learn, r.Comm.Size(), r.Comm.Rank())
	r.learn = scdl.Samples{P: high.rows, M: low.rows, First: lo, Total: learn}
	if err := r.part(ctx, &r.learn, false, lo, hi); err != nil {
		return err
	}
	held := high.count - learn
	lo, hi = halo.Split(held, r.Comm.Size(), r.Comm.Rank())
	r.heldOut = scdl.Samples{P: high.rows, M: low.rows, First: lo, Total: held}
	if d := &r.c.Data; d.High != "" {
		note := fmt.Sprintf("%d samples to learn from, %d held out", learn, held)
		r.took(tookSamples(d.High, d.Samples, high, note))
		r.took(tookSamples(d.Low, d.Samples, low, note))
	}
	return r.part(ctx, &r.heldOut, true, lo, hi)
}

// took notes an input on rank 0.
func (r *trainRun) took(in lifecycle.Input) {
	if r.Comm.Rank() == 0 {
		r.Took(in)
	}
}

// tookSamples is what was taken from a matrix of samples, which are its rows or columns.
func tookSamples(path, samples string, shape matrixShape, note string) lifecycle.Input {
	return lifecycle.Input{
		File: path, Axes: axesOfSamples(samples, shape),
		Missing: "none missing", Note: note,
	}
}

// part gets the lo-th to the (hi-1)-th of the samples that are held out, or of those
// that are not.
func (r *trainRun) part(ctx context.Context, s *scdl.Samples, held bool, lo, hi int) (err error) {
	d := &r.c.Data
	first, keep := r.c.heldOut().cover(held, lo, hi)
	if err := ctx.Err(); err != nil {
		return err
	}
	if d.High != "" {
		if s.High, err = readSamples(d.High, d.Samples, s.P, first, keep); err == nil {
			s.Low, err = readSamples(d.Low, d.Samples, s.M, first, keep)
		}
		return err
	}
	sim := simulate.Spectra{Seed: r.c.Seed, High: r.c.Simulate.High, Noise: r.c.Simulate.Noise}
	s.High, s.Low = make([]float64, (hi-lo)*s.P), make([]float64, (hi-lo)*s.M)
	n := 0
	for i, ok := range keep {
		if err := ctx.Err(); err != nil {
			return err
		}
		if ok {
			sim.Draw(first+i, s.High[n*s.P:(n+1)*s.P], s.Low[n*s.M:(n+1)*s.M])
			n++
		}
	}
	return nil
}

// readPictures draws this rank's patches. Every rank reads all pictures.
func (r *trainRun) readPictures(ctx context.Context) error {
	c := &r.c.Patches
	paths, others, err := pictures(c.Images)
	if err != nil {
		return err
	}
	var images []*scdl.Image
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := imageio.ReadFrame(path)
		if err != nil {
			return err
		}
		if err := checkPicture(path, f, c.grid().High()); err != nil {
			return err
		}
		images = append(images, withoutColour(f))
	}
	note := "colour pictures as their luminance; files whose names begin with a dot are passed over"
	if len(others) > 0 {
		note += "; no pictures: " + imageio.Listed(others)
	}
	r.took(lifecycle.Input{File: c.Images, Part: "folder", Axes: fmt.Sprintf("%d PNG, JPEG and TIFF pictures, %d patches", len(paths), c.Count), Note: note})
	learn := r.c.learned(c.Count, c.Count)
	for _, part := range []struct {
		to          *scdl.Samples
		first, last int
		deal        func(total, size, rank int) (lo, hi int)
	}{{&r.learn, 0, learn, scdl.Share}, {&r.heldOut, learn, c.Count, halo.Split}} {
		lo, hi := part.deal(part.last-part.first, r.Comm.Size(), r.Comm.Rank())
		*part.to = scdl.Samples{First: lo, Total: part.last - part.first}
		// In pieces, between which the run may be stopped; once at least, for the sizes.
		const piece = 1 << 16
		for at := lo; at == lo || at < hi; at += piece {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.grid().Pairs(images, r.c.Seed, part.first+at, part.first+min(at+piece, hi), part.to); err != nil {
				return fmt.Errorf("%s: %w", c.Images, err)
			}
		}
	}
	return nil
}

// compare makes the baselines, raw samples as atoms and linear regression, and evaluates
// them and the dictionaries on the held-out samples, if there are any. Collective; the
// error is the same on all ranks.
func (r *trainRun) compare(ctx context.Context) error {
	var err error
	if r.linear, err = scdl.Regress(r.Comm, &r.learn); err != nil {
		return err
	}
	if r.raw, err = scdl.RawAtoms(r.Comm, &r.learn, min(r.c.SCDL.Atoms, r.learn.Total), r.c.Seed+1); err != nil {
		return err
	}
	unit, err := largest(r.Comm, r.heldOut.Low)
	if err != nil {
		return err
	}
	var learned, plain []float64
	if err = ctx.Err(); err == nil && r.heldOut.Total > 0 {
		if learned, err = r.result.Infer(ctx, r.heldOut.Low, r.c.Code.code(unit)); err == nil {
			plain, err = r.raw.Infer(ctx, r.heldOut.Low, r.c.Code.code(unit))
		}
	}
	if err := ranks.AgreeError(r.Comm, err); err != nil || r.heldOut.Total == 0 {
		return err
	}
	for _, c := range []struct {
		name string
		x    []float64
	}{{lifecycle.AnswerColumn, learned}, {rawColumn, plain}, {linearColumn, r.linear.Apply(r.heldOut.Low)}} {
		q, err := spectral(r.Comm, c.x, r.heldOut.High, r.heldOut.P, r.heldOut.M, r.c.Patches.Images != "")
		if err != nil {
			return err
		}
		r.m.Measured(c.name, q)
	}
	return nil
}
