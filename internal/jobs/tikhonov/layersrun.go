package tikhonov

import (
	"context"
	"fmt"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/layers"
)

// layersRun is the state of one rank of a two-layer job.
type layersRun struct {
	frames.Restoration
	c      *layersSettings
	unused bool // the config has a [simulate] section that is not used, as [image] has a path
	m      *layersMetrics
	first  forward.PSF // of H1
	result *layers.Result
}

func (r *layersRun) run(ctx context.Context) error {
	first, second, reports, err := r.c.psfs(r.Comm)
	if err != nil {
		return err
	}
	if err := r.Observe(ctx, r.c.source(), composed(first, second), r.unused, r.c.Output.Gather); err != nil {
		return err
	}
	r.m.First, r.m.Second = reports[0], reports[1]
	r.first = first
	for i, psf := range []forward.PSF{first, second} {
		if err := r.Note(reports[i], psf, frames.Borders[r.c.Layers.Border]); err != nil {
			return err
		}
	}
	unfinished := r.solve(ctx, first, second)
	if unfinished != nil && !krylov.Unfinished(unfinished) {
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
	return further(unfinished, "layers", r.c.Layers.MaxIterations, r.c.Layers.Tolerance)
}

// solve calls the solver. Where it stops at max_iterations there is an error and a result:
// the last iterate, which is written. Collective.
func (r *layersRun) solve(ctx context.Context, first, second forward.PSF) error {
	o := r.c.options()
	if r.Comm.Rank() == 0 {
		o.Progress = func(p krylov.Progress) {
			r.Progress.Step(p.Phase, p.Iteration, p.Residual, p.Target)
			r.Log.Info("iteration", "iteration", p.Iteration, "residual", lifecycle.Number(p.Residual))
		}
	}
	r.Progress.Phase("set-up")
	stop := ranks.Measure(r.Comm)
	result, err := solveLayers(ctx, r.Comm, r.Obs, first, second, o)
	work := stop()
	if result == nil {
		return err
	}
	r.result = result
	if e := r.account(work); e != nil {
		return e
	}
	return err
}

// account fills the metrics with what the solve took and found. Collective.
func (r *layersRun) account(work ranks.Work) error {
	res, m := r.result, r.m
	tiles, err := r.Restoration.Account(work, res.Setup, res.Solve, r.c.Layers.Overlap, res.FactorBytes, float64(res.Tiles), float64(res.Factors))
	if err != nil {
		return err
	}
	m.Seconds.Search = 0 // this job has no search for lambda
	m.Tiles, m.Factors = int(tiles[0]), int(tiles[1])
	m.Ended(res.Iterations, res.Converged, stopped(res.Converged, float64(res.Residual)))
	m.History = res.History
	m.Residual, m.ErrorBound = lifecycle.Number(res.Residual), lifecycle.Number(res.ErrorBound)
	m.Objective, m.Misfit = lifecycle.Number(res.Objective), lifecycle.Number(res.Misfit)
	r.Log.Info("solved", "iterations", m.Iterations, "converged", res.Converged,
		"residual", m.Residual, "error_bound", m.ErrorBound, "seconds", m.Seconds)
	return nil
}

// measure compares the result with the data, and the observation and both layers with the
// truth, where that is known.
// Collective.
func (r *layersRun) measure() error {
	residual, err := r.residual()
	if err != nil {
		return err
	}
	if err := r.Judge(r.result.Second, residual); err != nil {
		return err
	}
	return r.AgainstTruth(frames.Column{Name: lifecycle.AnswerColumn, Values: r.result.Second}, frames.Column{Name: "layer1", Values: r.result.First})
}

// residual is W^(1/2) (y - H1 u1), NaN at missing pixels. Collective.
func (r *layersRun) residual() ([]float64, error) {
	return r.Residual(r.first, frames.Borders[r.c.Layers.Border], r.result.First)
}

// write leaves the result: both layers, pictures, and metrics.json. Collective.
func (r *layersRun) write() error {
	return r.Finish(lifecycle.Ending{
		Write: func() (err error) {
			r.m.Seconds.Gather, err = r.WriteArrays(r.pictures(), r.labels())
			return err
		},
		Metrics: r.m,
	})
}

// layersFiles are all files that a run may leave.
func layersFiles() []string {
	return append([]string{"solution.npy", "solution.fits", "solution.png", "layer1.npy", "layer1.png"}, report.Names(frames.PanelName)...)
}

// labels are those of the pictures; nil = no pictures.
func (r *layersRun) labels() *frames.Labels {
	if !r.c.Output.Pictures {
		return nil
	}
	source := r.c.source()
	return r.Obs.Labels(r.c.Output.section(), "Two-layer restoration of "+source.Subject())
}

// pictures are drawn in this order, all with the stretch of the second layer, so that they
// can be compared.
func (r *layersRun) pictures() []frames.Picture {
	stretch := func(f *imageio.Frame) imageio.Stretch { return r.c.Output.section().StretchOf(f, r.Obs.Source) }
	list := []frames.Picture{
		{Name: "solution.png", Title: "second layer", Scale: r.Obs.Intensity(), Owned: frames.Part(r.result.Second), Stretch: stretch, Panel: 2, Files: r.AnswerFiles(fmt.Sprintf("tessera %s: second layer of a restoration of two layers", r.m.Tessera))},
		{Name: "layer1.png", Title: "first layer", Owned: frames.Part(r.result.First), Panel: 1, Files: r.Npy("layer1.npy")},
		{Title: "observed", Owned: frames.Part(r.Obs.Data)},
	}
	if r.Obs.Truth != nil {
		list = append(list, frames.Picture{Title: "truth", Owned: frames.Part(r.Obs.Truth), Panel: 3})
	}
	return list
}
