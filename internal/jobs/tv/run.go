package tv

import (
	"context"
	"errors"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tv"
)

// run is the state of one rank of a tv job.
type run struct {
	frames.Restoration
	c       *settings
	unused  bool // the config has a [simulate] section that is not used, as [image] has a path
	m       *metrics
	psf     forward.PSF
	problem *tv.Problem
	result  *tv.Result
	solved  []float64 // the solution as the solver gave it, of which the residual is made
}

func (r *run) run(ctx context.Context) error {
	psf, report, err := frames.ReportedPSF(r.Comm, &r.c.Blur)
	if err != nil {
		return err
	}
	r.psf, r.m.PSF = psf, report
	if err := r.Observe(ctx, r.c.source(), psf, r.unused, r.c.Output.Gather); err != nil {
		return err
	}
	if err := r.Note(report, psf, frames.Borders[r.c.TV.Border]); err != nil {
		return err
	}
	unfinished := r.solve(ctx)
	if unfinished != nil && !errors.As(unfinished, new(*tv.NotConvergedError)) {
		return unfinished
	}
	// The result is there. A cancelled run keeps the earlier result in its directory;
	// once the first file is replaced, a cancellation comes too late.
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	if err := r.measure(); err != nil {
		return err
	}
	if err := r.write(); err != nil {
		return err
	}
	return lifecycle.Further(unfinished, "tv", r.c.TV.MaxIterations, r.c.TV.Tolerance)
}

// solve calls the solver. Where it stops at max_iterations there is an error and a result:
// the last iterate, which is written. Collective.
func (r *run) solve(ctx context.Context) error {
	o, err := r.c.options(r.Comm, r.Obs)
	if err != nil {
		return err
	}
	if r.problem, err = r.c.problem(r.Comm, r.Obs, r.psf); err != nil {
		return err
	}
	if r.Comm.Rank() == 0 {
		o.Progress = func(p krylov.Progress) {
			r.Progress.Step(p.Phase, p.Iteration, p.Residual, p.Target)
			r.Log.Info("iteration", "phase", p.Phase, "iteration", p.Iteration, "gap", lifecycle.Number(p.Residual))
		}
	}
	r.Progress.Phase("set-up")
	stop := ranks.Measure(r.Comm)
	result, err := tv.Solve(ctx, r.Comm, r.problem, o)
	work := stop()
	if result == nil {
		return err
	}
	r.result, r.solved = result, result.Solution
	if e := r.compare(ctx, o); e != nil {
		return e
	}
	if r.c.TV.Poisson == poissonAnscombe {
		result.Solution = make([]float64, len(r.solved))
		for i, z := range r.solved {
			result.Solution[i] = tv.InverseAnscombe(z, r.c.TV.Gain)
		}
	}
	if e := r.Obs.MarkUnseen(r.Comm, result.Solution); e != nil {
		return e
	}
	if e := r.account(work); e != nil {
		return e
	}
	return err
}

// compare solves with FPPA at the lambda of the result, where the config asks for it, and takes down how far the cost
// of its limit is above the minimum. Collective.
func (r *run) compare(ctx context.Context, o tv.Options) error {
	if r.c.TV.Compare != compareFPPA {
		return nil
	}
	start := r.Comm.Wtime()
	r.Progress.Phase("FPPA beside it")
	o.Method, o.Rule, o.Lambda, o.Progress = tv.FPPA, tv.Fixed, r.result.Lambda, nil
	res, err := tv.Solve(ctx, r.Comm, r.problem, o)
	if res == nil {
		return err
	}
	n := func(x float64) lifecycle.Number { return lifecycle.Number(x) }
	above := res.Cost - r.result.Cost
	r.m.FPPA = &fppaMetrics{res.Iterations, n(res.Cost), n(res.Certificate), n(res.Excess), n(above), n(above + r.result.Gap)}
	r.m.Seconds.Compare = r.Comm.Wtime() - start
	return nil
}

// account fills the metrics with what the solve took and found. Collective.
func (r *run) account(work ranks.Work) error {
	res, m := r.result, r.m
	if _, err := r.Restoration.Account(work, res.Setup, res.Solve, 1, 0); err != nil {
		return err
	}
	if m.LambdaRule == string(tv.Fixed) {
		m.Seconds.Search = 0
	}
	n := func(x float64) lifecycle.Number { return lifecycle.Number(x) }
	m.Search, m.Lambda = newSearch(res.Search), n(res.Lambda)
	why := res.Status.String()
	if res.AtLimit {
		why = atLimit
	}
	m.Ended(res.Iterations, res.Converged && !res.AtLimit, why)
	m.AllIterations, m.Gaps, m.Restarts = res.All, res.Gaps, res.Restarts
	m.Objective, m.Misfit, m.TV = n(res.Cost), n(res.Misfit), n(res.TV)
	m.Gap, m.RelativeGap, m.Certificate, m.Excess = n(res.Gap), n(res.RelativeGap), n(res.Certificate), n(res.Excess)
	m.Step, m.Norm, m.History, m.Checked = n(res.Step), n(res.Norm), res.History, res.Checked
	if m.Search != nil && m.Search.Unmet != "" {
		r.Log.Warn("lambda", "rule", m.LambdaRule, "lambda", m.Lambda, "warning", "no lambda meets the rule: "+m.Search.Unmet)
	}
	r.Log.Info("solved", "lambda", m.Lambda, "iterations", m.Iterations, "converged", res.Converged,
		"relative_gap", m.RelativeGap, "certificate", m.Certificate, "seconds", m.Seconds)
	return nil
}

// measure compares the solution with the data, and both with the truth, where that is known.
// Collective.
func (r *run) measure() error {
	residual, err := r.residual()
	if err != nil {
		return err
	}
	if r.c.TV.Poisson != noPoisson {
		r.m.Known(1, "of counts")
	} else if err := r.Given(r.c.TV.Noise, r.c.TV.NoiseUnit == ofData); err != nil {
		return err
	}
	if err := r.Judge(r.result.Solution, residual); err != nil {
		return err
	}
	return r.AgainstTruth(frames.Column{Name: lifecycle.AnswerColumn, Values: r.result.Solution})
}
