package mlpatch

import (
	"context"
	"time"

	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/mlpatch"
	"tessera/ranks"
	"tessera/train"
)

// plan is what a run on n ranks would cost. The gradient of blocks and a small answer are timed on this one rank.
func (c *superSettings) plan(_ context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	s, net := &c.Superres, c.MLPatch.network(1, 1)
	channels, rows, cols, err := c.coarse()
	if err != nil {
		return nil, err
	}
	theta := net.Start(c.Seed)
	if !c.learns() {
		m, err := readUpscaler(s.Model)
		if err != nil {
			return nil, err
		}
		net, theta = &m.Network, m.theta
	}
	p := &lifecycle.Plan{Ranks: n}
	t := lifecycle.NewTraffic(n)
	fine := float64(mlpatch.Enlarged(rows, s.Scale)) * float64(mlpatch.Enlarged(cols, s.Scale)) * float64(channels)
	each, reach, err := c.timed(comm, net, theta)
	if err != nil {
		return nil, err
	}
	p.Compute = each * fine / float64(n)
	// Frame, filled frame and weights, its extended box twice; cubic interpolation, answer and truth.
	p.MemoryBytes = (8*4.5*float64(channels)*float64(rows)*float64(cols) + 8*3*fine) / float64(n)
	p.RootBytes = 8 * fine
	if c.learns() {
		if err := c.planTraining(p, t, net); err != nil {
			return nil, err
		}
	}
	if n > 1 {
		frame, err := halo.Decompose([]int{rows, cols}, n)
		if err != nil {
			return nil, err
		}
		one, err := frame.Traffic([]int{reach, reach}, frames.Borders[s.Border])
		if err != nil {
			return nil, err
		}
		t.Send(float64(channels*one.Messages), float64(channels*one.Cells))
		t.Into(p, link)
	}
	p.Row("frame", "%d x %d x %d to %.0f values, scale %g", channels, rows, cols, fine, s.Scale)
	p.Row("model", "%d parameters, %.0f operations a pixel of the answer", len(theta), net.Operations())
	return p, nil
}

// timed are the seconds of a pixel of the answer, and how far it reads.
func (c *superSettings) timed(comm ranks.Comm, net *mlpatch.Network, theta []float64) (seconds float64, reach int, err error) {
	const small = 32
	frame, err := halo.Decompose([]int{small, small}, 1)
	if err != nil {
		return 0, 0, err
	}
	u, err := mlpatch.NewUpscaler(comm, net, theta, frame, frames.Borders[c.Superres.Border], min(c.Superres.Scale, 3), int(c.Superres.Average))
	if err != nil {
		return 0, 0, err
	}
	size := u.Frame().Domain().Size()
	x, a, b := make([]float64, small*small), make([]float64, size), make([]float64, size)
	for range 2 { // the first pays for page faults
		start := time.Now()
		if err := u.Apply(a, b, x); err != nil {
			return 0, 0, err
		}
		seconds = time.Since(start).Seconds() / float64(size)
	}
	return seconds, u.Reach(), nil
}

// planTraining adds the training.
func (c *superSettings) planTraining(p *lifecycle.Plan, t *lifecycle.Traffic, net *mlpatch.Network) error {
	s, n := &c.MLPatch, p.Ranks
	count, rows, cols, err := c.pictures().Shape()
	if err != nil {
		return err
	}
	e, err := mlpatch.NewLearner[float32](net, mlpatch.Loss(s.Loss))
	if err != nil {
		return err
	}
	side := min(s.Block, rows, cols)
	small := max(side, 64)
	set := &mlpatch.Shrunk{Rows: small, Cols: small, Low: c.Superres.Low, High: c.Superres.High, Pictures: [][]float32{make([]float32, small*small)}}
	for i, v := range (simulate.Cells{Seed: c.Seed, Rows: small, Cols: small}).Draw(0) {
		set.Pictures[0][i] = float32(v)
	}
	b, g := mlpatch.NewPlacedBlock[float32](net, side), make([]float64, net.Parameters())
	e.Take(net.Start(c.Seed))
	seconds := 0.0
	for k := range 3 { // the first pays for page faults
		start := time.Now()
		set.Draw(k, 0, b)
		e.Loss(b, g)
		seconds = time.Since(start).Seconds()
	}
	steps, parameters, pixels := float64(s.Steps), float64(net.Parameters()), float64(rows)*float64(cols)
	validations := 0.0
	if c.Data.Validation > 0 {
		validations = steps/float64(s.Every) + 1
	}
	p.Iterations = steps
	p.Compute += seconds * (steps*float64((s.Batch+n-1)/n) + validations*float64((s.Blocks+n-1)/n)/3)
	// The rank's own pictures in float64 and all in float32, a frame of the tests, the layers, the optimiser.
	p.MemoryBytes += pixels*(8*float64((count+n-1)/n)+4*float64(count)+40) + layerBytes(net) + 16*8*parameters + float64(8*mlpatch.Histograms*mlpatch.Bins*count)
	if n > 1 {
		t.Send(train.Traffic(n, net.Parameters(), s.Batch, s.Steps))
		t.Allreduce(1, 2*steps)
		t.Allreduce(float64(s.Blocks), validations)
	}
	p.Row("pictures", "%d of %d x %d pixels, all on every rank", count, rows, cols)
	p.Row("training", "%d steps of %d blocks of %d x %d pixels", s.Steps, s.Batch, side, side)
	return nil
}

// layerBytes are the layers of a tile of pixels, in bytes.
func layerBytes(net *mlpatch.Network) float64 {
	const tile = 128
	units := float64(net.Geometry.Points()*net.Planes*net.Chunks + 64)
	for _, h := range append(append([]int(nil), net.Hidden...), net.Mixer...) {
		units += float64(h * net.Chunks)
	}
	return 4 * tile * 2 * units
}
