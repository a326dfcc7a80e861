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
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/layers"
)

// plan is what a run on n ranks would cost, calibrated on a small piece from the middle of
// the frame, which is restored on this one rank.
func (c *layersSettings) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	shape, err := c.source().Shape()
	if err != nil {
		return nil, err
	}
	first, second, _, err := c.psfs(comm)
	if err != nil {
		return nil, err
	}
	border := frames.Borders[c.Layers.Border]
	first, second = first.Fold(shape.Rows, shape.Cols, border), second.Fold(shape.Rows, shape.Cols, border)
	t, err := frames.TrafficOf(shape, n, c.exchanges(first, second, shape.Channels))
	if err != nil {
		return nil, err
	}
	fit, err := c.calibrate(ctx, comm, shape, t.Frame.Owned(0), first, second)
	if err != nil {
		return nil, fmt.Errorf("calibration on the middle of the frame: %w", err)
	}
	unknowns := 2 * float64(shape.Channels) * float64(t.Owned)
	p := t.Plan(shape, fit, unknowns, link)
	p.RootBytes = c.source().RootBytes(c.Output.Gather, shape)
	p.Row("unknowns", "%.0f a rank at most, two a pixel and channel", unknowns)
	t.Say(p, fmt.Sprintf("%d pixels for the blurs, %d for the overlap",
		max(first.Rows, first.Cols, second.Rows, second.Cols)/2, c.Layers.Overlap))
	return p, nil
}

// exchanges are those of an iteration: H and H' of both blurs, each difference of Q and its
// transpose, and the local solves of both layers, which send their results back where those
// of several tiles are added up.
func (c *layersSettings) exchanges(first, second forward.PSF, channels int) []frames.Exchange {
	border := frames.Borders[c.Layers.Border]
	list := []frames.Exchange{
		{Rows: first.Rows / 2, Cols: first.Cols / 2, Border: border, Planes: channels, Times: 2},
		{Rows: second.Rows / 2, Cols: second.Cols / 2, Border: border, Planes: channels, Times: 2},
	}
	switch forward.Regulariser(c.Layers.Regulariser) {
	case forward.Gradient:
		list = append(list, frames.Exchange{Rows: 0, Cols: 1, Border: border, Planes: channels, Times: 2}, frames.Exchange{Rows: 1, Cols: 0, Border: border, Planes: channels, Times: 2})
	case forward.Laplacian:
		list = append(list, frames.Exchange{Rows: 1, Cols: 1, Border: border, Planes: channels, Times: 2})
	}
	overlap, times := c.Layers.Overlap, 1
	switch krylov.Method(c.Layers.Method) {
	case krylov.CG:
		return list
	case krylov.ASCG:
		times = 2
	}
	return append(list, frames.Exchange{Rows: overlap, Cols: overlap, Border: halo.Zero, Planes: 2 * channels, Times: times})
}

// pieceTiles is how many tiles along each axis the calibrated piece has at most: those at
// the frame's edges and inside of it, of every size that a rank has.
const pieceTiles = 6

// mostTile is the largest side, in pixels, of a tile with its overlap that is calibrated:
// the factor of one takes 8 (2 side^2)^2 bytes. Larger tiles are calculated from it.
const mostTile = 20

// calibrate solves a piece with tiles like those of rank 0's box. All tiles of a class
// share a factor, so that the memory of the factors and the time of set-up are in proportion
// to the number of classes; the rest is in proportion to the unknowns.
func (c *layersSettings) calibrate(ctx context.Context, comm ranks.Comm, shape *imageio.Frame, box halo.Box, first, second forward.PSF) (*frames.Calibration, error) {
	options := c.options()
	larger := 1.0 // the tile's side by that of the calibrated one
	if side := options.Tile + 2*options.Overlap; side > mostTile {
		larger = float64(side) / mostTile
		options.Tile = max(1, int(float64(options.Tile)/larger))
		options.Overlap = max(1, int(float64(options.Overlap)/larger))
		larger = float64(side) / float64(options.Tile+2*options.Overlap)
	}
	solver := func(tiles int) (o *frames.Observation, solve func() (*layers.Result, error), err error) {
		rows, cols := pieceSide(box.Shape()[0], options.Tile, tiles), pieceSide(box.Shape()[1], options.Tile, tiles)
		if o, err = c.source().Middle(ctx, comm, composed(first, second), shape, rows, cols); err != nil {
			return nil, nil, err
		}
		p := layersProblem(o, first, second)
		return o, func() (*layers.Result, error) {
			r, err := layers.Solve(ctx, comm, p, options)
			return r, unlessUnfinished(err)
		}, nil
	}
	// A piece of less than half the PSF would be solved with another PSF, a folded one.
	widest := max(first.Rows, first.Cols, second.Rows, second.Cols)
	least := (widest/2 + options.Tile) / options.Tile
	_, solve, err := solver(max(2, least)) // pays for page faults and the set-up of libraries
	if err != nil {
		return nil, err
	}
	if _, err := solve(); err != nil {
		return nil, err
	}
	o, solve, err := solver(max(pieceTiles, least))
	if err != nil {
		return nil, err
	}
	var result *layers.Result
	s, err := frames.MeasureSolve(o.Bytes(), func() (err error) {
		last, err := solve()
		if result == nil {
			result = last // of the solve that is timed
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	unknowns := 2 * float64(len(o.Data))
	factors := float64(result.FactorBytes)
	reach := 2*(max(first.Rows, first.Cols, second.Rows, second.Cols)/2) + 2
	classes := 1.0 // those of rank 0's box by those of the piece
	piece := o.Frame.Domain().Hi
	for k, n := range []int{shape.Rows, shape.Cols} {
		classes *= tileClasses(box.Lo[k], box.Hi[k], n, options.Tile, options.Overlap, reach)
		classes /= tileClasses(0, piece[k], piece[k], options.Tile, options.Overlap, reach)
	}
	fit := &frames.Calibration{Iterations: result.Iterations, Steps: result.Iterations + 2}
	// n unknowns a tile: a factor has n^2 numbers and takes n^3 operations, and a solve n^2
	// for each tile, of which there are fewer.
	fit.Seconds = lifecycle.Line{Fixed: result.Setup * classes * math.Pow(larger, 6), Each: result.Solve / unknowns * larger * larger}
	fit.Bytes = lifecycle.Line{Fixed: factors * classes * math.Pow(larger, 4), Each: max(0, s.Bytes-factors) / unknowns}
	return fit, nil
}

// tileClasses is how many classes of tiles there are along one axis of the box lo..hi of a
// frame of n pixels. Tiles of one class have the same extended size and the same distance
// from the frame's edges, as far as the matrix reaches.
func tileClasses(lo, hi, n, tile, overlap, reach int) float64 {
	seen := map[[3]int]bool{}
	count := (hi - lo + tile - 1) / tile
	for i := range count {
		a, b := halo.Split(hi-lo, count, i)
		a, b = max(0, lo+a-overlap), min(n, lo+b+overlap)
		seen[[3]int{b - a, min(a, reach), min(n-b, reach)}] = true
	}
	return float64(len(seen))
}

// pieceSide is the side of a piece that stands for n pixels of a rank's box: at most so
// many tiles, of the same sizes as those of the box.
func pieceSide(n, tile, tiles int) int {
	count := (n + tile - 1) / tile
	if count <= tiles {
		return n
	}
	side := tiles * (n / count)
	if n%count > 0 {
		side += tiles / 2 // as in the box, some tiles have one pixel more
	}
	return side
}
