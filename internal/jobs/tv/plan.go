package tv

import (
	"context"
	"fmt"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/tv"
)

// calibration is what solving small pieces of the frame has shown.
type calibration struct {
	frames.Calibration
	result *tv.Result // of the last piece, without its solution
}

// plan is what a run on n ranks would cost. Small pieces from the middle of the frame are
// restored with the config's own options on this one rank; what grows with the number of
// pixels is told from what does not.
func (c *settings) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	shape, err := c.source().Shape()
	if err != nil {
		return nil, err
	}
	psf, err := c.source().PSFOf(comm, &c.Blur, shape)
	if err != nil {
		return nil, err
	}
	border := frames.Borders[c.TV.Border]
	psf = psf.Fold(shape.Rows, shape.Cols, border)
	fit, err := c.calibrate(ctx, comm, shape, psf)
	if err != nil {
		return nil, fmt.Errorf("calibration on the middle of the frame: %w", err)
	}
	list := []frames.Exchange{{Rows: 1, Cols: 1, Border: border, Planes: shape.Channels, Times: 1}}
	var radius []int
	if psf.Values != nil {
		radius = []int{psf.Rows / 2, psf.Cols / 2}
		if fit.result.Applied > fit.result.All { // in every iteration
			list = append(list, frames.Exchange{Rows: radius[0], Cols: radius[1], Border: border, Planes: shape.Channels, Times: 2})
		}
	}
	t, err := frames.TrafficOf(shape, n, list)
	if err != nil {
		return nil, err
	}
	sums, err := frames.TrafficOf(shape, n, nil)
	if err != nil {
		return nil, err
	}
	p := sums.Plan(shape, &fit.Calibration, float64(shape.Channels)*float64(t.Owned), link)
	sent, messages, err := fit.result.Sent(t.Frame, shape.Channels, border, radius)
	if err != nil {
		return nil, err
	}
	p.Send(sent, messages, link)
	if fit.result.Transforms > 0 {
		p.Row("transforms", "about %d of the whole frame, there and back", fit.result.Transforms)
	}
	p.Row("duality gaps", "about %d", fit.result.Gaps)
	p.RootBytes = c.source().RootBytes(c.Output.Gather, shape)
	t.Say(p, fmt.Sprintf("%d pixels for the blur, 1 for the differences", max(psf.Rows, psf.Cols)/2))
	return p, nil
}

// calibrate solves pieces of growing size from the middle of the frame. The first solve
// also pays for page faults and the set-up of libraries.
func (c *settings) calibrate(ctx context.Context, comm ranks.Comm, shape *imageio.Frame, psf forward.PSF) (*calibration, error) {
	fit := &calibration{}
	var x, seconds, bytes []float64
	for i, side := range []int{48, 80, 176} {
		o, err := c.source().Middle(ctx, comm, psf, shape, max(side, psf.Rows), max(side, psf.Cols))
		if err != nil {
			return nil, err
		}
		options, err := c.options(comm, o)
		if err != nil {
			return nil, err
		}
		p, err := c.problem(comm, o, psf)
		if err != nil {
			return nil, err
		}
		var result *tv.Result
		solve := func() (err error) {
			if result, err = tv.Solve(ctx, comm, p, options); result != nil {
				return nil // it may have stopped at max_iterations
			}
			return err
		}
		if i == 0 {
			if err := solve(); err != nil {
				return nil, err
			}
			continue
		}
		s, err := frames.MeasureSolve(o.Bytes(), solve)
		if err != nil {
			return nil, err
		}
		x, seconds, bytes = append(x, float64(len(o.Data))), append(seconds, s.Seconds), append(bytes, s.Bytes)
		fit.Iterations, fit.Steps, fit.result = result.Iterations, result.All+2, result
		fit.result.Solution = nil
	}
	fit.Seconds = lifecycle.LineThrough(x[0], seconds[0], x[1], seconds[1])
	fit.Bytes = lifecycle.LineThrough(x[0], bytes[0], x[1], bytes[1])
	return fit, nil
}
