package wavelet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tessera/internal/linalg"
)

// filters are the bands' responses to a point, side 2 margin + 1: differences of
// repeated convolutions with the dilated kernel, by their definition.
func filters(f Family, scales int) (bands [][]float64, side int) {
	h, radius := f.taps()
	side = 2*radius*(1<<scales-1) + 1
	c := make([]float64, side*side)
	c[side/2*side+side/2] = 1
	for s := range scales {
		next := make([]float64, side*side)
		for i := range side {
			for j := range side {
				for a := -radius; a <= radius; a++ {
					for b := -radius; b <= radius; b++ {
						p, q := i-a<<s, j-b<<s
						if p >= 0 && q >= 0 && p < side && q < side {
							next[i*side+j] += h[max(a, -a)] * h[max(b, -b)] * c[p*side+q]
						}
					}
				}
			}
		}
		band := make([]float64, side*side)
		for i := range band {
			band[i] = c[i] - next[i]
		}
		bands, c = append(bands, band), next
	}
	return bands, side
}

// direct convolves x with one filter, cut to the frame.
func direct(n int, x, filter []float64, side int, periodic bool) []float64 {
	y := make([]float64, n*n)
	for i := range n {
		for j := range n {
			for a := range side {
				for b := range side {
					p, q := i-a+side/2, j-b+side/2
					if periodic {
						p, q = (p%n+n)%n, (q%n+n)%n
					}
					if p >= 0 && q >= 0 && p < n && q < n {
						y[i*n+j] += filter[a*side+b] * x[p*n+q]
					}
				}
			}
		}
	}
	return y
}

func random[T linalg.Float](r *rand.Rand, n int) (x []T, wide []float64) {
	x, wide = make([]T, n), make([]float64, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
		wide[i] = float64(x[i])
	}
	return x, wide
}

func dot[T linalg.Float](a, b []T) float64 {
	s := 0.0
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

func testStarlet[T linalg.Float](t *testing.T, eps float64) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, f := range []Family{B3, Linear} {
		for _, n := range []int{1, 6, 17, 41, 48} {
			for _, scales := range []int{1, 2, 3} {
				for _, periodic := range []bool{false, true} {
					name := fmt.Sprintf("family %d, %d pixels, %d scales, periodic %v", f, n, scales, periodic)
					s := NewStarlet[T](f, n, scales, periodic)
					x, wide := random[T](r, n*n)
					got, plain := make([]T, scales*n*n), make([]T, scales*n*n)
					s.Forward(got, x)
					forwardPlain(s.shape, s.work, plain, x)
					bands, side := filters(f, scales)
					for k, b := range bands {
						for i, want := range direct(n, wide, b, side, periodic) {
							at := k*n*n + i
							if math.Abs(float64(got[at])-want) > 20*eps || math.Abs(float64(plain[at])-want) > 20*eps {
								t.Fatalf("%s: band %d pixel %d: %g, plain %g, want %g", name, k, i, got[at], plain[at], want)
							}
						}
					}
					u, _ := random[T](r, scales*n*n)
					back, slow := make([]T, n*n), make([]T, n*n)
					s.Adjoint(back, u)
					adjointPlain(s.shape, s.work, slow, u)
					for i := range back {
						if math.Abs(float64(back[i]-slow[i])) > 20*eps {
							t.Fatalf("%s: adjoint pixel %d: %g, plain %g", name, i, back[i], slow[i])
						}
					}
					if a, b := dot(got, u), dot(x, back); math.Abs(a-b) > 50*eps*float64(n) {
						t.Errorf("%s: <Phi x, u> = %g, <x, Phi' u> = %g", name, a, b)
					}
				}
			}
		}
	}
}

func TestStarlet32(t *testing.T) { testStarlet[float32](t, 1.2e-7) }
func TestStarlet64(t *testing.T) { testStarlet[float64](t, 2.3e-16) }

// |Phi| <= 1, and not by much less.
func TestNorm(t *testing.T) {
	const n = 41
	r := rand.New(rand.NewPCG(6, 6))
	for _, f := range []Family{B3, Linear} {
		for _, periodic := range []bool{false, true} {
			s := NewStarlet[float64](f, n, 3, periodic)
			x, _ := random[float64](r, n*n)
			bands := make([]float64, 3*n*n)
			norm := 0.0
			for range 300 {
				linalg.Scale(1/linalg.Norm2(x), x)
				s.Forward(bands, x)
				s.Adjoint(x, bands)
				norm = math.Sqrt(linalg.Norm2(x))
			}
			if norm > 1+1e-12 || norm < 0.9 {
				t.Errorf("family %d, periodic %v: |Phi| = %g, want 0.9 to 1", f, periodic, norm)
			}
		}
	}
}

func BenchmarkStarlet(b *testing.B) {
	for _, f := range []Family{B3, Linear} {
		b.Run(fmt.Sprintf("family %d", f), func(b *testing.B) {
			const n = 41
			s := NewStarlet[float32](f, n, 3, false)
			x, _ := random[float32](rand.New(rand.NewPCG(7, 7)), n*n)
			bands := make([]float32, 3*n*n)
			for b.Loop() {
				s.Forward(bands, x)
				s.Adjoint(x, bands)
			}
		})
	}
}
