package simulate

import (
	"math"
	"testing"
)

// Observations lie in the cube, they differ from the truth by the noise, and most of them
// are in clusters.
func TestSurvey(t *testing.T) {
	for dim := 1; dim <= 3; dim++ {
		const n = 5000
		s := &Survey{Seed: 4, Dim: dim, Clusters: 5, Clustered: 0.8, Noise: 0.1}
		x := make([]float64, dim)
		square, left := 0.0, 0
		count := map[int]int{}
		for i := range n {
			y := s.Observation(i, x)
			square += (y - s.Truth(x)) * (y - s.Truth(x)) / n
			for _, v := range x {
				if v < 0 || v > 1 {
					t.Fatalf("observation %d at %v", i, x)
				}
			}
			if x[0] < 0.5 {
				left++
			}
			count[int(20*x[0])]++
		}
		if rms := math.Sqrt(square); math.Abs(rms-0.1) > 0.005 {
			t.Errorf("%d-D: noise of %v, want 0.1", dim, rms)
		}
		most := 0
		for _, c := range count {
			most = max(most, c)
		}
		if most < 2*n/20 {
			t.Errorf("%d-D: the fullest of 20 slabs holds %d of %d: no clusters", dim, most, n)
		}
		// Observation i is the same each time it is made; another seed gives another survey.
		a, b := make([]float64, dim), make([]float64, dim)
		if s.Observation(77, a) != s.Observation(77, b) || a[0] != b[0] {
			t.Error("observation 77 differs from itself")
		}
		other := *s
		other.Seed++
		if other.Observation(77, b); a[0] == b[0] {
			t.Error("another seed, the same place")
		}
	}
}

// The sample has the given fraction of the pixels and is denser where the picture is bright.
func TestSampled(t *testing.T) {
	const n = 200000
	var bright, dark float64
	for i := range n {
		b := float64(i % 2) // every other pixel is dark
		if Sampled(3, i, 0.1, b, 0.5) {
			if b > 0 {
				bright++
			} else {
				dark++
			}
		}
	}
	// 0.1 (1/4 + 3/4 b/mean): 0.175 of the bright half, 0.025 of the dark one.
	if math.Abs(bright/(n/2)-0.175) > 0.005 || math.Abs(dark/(n/2)-0.025) > 0.003 {
		t.Errorf("%v of the bright pixels and %v of the dark ones", bright/(n/2), dark/(n/2))
	}
}
