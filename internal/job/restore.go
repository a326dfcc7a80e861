package job

import (
	"context"
	"log/slog"
	"math"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tikhonov/image/literal"
)

// runTikhonov is one rank's part of a tikhonov job: read or simulate the frame,
// restore it, gather and write.
func runTikhonov(ctx context.Context, comm ranks.Comm, env Env, f *config.File, c *tikhonovConfig) error {
	return logged(comm, c.Output.Dir, func(log *slog.Logger) error {
		r := &restoration{
			comm: comm, env: env, log: log, c: c, began: comm.Wtime(),
			unused: c.Image.Path != "" && f.Has("simulate"),
		}
		if comm.Rank() == 0 {
			defer env.Progress.Done()
			r.m = newMetrics(comm, env, c)
			r.m.ConfigFile, r.m.Config = f.Name(), sections(f.Values())
		}
		return r.run(ctx)
	})
}

// restoration is the state of one rank of one run.
type restoration struct {
	comm   ranks.Comm
	env    Env
	log    *slog.Logger
	c      *tikhonovConfig
	began  float64
	unused bool     // the config has a [simulate] section that an [image] overrules
	m      *metrics // rank 0 only
	kernel forward.PSF
	o      *observation
	result *image.Result
	bias   *literal.Bias // of the printed method only
}

func (r *restoration) run(ctx context.Context) error {
	if err := r.observe(ctx); err != nil {
		return err
	}
	unfinished := r.solve(ctx)
	if unfinished != nil && !krylov.Unfinished(unfinished) {
		return unfinished
	}
	// From here on the result exists; a signal may still keep it from replacing
	// another, but only before the first file is touched.
	if err := ranks.AgreeError(r.comm, ctx.Err()); err != nil {
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
func (r *restoration) observe(ctx context.Context) (err error) {
	start := r.comm.Wtime()
	if r.kernel, err = blurKernel(r.comm, &r.c.Blur); err != nil {
		return err
	}
	source := r.c.source(r.unused)
	r.env.Progress.Phase(source)
	r.log.Info("frame", "source", source, "seed", r.c.Seed)
	if r.c.Image.Path != "" {
		r.o, err = readObservation(r.comm, &r.c.Image, nil)
	} else {
		r.o, err = simulateObservation(r.comm, r.c, r.kernel, nil)
	}
	if err := ranks.AgreeError(r.comm, err); err != nil {
		return err
	}
	for i := range r.o.data {
		if r.o.missing(i) {
			r.o.data[i] = math.NaN() // never looked at; pictures show it
		}
	}
	if r.m != nil {
		r.m.Seconds.Read = r.comm.Wtime() - start
		r.m.Source, r.m.Channels = source, r.o.channels
		r.m.Rows, r.m.Cols = r.o.shape()
	}
	return ranks.AgreeError(r.comm, ctx.Err())
}

// solve calls the solver. Where only the iterations ran out there is a result all
// the same: as good as max_iterations made it, and worth looking at.
func (r *restoration) solve(ctx context.Context) error {
	o := r.c.solverOptions(r.o)
	if r.comm.Rank() == 0 {
		o.Progress = func(p krylov.Progress) {
			if p.Iteration == 0 {
				r.env.Progress.Phase(p.Phase)
				return
			}
			r.env.Progress.Step(p.Phase, p.Iteration, p.Residual, p.Target)
			r.log.Info("iteration", "phase", p.Phase, "iteration", p.Iteration, "residual", number(p.Residual))
		}
	}
	stop := ranks.Measure(r.comm)
	result, bias, err := r.c.solveFrame(ctx, r.comm, r.o.problem(r.kernel), o)
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
func (r *restoration) account(work ranks.Work) error {
	res := r.result
	longest := []float64{res.Setup, res.Solve, work.Exchange, work.Reduce, work.Seconds - res.Setup - res.Solve}
	missing := 0
	for _, w := range r.o.weights {
		if w == 0 {
			missing++
		}
	}
	sums := []float64{
		float64(work.BytesSent), float64(work.Messages),
		float64(res.FactorBytes), float64(res.TilesShared), float64(res.TilesExact), float64(missing),
	}
	if err := r.comm.Reduce(longest, longest, ranks.Max, 0); err != nil {
		return err
	}
	if err := r.comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return err
	}
	own := r.o.frame.Owned(r.comm.Rank())
	around := own.Grow([]int{r.c.Tikhonov.Overlap, r.c.Tikhonov.Overlap}).Intersect(r.o.frame.Domain())
	owned := float64(own.Size() * r.o.channels)
	list, err := accounts(r.comm, did(work, owned, float64(around.Size()*r.o.channels)-owned, owned))
	if err != nil {
		return err
	}
	m := r.m
	if m == nil {
		return nil
	}
	m.RanksDid = list
	m.Seconds.Setup, m.Seconds.Solve = longest[0], longest[1]
	if m.LambdaRule != string(image.Fixed) {
		m.Seconds.Lambda = longest[4]
	}
	m.Seconds.Exchange, m.Seconds.Reduce = longest[2], longest[3]
	m.BytesSent, m.MessagesSent = int64(sums[0]), int64(sums[1])
	m.FactorMB = sums[2] / 1e6
	m.TilesShared, m.TilesExact, m.Missing = int(sums[3]), int(sums[4]), int(sums[5])
	m.Lambda, m.Iterations, m.Converged = number(res.Lambda), res.Iterations, res.Converged
	m.Residual, m.ErrorBound, m.Certified = number(res.Residual), number(res.ErrorBound), res.Certified
	m.Objective, m.History = number(res.Objective), res.History
	r.log.Info("solved", "lambda", m.Lambda, "iterations", m.Iterations, "converged", m.Converged,
		"residual", m.Residual, "error_bound", m.ErrorBound, "seconds", m.Seconds)
	if b := r.bias; b != nil {
		m.Bias = &bias{number(b.Owner), number(b.Averaged), number(b.PlainSum), number(b.ArgMin)}
	}
	return nil
}

// measure compares with the truth, where there is one.
func (r *restoration) measure() error {
	if r.o.truth == nil {
		return nil
	}
	peak := []float64{math.Inf(-1)}
	sums := make([]float64, 4) // squared error and count: observed, restored
	for i, t := range r.o.truth {
		peak[0] = max(peak[0], t)
		if !r.o.missing(i) {
			sums[0] += (r.o.data[i] - t) * (r.o.data[i] - t)
			sums[1]++
		}
		sums[2] += (r.result.Solution[i] - t) * (r.result.Solution[i] - t)
		sums[3]++
	}
	if err := r.comm.Reduce(peak, peak, ranks.Max, 0); err != nil {
		return err
	}
	if err := r.comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return err
	}
	if r.m != nil {
		db := func(square, n float64) number { return number(10 * math.Log10(peak[0]*peak[0]*n/square)) }
		r.m.PSNR = &psnr{Observed: db(sums[0], sums[1]), Restored: db(sums[2], sums[3])}
	}
	return nil
}

func newMetrics(comm ranks.Comm, env Env, c *tikhonovConfig) *metrics {
	s := &c.Tikhonov
	return &metrics{
		provenance: newProvenance(comm, env, c.Seed),
		Method:     s.Method, Regulariser: s.Regulariser, Border: s.Border, Overlap: s.Overlap,
		LambdaRule: string(s.Lambda.rule),
	}
}
