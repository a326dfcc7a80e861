package massmap

import (
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// Quality compares a map with the truth inside the mask.
type Quality struct {
	RMSE    float64 // root mean square of the difference
	Pearson float64 // coefficient of correlation
}

// Compare compares maps with the truth less its mean over the whole frame, at the pixels of weight more than 0:
// the mean has no shear. The same on all ranks. Collective.
func Compare(comm ranks.Comm, truth, weights []float64, maps ...[]float64) ([]Quality, error) {
	mean := []float64{0, float64(len(truth))}
	for _, v := range truth {
		mean[0] += v
	}
	if err := comm.Allreduce(mean, mean, ranks.Sum); err != nil {
		return nil, err
	}
	const each = 6 // pixels, t, x, tt, xx, tx
	sums := make([]float64, each*len(maps))
	for i, v := range truth {
		if weights[i] == 0 {
			continue
		}
		t := v - mean[0]/mean[1]
		for k, m := range maps {
			s := sums[each*k:]
			s[0]++
			s[1] += t
			s[2] += m[i]
			s[3] += t * t
			s[4] += m[i] * m[i]
			s[5] += t * m[i]
		}
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	list := make([]Quality, len(maps))
	for k := range list {
		s := sums[each*k:]
		n := s[0]
		list[k] = Quality{
			RMSE:    math.Sqrt(max(s[3]-2*s[5]+s[4], 0) / n),
			Pearson: (s[5] - s[1]*s[2]/n) / math.Sqrt((s[3]-s[1]*s[1]/n)*(s[4]-s[2]*s[2]/n)),
		}
	}
	return list, nil
}

// Peaks is the number of pixels of a map that are larger than their eight neighbours, on a periodic sky, and at
// least as large as each threshold. The same on all ranks. Collective: one exchange.
func Peaks(comm ranks.Comm, frame *halo.Decomposition, x []float64, thresholds []float64) ([]float64, error) {
	plan, err := halo.NewPlan(frame, comm.Rank(), []int{1, 1}, halo.Periodic)
	if err != nil {
		return nil, err
	}
	ext := make([]float64, plan.Extended().Size())
	plan.Scatter(ext, x, 1)
	if err := plan.Exchange(comm, ext, 1); err != nil {
		return nil, err
	}
	stride, cols := plan.Extended().Shape()[1], plan.Owned().Shape()[1]
	counts := make([]float64, len(thresholds))
	for i, v := range x {
		at := (i/cols+1)*stride + i%cols + 1
		peak := true
		for _, d := range []int{-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1} {
			peak = peak && v > ext[at+d]
		}
		for k, t := range thresholds {
			if peak && v >= t {
				counts[k]++
			}
		}
	}
	return counts, comm.Allreduce(counts, counts, ranks.Sum)
}
