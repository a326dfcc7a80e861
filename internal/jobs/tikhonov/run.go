package tikhonov

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tikhonov/image/literal"
)

// run is the state of one rank of one run.
type run struct {
	*lifecycle.Run
	c      *settings
	unused bool     // the config has a [simulate] section that an [image] overrules
	m      *metrics // filled on rank 0
	psf    forward.PSF
	o      *frames.Observation
	result *image.Result
	bias   *literal.Bias // of the printed method only
}

func (r *run) run(ctx context.Context) error {
	if err := r.observe(ctx); err != nil {
		return err
	}
	unfinished := r.solve(ctx)
	if unfinished != nil && !krylov.Unfinished(unfinished) {
		return unfinished
	}
	// From here on the result exists; a signal may still keep it from replacing
	// another, but only before the first file is touched.
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	if err := r.measure(); err != nil {
		return err
	}
	if err := r.write(); err != nil {
		return err
	}
	return unfinished
}

// observe gets the frame and the blur.
func (r *run) observe(ctx context.Context) (err error) {
	start := r.Comm.Wtime()
	if r.psf, err = frames.BlurPSF(r.Comm, &r.c.Blur); err != nil {
		return err
	}
	from := r.c.source()
	r.m.Source = from.Describe(r.unused)
	r.Progress.Phase(r.m.Source)
	r.Log.Info("frame", "source", r.m.Source, "seed", r.c.Seed)
	if r.o, err = from.Observe(r.Comm, r.psf); err != nil {
		return err
	}
	r.m.Seconds.Read = r.Comm.Wtime() - start
	r.m.Channels = r.o.Channels
	r.m.Rows, r.m.Cols = r.o.Shape()
	return ranks.AgreeError(r.Comm, ctx.Err())
}

// solve calls the solver. Where only the iterations ran out there is a result all
// the same: as good as max_iterations made it, and worth looking at.
func (r *run) solve(ctx context.Context) error {
	o := r.c.solverOptions(r.o)
	if r.Comm.Rank() == 0 {
		o.Progress = func(p krylov.Progress) {
			if p.Iteration == 0 {
				r.Progress.Phase(p.Phase)
				return
			}
			r.Progress.Step(p.Phase, p.Iteration, p.Residual, p.Target)
			r.Log.Info("iteration", "phase", p.Phase, "iteration", p.Iteration, "residual", lifecycle.Number(p.Residual))
		}
	}
	stop := ranks.Measure(r.Comm)
	result, bias, err := r.c.solveFrame(ctx, r.Comm, r.o.Problem(r.psf), o)
	work := stop()
	if result == nil {
		return err
	}
	r.result, r.bias = result, bias
	if e := r.account(work); e != nil {
		return e
	}
	return err
}

// account adds up over the ranks what the solve took.
func (r *run) account(work ranks.Work) error {
	res := r.result
	longest := []float64{res.Setup, res.Solve, work.Exchange, work.Reduce, work.Seconds - res.Setup - res.Solve}
	pixels := len(r.o.Data) / r.o.Channels
	missing := pixels - r.o.Weights.Observed(pixels)
	sums := []float64{
		float64(work.BytesSent), float64(work.Messages),
		float64(res.FactorBytes), float64(res.TilesShared), float64(res.TilesExact), float64(missing),
	}
	if err := r.Comm.Reduce(longest, longest, ranks.Max, 0); err != nil {
		return err
	}
	if err := r.Comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return err
	}
	own := r.o.Frame.Owned(r.Comm.Rank())
	around := own.Grow([]int{r.c.Tikhonov.Overlap, r.c.Tikhonov.Overlap}).Intersect(r.o.Frame.Domain())
	owned := float64(own.Size() * r.o.Channels)
	list, err := lifecycle.Accounts(r.Comm, work, owned, float64(around.Size()*r.o.Channels)-owned, owned)
	if err != nil {
		return err
	}
	m := r.m
	m.RanksDid = list
	m.Seconds.Setup, m.Seconds.Solve = longest[0], longest[1]
	if m.LambdaRule != string(image.Fixed) {
		m.Seconds.Lambda = longest[4]
	}
	m.Seconds.Exchange, m.Seconds.Reduce = longest[2], longest[3]
	m.BytesSent, m.MessagesSent = int64(sums[0]), int64(sums[1])
	m.FactorMB = sums[2] / 1e6
	m.TilesShared, m.TilesExact, m.Missing = int(sums[3]), int(sums[4]), int(sums[5])
	m.Lambda, m.Iterations, m.Converged = lifecycle.Number(res.Lambda), res.Iterations, res.Converged
	m.Residual, m.ErrorBound, m.Certified = lifecycle.Number(res.Residual), lifecycle.Number(res.ErrorBound), res.Certified
	m.Objective, m.History = lifecycle.Number(res.Objective), res.History
	r.Log.Info("solved", "lambda", m.Lambda, "iterations", m.Iterations, "converged", m.Converged,
		"residual", m.Residual, "error_bound", m.ErrorBound, "seconds", m.Seconds)
	if b := r.bias; b != nil {
		m.Bias = &bias{lifecycle.Number(b.Owner), lifecycle.Number(b.Averaged), lifecycle.Number(b.PlainSum), lifecycle.Number(b.ArgMin)}
	}
	return nil
}

// measure compares with the truth, where there is one.
func (r *run) measure() error {
	if r.o.Truth == nil {
		return nil
	}
	peak := []float64{math.Inf(-1)}
	sums := make([]float64, 4) // squared error and count: observed, restored
	for i, t := range r.o.Truth {
		peak[0] = max(peak[0], t)
		if !r.o.Weights.Missing(i) {
			sums[0] += (r.o.Data[i] - t) * (r.o.Data[i] - t)
			sums[1]++
		}
		sums[2] += (r.result.Solution[i] - t) * (r.result.Solution[i] - t)
		sums[3]++
	}
	if err := r.Comm.Reduce(peak, peak, ranks.Max, 0); err != nil {
		return err
	}
	if err := r.Comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return err
	}
	db := func(square, n float64) lifecycle.Number {
		return lifecycle.Number(10 * math.Log10(peak[0]*peak[0]*n/square))
	}
	r.m.PSNR = &psnr{Observed: db(sums[0], sums[1]), Restored: db(sums[2], sums[3])}
	return nil
}
