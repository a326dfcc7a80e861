package scdl

import (
	"fmt"
	"math"

	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// spectralQuality compares predicted samples with true ones.
type spectralQuality struct {
	RMSE  lifecycle.Number `json:"rmse"`
	PSNR  lifecycle.Number `json:"psnr_db"`              // the peak is the largest true number; for patches 1
	SAM   lifecycle.Number `json:"sam_degree,omitempty"` // mean angle between a sample and its prediction
	ERGAS lifecycle.Number `json:"ergas,omitempty"`      // 100 (M/P) sqrt(mean over the numbers of (rmse/mean)^2)
}

func (q *spectralQuality) String() string {
	s := fmt.Sprintf("%.2f dB, RMSE %.4g", q.PSNR, q.RMSE)
	if q.SAM > 0 {
		s += fmt.Sprintf(", SAM %.3f degrees, ERGAS %.3f", q.SAM, q.ERGAS)
	}
	return s
}

// spectral is the quality of predicted samples x, count x p, with respect to truth, of all
// ranks together; low samples have m numbers. Patches of pictures have mean 0, so that
// angles and relative errors have no meaning, and their peak is 1. Collective; the result
// is the same on all ranks.
func spectral(comm ranks.Comm, x, truth []float64, p, m int, patches bool) (*spectralQuality, error) {
	sums := make([]float64, 2*p+3) // squared error and sum of each number; angles, samples, samples with an angle
	peak := []float64{math.Inf(-1)}
	for i, v := range truth {
		sums[i%p] += (x[i] - v) * (x[i] - v)
		sums[p+i%p] += v
		peak[0] = max(peak[0], v)
	}
	for i := 0; i < len(truth); i += p {
		var xx, tt, xt float64
		for j := i; j < i+p; j++ {
			xx += x[j] * x[j]
			tt += truth[j] * truth[j]
			xt += x[j] * truth[j]
		}
		sums[2*p+1]++
		if xx > 0 && tt > 0 {
			sums[2*p] += math.Acos(min(1, max(-1, xt/math.Sqrt(xx*tt)))) * 180 / math.Pi
			sums[2*p+2]++
		}
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	if err := comm.Allreduce(peak, peak, ranks.Max); err != nil {
		return nil, err
	}
	n := sums[2*p+1]
	square, relative := 0.0, 0.0
	for j := range p {
		square += sums[j] / (n * float64(p))
		if mean := sums[p+j] / n; mean != 0 {
			relative += sums[j] / n / (mean * mean) / float64(p)
		}
	}
	rmse := math.Sqrt(square)
	if patches {
		return &spectralQuality{RMSE: lifecycle.Number(rmse), PSNR: lifecycle.Number(-20 * math.Log10(rmse))}, nil
	}
	return &spectralQuality{
		RMSE: lifecycle.Number(rmse), PSNR: lifecycle.Number(20 * math.Log10(peak[0]/rmse)), SAM: lifecycle.Number(sums[2*p] / sums[2*p+2]),
		ERGAS: lifecycle.Number(100 * float64(m) / float64(p) * math.Sqrt(relative)),
	}, nil
}
