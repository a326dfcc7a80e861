package tv

import (
	"math"
	"testing"

	"tessera/forward"
)

// chance is the probability of k events where mean are expected.
func chance(k int, mean float64) float64 {
	l, _ := math.Lgamma(float64(k) + 1)
	return math.Exp(float64(k)*math.Log(mean) - mean - l)
}

// The transform of Anscombe has a noise of 1, and its inverse of the mean of the transform is the mean:
// against sums over the distribution of Poisson.
func TestAnscombe(t *testing.T) {
	const gain = 4.0
	for _, mean := range []float64{0.5, 1, 2, 5, 10, 30, 100} {
		first, second := 0.0, 0.0
		for k := range 400 {
			z := Anscombe(float64(k)/gain, gain)
			first += chance(k, mean) * z
			second += chance(k, mean) * z * z
		}
		if d := math.Sqrt(second - first*first); mean >= 4 && math.Abs(d-1) > 0.05 {
			t.Errorf("mean %g: the transform has a noise of %g", mean, d)
		}
		if got := gain * InverseAnscombe(first, gain); math.Abs(got-mean) > 0.03*math.Max(mean, 1) {
			t.Errorf("mean %g: the inverse gives %g", mean, got)
		}
	}
	if got := InverseAnscombe(-1, gain); got != 0 || math.IsNaN(InverseAnscombe(0.3, gain)) {
		t.Errorf("the inverse below its range is %g", got)
	}
}

func TestCountWeights(t *testing.T) {
	w := CountWeights([]float64{0, 6, -1, 2, math.NaN(), 12}, forward.Weights{1, 0.2, 1, 0, 1, 3}, 2)
	for i, want := range []float64{4, 4.0 / 13, 4, 0, 0, 4.0 / 25} {
		if math.Abs(w[i]-want) > 1e-15 {
			t.Errorf("value %d has the weight %g, want %g", i, w[i], want)
		}
	}
	if w := CountWeights([]float64{6}, nil, 2); w[0] != 4.0/13 {
		t.Errorf("without weights %g", w[0])
	}
}
