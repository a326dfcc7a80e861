package tikhonov

import (
	"context"
	"fmt"
	"math"
	"time"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// plan is what a run on so many ranks would cost. It looks at the middle of
// the frame only: two small pieces of it are restored with the config's own
// options on this one rank, and what grows with the number of pixels is told from
// what does not.
func (c *settings) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	shape, err := c.source().Shape()
	if err != nil {
		return nil, err
	}
	channels, rows, cols := shape.Channels, shape.Rows, shape.Cols
	frame, err := halo.Decompose([]int{rows, cols}, n)
	if err != nil {
		return nil, err
	}
	psf, err := frames.BlurPSF(comm, &c.Blur)
	if err != nil {
		return nil, err
	}
	stencil := c.reach(psf)
	border := frames.Borders[c.Tikhonov.Border]
	apply, err := frame.Traffic([]int{stencil, stencil}, border)
	if err != nil {
		return nil, err
	}
	local, err := frame.Traffic([]int{c.Tikhonov.Overlap, c.Tikhonov.Overlap}, border)
	if err != nil {
		return nil, err
	}
	fit, err := c.calibrate(ctx, comm, shape, psf)
	if err != nil {
		return nil, fmt.Errorf("calibration on the middle of the frame: %w", err)
	}

	unknowns := float64(channels) * float64(apply.MaxOwned)
	p := &lifecycle.Plan{
		Ranks: n, Iterations: float64(fit.iterations), Compute: fit.seconds.At(unknowns),
		MemoryBytes: fit.bytes.At(unknowns), RootBytes: 8 * float64(channels) * float64(rows) * float64(cols),
	}
	if n > 1 {
		// Two exchanges and two sums over all ranks an iteration.
		cells := float64(channels) * float64(apply.MaxReceived+local.MaxReceived)
		sums := math.Ceil(math.Log2(float64(n)))
		p.Talk = 2*link.Latency*sums + 2*link.Latency
		if link.Bandwidth > 0 {
			p.Talk += 8 * cells / link.Bandwidth
		}
		p.Talk *= p.Iterations
		p.SentBytes = p.Iterations * 8 * cells * float64(n)
		p.Messages = p.Iterations * (float64(apply.Messages+local.Messages) + 2*sums*float64(n))
	}
	p.Row("frame", "%d x %d x %d", channels, rows, cols)
	layout := "bricks"
	if g := frame.GridShape(); g != nil {
		layout = fmt.Sprintf("a grid of %d x %d", g[0], g[1])
	}
	first := frame.Owned(0).Shape()
	p.Row("ranks", "%d in %s; rank 0 owns %d x %d pixels, none more than %d", n, layout, first[0], first[1], apply.MaxOwned)
	p.Row("halo", "%d pixels for the matrix, %d for the overlap: %s received a rank and iteration, %.1f %% of what it owns",
		stencil, c.Tikhonov.Overlap, lifecycle.Bytes(8*float64(channels)*float64(apply.MaxReceived+local.MaxReceived)),
		100*(apply.MaxRatio+local.MaxRatio))
	p.Row("messages", "%d an iteration, to at most %d neighbours", apply.Messages+local.Messages, max(apply.MaxNeighbours, local.MaxNeighbours))
	return p, nil
}

// reach is the radius of the stencil of M = H'WH + lambda Q'Q.
func (c *settings) reach(k forward.PSF) int {
	q := map[forward.Regulariser]int{forward.Identity: 0, forward.Gradient: 1, forward.Laplacian: 2}
	return max(k.Rows/2*2, k.Cols/2*2, q[forward.Regulariser(c.Tikhonov.Regulariser)])
}

// calibration is what one rank needs for a frame of so many unknowns.
type calibration struct {
	seconds    lifecycle.Line // set-up and solve
	bytes      lifecycle.Line
	iterations int
}

// calibrate solves pieces of growing size from the middle of the frame. Where
// lambda has to be found, the smallest piece tells how much longer that takes
// than one solve, and the others are solved at the lambda found.
func (c *settings) calibrate(ctx context.Context, comm ranks.Comm, shape *imageio.Frame, psf forward.PSF) (*calibration, error) {
	fit := &calibration{}
	fixed, search := *c, 1.0
	var x, seconds, bytes []float64
	for i, side := range []int{48, 80, 176} { // the first also takes page faults and the libraries' own set-up
		rows, cols := min(side, shape.Rows), min(side, shape.Cols)
		r0, c0 := (shape.Rows-rows)/2, (shape.Cols-cols)/2
		box := imageio.Box{R0: r0, R1: r0 + rows, C0: c0, C1: c0 + cols}
		o, err := c.source().Piece(comm, psf, box)
		if err != nil {
			return nil, err
		}
		var result *image.Result
		solve := func() (err error) {
			result, _, err = fixed.solveFrame(ctx, comm, o.Problem(psf), fixed.solverOptions(o))
			if krylov.Unfinished(err) {
				return nil
			}
			return err
		}
		start := time.Now()
		if err := solve(); err != nil {
			return nil, err
		}
		took := time.Since(start).Seconds()
		if i == 0 {
			if c.Tikhonov.Lambda.rule != image.Fixed {
				fixed.Tikhonov.Lambda = lambda{rule: image.Fixed, value: result.Lambda}
				start = time.Now()
				if err := solve(); err != nil {
					return nil, err
				}
				search = max(1, took/time.Since(start).Seconds())
			}
			continue
		}
		held, err := lifecycle.PeakHeap(solve)
		if err != nil {
			return nil, err
		}
		x = append(x, float64(o.Channels*rows*cols))
		seconds = append(seconds, search*took)
		bytes = append(bytes, held+8*float64(len(o.Data)+len(o.Weights)+len(o.Truth)))
		fit.iterations = result.Iterations
	}
	fit.seconds = lifecycle.LineThrough(x[0], seconds[0], x[1], seconds[1])
	fit.bytes = lifecycle.LineThrough(x[0], bytes[0], x[1], bytes[1])
	return fit, nil
}
