package mlpatch

import (
	"context"
	"time"

	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/mlpatch"
	"tessera/ranks"
	"tessera/train"
)

// plan is what a training on n ranks would cost. The gradient of blocks of a small simulated picture is
// timed on this one rank.
func (c *trainSettings) plan(_ context.Context, _ ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	count, rows, cols, err := c.pictures().Shape()
	if err != nil {
		return nil, err
	}
	s, net := &c.MLPatch, c.network()
	side := min(s.Block, rows, cols)
	e, err := mlpatch.NewLearner[float32](net, mlpatch.Loss(s.Loss))
	if err != nil {
		return nil, err
	}
	small := max(side, 64)
	set := &mlpatch.Noisy{Rows: small, Cols: small, Low: c.Noise.Low, High: c.Noise.High, Pictures: [][]float32{make([]float32, small*small)}}
	for i, v := range (simulate.Cells{Seed: c.Seed, Rows: small, Cols: small}).Draw(0) {
		set.Pictures[0][i] = float32(v)
	}
	b, theta, g := mlpatch.NewBlock[float32](net, side), net.Start(c.Seed), make([]float64, net.Parameters())
	e.Take(theta)
	const tries = 3 // the first pays for page faults
	seconds := 0.0
	for k := range tries {
		start := time.Now()
		set.Draw(k, 0, b)
		e.Loss(b, g)
		seconds = time.Since(start).Seconds()
	}
	pixels, parameters, steps := float64(rows)*float64(cols), float64(len(theta)), float64(s.Steps)
	mine, batch := float64((count+n-1)/n), float64((s.Batch+n-1)/n)
	validations := 0.0
	if c.Data.Validation > 0 {
		validations = steps/float64(s.Every) + 1
	}
	const tile = 256
	units := float64(net.Geometry.Points()*net.Chunks + 64)
	for _, h := range append(append([]int(nil), net.Hidden...), net.Mixer...) {
		units += float64(h * net.Chunks)
	}
	p := &lifecycle.Plan{
		Ranks: n, Iterations: steps,
		Compute: seconds * (steps*batch + validations*float64((s.Blocks+n-1)/n)/3),
		// The rank's own pictures in float64 and all in float32; a frame of the validation; the layers of a tile;
		// the parameters, their gradient and the state of the optimiser.
		MemoryBytes: pixels*(8*mine+4*float64(count)+40) + 4*tile*2*units + 16*8*parameters + float64(8*3*126*count),
	}
	if n > 1 {
		t := lifecycle.NewTraffic(n)
		t.Send(train.Traffic(n, net.Parameters(), s.Batch, s.Steps))
		t.Allreduce(1, 2*steps)
		t.Allreduce(float64(s.Blocks), validations)
		t.Into(p, link)
	}
	p.Row("pictures", "%d of %d x %d pixels, all on every rank", count, rows, cols)
	p.Row("model", "%.0f parameters, %.0f operations a pixel, %d steps of %d blocks of %d x %d pixels", parameters, net.Operations(), s.Steps, s.Batch, side, side)
	return p, nil
}
