package simulate

import (
	"math"
	"slices"
	"testing"
)

func TestSpectra(t *testing.T) {
	s := Spectra{Seed: 3, High: 25, Noise: 0.01}
	if s.Low() != 9 {
		t.Fatalf("%d low numbers of 25, want 9", s.Low())
	}
	high, low, again := make([]float64, 25), make([]float64, 9), make([]float64, 25)
	noise, top := 0.0, 0.0
	const count = 2000
	for i := range count {
		s.Draw(i, high, low)
		for j, v := range low {
			noise += (v - high[3*j]) * (v - high[3*j]) / (9 * count)
		}
		top = max(top, slices.Max(high))
	}
	// Both have noise of 0.01.
	if d := math.Sqrt(noise / 2); math.Abs(d-0.01) > 0.0005 {
		t.Errorf("noise %g, want 0.01", d)
	}
	if top < 0.5 || top > 2 {
		t.Errorf("largest number %g", top)
	}
	s.Draw(7, high, low)
	s.Draw(8, again, low)
	s.Draw(7, again, low)
	if !slices.Equal(high, again) {
		t.Error("spectrum 7 depends on what was drawn before")
	}
}
