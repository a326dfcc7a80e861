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

// Numbers stay where the other vector is not 0, of either sign and NaN too, and become 0 elsewhere, at every length and by both twins.
func TestKeepWhere(t *testing.T) {
	special := []float64{0, math.Copysign(0, -1), 1, -1, math.NaN(), math.Inf(1), 1e-40}
	for n := range 70 {
		x, y := make([]float32, n), make([]float32, n)
		plain, x64, y64 := make([]float32, n), make([]float64, n), make([]float64, n)
		for i := range x {
			v, w := special[(5*i+n)%len(special)], 1+math.Sin(float64(i))/2
			if i%11 == 3 {
				w = math.NaN()
			}
			x[i], x64[i], y[i], plain[i], y64[i] = float32(v), v, float32(w), float32(w), w
		}
		want := append([]float64(nil), y64...)
		KeepWhere(y, x)
		keepWherePlain(plain, x)
		KeepWhere(y64, x64)
		for i, w := range want {
			if x64[i] == 0 {
				w = 0
			}
			for _, got := range []float64{float64(y[i]), float64(plain[i]), y64[i]} {
				if math.Abs(got-w) > 1e-6 || math.IsNaN(got) != math.IsNaN(w) {
					t.Fatalf("length %d: number %d is %g where the other is %g, want %g", n, i, got, x64[i], w)
				}
			}
		}
	}
}
