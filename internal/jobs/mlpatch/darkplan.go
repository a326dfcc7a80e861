package mlpatch

import (
	"context"
	"math"
	"time"

	"tessera/forward"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/mlpatch"
	"tessera/mlpatch/massmap"
	"tessera/ranks"
	"tessera/train"
)

// plan is what a run on n ranks would cost. The shear of a small field is timed on this one rank.
func (c *darkSettings) plan(_ context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	rows, cols, err := c.shape()
	if err != nil {
		return nil, err
	}
	const small = 96
	frame, err := strips(small, small, 1)
	if err != nil {
		return nil, err
	}
	shear, err := forward.NewShear(comm, frame, 1, nil)
	if err != nil {
		return nil, err
	}
	x, y := make([]float64, small*small), make([]float64, 2*small*small)
	seconds := 0.0
	for range 3 { // the first pays for page faults
		start := time.Now()
		if err := shear.Apply(y, x); err != nil {
			return nil, err
		}
		seconds = time.Since(start).Seconds()
	}
	pixels := float64(rows) * float64(cols)
	// About so many iterations a map, whatever the size: the noise decides, and 6 decades take 30.
	iterations := -5 * math.Log10(c.Wiener.Tolerance)
	maps := float64(1 + c.Noise.Realisations)
	filters := maps*(4*iterations+4) + 3*4 + 5*bands // of a plane, there and back
	width := float64((2*(cols/2+1)+15)/16*16) / float64(cols)
	const arrays = 30 // of a rank's rows: shear, weights, maps, filters, and those of the iteration
	p := &lifecycle.Plan{
		Ranks: n, Iterations: iterations,
		Compute:     filters / 2 * seconds * pixels / (small * small) * math.Log(pixels) / math.Log(small*small) / float64(n),
		MemoryBytes: 8 * arrays * pixels / float64(n),
		RootBytes:   8 * 3 * pixels,
	}
	t := lifecycle.NewTraffic(n)
	if c.applies() {
		if err := c.planLearning(comm, p, t, rows, cols, seconds/(small*small)); err != nil {
			return nil, err
		}
	}
	if n > 1 {
		t.Send(2*filters*float64(n*(n-1)), 2*filters*width*pixels*(1-1/float64(n)))
		t.Allreduce(1, maps*3*iterations)
		t.Into(p, link)
	}
	p.Row("field", "%d x %d pixels of %g arcmin, cut along the rows", rows, cols, c.Shear.Pixel)
	p.Row("maps", "%.0f of Wiener, each about %.0f iterations with 8 transforms", maps, iterations)
	return p, nil
}

// shape is that of the field, from the header of the first map or from the catalogue.
func (c *darkSettings) shape() (rows, cols int, err error) {
	switch list := c.maps(); {
	case c.Catalogue.Path != "":
		s, _, err := c.sky()
		if err != nil {
			return 0, 0, err
		}
		return s.rows, s.cols, nil
	case len(list) > 0:
		f, err := imageio.Stat(list[0][1])
		if err != nil {
			return 0, 0, err
		}
		return f.Rows, f.Cols, nil
	}
	return c.Simulate.Rows, c.Simulate.Cols, nil
}

// planLearning adds the network: skies and training where it is learned, and its pass. shear are the seconds of the
// shear of a pixel.
func (c *darkSettings) planLearning(comm ranks.Comm, p *lifecycle.Plan, t *lifecycle.Traffic, rows, cols int, shear float64) error {
	net, n, pixels := c.network(), p.Ranks, float64(rows)*float64(cols)
	if c.Learned.Model != "" {
		m, err := readCorrector(c.Learned.Model)
		if err != nil {
			return err
		}
		net = &m.Network
	}
	e, err := mlpatch.NewLearner[float32](net, mlpatch.Loss(c.Network.Loss))
	if err != nil {
		return err
	}
	side := min(c.Network.Block, 32)
	b, g := mlpatch.NewBlock[float32](net, side), make([]float64, net.Parameters())
	e.Take(net.Start(c.Seed))
	seconds := 0.0
	for range 2 { // the first pays for page faults
		start := time.Now()
		e.Loss(b, g)
		seconds = time.Since(start).Seconds() / float64(side*side)
	}
	passes := net.MeanOperations(int(c.Learned.Average)) / net.Operations()
	p.Compute += passes * seconds / 3 * pixels / float64(n)
	p.MemoryBytes += layerBytes(net) + 8*16*float64(net.Parameters()) + 8*2*pixels + 8*2.5*massmap.Planes*pixels/float64(n)
	p.Row("network", "%d parameters, %.0f operations a pixel", net.Parameters(), net.Operations())
	if !c.learns() {
		return nil
	}
	s, skies := &c.Network, float64(c.Learned.Skies)
	block, steps := float64(s.Block*s.Block), float64(s.Steps)
	validations := 0.0
	if c.Learned.Validation > 0 {
		validations = steps/float64(s.Every) + 1
	}
	const iterations = 15 // of a Wiener map to 1e-3
	p.Compute += skies/float64(n)*(4*iterations+8)/2*shear*pixels + block*seconds*(steps*float64((s.Batch+n-1)/n)+validations*float64((s.Blocks+n-1)/n)/3)
	p.MemoryBytes += pixels * (4*massmap.Planes*skies + 8*25)
	if n > 1 {
		t.Bcast(massmap.Planes*pixels, skies)
		t.Send(train.Traffic(n, net.Parameters(), s.Batch, s.Steps))
		t.Allreduce(1, 2*steps+skies/float64(n))
		t.Allreduce(float64(s.Blocks), validations)
	}
	p.Row("learning", "%d skies on every rank, %d steps of %d blocks of %d x %d pixels", c.Learned.Skies, s.Steps, s.Batch, s.Block, s.Block)
	return nil
}
