package linalg

import (
	"math"
	"math/bits"
	"testing"
)

// The transform is that of its definition, with and without the rectifier, for every number of vectors and every length,
// by both twins; NaN stays.
func TestHadamard(t *testing.T) {
	for _, count := range []int{1, 2, 4} {
		for _, rectify := range []bool{false, true} {
			for n := range 70 {
				x := make([][]float32, count)
				for k := range x {
					x[k] = make([]float32, n)
					for i := range x[k] {
						x[k][i] = float32(math.Sin(float64(7*i + 31*k + n)))
					}
				}
				if n > 9 {
					x[count-1][n/2] = float32(math.NaN())
				}
				forms := map[string][][]float32{}
				for _, name := range []string{"linked", "plain"} {
					c := make([][]float32, count)
					for k := range x {
						c[k] = append([]float32(nil), x[k]...)
					}
					forms[name] = c
				}
				Hadamard(rectify, forms["linked"]...)
				switch p := forms["plain"]; count {
				case 1:
					if rectify {
						rectifyPlain(p[0])
					}
				case 2:
					hadamard2Plain(rectify, p[0], p[1])
				case 4:
					hadamard4Plain(rectify, p[0], p[1], p[2], p[3])
				}
				for name, got := range forms {
					for k := range count {
						for i := range n {
							want := 0.0
							for j := range count {
								sign := 1 - 2*float64(bits.OnesCount(uint(j&k))%2)
								want += sign * float64(x[j][i])
							}
							if rectify && want < 0 {
								want = 0
							}
							if v := float64(got[k][i]); !(math.Abs(v-want) <= 1e-6) && !(math.IsNaN(v) && math.IsNaN(want)) {
								t.Fatalf("%s, %d vectors of %d, rectify %v: number %d of vector %d is %g, want %g", name, count, n, rectify, i, k, v, want)
							}
						}
					}
				}
			}
		}
	}
}

// Sums of rectified numbers are those of the definition at every length by both twins, and a place of the
// result does not depend on where in a multiple of 64 it lies.
func TestAddRectified(t *testing.T) {
	for n := range 140 {
		const m = 5
		w, x := make([]float32, m), make([]float32, m*n)
		for i := range w {
			w[i] = float32(math.Cos(float64(3 * i)))
		}
		for i := range x {
			x[i] = float32(math.Sin(float64(11*i + n)))
		}
		if n > 5 {
			x[2*n+n/2] = float32(math.NaN())
		}
		a, b := make([]float32, n), make([]float32, n)
		for j := range a {
			a[j], b[j] = float32(j), float32(j)
		}
		AddRectified(a, w, x)
		addRectifiedPlain(b, w, x)
		for j := range n {
			want := float64(j)
			for i := range w {
				v := float64(x[i*n+j])
				if v < 0 {
					v = 0
				}
				want += float64(w[i]) * v
			}
			for name, v := range map[string]float64{"linked": float64(a[j]), "plain": float64(b[j])} {
				if !(math.Abs(v-want) <= 1e-5*(1+math.Abs(want))) && !(math.IsNaN(v) && math.IsNaN(want)) {
					t.Fatalf("%s, %d columns: number %d is %g, want %g", name, n, j, v, want)
				}
			}
		}
	}
	const m, n = 40, 128
	w, x, y := make([]float32, m), make([]float32, m*n), make([]float32, n)
	for i := range w {
		w[i] = float32(math.Sin(float64(5 * i)))
		for j := range n {
			x[i*n+j] = float32(math.Cos(float64(3 * i)))
		}
	}
	AddRectified(y, w, x)
	for j, v := range y {
		if v != y[0] {
			t.Fatalf("number %d of equal columns is %g, want %g to the bit", j, v, y[0])
		}
	}
}
