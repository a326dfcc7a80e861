package tppa

import (
	"context"
	"fmt"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/tppa"
)

// plan is what a run on n ranks would cost. Small pieces from the middle of the frame are
// restored on this one rank; what grows with the number of pixels is told from what does not.
func (c *settings) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	shape, err := c.source().Shape()
	if err != nil {
		return nil, err
	}
	model, err := readModel(c.TPPA.Model)
	if err != nil {
		return nil, err
	}
	psf, err := c.source().PSFOf(comm, &c.Blur, shape)
	if err != nil {
		return nil, err
	}
	border := frames.Borders[c.TPPA.Border]
	psf = psf.Fold(shape.Rows, shape.Cols, border)
	fit, last := &frames.Calibration{}, (*restored)(nil)
	var x, seconds, bytes []float64
	for i, side := range []int{48, 80, 144} { // the first also pays for page faults
		o, err := c.source().Middle(ctx, comm, psf, shape, max(side, psf.Rows), max(side, psf.Cols))
		if err != nil {
			return nil, err
		}
		h, err := c.blur(comm, o, psf)
		if err != nil {
			return nil, err
		}
		var r *restored
		solve := func() (err error) {
			r, err = c.restore(ctx, comm, o, h, psf, model, nil)
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
		fit.Iterations, fit.Steps, last = model.Network.Layers, model.Network.Layers, r
	}
	fit.Seconds = lifecycle.LineThrough(x[0], seconds[0], x[1], seconds[1])
	fit.Bytes = lifecycle.LineThrough(x[0], bytes[0], x[1], bytes[1])
	list := []frames.Exchange{
		{Rows: 1, Cols: 1, Border: border, Planes: shape.Channels, Times: 1},
		{Rows: psf.Rows / 2, Cols: psf.Cols / 2, Border: border, Planes: shape.Channels, Times: 2},
	}
	t, err := frames.TrafficOf(shape, n, list)
	if err != nil {
		return nil, err
	}
	p := t.Plan(shape, fit, float64(shape.Channels)*float64(t.Owned), link)
	if n > 1 {
		if err := c.beside(p, shape, psf, last, n, link); err != nil {
			return nil, err
		}
	}
	p.RootBytes = c.source().RootBytes(c.Output.Gather, shape)
	p.Row("TV beside it", "about %d iterations and %d duality gaps", last.tv.All, last.tv.Gaps)
	p.Row("others beside it", "about %d transforms of the frame for Tikhonov, %d iterations with wavelets of %d levels", 2*last.transforms, last.plugged.Trials*tppa.PlugIterations, last.plugged.Levels)
	t.Say(p, fmt.Sprintf("%d pixels for the blur, 1 for the differences", max(psf.Rows, psf.Cols)/2))
	return p, nil
}

// beside adds what the methods beside the model send: total variation, the transforms of Tikhonov, and the iterations
// of plug-and-play.
func (c *settings) beside(p *lifecycle.Plan, shape *imageio.Frame, psf forward.PSF, last *restored, n int, link lifecycle.Link) error {
	border := frames.Borders[c.TPPA.Border]
	margin := 1<<last.plugged.Levels - 1
	spun, err := frames.TrafficOf(shape, n, []frames.Exchange{
		{Rows: margin, Cols: margin, Border: border, Planes: shape.Channels, Times: 1},
		{Rows: psf.Rows / 2, Cols: psf.Cols / 2, Border: border, Planes: shape.Channels, Times: 2},
	})
	if err != nil {
		return err
	}
	moved, err := frames.TrafficOf(shape, n, nil)
	if err != nil {
		return err
	}
	moved.Transpose(shape, 2)
	add := func(t *frames.Traffic, steps int) {
		more := t.Plan(shape, &frames.Calibration{Steps: steps}, 0, link)
		p.SentBytes += more.SentBytes
		p.Messages += more.Messages
		p.Talk += more.Talk
	}
	add(spun, last.plugged.Trials*tppa.PlugIterations)
	add(moved, last.transforms)
	sums, err := frames.TrafficOf(shape, n, nil)
	if err != nil {
		return err
	}
	add(sums, last.tv.All)
	var radius []int
	if psf.Values != nil {
		radius = []int{psf.Rows / 2, psf.Cols / 2}
	}
	sent, messages, err := last.tv.Sent(spun.Frame, shape.Channels, border, radius)
	if err != nil {
		return err
	}
	p.Send(sent, messages, link)
	return nil
}
