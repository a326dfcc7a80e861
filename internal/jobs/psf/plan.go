package psf

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/psf"
	"tessera/ranks"
)

// extent is what the headers of the files, or the config, say of a stack on some ranks.
type extent struct {
	count, side int // of the whole stack
	psfSide     int
	most        int     // stamps of the rank that has most
	unique      float64 // PSFs of that rank
}

func (c *settings) extent(n int) (*extent, error) {
	e := &extent{count: c.Simulate.Count, side: c.Simulate.Side, psfSide: c.Simulate.Side}
	psfs := c.Simulate.PSFs
	if c.Stack.Path != "" {
		s, err := imageio.StatStack(c.Stack.Path)
		if err != nil {
			return nil, err
		}
		p, err := imageio.StatStack(c.PSF.Path)
		if err != nil {
			return nil, err
		}
		e.count, e.side, e.psfSide, psfs = s.Count, s.Rows, p.Rows|1, p.Count
	}
	lo, hi := halo.Split(e.count, n, 0)
	e.most = hi - lo
	switch m, k := float64(e.most), float64(psfs); {
	case c.Stack.Path == "": // drawn at random: how many of k are seen in m draws
		e.unique = -k * math.Expm1(m*math.Log1p(-1/(k+1e-9)))
	case c.PSF.Index != "" || psfs == 1:
		e.unique = k
	default:
		e.unique = m
	}
	return e, nil
}

// plan is what a run on n ranks would cost. Of files only the headers are read. Some
// stamps of a simulated survey of the same size are restored with the config's own options
// to know the times.
func (c *settings) plan(ctx context.Context, comm ranks.Comm, n int, link lifecycle.Link) (*lifecycle.Plan, error) {
	e, err := c.extent(n)
	if err != nil {
		return nil, err
	}
	t, err := c.calibrate(ctx, comm, e)
	if err != nil {
		return nil, err
	}
	iterations := float64(c.PSF.Iterations * (1 + c.PSF.Reweightings))
	if c.PSF.Mode == string(psf.LowRank) {
		iterations = float64(c.PSF.Iterations)
	}
	most, pixels := float64(e.most), float64(e.side*e.side)
	p := &lifecycle.Plan{
		Ranks: n, MemoryBytes: c.memory(e, n), Iterations: iterations,
		Compute: t.setup.At(most) + iterations*t.iteration.At(most),
		// A batch of stamps on their way to the file, what is drawn, and the errors of the stamps.
		RootBytes: 8 * (pixels*float64(batch+3*4*min(c.Output.Mosaic, e.count)) + 6*float64(e.count)),
	}
	noise := c.traffic(e, n, iterations, t.passes).record(p, link)
	p.Row("stamps", "%d of %d x %d, at most %d a rank on %d ranks", e.count, e.side, e.side, e.most, n)
	if medians := c.medians(); medians > 0 && n > 1 {
		p.Row("noise", "%d exact medians over all ranks: %s", medians, lifecycle.Bytes(noise))
	}
	if c.PSF.Mode == string(psf.LowRank) {
		p.Row("sum over ranks", "%s, %.1f times an iteration", lifecycle.Bytes(8*c.block(e)*pixels), t.passes)
	} else if c.PSF.StampTolerance > 0 && c.PSF.Balance && n > 1 {
		p.Row("balance", "stamps that change their rank are not counted in the traffic, and every stamp in the time as if it made all iterations")
	}
	p.Row("an iteration", "%.1f us a stamp (measured on %d stamps, one core)", 1e6*t.iteration.At(most)/most, t.stamps)
	return p, nil
}

// block is how many singular vectors the low-rank form follows.
func (c *settings) block(e *extent) float64 { return float64(min(c.PSF.Block, e.side*e.side)) }

// filter is how many numbers the filter of a PSF has. One is made to know that, for sides of some
// hundred pixels; those of larger stamps and PSFs are as many times longer as these have more
// pixels.
func (c *settings) filter(e *extent) float64 {
	const most = 512
	side, psfSide, times := e.side, e.psfSide, 1.0
	if longest := float64(max(side, psfSide)); longest > most {
		times = longest / most
		side, psfSide = max(1, int(float64(side)/times)), int(float64(psfSide)/times)|1
	}
	one, same := make([]float64, psfSide*psfSide), func(h complex128) complex128 { return h }
	n := 0
	if c.PSF.Border == string(psf.Wrap) {
		n = len(fourier.NewSmallPeriodicConvolver[float32](side).Filter(psfSide, one, same))
	} else {
		n = len(fourier.NewSmallZeroConvolver[float32](side, psfSide).Filter(psfSide, one, same))
	}
	return float64(n) * times * times
}

// memory is the bytes of the rank that has most stamps.
func (c *settings) memory(e *extent, n int) float64 {
	s := &c.PSF
	words := 4.0
	if s.Precision == string(psf.Double) {
		words = 8
	}
	scales, filters := float64(s.Scales), c.filter(e)
	pixel := 16 + 2*words // data, and data in the units of the iteration; x and y
	if s.Mode == string(psf.LowRank) {
		pixel += 2*words + words*c.block(e)/float64(e.side)/float64(e.side) // u, v, products with the block
	} else {
		pixel += scales * words // u
		if s.Reweightings > 0 {
			pixel += scales * words // thresholds
		}
	}
	weighted := c.Stack.Mask != "" || c.Stack.Weights != ""
	switch {
	case weighted:
		pixel += 16 + words
	case s.Border == string(psf.Wrap):
		filters *= 2 // of H'H
	}
	if c.Stack.Path == "" || c.Stack.Truth != "" {
		pixel += 8
	}
	if s.StartPath != "" {
		pixel += 8
	}
	if s.Balance && n > 1 {
		pixel += 3*10 + words // the results on their way to the ranks that they came from
	} else {
		pixel += 8 // the result
	}
	fixed := 0.0
	if s.Mode == string(psf.LowRank) { // the block, its product with the stack, and what their eigenproblem takes
		b := c.block(e)
		fixed = b*float64(e.side)*float64(e.side)*(4*8+2*words) + 6*8*b*b
	}
	return fixed + pixel*float64(e.most)*float64(e.side)*float64(e.side) + e.unique*(8*float64(e.psfSide)*float64(e.psfSide)+words*filters)
}

// medians is how many exact medians over all ranks the noise takes.
func (c *settings) medians() int {
	switch psf.NoiseRule(c.PSF.Noise) {
	case psf.MAD:
		return 2
	case psf.Differences:
		return 1
	}
	return 0
}

// times is what a solve takes on one core, by the number of stamps.
type times struct {
	setup, iteration lifecycle.Line // seconds
	passes           float64        // low-rank form: products of the block with the stack in an iteration
	stamps           int            // of the larger of two solves
}

// calibrate restores few stamps and then more, for some iterations.
func (c *settings) calibrate(ctx context.Context, comm ranks.Comm, e *extent) (*times, error) {
	trial := defaults()
	trial.Seed, trial.PSF = c.Seed, c.PSF
	trial.PSF.Iterations, trial.PSF.CheckEvery, trial.PSF.Reweightings = 12, 12, 0
	trial.PSF.Noise, trial.PSF.Start, trial.PSF.Settle = string(psf.Differences), string(psf.FromZero), 0
	t := &times{}
	var x, setup, each []float64
	for _, count := range []int{24, 72} {
		count = min(count, e.count)
		unique := int(math.Ceil(float64(count) * e.unique / float64(e.most)))
		trial.Simulate = fieldSection{Count: count, Side: e.side | 1, PSFs: max(1, unique), SNR: 2}
		s, err := trial.simulate(ctx, comm)
		if err != nil {
			return nil, err
		}
		if c.Stack.Mask != "" || c.Stack.Weights != "" {
			s.Weights = slices.Repeat([]float64{1}, len(s.Data))
		}
		r, err := psf.Deconvolve(ctx, comm, &s.Stack, trial.options())
		if err != nil {
			return nil, fmt.Errorf("calibration on %d simulated stamps: %w", count, err)
		}
		x, setup, each = append(x, float64(count)), append(setup, r.Setup), append(each, r.Solve/float64(r.Iterations))
		t.passes, t.stamps = float64(r.Passes)/float64(r.Iterations), count
	}
	t.setup = lifecycle.LineThrough(x[0], setup[0], x[1], setup[1])
	t.iteration = lifecycle.LineThrough(x[0], each[0], x[1], each[1])
	return t, nil
}

// traffic is what psf.Deconvolve sends, and what of it finds the noise.
type traffic struct {
	*lifecycle.Traffic
	noise float64 // bytes
}

func (t traffic) record(p *lifecycle.Plan, link lifecycle.Link) (noise float64) {
	t.Into(p, link)
	return t.noise
}

func (c *settings) traffic(e *extent, n int, iterations, passes float64) traffic {
	s := &c.PSF
	t := traffic{Traffic: lifecycle.NewTraffic(n)}
	t.Allreduce(63, 1)           // the options are the same on all ranks
	t.Allgatherv(2 * float64(n)) // parts of the stack
	t.Allreduce(5, 2)            // missing pixels; the unit of the data
	t.Allreduce(3, 3)            // the unit of the data; norm of the blur; sums of the result
	if m := c.medians(); m > 0 { // psf.stackMedian: four histograms for each of the two values in the middle
		before := t.Bytes
		t.Allreduce(1<<16, 2*4*float64(m))
		t.noise = t.Bytes - before
	}
	checks := math.Ceil(iterations / float64(s.CheckEvery))
	if s.Compat == sfDeconvolve {
		t.Allreduce(1, 20)
		if s.Mode == string(psf.Sparse) {
			t.Allgatherv(float64(e.count * s.Scales))
		}
	}
	if s.Mode == string(psf.LowRank) {
		t.Allreduce(c.block(e)*float64(e.side*e.side)+1, iterations*passes)
		t.Allreduce(1, checks)
	} else {
		t.Allreduce(4, checks)
	}
	if s.Balance {
		t.ExchangeCounts()
		if s.StampTolerance > 0 {
			t.Allreduce(1, 2*checks)
		}
	}
	if c.Checkpoint.Every > 0 {
		t.Bcast(1, checks)
	}
	return t
}
