package tikhonov

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/stencil"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

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
	psf = psf.Fold(shape.Rows, shape.Cols, frames.Borders[c.Tikhonov.Border])
	fit, err := c.calibrate(ctx, comm, shape, psf)
	if err != nil {
		return nil, fmt.Errorf("calibration on the middle of the frame: %w", err)
	}
	t, err := frames.TrafficOf(shape, n, c.exchanges(psf, shape.Channels, fit))
	if err != nil {
		return nil, err
	}
	switch fit.method {
	case krylov.TwoLevel:
		t.Gather(c.coarseNodes(shape) * float64(shape.Channels))
	case krylov.Spectral:
		t.Transpose(shape, 2)
	}
	mapping, err := c.planErrors(ctx, comm, shape, psf, fit)
	if err != nil {
		return nil, fmt.Errorf("error map of the middle of the frame: %w", err)
	}
	if fit.method == krylov.Spectral {
		fit.Steps += spectralSteps * fit.Solves
	}
	p := t.Plan(shape, &fit.Calibration, float64(shape.Channels)*float64(t.Owned), link)
	p.RootBytes = c.source().RootBytes(c.Output.Gather, shape)
	if mapping != "" {
		p.Row("error map", "%s", mapping)
	}
	if fit.method == krylov.Spectral {
		t.SayTranspose(p)
	} else {
		t.Say(p, fmt.Sprintf("%d pixels for the matrix, %d for the overlap", c.reach(psf), fit.overlap))
	}
	return p, nil
}

// spectralSteps is how many more transforms there and back than iterations a spectral solve
// makes, beyond the two that steps counts.
const spectralSteps = 4

// exchanges are those of an iteration: of M = H'WH + lambda Q'Q, one as wide as its stencil
// or, where a reflecting border meets a PSF that is not its own mirror image, one for each
// of H, H' and Q; and of the local solves, which send their results back where those of
// several tiles are added up.
func (c *settings) exchanges(psf forward.PSF, channels int, fit *calibration) []frames.Exchange {
	if fit.method == krylov.Spectral {
		return nil
	}
	border := frames.Borders[c.Tikhonov.Border]
	reach, overlap := c.reach(psf), fit.overlap
	list := []frames.Exchange{{Rows: reach, Cols: reach, Border: border, Planes: channels, Times: 1}}
	if border == halo.Reflect && !mirrored(psf) || c.PSFModel.Used() {
		q := max(0, forward.Regulariser(c.Tikhonov.Regulariser).Reach())
		list = []frames.Exchange{{Rows: q, Cols: q, Border: border, Planes: channels, Times: 1}, {Rows: psf.Rows / 2, Cols: psf.Cols / 2, Border: border, Planes: channels, Times: 2}}
	}
	local := frames.Exchange{Rows: overlap, Cols: overlap, Border: border, Planes: channels, Times: 1}
	switch fit.method {
	case krylov.CG:
		return list
	case krylov.ASCG:
		local.Times = 2
	case krylov.TwoLevel:
		list[0].Times, local.Times = 2, 2 // M is applied again between the two levels
	case krylov.Mult:
		list[0].Times, local.Times = 4, 8 // a sweep goes through four colours of tiles
	}
	return append(list, local)
}

// mirrored tells whether a PSF is its own mirror image along both axes, to rounding.
func mirrored(p forward.PSF) bool {
	return p.Values == nil || stencil.New(p.Rows, p.Cols, p.Values).Symmetric()
}

// reach is the radius of the stencil of M = H'WH + lambda Q'Q.
func (c *settings) reach(k forward.PSF) int {
	return max(k.Rows/2*2, k.Cols/2*2, forward.Regulariser(c.Tikhonov.Regulariser).Reach())
}

// coarseNodes is about how many nodes the coarse grid of the two-level method has.
func (c *settings) coarseNodes(shape *imageio.Frame) float64 {
	tile := float64(c.Tikhonov.Tile)
	if tile == 0 {
		tile = 16
	}
	return min(16384, math.Ceil(float64(shape.Rows)/tile)*math.Ceil(float64(shape.Cols)/tile))
}

// calibration is what solving small pieces of the frame has shown.
type calibration struct {
	frames.Calibration
	method  krylov.Method // that was used
	overlap int           // likewise, pixels
}

// calibrate solves pieces of growing size from the middle of the frame. Where lambda has to
// be found, the smallest piece shows how much longer the search takes than one solve, and
// the other pieces are solved at the lambda that was found.
func (c *settings) calibrate(ctx context.Context, comm ranks.Comm, shape *imageio.Frame, psf forward.PSF) (*calibration, error) {
	fit := &calibration{}
	fixed, search := *c, 1.0
	var x, seconds, bytes []float64
	var last *image.Result
	for i, side := range []int{48, 80, 176} { // the first solve also pays for page faults and the set-up of libraries
		o, err := c.source().Middle(ctx, comm, psf, shape, max(side, psf.Rows), max(side, psf.Cols))
		if err != nil {
			return nil, err
		}
		var result *image.Result
		var count steps
		solve := func() (err error) {
			options := fixed.solverOptions(o)
			count = steps{}
			options.Progress = func(p krylov.Progress) { count.add(p.Iteration) }
			result, _, err = fixed.solveFrame(ctx, comm, o.Problem(psf), options)
			return unlessUnfinished(err)
		}
		if i == 0 {
			long, err := frames.Timed(solve)
			if err != nil {
				return nil, err
			}
			if c.Tikhonov.Lambda.rule == image.Fixed {
				continue
			}
			fit.Iterations, fit.Steps, fit.Solves = result.Iterations, count.all(), max(1, count.solves)
			fixed.Tikhonov.Lambda = lambda{rule: image.Fixed, value: result.Lambda}
			short, err := frames.Timed(solve)
			if err != nil {
				return nil, err
			}
			search = max(1, long/short)
			continue
		}
		s, err := frames.MeasureSolve(o.Bytes(), solve)
		if err != nil {
			return nil, err
		}
		last = result
		x = append(x, float64(len(o.Data)))
		seconds = append(seconds, search*s.Seconds)
		bytes = append(bytes, s.Bytes)
		if c.Tikhonov.Lambda.rule == image.Fixed {
			fit.Iterations, fit.Steps, fit.Solves = result.Iterations, count.all(), max(1, count.solves)
		}
	}
	fit.method, fit.overlap = last.Method, max(last.Overlap, c.Tikhonov.Overlap.option())
	fit.Seconds = lifecycle.LineThrough(x[0], seconds[0], x[1], seconds[1])
	fit.Bytes = lifecycle.LineThrough(x[0], bytes[0], x[1], bytes[1])
	return fit, nil
}

// steps counts the iterations of one or more solves.
type steps struct{ iterations, solves, last int }

// add counts an iteration by its number in its solve; 0 is none.
func (s *steps) add(iteration int) {
	if iteration == 0 {
		return
	}
	if s.iterations++; s.iterations == 1 || iteration <= s.last {
		s.solves++
	}
	s.last = iteration
}

// all is the iterations, and two more for the start and the end of each solve, where
// residuals are formed.
func (s *steps) all() int { return s.iterations + 2*s.solves }

// unlessUnfinished is err, but nil where a solve only stopped at max_iterations.
func unlessUnfinished(err error) error {
	if krylov.Unfinished(err) {
		return nil
	}
	return err
}
