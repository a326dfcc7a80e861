package tikhonov

import (
	"context"
	"io"

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
	return unfinished
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
	m.Seconds.Lambda = 0 // this job has no search for lambda
	m.Tiles, m.Factors = int(tiles[0]), int(tiles[1])
	m.Iterations, m.Converged, m.History = res.Iterations, res.Converged, res.History
	m.Residual, m.ErrorBound = lifecycle.Number(res.Residual), lifecycle.Number(res.ErrorBound)
	m.Objective, m.Misfit = lifecycle.Number(res.Objective), lifecycle.Number(res.Misfit)
	r.Log.Info("solved", "iterations", m.Iterations, "converged", m.Converged,
		"residual", m.Residual, "error_bound", m.ErrorBound, "seconds", m.Seconds)
	return nil
}

// measure compares the observation and both layers with the truth, where that is known.
// Collective.
func (r *layersRun) measure() error {
	if r.Obs.Truth == nil {
		return nil
	}
	db, err := r.PSNR(r.Obs.Data, r.result.First, r.result.Second)
	if err != nil {
		return err
	}
	r.m.PSNR = &layersPSNR{db[0], db[1], db[2]}
	return nil
}

// write leaves the result: both layers, pictures, and metrics.json. Collective.
func (r *layersRun) write() error {
	start, gathered := r.Comm.Wtime(), 0.0
	return r.Finish(lifecycle.Ending{
		Write: func() (err error) {
			if gathered, err = r.WriteArrays(r.pictures(), r.labels()); err != nil {
				return err
			}
			return r.LargestProcess()
		},
		Metrics: func(total, memory float64) any {
			r.m.PeakMemoryMB = memory
			r.m.Seconds.Gather, r.m.Seconds.Write = gathered, r.Comm.Wtime()-start-gathered
			r.m.Seconds.Total = total
			return r.m
		},
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// layersFiles are all files that a run may leave.
func layersFiles() []string {
	return append(report.Names(frames.PanelName), "solution.npy", "solution.png", "layer1.npy", "layer1.png")
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
		{Name: "solution.png", Title: "second layer", Scale: r.Obs.Intensity(), Owned: frames.Part(r.result.Second), Stretch: stretch, Panel: 2, Files: r.Npy("solution.npy")},
		{Name: "layer1.png", Title: "first layer", Owned: frames.Part(r.result.First), Panel: 1, Files: r.Npy("layer1.npy")},
		{Title: "observed", Owned: frames.Part(r.Obs.Data)},
	}
	if r.Obs.Truth != nil {
		list = append(list, frames.Picture{Title: "truth", Owned: frames.Part(r.Obs.Truth), Panel: 3})
	}
	return list
}
