package mlpatch

import (
	"context"
	"fmt"
	"math"

	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/tv"
)

// plan is what a run on n ranks would cost. Small pieces from the middle of the frame are
// restored on this one rank; what grows with the number of pixels is told from what does not.
func (w *work) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	if w.streams() {
		return w.planBands(comm, n)
	}
	shape, err := w.shape()
	if err != nil {
		return nil, err
	}
	model, err := readModel(w.model.Model)
	if err != nil {
		return nil, err
	}
	psf, err := w.source().PSFOf(comm, w.blur, shape)
	if err != nil {
		return nil, err
	}
	border := frames.Borders[w.model.Border]
	psf = psf.Fold(shape.Rows, shape.Cols, border)
	fit, solved, around, reach, inner, filtered, passes := &frames.Calibration{}, 0, 0, 0, 0, 0, shape.Channels
	var x, seconds, bytes []float64
	sides := []int{48, 80, 144}                             // the first also pays for page faults
	if w.admm != nil && model.Network.Operations() > 5000 { // many passes
		sides = []int{24, 40, 72}
	}
	for i, side := range sides {
		source := w.source()
		if w.scanned() && w.image.Path != "" { // projections have no middle: a made-up frame stands for theirs
			image := frames.DefaultImage()
			source = &frames.Source{Seed: w.seed, Image: &image, Simulate: &frames.SimulateSection{Rows: shape.Rows, Cols: shape.Cols, Channels: 1, Noise: 0.01}, Border: border}
		}
		o, err := source.Middle(ctx, comm, psf, shape, max(side, psf.Rows), max(side, psf.Cols))
		if err != nil {
			return nil, err
		}
		scanned, o, err := w.scan(comm, o)
		if err != nil {
			return nil, err
		}
		var r *restored
		solve := func() (err error) {
			r, err = w.restore(ctx, comm, o, scanned, psf, model, nil)
			return err
		}
		if i == 0 {
			if err := solve(); err != nil {
				return nil, fmt.Errorf("calibration on the middle of the frame: %w", err)
			}
			continue
		}
		s, err := frames.MeasureSolve(o.Bytes(), solve)
		if err != nil {
			return nil, fmt.Errorf("calibration on the middle of the frame: %w", err)
		}
		x, seconds, bytes = append(x, float64(len(o.Data))), append(seconds, s.Seconds), append(bytes, s.Bytes)
		fit.Iterations, fit.Steps, reach = 1, 1, r.reach
		if r.tv != nil {
			fit.Steps, solved, around = max(r.tv.All, 1), r.tv.Poisson, 1
		}
		if a := r.admm; a != nil {
			fit.Iterations, inner, filtered = a.Iterations, a.Inner+r.quadratic, r.filtered
			passes *= a.Iterations + 8 // the Lipschitz constant
		}
	}
	fit.Seconds = lifecycle.LineThrough(x[0], seconds[0], x[1], seconds[1])
	fit.Bytes = lifecycle.LineThrough(x[0], bytes[0], x[1], bytes[1])
	list := []frames.Exchange{{Rows: around, Cols: around, Border: border, Planes: shape.Channels, Times: 1}}
	if around > 0 {
		list = append(list, frames.Exchange{Rows: psf.Rows / 2, Cols: psf.Cols / 2, Border: border, Planes: shape.Channels, Times: 2})
	}
	t, err := frames.TrafficOf(shape, n, list)
	if err != nil {
		return nil, err
	}
	p := t.Plan(shape, fit, float64(shape.Channels)*float64(t.Owned), link)
	add := func(sent, messages float64) {
		p.SentBytes += sent
		p.Messages += messages
		if link.Bandwidth > 0 {
			p.Talk += sent / float64(n) / link.Bandwidth
		}
	}
	if n > 1 {
		if psf.Values != nil { // the gap of a denoising solves no equation
			values, messages := tv.PoissonTraffic(t.Frame)
			add(8*values*float64(shape.Channels*solved), float64(messages*solved))
		}
		one, err := t.Frame.Traffic([]int{reach, reach}, border)
		if err != nil {
			return nil, err
		}
		add(8*float64(one.Cells*passes), float64(one.Messages*passes))
		if filtered > 0 { // four exchanges of the frame's rows an iteration, and those that measure the spectrum
			const bands = 12
			pixels := float64(shape.Rows) * float64(shape.Cols) * float64(shape.Channels)
			calls := float64(4*(filtered+1) + 2*bands)
			add(8*calls*pixels*(1-1/float64(n)), calls*float64(n*(n-1)))
		}
		if inner > 0 && w.scanned() { // every rank has all angles, before and after each projection
			bins := math.Ceil(math.Hypot(float64(shape.Rows), float64(shape.Cols))) + 2
			add(16*float64(inner)*float64(w.tomography.Angles)*bins*float64(n-1), float64(2*inner*n*(n-1)))
		} else if inner > 0 {
			one, err := t.Frame.Traffic([]int{psf.Rows / 2, psf.Cols / 2}, border)
			if err != nil {
				return nil, err
			}
			add(16*float64(one.Cells*inner*shape.Channels), float64(2*one.Messages*inner))
		}
	}
	p.RootBytes = w.source().RootBytes(w.output.Gather, shape)
	p.Row("model", "%d parameters, %.0f operations a pixel; %d passes over a channel", len(model.theta), model.Network.Operations(), passes/shape.Channels)
	t.Say(p, fmt.Sprintf("%d pixels for the model", reach))
	return p, nil
}
