package linalg

import (
	"math"
	"testing"
)

// Negative numbers become 0 and all others stay, NaN too, at every length and by both twins.
func TestRectify(t *testing.T) {
	for n := range 40 {
		a, b, c := make([]float32, n), make([]float32, n), make([]float64, n)
		want := make([]float64, n)
		for i := range a {
			v := math.Sin(float64(7*i + n))
			switch i % 9 {
			case 4:
				v = math.Inf(-1)
			case 7:
				v = math.NaN()
			}
			a[i], b[i], c[i], want[i] = float32(v), float32(v), v, v
			if v < 0 {
				want[i] = 0
			}
		}
		Rectify(a)
		rectifyPlain(b)
		Rectify(c)
		for i, w := range want {
			for _, got := range []float64{float64(a[i]), float64(b[i]), c[i]} {
				if math.Abs(got-w) > 1e-6 || math.IsNaN(got) != math.IsNaN(w) {
					t.Fatalf("length %d: number %d is %g, want %g", n, i, got, w)
				}
			}
		}
	}
}
