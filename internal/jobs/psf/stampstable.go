package psf

import (
	"math"
	"slices"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/psf"
	"tessera/ranks"
)

// columns are those of stamps.csv. Ellipticity is the length of (e1, e2); ellipticity, size and
// centroid are measured under the window of output.window.
var columns = []string{
	"stamp", "psf", "iterations", "converged", "pixels", "flux_in", "flux_out", "chi2", "residual_rms", "shift_row", "shift_col",
	"e1_in", "e2_in", "ellipticity_in", "size_in", "e1_out", "e2_out", "ellipticity_out", "size_out",
}

// truthColumns follow where the truth is known.
var truthColumns = []string{"flux_true", "flux_error", "pixel_error", "ellipticity_error", "psnr_db", "pixel_error_in", "ellipticity_error_in", "psnr_db_in"}

// debiasColumns follow with psf.debias, and debiasTruthColumns after the truth's: the flux of the
// last iterate.
var (
	debiasColumns      = []string{"flux_before_debias"}
	debiasTruthColumns = []string{"flux_error_before_debias"}
)

// debias removes the bias of the flux of every stamp, and keeps the fluxes of before.
func (r *run) debias() {
	if !r.c.PSF.Debias {
		return
	}
	s, n := r.s, r.s.Side*r.s.Side
	change := s.Debias(psf.Border(r.c.PSF.Border))
	for i := range s.Count() {
		x := r.result.Data[i*n : (i+1)*n]
		var seen, all float64
		for j, v := range x {
			all += v
			if at := i*n + j; !math.IsNaN(s.Data[at]) && (s.Weights == nil || s.Weights[at] > 0) {
				seen += v
			}
		}
		r.before = append(r.before, fluxes{seen, all})
		change(i, x)
	}
}

// fluxes of a stamp: over its observed pixels, and over all of them.
type fluxes struct{ seen, all float64 }

// judge measures every stamp before and after, and compares both with the truth where it is
// known. Rank 0 has the result. Collective.
func (r *run) judge() error {
	s, res := r.s, r.result
	n, window := s.Side*s.Side, r.c.Output.Window
	// Of a value of weight 1. Relative weights are 1 at the noise's own pixel of median weight.
	typical := 1.0
	switch {
	case r.c.PSF.Noise == string(psf.FromWeights):
		r.m.Known(1, noiseRules[psf.FromWeights])
	default:
		var err error
		if typical, err = forward.Weights(s.Weights).Typical(r.Comm, len(s.Data)); err != nil {
			return err
		}
		r.m.Known(res.Noise*math.Sqrt(typical), noiseRules[psf.NoiseRule(r.c.PSF.Noise)])
	}
	names := slices.Clone(columns)
	if r.c.PSF.Debias {
		names = append(names, debiasColumns...)
	}
	if s.truth != nil {
		names = append(names, truthColumns...)
		if r.c.PSF.Debias {
			names = append(names, debiasTruthColumns...)
		}
	}
	residuals, residual := s.Residuals(psf.Border(r.c.PSF.Border)), make([]float64, n)
	ends := []float64{math.Inf(-1), math.Inf(-1)} // of the data: the largest, and the least with the sign changed
	sums := make([]float64, 7)                    // squares of the residuals, observed pixels, flux of the data and of the answer, pixels, below, above
	var mine []float64
	most := []float64{0} // of the residuals
	for i := range s.Count() {
		residuals(i, res.Data[i*n:(i+1)*n], residual)
		for _, v := range residual {
			if a := math.Abs(v); a > most[0] {
				most[0] = a
			}
		}
	}
	if err := r.Comm.Allreduce(most, most, ranks.Max); err != nil {
		return err
	}
	unit := frames.UnitOf(most[0]) // the squares of residuals of 1e200 or 1e-200 are no float64
	for i := range s.Count() {
		y, x := s.Data[i*n:(i+1)*n], res.Data[i*n:(i+1)*n]
		residuals(i, x, residual)
		var square, pixels, in, out float64
		for j, v := range residual {
			if math.IsNaN(v) {
				continue
			}
			square += v / unit * (v / unit)
			pixels++
			in += y[j]
			out += x[j]
			ends[0], ends[1] = max(ends[0], y[j]), max(ends[1], -y[j])
		}
		for k, v := range []float64{square, pixels, in, out} {
			sums[k] += v
		}
		chi2, rms := square*unit*unit, unit*math.Sqrt(square/pixels)
		if r.c.PSF.Noise != string(psf.FromWeights) {
			noise := res.StampNoise[i] / unit
			chi2 = square / (typical * noise * noise)
		}
		done := 0.0
		if res.StampConverged[i] {
			done = 1
		}
		a, b := psf.Measure(s.Side, y, window), psf.Measure(s.Side, x, window)
		mine = append(mine, float64(s.First+i), float64(s.number[i]), float64(res.StampIterations[i]), done, pixels, in, out, chi2, rms, b.Row-a.Row, b.Col-a.Col,
			a.E[0], a.E[1], math.Hypot(a.E[0], a.E[1]), a.Size, b.E[0], b.E[1], math.Hypot(b.E[0], b.E[1]), b.Size)
		if r.c.PSF.Debias {
			mine = append(mine, r.before[i].seen)
		}
		if s.truth == nil {
			continue
		}
		t := s.truth[i*n : (i+1)*n]
		flux := psf.Measure(s.Side, t, window).Flux
		before, after := psf.Compare(s.Side, y, t, window), psf.Compare(s.Side, x, t, window)
		mine = append(mine, flux, b.Flux/flux-1, after.Pixel, after.Ellipticity, after.PSNR, before.Pixel, before.Ellipticity, before.PSNR)
		if r.c.PSF.Debias {
			mine = append(mine, r.before[i].all/flux-1)
		}
	}
	if err := r.Comm.Allreduce(ends, ends, ranks.Max); err != nil {
		return err
	}
	for _, v := range res.Data {
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
	r.m.Fit = &lifecycle.Fit{
		ResidualRMS: lifecycle.Number(unit * math.Sqrt(sums[0]/sums[1])), Below: lifecycle.Some(sums[5] / sums[4]), Above: lifecycle.Some(sums[6] / sums[4]),
		FluxData: lifecycle.Some(sums[2]), FluxAnswer: lifecycle.Some(sums[3]),
	}
	all, err := r.collect(mine, len(names))
	if err != nil || all == nil {
		return err
	}
	r.table = &imageio.Table{Names: names, Rows: s.Total, Cols: len(names), Data: all}
	r.summarise()
	return nil
}

// column is a column of the table without values that are NaN.
func (r *run) column(name string) []float64 {
	var list []float64
	t := r.table
	for k, other := range t.Names {
		if other != name {
			continue
		}
		for i := range t.Rows {
			if v := t.Data[i*t.Cols+k]; !math.IsNaN(v) {
				list = append(list, v)
			}
		}
	}
	return list
}

// summarise fills the metrics with what the table says of the stack. Rank 0 alone.
func (r *run) summarise() {
	for _, v := range r.column("converged") {
		r.m.Settled += int(v)
	}
	in := r.column("flux_in")
	change := func(name string) *lifecycle.Quartiles {
		var list []float64
		for i, v := range r.column(name) {
			if in[i] != 0 {
				list = append(list, v/in[i]-1)
			}
		}
		return quartilesOf(list)
	}
	r.m.FluxChange = change("flux_out")
	if r.c.PSF.Debias {
		r.m.FluxBefore = change(debiasColumns[0])
		if r.s.truth != nil {
			r.m.FluxErrorBefore = quartilesOf(r.column(debiasTruthColumns[0]))
		}
	}
	r.m.quality = map[int]psf.Quality{}
	if r.s.truth == nil {
		return
	}
	t := r.table
	at := slices.Index(t.Names, truthColumns[0])
	for i := range t.Rows {
		q := t.Data[i*t.Cols+at : (i+1)*t.Cols]
		r.m.quality[i] = psf.Quality{Pixel: q[2], Ellipticity: q[3], PSNR: q[4]}
	}
	var seen []float64 // flux of the data by the true one, minus 1
	for i := range t.Rows {
		if flux := t.Data[i*t.Cols+at]; flux != 0 {
			seen = append(seen, t.Data[i*t.Cols+5]/flux-1)
		}
	}
	r.m.Measured(lifecycle.ObservedColumn, newQuality([][]float64{r.column("pixel_error_in"), r.column("ellipticity_error_in"), r.column("psnr_db_in"), seen}))
	r.m.Measured(lifecycle.AnswerColumn, newQuality([][]float64{r.column("pixel_error"), r.column("ellipticity_error"), r.column("psnr_db"), r.column("flux_error")}))
}
