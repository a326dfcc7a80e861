package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/progress"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// run is the state of one rank of a kernel job.
type run struct {
	*lifecycle.Run
	c    *settings
	m    *metrics // filled on rank 0, there on all
	obs  *scattered
	fit  *kernel.Fit
	grid *grid // nil where a table says the places

	// Rank 0: at the places of the grid or of the table, row-major.
	values []float64 // the fit
	spread []float64 // its variance
	truth  []float64 // nil where unknown
	// Rank 0: the frame, filled by the methods that the fit is compared with.
	nearest, inpainted []float64
	predictions        *imageio.Table // rank 0: what evaluate.path asks for
}

func (r *run) run(ctx context.Context) error {
	start := r.Comm.Wtime()
	r.Progress.Phase("observations")
	var err error
	if r.obs, err = r.c.observe(ctx, r.Comm); err != nil {
		return err
	}
	for _, in := range r.obs.inputs {
		r.Took(in)
	}
	r.m.Outliers = r.obs.warnOutliers(r.Run)
	r.m.Source, r.m.Dim = r.obs.source, r.obs.door.dim
	r.m.Seconds.Read = r.Comm.Wtime() - start
	unfinished := r.solve(ctx)
	if unfinished != nil && !krylov.Unfinished(unfinished) {
		return unfinished
	}
	if err := r.evaluate(ctx); err != nil {
		return err
	}
	if err := r.judge(); err != nil {
		return err
	}
	if err := r.write(ctx); err != nil {
		return err
	}
	most := r.c.Kernel.MaxIterations
	if stagnated(unfinished) {
		most = 0
	}
	return lifecycle.Further(unfinished, "kernel", most, r.c.Kernel.Tolerance)
}

// solve chooses width and lambda where asked to, and fits.
func (r *run) solve(ctx context.Context) error {
	n := []float64{float64(len(r.obs.data.Y))}
	if err := r.Comm.Allreduce(n, n, ranks.Sum); err != nil {
		return err
	}
	o := r.c.options(&r.obs.door, int(n[0]))
	if r.Comm.Rank() == 0 {
		o.Progress = progressOf(r.Progress, r.Log)
	}
	if rule := r.c.Kernel.Choose; rule != "none" {
		start := r.Comm.Wtime()
		r.Progress.Phase("choosing width and lambda")
		chosen, err := kernel.Select(ctx, r.Comm, &r.obs.data, o, kernel.Search{
			Rule: kernel.Rule(rule), Folds: r.c.Search.Folds, Seed: r.c.Seed, Sample: r.c.Search.Sample,
			Widths: r.obs.door.lengths(r.c.Search.Widths), Lambdas: listed(r.c.Search.Lambdas),
		})
		if err != nil {
			return err
		}
		o.Kernel.Width, o.Lambda = chosen.Width, chosen.Lambda
		r.m.Search = newSearchMetrics(rule, chosen, &r.obs.door)
		r.m.Seconds.Search = r.Comm.Wtime() - start
	}
	stop := ranks.Measure(r.Comm)
	fit, err := kernel.Solve(ctx, r.Comm, &r.obs.data, o)
	for r.m.Search != nil && stagnated(err) {
		next, found := r.refuse(&o, fit)
		if !found {
			break
		}
		o.Kernel.Width, o.Lambda = next.Width, next.Lambda
		fit, err = kernel.Solve(ctx, r.Comm, &r.obs.data, o)
	}
	work := stop()
	if fit == nil {
		return err
	}
	r.fit = fit
	if e := r.account(o, work); e != nil {
		return e
	}
	return err
}

// refuse notes that the fit of a pair that the search has chosen is less accurate than kernel.tolerance, as rounding keeps
// it from converging, and returns the best of the pairs that are solved more accurately.
func (r *run) refuse(o *kernel.Options, fit *kernel.Fit) (next kernel.Candidate, found bool) {
	s := r.m.Search
	if len(s.refused) >= mostRefused {
		return next, false
	}
	s.refused = append(s.refused, kernel.Candidate{Width: o.Kernel.Width, Lambda: o.Lambda})
	if next, found = s.chosen.Easier(s.refused); !found {
		return next, false
	}
	s.RMS = next.RMS * r.obs.door.amplitude
	no := refused{o.Kernel.Width * r.obs.door.length, o.Lambda, lifecycle.Number(fit.ErrorBound)}
	s.Refused = append(s.Refused, no)
	text := fmt.Sprintf("width %.4g, lambda %.4g: rounding keeps the fit from a relative error below %.1e, and kernel.tolerance is %.1e; next width %.4g, lambda %.4g",
		no.Width, no.Lambda, fit.ErrorBound, o.Tolerance, next.Width*r.obs.door.length, next.Lambda)
	r.Log.Info("refused", "pair", text)
	r.Progress.Say(text)
	return next, true
}

// stagnated tells, alike on all ranks, whether a fit did not converge and more iterations would not help.
func stagnated(err error) bool {
	var e *krylov.NotConvergedError
	return errors.As(err, &e) && e.Status == krylov.Stagnated
}

// mostRefused is how many pairs of a search may turn out to be lost in rounding.
const mostRefused = 12

// listed is nil for an empty list, which the solver takes for its default.
func listed(list config.Numbers) []float64 {
	if len(list) == 0 {
		return nil
	}
	return list
}

func progressOf(line *progress.Line, log *slog.Logger) func(krylov.Progress) {
	return func(p krylov.Progress) {
		if p.Iteration == 0 {
			line.Phase(p.Phase)
			return
		}
		if p.Phase == kernel.Choosing {
			line.Count(p.Phase, p.Iteration, p.Of, "")
			return
		}
		line.Step(p.Phase, p.Iteration, p.Residual, p.Target)
		log.Info("iteration", "phase", p.Phase, "iteration", p.Iteration, "residual", lifecycle.Number(p.Residual))
	}
}

// account adds up over the ranks what the fit took.
func (r *run) account(o kernel.Options, work ranks.Work) error {
	f, m := r.fit, r.m
	longest := []float64{f.Setup, f.Solve, f.Compute, float64(f.Largest)}
	sums := []float64{
		float64(f.FactorBytes), f.Neighbours * float64(f.Points.Len()), float64(f.Blocks), f.Compute, 0, 0,
	}
	for i := range f.Points.Len() { // misfit of the trend alone, and of 0
		d := f.Points.Dim
		e := (f.Points.Attr[2*i] - f.Trend.At(f.Points.X[i*d:(i+1)*d])) / f.Points.Attr[2*i+1]
		sums[4] += e * e
		e = f.Points.Attr[2*i] / f.Points.Attr[2*i+1]
		sums[5] += e * e
	}
	if err := r.Comm.Allreduce(longest, longest, ranks.Max); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	owned := float64(f.Points.Len())
	before := owned
	if f.Balanced != nil {
		before = float64(f.Balanced.Before[r.Comm.Rank()])
	}
	var err error
	if m.RanksDid, err = lifecycle.Accounts(r.Comm, work, owned, 0, before); err != nil {
		return err
	}
	m.Observations, m.Family, m.Width, m.Lambda, m.Method = f.Observations, string(o.Kernel.Family), o.Kernel.Width*r.obs.door.length, o.Lambda, string(o.Method)
	m.Amplitude, m.Explained = r.obs.door.amplitude, 1
	if sums[4] > 1e-24*sums[5] { // else the trend is all that there is, but for rounding
		m.Explained = 1 - f.Misfit/sums[4]
	}
	if text := m.flat(); text != "" && f.Converged {
		r.Log.Warn(text)
		r.Progress.Say("warning: " + text)
	}
	if len(r.c.Kernel.AxisWidths) > 0 || r.c.Kernel.Spread {
		for _, u := range r.obs.door.unit {
			m.AxisWidths = append(m.AxisWidths, o.Kernel.Width*u)
		}
	}
	m.Neighbours, m.Blocks, m.Largest = sums[1]/float64(f.Observations), int(sums[2]), int(longest[3])
	m.Residual, m.ErrorBound, m.Certified = lifecycle.Number(f.Residual), lifecycle.Number(f.ErrorBound), f.Certified
	why := fmt.Sprintf("the residual of the equations is %.1e of the right-hand side", f.Residual)
	if !f.Converged {
		why = "kernel.max_iterations was reached; " + why
		if f.Iterations < o.MaxIterations {
			why = "rounding keeps it from falling further; " + why
		}
	}
	m.Ended(f.Iterations, f.Converged, why)
	m.Trend = constant
	if o.Linear {
		m.Trend = linear
		door := &r.obs.door
		for k, v := range f.Trend.Slope {
			m.Slope = append(m.Slope, v*door.amplitude/door.unitOf(k))
		}
	}
	m.Mean, m.Misfit, m.Objective, m.Truncation, m.History = f.Trend.Mean*r.obs.door.amplitude, f.Misfit, f.Objective, f.Truncation, f.History
	m.Seconds.Setup, m.Seconds.Solve = longest[0], longest[1]
	m.Processor = processor{longest[2], sums[3] / float64(r.Comm.Size())}
	m.FactorMB = sums[0] / 1e6
	if b := f.Balanced; b != nil {
		m.Balance = newBalanceMetrics(b, longest[2]/float64(f.Iterations+1))
	}
	if b := f.Refined; b != nil {
		m.Refined = newBalanceMetrics(b, longest[2]/float64(f.Iterations+1))
	}
	r.Log.Info("fitted", "iterations", m.Iterations, "converged", f.Converged, "residual", m.Residual, "seconds", m.Seconds)
	return nil
}
