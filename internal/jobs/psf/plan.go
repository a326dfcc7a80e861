package psf

import (
	"context"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/psf"
	"tessera/ranks"
)

// plan prints what a run on n ranks would cost. A few stamps of a made-up survey of
// the same size are taken through some iterations to know the time of one.
func (c *settings) plan(ctx context.Context, comm ranks.Comm, n int) (*lifecycle.Plan, error) {
	count, side := c.Simulate.Count, c.Simulate.Side
	if c.Stack.Path != "" {
		s, err := imageio.StatStack(c.Stack.Path)
		if err != nil {
			return nil, err
		}
		count, side = s.Count, s.Rows
	}
	trial := defaults()
	trial.Seed, trial.PSF = c.Seed, c.PSF
	trial.Simulate = fieldSection{Count: min(count, 64), Side: side | 1, PSFs: 8, SNR: 2}
	trial.PSF.Iterations, trial.PSF.CheckEvery, trial.PSF.Reweightings = 20, 20, 0
	trial.PSF.Noise, trial.PSF.Start, trial.PSF.Settle = string(psf.MAD), string(psf.FromZero), 0
	s, err := trial.simulate(comm)
	if err != nil {
		return nil, err
	}
	r, err := psf.Deconvolve(ctx, comm, &s.Stack, trial.options())
	if err != nil {
		return nil, err
	}
	perIteration := r.Solve / float64(s.Total*r.Iterations)
	lo, hi := halo.Split(count, n, 0)
	iterations := c.PSF.Iterations * (1 + c.PSF.Reweightings)
	perPixel := 5 + 2*float64(c.PSF.Scales) // x, y, u, thresholds, one PSF's filter, results
	words := 4.0
	if c.PSF.Precision == string(psf.Double) {
		words = 8
	}
	pixels := float64((hi - lo) * side * side)
	reduce, what := 8.0*4, "at each convergence check"
	if c.PSF.Mode == string(psf.LowRank) {
		perPixel = 7
		reduce, what = 8*float64(c.PSF.Block*side*side), "about twice an iteration"
	}
	p := &lifecycle.Plan{
		Ranks: n, MemoryBytes: pixels * (perPixel*words + 4*8), Iterations: float64(iterations),
		Compute: perIteration * float64((hi-lo)*iterations), SentBytes: reduce * float64(n*iterations),
	}
	p.Row("stamps", "%d of %d x %d, at most %d a rank on %d ranks", count, side, side, hi-lo, n)
	p.Row("sum over ranks", "%.3g MB %s", reduce/1e6, what)
	p.Row("an iteration", "%.1f us a stamp (measured on %d stamps, one core)", 1e6*perIteration, s.Total)
	return p, nil
}
