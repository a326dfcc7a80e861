package scdl

import (
	"math"

	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// Names of what is compared with a prediction.
const (
	rawColumn    = "raw_atoms"         // raw samples as atoms
	linearColumn = "linear_regression" // of the numbers of high resolution on those of low
)

// spectral is the quality of predicted samples x, count x p, with respect to truth, of all
// ranks together; low samples have m numbers. Patches of pictures have mean 0, so that
// angles and relative errors have no meaning, and their peak is 1. ERGAS is
// 100 (M/P) sqrt(mean over the numbers of (rmse/mean)^2). Collective; the result
// is the same on all ranks.
func spectral(comm ranks.Comm, x, truth []float64, p, m int, patches bool) (*lifecycle.Quality, error) {
	peaks := []float64{math.Inf(-1), 0} // the largest true number, and the largest absolute value
	for _, v := range truth {
		peaks[0], peaks[1] = max(peaks[0], v), max(peaks[1], math.Abs(v))
	}
	if err := comm.Allreduce(peaks, peaks, ranks.Max); err != nil {
		return nil, err
	}
	// In a unit of about that, so that no square leaves the range of float64.
	_, exponent := math.Frexp(peaks[1])
	in := func(v float64) float64 { return math.Ldexp(v, -exponent) }
	sums := make([]float64, 2*p+3) // squared error and sum of each number; angles, samples, samples with an angle
	for i := range truth {
		v := in(truth[i])
		sums[i%p] += (in(x[i]) - v) * (in(x[i]) - v)
		sums[p+i%p] += v
	}
	for i := 0; i < len(truth); i += p {
		var xx, tt, xt float64
		for j := i; j < i+p; j++ {
			a, b := in(x[j]), in(truth[j])
			xx += a * a
			tt += b * b
			xt += a * b
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
	n := sums[2*p+1]
	square, relative := 0.0, 0.0
	for j := range p {
		square += sums[j] / (n * float64(p))
		if mean := sums[p+j] / n; mean != 0 {
			relative += sums[j] / n / (mean * mean) / float64(p)
		}
	}
	rmse := math.Ldexp(math.Sqrt(square), exponent)
	if patches {
		return &lifecycle.Quality{RMSE: lifecycle.Some(rmse), PSNR: lifecycle.Some(-20 * math.Log10(rmse))}, nil
	}
	return &lifecycle.Quality{
		RMSE: lifecycle.Some(rmse), PSNR: lifecycle.Some(20 * math.Log10(peaks[0]/rmse)), SAM: lifecycle.Some(sums[2*p] / sums[2*p+2]),
		ERGAS: lifecycle.Some(100 * float64(m) / float64(p) * math.Sqrt(relative)),
	}, nil
}

// largest is the largest absolute value of the numbers of all ranks, 1 if all are 0: the
// unit of a code. Collective.
func largest(comm ranks.Comm, x []float64) (float64, error) {
	most := []float64{0}
	for _, v := range x {
		most[0] = max(most[0], math.Abs(v))
	}
	err := comm.Allreduce(most, most, ranks.Max)
	if most[0] == 0 {
		most[0] = 1
	}
	return most[0], err
}
