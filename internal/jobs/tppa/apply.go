package tppa

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tppa"
	"tessera/tv"
)

// restored is what the two methods make of an observation, in its unit.
type restored struct {
	learned, variation []float64
	*smoothed
	plugged       *tppa.Plugged
	score         float64
	strange       bool
	tv            *tv.Result
	unfinished    error // of total variation, at max_iterations
	apply, beside float64
}

// restore applies a model to an observation, and the methods that learn nothing beside it. Collective.
func (c *settings) restore(ctx context.Context, comm ranks.Comm, o *frames.Observation, h forward.Convolution, psf forward.PSF, m *learned, progress func(krylov.Progress)) (*restored, error) {
	border := frames.Borders[c.TPPA.Border]
	run, err := tppa.NewRun(ctx, comm, &m.Network, o.Frame, o.Channels, h, o.Weights, border)
	if err != nil {
		return nil, err
	}
	y := make([]float64, len(o.Data))
	for i, v := range o.Data {
		y[i] = v / m.Scale
	}
	r := &restored{}
	start := comm.Wtime()
	histogram, err := run.Histogram(y)
	if err != nil {
		return nil, err
	}
	if r.score, r.strange, err = m.seen.Score(histogram); err != nil {
		return nil, err
	}
	if r.learned, err = run.Restore(m.theta, y); err != nil {
		return nil, err
	}
	r.apply = comm.Wtime() - start
	if err := ranks.AgreeError(comm, ctx.Err()); err != nil {
		return nil, err
	}
	start = comm.Wtime()
	begin := func(phase string) {
		if progress != nil {
			progress(krylov.Progress{Phase: phase})
		}
	}
	begin("total variation, to compare")
	options := c.tvOptions(o, m.Scale)
	options.Progress = progress
	p := &tv.Problem{Frame: o.Frame, Channels: o.Channels, Operator: h, Data: y, Weights: o.Weights, Periodic: c.TPPA.Border == "periodic"}
	r.tv, err = tv.Solve(ctx, comm, p, options)
	if r.tv == nil {
		return nil, err
	}
	if err != nil && !errors.As(err, new(*tv.NotConvergedError)) {
		return nil, err
	}
	r.unfinished, r.variation = err, r.tv.Solution
	noise := r.tv.Search.Noise
	begin("Tikhonov, to compare")
	if r.smoothed, err = c.tikhonov(ctx, comm, o, psf, y, noise); err != nil {
		return nil, err
	}
	begin("wavelets, to compare")
	if r.plugged, err = run.PlugAndPlay(ctx, o.Frame, border, y, tppa.PlugOptions{Noise: noise}); err != nil {
		return nil, err
	}
	r.beside = comm.Wtime() - start
	list := [][]float64{r.learned, r.variation, r.plugged.Solution}
	if r.smoothed.x != nil {
		list = append(list, r.smoothed.x)
	}
	for _, x := range list {
		for i := range x {
			x[i] *= m.Scale
		}
	}
	return r, o.MarkUnseen(comm, list...)
}

// run is the state of one rank of a tppa job.
type run struct {
	frames.Restoration
	c      *settings
	unused bool // the config has a [simulate] section that is not used, as [image] has a path
	m      *metrics
	model  *learned
	h      forward.Convolution
	result *restored
}

func (r *run) run(ctx context.Context) (err error) {
	model, failed := readModel(r.c.TPPA.Model) // every rank reads it: it is small
	if err := ranks.AgreeError(r.Comm, failed); err != nil {
		return err
	}
	r.model = model
	if r.Comm.Rank() == 0 {
		r.Took(model.took(r.c.TPPA.Model))
	}
	psf, report, err := frames.ReportedPSF(r.Comm, &r.c.Blur)
	if err != nil {
		return err
	}
	r.m.PSF = report
	if err := r.Observe(ctx, r.c.source(), psf, r.unused, r.c.Output.Gather); err != nil {
		return err
	}
	if err := r.Note(report, psf, frames.Borders[r.c.TPPA.Border]); err != nil {
		return err
	}
	if r.h, err = r.c.blur(r.Comm, r.Obs, psf); err != nil {
		return err
	}
	var progress func(krylov.Progress)
	if r.Comm.Rank() == 0 {
		progress = func(p krylov.Progress) {
			if p.Iteration == 0 {
				r.Progress.Phase(p.Phase)
				return
			}
			r.Progress.Step("TV, "+p.Phase, p.Iteration, p.Residual, p.Target)
			r.Log.Info("iteration", "phase", "TV, "+p.Phase, "iteration", p.Iteration, "gap", lifecycle.Number(p.Residual))
		}
	}
	r.Progress.Phase("model")
	stop := ranks.Measure(r.Comm)
	r.result, err = r.c.restore(ctx, r.Comm, r.Obs, r.h, psf, r.model, progress)
	work := stop()
	if err != nil {
		return err
	}
	if err := r.account(work, psf); err != nil {
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
	return lifecycle.Further(r.result.unfinished, "tv", r.c.TV.MaxIterations, r.c.TV.Tolerance)
}

// account fills the metrics with what the restorations took and found. Collective.
func (r *run) account(work ranks.Work, psf forward.PSF) error {
	res, m := r.result, r.m
	if _, err := r.Restoration.Account(work, 0, res.apply, 1, 0); err != nil {
		return err
	}
	m.Seconds.Search, m.Seconds.Compare = 0, res.beside
	m.Model = modelMetrics{r.c.TPPA.Model, r.model.Digest, r.model.Network.Layers, lifecycle.Number(res.score), res.strange, r.otherPSF(psf)}
	m.TV = tvMetrics{lifecycle.Number(res.tv.Lambda * r.model.Scale), res.tv.Search.Unmet, res.tv.Iterations, res.tv.Converged, lifecycle.Number(res.tv.RelativeGap)}
	m.Tikhonov, m.Wavelet = tikhonovMetrics{res.lambdas, res.failed}, newWavelet(res.plugged, r.model.Scale)
	if m.Model.Strange {
		r.Log.Warn("model", "score", m.Model.Score, "warning", strangeText)
	}
	if m.Model.OtherPSF > farPSF {
		r.Warning(m.Model.otherText() + ": a model that has learned with a PSF like that of the frame restores it better; job = \"tppa-train\" makes one")
	}
	return nil
}

// farPSF is the difference from the PSF of the model, by its largest value, of which a run warns.
const farPSF = 0.25

// otherPSF is how far the PSF of the frame is from that of the model; of one that varies, the farthest of nine places from edge to
// edge. psf is that of a frame without one that varies.
func (r *run) otherPSF(psf forward.PSF) lifecycle.Number {
	v := r.Obs.Varying
	if v == nil {
		return otherPSF(psf, r.model.psf)
	}
	rows, cols := r.Obs.Shape()
	most := lifecycle.Number(0)
	for i := range 9 {
		most = max(most, otherPSF(v.At(i/3*(rows-1)/2, i%3*(cols-1)/2), r.model.psf))
	}
	return most
}

// otherText says how far the PSF is from that of the model.
func (m *modelMetrics) otherText() string {
	return fmt.Sprintf("the PSF is not that of %s: it differs by up to %.2g of the largest value of the model's", m.Path, m.OtherPSF)
}

const strangeText = "these data are unlike the pictures that the model has learned from: use the restoration by total variation (tv.npy)"

// otherPSF is the largest difference of a PSF from that of the model, by the largest value of the latter.
func otherPSF(a, b forward.PSF) lifecycle.Number {
	at := func(p forward.PSF, r, c int) float64 {
		if p.Values == nil {
			p = forward.PSF{Rows: 1, Cols: 1, Values: []float64{1}}
		}
		r, c = r+p.Rows/2, c+p.Cols/2
		if r < 0 || r >= p.Rows || c < 0 || c >= p.Cols {
			return 0
		}
		return p.Values[r*p.Cols+c]
	}
	most, top := 0.0, 0.0
	rows, cols := max(a.Rows, b.Rows)/2, max(a.Cols, b.Cols)/2
	for i := -rows; i <= rows; i++ {
		for j := -cols; j <= cols; j++ {
			most, top = max(most, math.Abs(at(a, i, j)-at(b, i, j))), max(top, math.Abs(at(b, i, j)))
		}
	}
	return lifecycle.Number(most / top)
}

func (m *modelMetrics) String() string {
	if m.Strange {
		return fmt.Sprintf("score %.2f, more than %.2f: %s", m.Score, tppa.Farther, strangeText)
	}
	return fmt.Sprintf("score %.2f: like the pictures that the model has learned from (up to %.2f)", m.Score, tppa.Farther)
}
