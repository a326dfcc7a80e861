package frames

import (
	"math"

	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// Column is an array over the frame, channels x owned box, that is compared with the truth.
type Column struct {
	Name   string
	Values []float64 // nil = there is none
}

// AgainstTruth notes in the metrics how near the observation and the columns are to the truth,
// where that is known, by the peak signal-to-noise ratio, the signal-to-noise ratio and SSIM.
//
// All columns are compared over the same pixels: those that were observed, that have a true
// value, and that no column leaves without a value. What the columns have put at the pixels
// that were not observed is compared apart. A column without any value is left out.
//
//	PSNR = 10 log10(peak^2 / mean squared error), peak the largest true value
//	SNR  = 10 log10(||truth||^2 / ||error||^2)
//
// Rank 0 alone has the result. Collective; the error is the same on all ranks.
func (r *Restoration) AgainstTruth(columns ...Column) error {
	truth := r.Obs.Truth
	if truth == nil {
		return nil
	}
	all := append([]Column{{lifecycle.ObservedColumn, r.Obs.Data}}, columns...)
	there := make([]float64, len(all)) // values of each, on all ranks
	for k, c := range all {
		for _, v := range c.Values {
			if !math.IsNaN(v) {
				there[k]++
			}
		}
	}
	if err := r.Comm.Allreduce(there, there, ranks.Sum); err != nil {
		return err
	}
	n := 0
	for k, c := range all {
		if there[k] > 0 {
			all[n] = c
			n++
		}
	}
	all = all[:n]

	ends := []float64{math.Inf(-1), math.Inf(-1)} // of the truth: the largest, and the least with the sign changed
	sums := make([]float64, 2*len(all)+3)         // squared errors of each column at observed pixels and in holes; then these:
	energy, pixels, holes := 2*len(all), 2*len(all)+1, 2*len(all)+2
	for i, t := range truth {
		if math.IsNaN(t) {
			continue
		}
		ends[0], ends[1] = max(ends[0], t), max(ends[1], -t)
		hole := r.Obs.Weights.Missing(i) || math.IsNaN(r.Obs.Data[i])
		known := true
		for _, c := range all {
			known = known && (hole && c.Name == lifecycle.ObservedColumn || !math.IsNaN(c.Values[i]))
		}
		switch {
		case !known:
			continue
		case hole:
			sums[holes]++
		default:
			sums[energy] += t * t
			sums[pixels]++
		}
		for k, c := range all {
			d := c.Values[i] - t
			if !hole {
				sums[2*k] += d * d
			} else if c.Name != lifecycle.ObservedColumn {
				sums[2*k+1] += d * d
			}
		}
	}
	if err := r.Comm.Allreduce(ends, ends, ranks.Max); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	alike, err := r.similarities(all, ends[0]+ends[1])
	if err != nil || r.Comm.Rank() > 0 {
		return err
	}
	db := func(a, b float64) *lifecycle.Number { return lifecycle.Some(10 * math.Log10(a/b)) }
	extent := ends[0] + ends[1]
	for k, c := range all {
		q := &lifecycle.Quality{SSIM: alike[k]}
		if sums[pixels] > 0 {
			q.PSNR = db(ends[0]*ends[0]*sums[pixels], sums[2*k])
			q.PSNRRange = db(extent*extent*sums[pixels], sums[2*k])
			q.SNR = db(sums[energy], sums[2*k])
		}
		if c.Name != lifecycle.ObservedColumn && sums[holes] > 0 {
			q.PSNRHoles = db(ends[0]*ends[0]*sums[holes], sums[2*k+1])
		}
		r.Common.Measured(c.Name, q)
	}
	return nil
}

// similarities are SSIM of each column, nil where no window is complete. All columns are
// compared over the same windows, those in which no column lacks a value. Where missing pixels
// leave less than a hundredth of the windows that the other columns have, the observation,
// which has no values there, is left out. Collective.
func (r *Restoration) similarities(all []Column, extent float64) ([]*lifecycle.Number, error) {
	list := make([]*lifecycle.Number, len(all))
	first := 0
	if len(all) > 1 && all[0].Name == lifecycle.ObservedColumn {
		with, err := r.windows(r.knownIn(all))
		if err != nil {
			return nil, err
		}
		without, err := r.windows(r.knownIn(all[1:]))
		if err != nil {
			return nil, err
		}
		if with < 0.01*without {
			first = 1
		}
	}
	var arrays [][]float64
	for _, c := range all[first:] {
		arrays = append(arrays, c.Values)
	}
	got, err := r.ssim(r.knownIn(all[first:]), extent, arrays...)
	for k, s := range got {
		if s.windows > 0 {
			list[first+k] = lifecycle.Some(s.sum / s.windows)
		}
	}
	return list, err
}

// knownIn is the truth, NaN where a column is.
func (r *Restoration) knownIn(columns []Column) []float64 {
	known := append([]float64(nil), r.Obs.Truth...)
	for _, c := range columns {
		for i, v := range c.Values {
			if math.IsNaN(v) {
				known[i] = v
			}
		}
	}
	return known
}
