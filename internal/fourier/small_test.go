package fourier

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tessera/internal/linalg"
)

// directConvolve is the definition; periodic or zero beyond the border.
func directConvolve(side, ks int, x, h []float64, periodic, transpose bool) []float64 {
	y := make([]float64, side*side)
	for i := range side {
		for j := range side {
			for a := range ks {
				for b := range ks {
					p, q := i-(a-ks/2), j-(b-ks/2)
					if periodic {
						p, q = ((p%side)+side)%side, ((q%side)+side)%side
					}
					if p < 0 || q < 0 || p >= side || q >= side {
						continue
					}
					if transpose {
						y[p*side+q] += h[a*ks+b] * x[i*side+j]
					} else {
						y[i*side+j] += h[a*ks+b] * x[p*side+q]
					}
				}
			}
		}
	}
	return y
}

func noise(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

func convert[T linalg.Float](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

func farthest[T linalg.Float](a []T, b []float64) float64 {
	d := 0.0
	for i := range b {
		d = max(d, math.Abs(float64(a[i])-b[i]))
	}
	return d
}

func identity(h complex128) complex128 { return h }

func smallCases() (cases [][3]int) { // side, kernel side, periodic
	for _, c := range [][2]int{{41, 41}, {41, 21}, {48, 48}, {12, 7}, {7, 12}, {16, 16}, {5, 1}, {1, 3}, {2, 2}, {33, 70}} {
		cases = append(cases, [3]int{c[0], c[1], 0}, [3]int{c[0], c[1], 1})
	}
	return cases
}

func newSmallCase[T linalg.Float](c [3]int) *SmallConvolver[T] {
	if c[2] == 1 {
		return NewSmallPeriodicConvolver[T](c[0])
	}
	return NewSmallZeroConvolver[T](c[0], c[1])
}

func testSmall[T linalg.Float](t *testing.T, tolerance float64) {
	for _, c := range smallCases() {
		side, ks := c[0], c[1]
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(side)))
			h, x, y := noise(r, ks*ks), noise(r, side*side), noise(r, side*side)
			s := newSmallCase[T](c)
			f := s.Filter(ks, h, identity)
			scale := float64(ks)
			got := make([]T, side*side)
			forward := directConvolve(side, ks, x, h, c[2] == 1, false)
			s.Apply(got, convert[T](x), f)
			if d := farthest(got, forward); d > tolerance*scale {
				t.Errorf("Apply: off by %.2e", d)
			}
			s.ApplyTranspose(got, convert[T](x), f)
			if d := farthest(got, directConvolve(side, ks, x, h, c[2] == 1, true)); d > tolerance*scale {
				t.Errorf("ApplyTranspose: off by %.2e", d)
			}
			// In place.
			in := convert[T](x)
			s.Apply(in, in, f)
			if d := farthest(in, forward); d > tolerance*scale {
				t.Errorf("Apply in place: off by %.2e", d)
			}

			w := make([]float64, side*side)
			for i := range w {
				w[i] = float64(r.IntN(3))
			}
			for _, weights := range [][]float64{nil, w} {
				misfit := 0.0
				res := make([]float64, side*side)
				for i := range res {
					d := forward[i] - y[i]
					res[i] = d
					if weights != nil {
						res[i] *= weights[i]
					}
					misfit += d * res[i] / 2
				}
				var ws []T
				if weights != nil {
					ws = convert[T](weights)
				}
				s.Gradient(got, convert[T](x), convert[T](y), ws, f)
				m := s.Misfit(convert[T](x), convert[T](y), ws, f)
				if math.Abs(m-misfit) > 10*tolerance*misfit {
					t.Errorf("misfit %g, want %g", m, misfit)
				}
				want := directConvolve(side, ks, res, h, c[2] == 1, true)
				if d := farthest(got, want); d > 3*tolerance*scale*scale {
					t.Errorf("Gradient: off by %.2e", d)
				}
				// The plain version gives the same.
				plain := make([]T, side*side)
				gradientPlain(s.dims, s.tables, s.work, f, plain, convert[T](x), convert[T](y), ws)
				mp := misfitPlain(s.dims, s.tables, s.work, f, convert[T](x), convert[T](y), ws)
				if d := farthest(plain, want); d > 3*tolerance*scale*scale || math.Abs(mp-misfit) > 10*tolerance*misfit {
					t.Errorf("plain Gradient: off by %.2e, misfit %g, want %g", d, mp, misfit)
				}
			}
		})
	}
}

func TestSmallConvolver32(t *testing.T) { testSmall[float32](t, 2e-6) }
func TestSmallConvolver64(t *testing.T) { testSmall[float64](t, 3e-14) }

func TestSmallFilterResponse(t *testing.T) {
	const side, ks = 19, 9
	r := rand.New(rand.NewPCG(2, 2))
	h, x := noise(r, ks*ks), noise(r, side*side)
	s := NewSmallPeriodicConvolver[float64](side)
	f := s.Filter(ks, h, identity)
	want, got := make([]float64, side*side), make([]float64, side*side)
	s.Apply(want, x, f)
	s.ApplyTranspose(want, want, f)
	power := s.Filter(ks, h, func(h complex128) complex128 { return complex(real(h)*real(h)+imag(h)*imag(h), 0) })
	s.Apply(got, x, power)
	if d := farthest(got, want); d > 1e-11 {
		t.Errorf("|h|^2 differs from H'H by %.2e", d)
	}
	// The gain is the norm: the largest growth found by the power method.
	gain := s.Gain(ks, h)
	v := noise(r, side*side)
	norm := 0.0
	for range 3000 {
		s.Apply(v, v, power)
		norm = linalg.Norm2(v)
		linalg.Scale(1/norm, v)
	}
	if math.Abs(math.Sqrt(norm)-gain) > 1e-3*gain || math.Sqrt(norm) > gain*(1+1e-12) {
		t.Errorf("gain %g, power method %g", gain, math.Sqrt(norm))
	}
}

func TestSmallClone(t *testing.T) {
	s := NewSmallZeroConvolver[float32](9, 5)
	c := s.Clone()
	if &c.work[0] == &s.work[0] || &c.tables[0] != &s.tables[0] {
		t.Error("a clone shares its tables and nothing else")
	}
}

func benchmarkSmall[T linalg.Float](b *testing.B, periodic int) {
	const side = 41
	r := rand.New(rand.NewPCG(3, 3))
	s := newSmallCase[T]([3]int{side, side, periodic})
	f := s.Filter(side, noise(r, side*side), identity)
	x, y, g := convert[T](noise(r, side*side)), convert[T](noise(r, side*side)), make([]T, side*side)
	for b.Loop() {
		s.Gradient(g, x, y, nil, f)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4000, "us/transform")
}

func BenchmarkSmallGradient(b *testing.B) {
	b.Run("float32/zero", func(b *testing.B) { benchmarkSmall[float32](b, 0) })
	b.Run("float32/wrap", func(b *testing.B) { benchmarkSmall[float32](b, 1) })
	b.Run("float64/zero", func(b *testing.B) { benchmarkSmall[float64](b, 0) })
	b.Run("float64/wrap", func(b *testing.B) { benchmarkSmall[float64](b, 1) })
}
