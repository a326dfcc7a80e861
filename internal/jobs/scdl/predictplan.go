package scdl

import (
	"context"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/scdl"
)

// plan is what the prediction of spectra on n ranks would cost. The first samples of the
// file are predicted to know the time.
func (c *spectraSettings) plan(ctx context.Context, comm ranks.Comm, n int, _ lifecycle.Link) (*lifecycle.Plan, error) {
	low, err := statMatrix(c.Data.Low, c.Data.Samples)
	if err != nil {
		return nil, err
	}
	d, err := readDictionary(c.Dictionary.Dir)
	if err != nil {
		return nil, err
	}
	lo, hi := halo.Split(low.count, n, 0)
	most, p, count := float64(hi-lo), float64(d.Pair.P), float64(low.count)
	seconds, err := c.calibrate(ctx, comm, d.Pair, low)
	if err != nil {
		return nil, fmt.Errorf("calibration on some samples of %s: %w", c.Data.Low, err)
	}
	plan := &lifecycle.Plan{Ranks: n, Compute: seconds.At(most)}
	plan.MemoryBytes, plan.RootBytes = c.memory(d, low.count, n)
	plan.Row("samples", "%d of %d numbers, at most %d a rank on %d ranks", low.count, low.rows, hi-lo, n)
	plan.Row("dictionaries", "%d atoms of %d and %d numbers, code by %s", d.Pair.Atoms, d.Pair.P, d.Pair.M, c.Code.Method)
	if n > 1 {
		plan.Row("communication", "none while predicting; then rank 0 gathers %s", lifecycle.Bytes(8*p*(count-most)))
	}
	return plan, nil
}

// calibrate is the seconds of a prediction by the number of samples.
func (c *spectraSettings) calibrate(ctx context.Context, comm ranks.Comm, pair *scdl.Pair, low matrixShape) (lifecycle.Line, error) {
	var x, seconds []float64
	for _, count := range []int{256, 2048} {
		count = min(count, low.count)
		all := make([]bool, count)
		for i := range all {
			all[i] = true
		}
		samples, err := readSamples(c.Data.Low, c.Data.Samples, low.rows, 0, all)
		if err == nil && low.rows != pair.M {
			err = fmt.Errorf("samples of %d numbers, the dictionary's have %d", low.rows, pair.M)
		}
		if err != nil {
			return lifecycle.Line{}, err
		}
		start := comm.Wtime()
		if _, err := pair.Infer(ctx, samples, c.Code.code(1)); err != nil {
			return lifecycle.Line{}, err
		}
		x, seconds = append(x, float64(count)), append(seconds, comm.Wtime()-start)
	}
	return lifecycle.LineThrough(x[0], seconds[0], x[1], seconds[1]), nil
}

// plan is what the upscaling of a picture on n ranks would cost. Of the picture only the
// shape is read; two small simulated pictures are upscaled to know the time.
func (c *upscaleSettings) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	_, path := c.picture()
	s, err := imageio.Stat(path)
	if err != nil {
		return nil, err
	}
	d, err := readDictionary(c.Dictionary.Dir)
	if err == nil {
		err = d.ofPictures(c.Dictionary.Dir)
	}
	if err != nil {
		return nil, err
	}
	grid := d.Head.grid()
	highRows, highCols := c.highSize(grid, s.Rows, s.Cols)
	rows, cols := (highRows+grid.Scale-1)/grid.Scale, (highCols+grid.Scale-1)/grid.Scale
	_, hi := halo.Split(rows, n, 0)
	seconds, err := c.calibrate(ctx, comm, d, grid, rows, cols)
	if err != nil {
		return nil, fmt.Errorf("calibration on a simulated picture: %w", err)
	}
	t, err := c.traffic(grid, n, highRows, highCols)
	if err != nil {
		return nil, err
	}
	p := &lifecycle.Plan{
		Ranks: n, Iterations: float64(c.Image.BackProjection), Compute: seconds.At(float64(hi*cols + (grid.Patch-1)*cols)),
	}
	p.MemoryBytes, p.RootBytes = c.memory(d, s.Channels, s.Rows, s.Cols, n)
	t.Into(p, link)
	p.Row("picture", "%d x %d x %d to %d x %d, at most %d of its rows a rank on %d ranks", s.Channels, rows, cols, highRows, highCols, hi, n)
	p.Row("dictionaries", "%d atoms, code by %s", d.Pair.Atoms, c.Code.Method)
	return p, nil
}

// traffic is what scdl.Upscale sends.
func (c *upscaleSettings) traffic(g scdl.Grid, n, highRows, highCols int) (*lifecycle.Traffic, error) {
	t := lifecycle.NewTraffic(n)
	rows, cols := (highRows+g.Scale-1)/g.Scale, (highCols+g.Scale-1)/g.Scale
	exchange := func(scale, rows, cols, reach int) (halo.Traffic, error) {
		var boxes []halo.Box
		for q := range n {
			lo, hi := halo.Split((highRows+g.Scale-1)/g.Scale, n, q)
			boxes = append(boxes, halo.Box{Lo: []int{min(rows, scale*lo), 0}, Hi: []int{min(rows, scale*hi), cols}})
		}
		cut, err := halo.FromBoxes([]int{rows, cols}, boxes)
		if err != nil {
			return halo.Traffic{}, err
		}
		return cut.Traffic([]int{reach, 0}, halo.Zero)
	}
	lowReach, highReach := g.Reach()
	low, err := exchange(1, rows, cols, lowReach)
	if err != nil {
		return nil, err
	}
	high, err := exchange(g.Scale, highRows, highCols, highReach)
	if err != nil {
		return nil, err
	}
	k := float64(c.Image.BackProjection)
	t.Send((k+1)*float64(low.Messages), (k+1)*float64(low.Cells))   // the prediction, and each back-projection
	t.Send((k+1)*float64(high.Messages), (k+1)*float64(high.Cells)) // degraded once more at the end
	t.Allreduce(1, 4+k)
	t.Allreduce(float64(rows), 1)
	return t, nil
}

// calibrate is the seconds of an upscaling by the number of low pixels.
func (c *upscaleSettings) calibrate(ctx context.Context, comm ranks.Comm, d *dictionary, g scdl.Grid, rows, cols int) (lifecycle.Line, error) {
	var x, seconds []float64
	for _, most := range []int{24, 72} {
		r, w := min(rows, most), min(cols, 96)
		strips, err := scdl.NewStrips(comm, g, g.Scale*r, g.Scale*w)
		if err != nil {
			return lifecycle.Line{}, err
		}
		low := noise(r * w)
		for i := range low {
			low[i] = 0.5 + 0.3*math.Sin(float64(i/w)/4)*math.Cos(float64(i%w)/6) + 0.02*low[i]
		}
		start := comm.Wtime()
		predict, err := d.Pair.Predictor(c.Code.code(1))
		if err == nil {
			_, err = scdl.Upscale(ctx, strips, low, predict, scdl.UpscaleOptions{BackProjection: c.Image.BackProjection})
		}
		if err != nil {
			return lifecycle.Line{}, err
		}
		x, seconds = append(x, float64(r*w)), append(seconds, comm.Wtime()-start)
	}
	return lifecycle.LineThrough(x[0], seconds[0], x[1], seconds[1]), nil
}
