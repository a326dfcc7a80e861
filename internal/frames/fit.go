package frames

import (
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// Rules by which the noise of a value of weight 1 is known.
const (
	NoiseGiven     = "given"
	NoiseSimulated = "simulated"
	NoiseFound     = "by the finest differences of the data"
)

// Judge notes in the metrics how the solution agrees with the data: residual is sqrt(W) (data -
// model), NaN at missing pixels, and both are channels x owned box. The noise is the one that
// the job has noted; else that of the simulation, or what the finest differences of the data
// show. Rank 0 alone has the result. Collective; the error is the same on all ranks.
func (r *Restoration) Judge(solution, residual []float64) error {
	return r.JudgeFine(solution, solution, residual)
}

// JudgeFine is Judge for a solution on a grid of its own: over is what the data would have of it in each
// pixel, channels x owned box, and its flux is that of over.
func (r *Restoration) JudgeFine(solution, over, residual []float64) error {
	o := r.Obs
	ends := []float64{math.Inf(-1), math.Inf(-1), 0} // of the data: the largest, and the least with the sign changed; the largest residual
	sums := make([]float64, 7)                       // squared residual and its number, flux of the data and of the solution, values of the solution, below, above
	for i, y := range o.Data {
		if o.Weights.Missing(i) || math.IsNaN(y) {
			continue
		}
		ends[0], ends[1] = max(ends[0], y), max(ends[1], -y)
		if v := over[i]; !math.IsNaN(v) {
			sums[2] += y
			sums[3] += v
		}
		if v := math.Abs(residual[i]); v > 0 {
			ends[2] = max(ends[2], v)
		}
	}
	if err := r.Comm.Allreduce(ends, ends, ranks.Max); err != nil {
		return err
	}
	unit := UnitOf(ends[2]) // the squares of residuals of 1e200 or 1e-200 are no float64
	for i, y := range o.Data {
		if o.Weights.Missing(i) || math.IsNaN(y) {
			continue
		}
		if v := residual[i] / unit; !math.IsNaN(v) {
			sums[0] += v * v
			sums[1]++
		}
	}
	for _, v := range solution {
		if math.IsNaN(v) {
			continue
		}
		sums[4]++
		if v < -ends[1] {
			sums[5]++
		}
		if v > ends[0] {
			sums[6]++
		}
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	r.Common.Fit = &lifecycle.Fit{
		ResidualRMS: lifecycle.Number(unit * math.Sqrt(sums[0]/sums[1])), Below: lifecycle.Some(sums[5] / sums[4]), Above: lifecycle.Some(sums[6] / sums[4]),
		FluxData: lifecycle.Some(sums[2]), FluxAnswer: lifecycle.Some(sums[3]),
	}
	if err := r.findNoise(); err != nil {
		return err
	}
	return r.checkStated(residual)
}

// UnitOf is the largest power of two that is no larger than a finite number; 1 for 0 and infinity.
func UnitOf(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) {
		return 1
	}
	_, e := math.Frexp(x)
	return math.Ldexp(1, e-1)
}

// Residual is W^(1/2) (y - H x) for a blur H, NaN at missing pixels; channels x owned box. It is
// white noise if the model is right and the weights are inverse variances. Collective.
func (r *Restoration) Residual(psf forward.PSF, border halo.Border, x []float64) ([]float64, error) {
	blur, err := r.Obs.Blur(r.Comm, psf, border)
	if err != nil {
		return nil, err
	}
	res := make([]float64, len(r.Obs.Data))
	if err := blur.Apply(res, x); err != nil {
		return nil, err
	}
	for i, y := range r.Obs.Data {
		res[i] = (y - res[i]) * math.Sqrt(r.Obs.Weights.At(i)) // NaN where y is
	}
	return res, nil
}

// Given notes the noise that the config gives: the standard deviation of a value of weight 1
// or, with ofData, of a value of median weight, in the unit of the data; 0 = it gives none.
// Collective.
func (r *Restoration) Given(noise float64, ofData bool) error {
	if ofData && noise > 0 {
		typical, err := r.Obs.Weights.Typical(r.Comm, len(r.Obs.Data))
		if err != nil {
			return err
		}
		noise *= math.Sqrt(typical)
	}
	r.Common.Known(noise, NoiseGiven)
	return nil
}

// findNoise notes the noise where the job has noted none. Collective.
func (r *Restoration) findNoise() error {
	o, m := r.Obs, r.Common
	known := 0
	if m.Noise != nil {
		known = 1
	}
	if err := ranks.Share(r.Comm, &known); err != nil || known == 1 {
		return err
	}
	if o.Noise > 0 {
		m.Known(o.Noise, NoiseSimulated)
		return nil
	}
	if rows, cols := o.Shape(); rows < 2 || cols < 2 {
		return nil
	}
	noise, err := forward.EstimateNoise(r.Comm, o.Frame, o.Channels, o.Data, o.Weights)
	if err != nil { // no 2 x 2 observed pixels anywhere
		return nil
	}
	m.Known(noise, NoiseFound)
	return nil
}
