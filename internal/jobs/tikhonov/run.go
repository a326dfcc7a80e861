package tikhonov

import (
	"context"
	"errors"
	"fmt"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tikhonov/image/literal"
)

// run is the state of one rank of a tikhonov job.
type run struct {
	frames.Restoration
	c      *settings
	unused bool // the config has a [simulate] section that is not used, as [image] has a path
	m      *metrics
	psf    forward.PSF
	result *image.Result
	bias   *literal.Bias // of the printed method only
	even   []float64     // the solution, blurred with the target PSF; nil = there is none

	sigma *image.Errors        // nil = no error map is wanted
	steps []*image.Restoration // for what is measured after the solve, one for all channels or for each (nil = not observed); nil without an error map
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
	if err := r.Note(report, psf, frames.Borders[r.c.Tikhonov.Border]); err != nil {
		return err
	}
	unfinished := r.solve(ctx)
	if unfinished != nil && !krylov.Unfinished(unfinished) {
		if errors.As(unfinished, new(*image.TrialError)) {
			return further(unfinished, "tikhonov", r.c.Tikhonov.MaxIterations, r.c.Tikhonov.Tolerance)
		}
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
	if err := r.homogenise(ctx); err != nil {
		return err
	}
	if err := r.measureErrors(ctx); err != nil {
		return err
	}
	if err := r.write(); err != nil {
		return err
	}
	return further(unfinished, "tikhonov", r.c.Tikhonov.MaxIterations, r.c.Tikhonov.Tolerance)
}

// further is lifecycle.Further, without more iterations where the residual stands still.
func further(err error, section string, most int, tolerance float64) error {
	var e *krylov.NotConvergedError
	if errors.As(err, &e) && e.Status == krylov.Stagnated {
		most = 0
	}
	return lifecycle.Further(err, section, most, tolerance)
}

// solve calls the solver. Where it stops at max_iterations there is an error and a result:
// the last iterate, which is written. Collective.
func (r *run) solve(ctx context.Context) error {
	o := r.c.solverOptions(r.Obs)
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
	result, bias, err := r.restore(ctx, o)
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

// account fills the metrics with what the solve took and found. Collective.
func (r *run) account(work ranks.Work) error {
	res, m := r.result, r.m
	tiles, err := r.Restoration.Account(work, res.Setup, res.Solve, res.Overlap, res.FactorBytes, float64(res.TilesShared), float64(res.TilesExact))
	if err != nil {
		return err
	}
	if err := r.accountErrors(); err != nil {
		return err
	}
	if m.LambdaRule == string(image.Fixed) {
		m.Seconds.Search = 0 // there is no search: the rest is the preparation of the solver
	}
	if m.Search = newSearch(res.Search); m.Search != nil {
		m.LambdaRule = string(res.Search.Rule) // of "auto" the one that it took
	}
	if m.PSFModel != nil {
		m.PSFModel.Boxes = res.Boxes
	}
	m.TilesShared, m.TilesExact = int(tiles[0]), int(tiles[1])
	m.Method, m.Local, m.Overlap, m.Fallback = string(res.Method), string(res.Local), res.Overlap, res.Fallback
	m.Lambda = lifecycle.Number(res.Lambda)
	m.Ended(res.Iterations, res.Converged, stopped(res.Converged, res.Residual))
	m.Residual, m.ErrorBound, m.Certified = lifecycle.Number(res.Residual), lifecycle.Number(res.ErrorBound), res.Certified
	m.Objective, m.History = lifecycle.Number(res.Objective), res.History
	r.Log.Info("solved", "lambda", m.Lambda, "iterations", m.Iterations, "converged", res.Converged,
		"residual", m.Residual, "error_bound", m.ErrorBound, "seconds", m.Seconds)
	if b := r.bias; b != nil {
		m.Bias = &bias{lifecycle.Number(b.Owner), lifecycle.Number(b.Averaged), lifecycle.Number(b.PlainSum), lifecycle.Number(b.ArgMin)}
	}
	return nil
}

// measure compares the solution with the data, and both with the truth, where that is known.
// Collective.
func (r *run) measure() error {
	residual, err := r.residual()
	if err != nil {
		return err
	}
	if err := r.Given(r.c.Tikhonov.Noise, r.c.Tikhonov.NoiseUnit == string(image.OfData)); err != nil {
		return err
	}
	if err := r.Judge(r.result.Solution, residual); err != nil {
		return err
	}
	return r.AgainstTruth(frames.Column{Name: lifecycle.AnswerColumn, Values: r.result.Solution})
}

// stopped says why the iterations ended.
func stopped(converged bool, residual float64) string {
	if converged {
		return fmt.Sprintf("the residual of the equations is %.1e of the right-hand side", residual)
	}
	return fmt.Sprintf("max_iterations was reached; the residual of the equations is %.1e of the right-hand side", residual)
}
