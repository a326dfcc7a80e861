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

// The way back leaves the numbers above 0, at every length and by both twins.
func TestRectified(t *testing.T) {
	special := []float64{0, math.Copysign(0, -1), math.NaN(), math.Copysign(math.NaN(), -1), math.Inf(1), math.Inf(-1), 1e-45, -1e-45}
	for n := range 40 {
		x, x64 := make([]float32, n), make([]float64, n)
		a, b, c := make([]float32, n), make([]float32, n), make([]float64, n)
		want := make([]float64, n)
		for i := range x {
			v := math.Sin(float64(7*i + n))
			if i%3 == 1 {
				v = special[(i/3+n)%len(special)]
			}
			x[i], x64[i] = float32(v), v
			a[i], b[i], c[i] = float32(i+1), float32(i+1), float64(i+1)
			if want[i] = float64(i + 1); v <= 0 {
				want[i] = 0
			}
		}
		Rectified(a, x)
		rectifiedPlain(b, x)
		Rectified(c, x64)
		for i, w := range want {
			if float64(a[i]) != w || float64(b[i]) != w || c[i] != w {
				t.Fatalf("length %d: number %d with x = %g is %g, %g and %g, want %g", n, i, x[i], a[i], b[i], c[i], w)
			}
		}
	}
}
