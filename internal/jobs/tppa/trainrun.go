package tppa

import (
	"context"
	"fmt"
	"math"

	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/training"
	"tessera/ranks"
	"tessera/tppa"
	"tessera/train"
)

// trainMetrics is metrics.json of a tppa-train job.
type trainMetrics struct {
	training.Metrics

	Method string           `json:"method"`
	Gammas lifecycle.Series `json:"gammas"`
}

// trainRun is the state of one rank of a tppa-train job.
type trainRun struct {
	training.Run
	c     *trainSettings
	m     *trainMetrics
	net   *tppa.Network
	learn *tppa.Training
	model learned
}

func (r *trainRun) run(ctx context.Context) (err error) {
	start := r.Comm.Wtime()
	r.Progress.Phase("pictures")
	if r.net, err = r.c.network(); err != nil {
		return err
	}
	var test *tppa.Training
	var report *frames.PSFReport
	if r.learn, test, r.model.psf, report, r.model.Scale, err = r.c.sets(ctx, r.Comm); err != nil {
		return err
	}
	if in, ok := report.Input(); ok {
		r.Took(in)
	}
	report.Tell(r.Run.Run)
	if err := r.describe(); err != nil {
		return err
	}
	r.m.Seconds.Read = r.Comm.Wtime() - start
	if err := r.train(ctx); err != nil {
		return r.Stopped(err)
	}
	if err := r.validate(ctx, test); err != nil {
		return err
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return r.Stopped(err)
	}
	return r.write()
}

// describe fills the description of the model but for what training finds. Collective.
func (r *trainRun) describe() error {
	digest, err := r.learn.Digest(r.Comm)
	if err != nil {
		return err
	}
	seen, err := r.learn.Look(r.Comm)
	if err != nil {
		return err
	}
	_, rows, cols, err := r.c.pictures().SharedShape(r.Comm)
	if err != nil {
		return err
	}
	m := &r.model
	m.seen = *seen
	m.about = about{
		Network: *r.net, Scale: m.Scale, SNR: r.c.Noise.SNR, Border: r.c.TPPA.Border, PSFRows: m.psf.Rows, PSFCols: m.psf.Cols,
		Pictures: r.learn.Count, Rows: rows, Cols: cols, Digest: digest, Farthest: seen.Farthest, Method: r.c.TPPA.Method,
	}
	r.Describe(r.c.pictures(), r.learn.Count+r.c.Data.Validation, rows, cols, r.net.Parameters(), m.Scale)
	return nil
}

// train learns the parameters, from the checkpoint if the run resumes one. Collective.
func (r *trainRun) train(ctx context.Context) error {
	s := &r.c.TPPA
	from, err := r.Begin(r.model.Digest, nil)
	if err != nil {
		return err
	}
	o := r.Options(train.Options{Method: train.Method(s.Method), Rate: s.Rate, Steps: s.Steps, Batch: s.Batch, Seed: r.c.Seed, From: from}, 1)
	result, err := r.Learn(float64(len(r.learn.Pairs)), func() (*train.Result, error) {
		return r.learn.Train(ctx, r.Comm, r.net.Identity(), o)
	})
	if err != nil {
		return err
	}
	r.model.theta, r.model.Steps, r.model.Loss = result.Theta, result.Steps, result.Losses[len(result.Losses)-1]
	for t := range r.net.Layers {
		gamma, _ := r.net.Step(result.Theta, t)
		r.m.Gammas = append(r.m.Gammas, gamma)
	}
	return nil
}

// validate restores the pictures that were not learned from. Collective.
func (r *trainRun) validate(ctx context.Context, test *tppa.Training) error {
	if test.Count == 0 {
		return nil
	}
	variation, err := r.c.variation(r.Comm, r.model.psf, r.m.Rows, r.m.Cols)
	if err != nil {
		return err
	}
	sums, gap := make([]float64, 5), []float64{0}
	restore := func() error {
		for _, p := range test.Pairs {
			before, err := test.Run.Restore(r.net.Identity(), p.Data)
			if err != nil {
				return err
			}
			after, err := test.Run.Restore(r.model.theta, p.Data)
			if err != nil {
				return err
			}
			least, fppa, err := variation(ctx, p)
			if ctx.Err() != nil {
				return nil // the run ends after the sums, on all ranks
			}
			if err != nil {
				return err
			}
			gap[0] = max(gap[0], least.RelativeGap)
			for i, x := range [][]float64{p.Data, before, after, least.Solution, fppa.Solution} {
				sums[i] += snr(x, p.Truth) / float64(test.Count)
			}
		}
		return nil
	}
	if err := ranks.AgreeError(r.Comm, restore()); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(gap, gap, ranks.Max); err != nil {
		return err
	}
	v := training.Validation{Pictures: test.Count, TVGap: lifecycle.Some(gap[0]), Quality: map[string]*lifecycle.Quality{}}
	for i, name := range []string{lifecycle.ObservedColumn, "untrained", lifecycle.AnswerColumn, "tv", "fppa"} {
		v.Quality[name] = &lifecycle.Quality{SNR: lifecycle.Some(sums[i])}
	}
	r.m.Validation = append(r.m.Validation, v)
	return nil
}

// snr is 10 log10(||truth||^2 / ||x - truth||^2), dB.
func snr(x, truth []float64) float64 {
	a, b := 0.0, 0.0
	for i, v := range truth {
		a += v * v
		b += (x[i] - v) * (x[i] - v)
	}
	return 10 * math.Log10(a/b)
}

// trainFiles are those that a run may leave.
func trainFiles() []string { return append(training.Files(), report.Names("functions")...) }

// write leaves the model, pictures and metrics.json. Collective.
func (r *trainRun) write() error {
	x := training.Result{Parameters: r.model.theta, Model: r.model.write, Metrics: r.m}
	if r.c.Output.Pictures {
		x.Plots = r.plots
	}
	return r.Write(x)
}

// plots draws the losses and the learned functions minus the identity. Rank 0 alone.
func (r *trainRun) plots() error {
	if err := r.PlotLosses("Training of "+r.m.Method, "mean of 1/2 ||x - truth||^2"); err != nil {
		return err
	}
	p := &report.Plot{Title: "Learned functions of the row differences", X: "coefficient u (largest true value = 1)", Y: "phi(u) - u"}
	for t := range r.net.Layers {
		if t > 0 && r.net.Shared {
			break
		}
		s := report.Series{Name: fmt.Sprintf("layer %d", t+1)}
		g := r.net.Difference
		for i := range 121 {
			u := g.Low + (g.High-g.Low)*float64(i)/120
			s.X, s.Y = append(s.X, u), append(s.Y, r.net.Function(r.model.theta, t, 1, u)-u)
		}
		if t == 0 || t == r.net.Layers/2 || t == r.net.Layers-1 {
			p.Series = append(p.Series, s)
		}
	}
	return p.Write(r.Path("functions"), r.Figures()...)
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *trainMetrics) Report(t *lifecycle.Table) {
	m.Metrics.Report(t)
	t.Row("model", "%d parameters, %s, %d steps", m.Parameters, m.Method, m.Iterations)
	t.Row("loss", "%.4g before, %.4g in the last step", m.Losses[0], m.Losses[len(m.Losses)-1])
	for _, v := range m.Validation {
		snr := func(name string) lifecycle.Number { return *v.Quality[name].SNR }
		t.Row("SNR", "%.2f dB observed, %.2f dB before training, %.2f dB trained (%d pictures that were not learned from)",
			snr(lifecycle.ObservedColumn), snr("untrained"), snr(lifecycle.AnswerColumn), v.Pictures)
		t.Row("", "%.2f dB by total variation with the lambda that knows the truth, the minimiser to a relative duality gap of %.2g, %.2f dB by FPPA", snr("tv"), *v.TVGap, snr("fppa"))
	}
}
