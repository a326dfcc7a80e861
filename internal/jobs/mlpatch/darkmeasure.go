package mlpatch

import (
	"math"

	"tessera/forward"
	"tessera/internal/lifecycle"
	"tessera/mlpatch/massmap"
	"tessera/ranks"
)

// fit notes how a map agrees with the shear, whose weights are inverse variances. Collective.
func (r *darkRun) fit(x []float64) error {
	m := r.maps
	shear, err := forward.NewShear(r.Comm, m.Frame, 1, nil)
	if err != nil {
		return err
	}
	model := make([]float64, len(m.Shear))
	if err := shear.Apply(model, x); err != nil {
		return err
	}
	sums := make([]float64, 2)
	for i, w := range m.Weights {
		if w > 0 {
			d := m.Shear[i] - model[i]
			sums[0] += w * d * d
			sums[1]++
		}
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	r.m.Known(1, "the weights are inverse variances")
	r.m.Fit = &lifecycle.Fit{ResidualRMS: lifecycle.Number(math.Sqrt(sums[0] / sums[1]))}
	return nil
}

// measure fills the metrics with what the maps are. Collective.
func (r *darkRun) measure(b *massmap.Bands, e, curl, noise, wiener []float64) error {
	m, comm := r.maps, r.Comm
	r.m.Bands = bandMetrics{b.Ell, e, curl, noise, wiener}
	sums := make([]float64, 3) // observed pixels, E and B mode
	for i, w := range m.Weights[:len(r.b)] {
		if w > 0 {
			sums[0]++
			sums[1] += r.ks[i] * r.ks[i]
			sums[2] += r.b[i] * r.b[i]
		}
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	r.m.RMS = rmsMetrics{lifecycle.Number(math.Sqrt(sums[1] / sums[0])), lifecycle.Number(math.Sqrt(sums[2] / sums[0]))}
	seen := append([]float64(nil), r.ratio...)
	for i, w := range m.Weights[:len(seen)] {
		if w == 0 {
			seen[i] = math.Inf(-1)
		}
	}
	peaks, err := massmap.Peaks(comm, m.Frame, seen, []float64{3, 5})
	if err != nil {
		return err
	}
	r.m.Peaks = peakMetrics{int(peaks[0]), int(peaks[1])}
	if err := r.fit(r.wiener); err != nil {
		return err
	}
	if r.truth == nil {
		return nil
	}
	q, err := massmap.Compare(comm, r.truth, m.Weights[:len(r.truth)], r.ks, r.wiener)
	if err != nil {
		return err
	}
	answer := lifecycle.AnswerColumn
	if r.c.applies() {
		answer = wienerColumn
	}
	for i, name := range []string{"kaiser_squires", answer} {
		r.m.Measured(name, &lifecycle.Quality{RMSE: lifecycle.Some(q[i].RMSE), Correlation: lifecycle.Some(q[i].Pearson)})
	}
	return nil
}
