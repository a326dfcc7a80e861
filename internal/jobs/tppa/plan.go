package tppa

import (
	"context"
	"fmt"

	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/tv"
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
	psf, err := frames.BlurPSF(comm, &c.Blur)
	if err != nil {
		return nil, err
	}
	border := frames.Borders[c.TPPA.Border]
	psf = psf.Fold(shape.Rows, shape.Cols, border)
	fit, gaps := &frames.Calibration{}, 0
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
		fit.Iterations, fit.Steps, gaps = model.Network.Layers, r.tv.All+2+model.Network.Layers, r.tv.Gaps
	}
	fit.Seconds = lifecycle.LineThrough(x[0], seconds[0], x[1], seconds[1])
	fit.Bytes = lifecycle.LineThrough(x[0], bytes[0], x[1], bytes[1])
	// A layer exchanges faces six times where an iteration of TV exchanges one ring; the few layers do not count.
	t, err := frames.TrafficOf(shape, n, []frames.Exchange{
		{Rows: 1, Cols: 1, Border: border, Planes: shape.Channels, Times: 1},
		{Rows: psf.Rows / 2, Cols: psf.Cols / 2, Border: border, Planes: shape.Channels, Times: 2},
	})
	if err != nil {
		return nil, err
	}
	p := t.Plan(shape, fit, float64(shape.Channels)*float64(t.Owned), link)
	if n > 1 {
		values, messages := tv.GapTraffic(t.Frame)
		sent := 8 * values * float64(shape.Channels*gaps)
		p.SentBytes += sent
		p.Messages += float64(messages * gaps)
		if link.Bandwidth > 0 {
			p.Talk += sent / float64(n) / link.Bandwidth
		}
	}
	p.RootBytes = c.source().RootBytes(c.Output.Gather, shape)
	p.Row("TV beside it", "about %d iterations and %d duality gaps", fit.Steps-model.Network.Layers, gaps)
	t.Say(p, fmt.Sprintf("%d pixels for the blur, 1 for the differences", max(psf.Rows, psf.Cols)/2))
	return p, nil
}
