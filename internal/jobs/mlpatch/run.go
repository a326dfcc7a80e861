package mlpatch

import (
	"context"
	"fmt"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/krylov"
	"tessera/mlpatch"
	"tessera/ranks"
)

// run is the state of one rank of a job that applies a model.
type run struct {
	frames.Restoration
	w      *work
	unused bool // the config has a [simulate] section that is not used, as [image] has a path
	m      *metrics
	model  *learned
	psf    forward.PSF
	result *restored
	scan   *scan // nil without tomography
}

func (r *run) run(ctx context.Context) (err error) {
	model, failed := readModel(r.w.model.Model) // every rank reads it: it is small
	if err := ranks.AgreeError(r.Comm, failed); err != nil {
		return err
	}
	r.model = model
	if r.Comm.Rank() == 0 {
		r.Took(model.took(r.w.model.Model))
	}
	if r.w.streams() {
		return r.stream(ctx)
	}
	psf, report, err := frames.ReportedPSF(r.Comm, r.w.blur)
	if err != nil {
		return err
	}
	r.psf, r.m.PSF = psf, report
	if err := r.Observe(ctx, r.w.source(), psf, r.unused, r.w.output.Gather); err != nil {
		return err
	}
	if r.scan, r.Obs, err = r.w.scan(r.Comm, r.Obs); err != nil {
		return err
	}
	if r.scan != nil && r.w.image.Truth != "" {
		if err := r.ReadTruth(ctx, r.w.image); err != nil {
			return err
		}
	}
	r.m.Rows, r.m.Cols = r.Obs.Shape()
	if r.scan != nil {
		r.m.Tomography = &tomographyMetrics{r.w.tomography.Angles, r.scan.op.Bins()}
	}
	if err := r.Note(report, psf, frames.Borders[r.w.model.Border]); err != nil {
		return err
	}
	var progress func(krylov.Progress)
	if r.Comm.Rank() == 0 {
		progress = func(p krylov.Progress) {
			if p.Iteration == 0 {
				r.Progress.Phase(p.Phase)
				return
			}
			if p.Phase != "ADMM" {
				p.Phase = "TV, " + p.Phase
			}
			r.Progress.Step(p.Phase, p.Iteration, p.Residual, p.Target)
			r.Log.Info("iteration", "phase", p.Phase, "iteration", p.Iteration, "residual", lifecycle.Number(p.Residual))
		}
	}
	r.Progress.Phase("model")
	stop := ranks.Measure(r.Comm)
	r.result, err = r.w.restore(ctx, r.Comm, r.Obs, r.scan, psf, r.model, progress)
	work := stop()
	if err != nil {
		return err
	}
	if err := r.account(work); err != nil {
		return err
	}
	// The result is there. A cancelled run keeps the earlier result in its directory.
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	if err := r.measure(); err != nil {
		return err
	}
	if err := r.write(); err != nil {
		return err
	}
	return lifecycle.Further(r.result.unfinished, "tv", r.w.tv.MaxIterations, r.w.tv.Tolerance)
}

// account fills the metrics with what the restorations took and found. Collective.
func (r *run) account(work ranks.Work) error {
	res, m := r.result, r.m
	if _, err := r.Restoration.Account(work, res.setup, res.apply, res.reach, 0); err != nil {
		return err
	}
	m.Seconds.Search, m.Seconds.Compare = 0, res.beside
	n := func(v float64) lifecycle.Number { return lifecycle.Number(v) }
	switch {
	case r.w.sigma > 0:
		m.Known(res.noise, frames.NoiseGiven)
	case r.Obs.Made:
		m.Known(res.noise, frames.NoiseSimulated)
	default:
		m.Known(res.noise, frames.NoiseFound)
	}
	m.Model = modelMetrics{r.w.model.Model, r.model.Digest, r.model.Network.Parameters(), n(res.score), res.strange, n(res.outside)}
	if t := res.tv; t != nil {
		m.TV = &tvMetrics{n(t.Lambda * r.model.Scale), t.Iterations, t.Converged, n(t.RelativeGap)}
	}
	if a := res.admm; a != nil {
		m.ADMM = &admmMetrics{a.Inner, n(a.Lipschitz), a.Primal, a.Dual}
	}
	if a := res.admm; a != nil {
		why := "the residuals are below admm.tolerance"
		if !a.Converged {
			why = "admm.max_iterations was reached"
		}
		m.Ended(a.Iterations, a.Converged, why)
	}
	for _, c := range res.columns {
		m.Beside = append(m.Beside, besideMetrics{Name: c.name, Lambda: n(c.lambda)})
	}
	for _, line := range m.warnings() {
		r.Log.Warn("model", "warning", line)
	}
	return nil
}

// warnings say why the restoration is not to be trusted.
func (m *metrics) warnings() (list []string) {
	if m.Model.Strange {
		mend := "train a model on such pictures"
		if m.TV != nil {
			mend += ", or use tv.npy"
		}
		list = append(list, fmt.Sprintf("the result is unlike the pictures that the model has learned from (score %.2f, more than %.2f): %s", m.Model.Score, mlpatch.Farther, mend))
	}
	if m.Model.Outside > 0 {
		list = append(list, fmt.Sprintf("%.3g %% of the pixels have a noise that the model has not learned: train one with other noise.low and noise.high", 100*m.Model.Outside))
	}
	if m.Status == lifecycle.NotConverged {
		list = append(list, fmt.Sprintf("ADMM has not converged after %d iterations: give a smaller admm.damping, or a larger admm.max_iterations", m.Iterations))
	}
	return list
}

// measure compares the restoration with the data, and the observation and the restorations with
// the truth, where that is known. Collective.
func (r *run) measure() error {
	x := r.result.learned
	if r.scan != nil {
		var err error
		if r.m.Fit, err = r.scan.fit(r.Comm, x); err != nil {
			return err
		}
	} else {
		residual, err := r.Residual(r.psf, frames.Borders[r.w.model.Border], x)
		if err != nil {
			return err
		}
		if err := r.Judge(x, residual); err != nil {
			return err
		}
	}
	columns := []frames.Column{{Name: lifecycle.AnswerColumn, Values: x}}
	for _, c := range r.result.columns {
		columns = append(columns, frames.Column{Name: c.name, Values: c.x})
	}
	return r.AgainstTruth(append(columns, frames.Column{Name: "tv", Values: r.result.variation})...)
}
