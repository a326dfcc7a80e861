package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// lengths straddle every block, chain and remainder of the two back ends.
var lengths = []int{0, 1, 2, 3, 4, 7, 15, 31, 32, 33, 63, 64, 65, 100, 127, 255, 256, 257, 511, 513, 1023, 1024,
	1025, 1060, 2047, 2048, 2049, 2055, 4096, 5000, 10007}

// exactDot is the dot product in twice the working precision (Ogita, Rump and
// Oishi, Accurate sum and dot product, 2005, algorithm 5.3).
func exactDot(x, y []float64) float64 {
	var s, c float64
	for i := range x {
		p := x[i] * y[i]
		e := math.FMA(x[i], y[i], -p)
		t := s + p
		z := t - s
		c += (s - (t - z)) + (p - z) + e
		s = t
	}
	return s + c
}

func absDot(x, y []float64) float64 {
	var s float64
	for i := range x {
		s += math.Abs(x[i] * y[i])
	}
	return s
}

func TestDotAndNorm(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range lengths {
		x, y := randomSlice[float64](rng, n), randomSlice[float64](rng, n)
		tolerance := 4e-15 * absDot(x, y)
		if got, want := Dot(x, y), exactDot(x, y); math.Abs(got-want) > tolerance {
			t.Errorf("n=%d: Dot = %.17g, want %.17g", n, got, want)
		}
		if got, want := Norm2(x), math.Sqrt(exactDot(x, x)); math.Abs(got-want) > 4e-15*want {
			t.Errorf("n=%d: Norm2 = %.17g, want %.17g", n, got, want)
		}
	}
}

// A solver that iterates to 1e-12 on 1e7 unknowns must see it in its norms.
// Equal terms are the worst case: their rounding errors all have one sign.
func TestDotOfTenMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("240 MB")
	}
	const n = 10_000_000
	x, y := make([]float64, n), make([]float64, n)
	rng := rand.New(rand.NewPCG(5, 6))
	fills := map[string]func(i int){
		"constant": func(i int) { x[i], y[i] = 0.1, 0.7 },
		"positive": func(i int) { x[i], y[i] = rng.Float64(), rng.Float64() },
		"signed":   func(i int) { x[i], y[i] = rng.NormFloat64(), rng.NormFloat64() },
		"cancelling": func(i int) {
			x[i], y[i] = 1+float64(i%7), 3
			if i%2 == 1 {
				x[i] = -x[i-1]
			}
		},
	}
	for name, fill := range fills {
		for i := range x {
			fill(i)
		}
		want, scale := exactDot(x, y), math.Sqrt(exactDot(x, x))*math.Sqrt(exactDot(y, y))
		multi := make([]float64, 1)
		MultiDot(multi, [][]float64{x}, y)
		for what, got := range map[string]float64{"Dot": Dot(x, y), "MultiDot": multi[0]} {
			e := math.Abs(got-want) / scale
			t.Logf("%s, %s: error %.1e of |x||y|", name, what, e)
			if e > 2e-15 {
				t.Errorf("%s, %s: error %.1e of |x||y|", name, what, e)
			}
		}
	}
}

func TestNormOfExtremes(t *testing.T) {
	for _, scale := range []float64{1e-320, 1e-200, 1, 1e200, math.Inf(1), math.NaN()} {
		for _, n := range []int{3, 1500} {
			x := make([]float64, n)
			for i := range x {
				x[i] = scale
			}
			want := scale * math.Sqrt(float64(n))
			got := Norm2(x)
			if math.IsNaN(want) || math.IsInf(want, 0) {
				if math.IsNaN(want) != math.IsNaN(got) || math.IsInf(want, 0) != math.IsInf(got, 0) {
					t.Errorf("Norm2 of %d x %g = %g", n, scale, got)
				}
			} else if math.Abs(got-want) > 1e-3*want {
				t.Errorf("Norm2 of %d x %g = %g, want %g", n, scale, got, want)
			}
		}
	}
	if got := Norm2(make([]float64, 1000)); got != 0 {
		t.Errorf("Norm2 of zeros = %g", got)
	}
}

// Dots of data with an infinity or a NaN in it must say so: a solver detects
// divergence by them.
func TestDotPropagatesNonFinite(t *testing.T) {
	for _, n := range []int{5, 100, 5000} {
		x, y := make([]float64, n), make([]float64, n)
		for i := range x {
			x[i], y[i] = 1, 1
		}
		x[n/2] = math.Inf(1)
		if got := Dot(x, y); !math.IsInf(got, 1) {
			t.Errorf("n=%d: Dot with an infinity = %g", n, got)
		}
		x[n/2] = math.NaN()
		if got := Dot(x, y); !math.IsNaN(got) {
			t.Errorf("n=%d: Dot with a NaN = %g", n, got)
		}
	}
}

func TestMultiDotAndMultiAxpy(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, n := range lengths {
		for k := range 10 {
			w := randomSlice[float64](rng, n)
			v := make([][]float64, k)
			for j := range v {
				v[j] = randomSlice[float64](rng, n)
			}
			out := make([]float64, k)
			MultiDot(out, v, w)
			for j := range v {
				if want := exactDot(v[j], w); math.Abs(out[j]-want) > 4e-15*absDot(v[j], w) {
					t.Fatalf("n=%d k=%d: MultiDot[%d] = %.17g, want %.17g", n, k, j, out[j], want)
				}
			}
			coeffs := randomSlice[float64](rng, k)
			got := append([]float64(nil), w...)
			MultiAxpy(got, coeffs, v)
			for i := range w {
				want, bound := w[i], math.Abs(w[i])
				for j := range v {
					want += coeffs[j] * v[j][i]
					bound += math.Abs(coeffs[j] * v[j][i])
				}
				if math.Abs(got[i]-want) > 0x1p-50*bound {
					t.Fatalf("n=%d k=%d: MultiAxpy[%d] = %.17g, want %.17g", n, k, i, got[i], want)
				}
			}
		}
	}
}

func TestUpdates(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	near := func(t *testing.T, what string, i int, got, want, bound float64) {
		t.Helper()
		if math.Abs(got-want) > 0x1p-51*bound {
			t.Fatalf("%s[%d] = %.17g, want %.17g", what, i, got, want)
		}
	}
	const alpha = 0.3
	for _, n := range lengths {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			x, r := randomSlice[float64](rng, n), randomSlice[float64](rng, n)
			p, q := randomSlice[float64](rng, n), randomSlice[float64](rng, n)

			gotX, gotR := append([]float64(nil), x...), append([]float64(nil), r...)
			rr := CGUpdate(gotX, gotR, p, q, alpha)
			for i := range x {
				near(t, "CGUpdate x", i, gotX[i], x[i]+alpha*p[i], math.Abs(x[i])+math.Abs(p[i]))
				near(t, "CGUpdate r", i, gotR[i], r[i]-alpha*q[i], math.Abs(r[i])+math.Abs(q[i]))
			}
			if want := exactDot(gotR, gotR); math.Abs(rr-want) > 4e-15*want {
				t.Fatalf("CGUpdate returns %.17g, want %.17g", rr, want)
			}

			got := append([]float64(nil), p...)
			Xpby(got, x, alpha)
			for i := range x {
				near(t, "Xpby", i, got[i], x[i]+alpha*p[i], math.Abs(x[i])+math.Abs(p[i]))
			}
			got = append([]float64(nil), q...)
			Axpy(alpha, x, got)
			for i := range x {
				near(t, "Axpy", i, got[i], q[i]+alpha*x[i], math.Abs(x[i])+math.Abs(q[i]))
			}
			Scale(alpha, got)
			for i := range x {
				near(t, "Scale", i, got[i], alpha*(q[i]+alpha*x[i]), math.Abs(x[i])+math.Abs(q[i]))
			}
		})
	}
}

func TestVectorLengthMistakes(t *testing.T) {
	long, short := make([]float64, 5), make([]float64, 4)
	calls := map[string]func(){
		"Dot":             func() { Dot(long, short) },
		"MultiDot":        func() { MultiDot(make([]float64, 1), [][]float64{short}, long) },
		"MultiDot out":    func() { MultiDot(nil, [][]float64{long}, long) },
		"MultiAxpy":       func() { MultiAxpy(long, make([]float64, 1), [][]float64{short}) },
		"Axpy":            func() { Axpy(1, short, long) },
		"Xpby":            func() { Xpby(long, short, 1) },
		"CGUpdate q":      func() { CGUpdate(long, long, long, short, 1) },
		"MultiAxpy coeff": func() { MultiAxpy(long, nil, [][]float64{long}) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { wantPanic(t, "linalg: "+name, call) })
	}
}

// Vectors of 32 MB: beyond every cache.
func BenchmarkVector(b *testing.B) {
	const n, k = 1 << 22, 16
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := randomSlice[float64](rng, n), randomSlice[float64](rng, n)
	v, out := make([][]float64, k), make([]float64, k)
	for j := range v {
		v[j] = randomSlice[float64](rng, n)
	}
	rate := func(b *testing.B, vectors int) {
		b.ReportMetric(8*n*float64(vectors)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
	}
	b.Run("Dot", func(b *testing.B) {
		for b.Loop() {
			Dot(x, y)
		}
		rate(b, 2)
	})
	b.Run("MultiDot16", func(b *testing.B) {
		for b.Loop() {
			MultiDot(out, v, x)
		}
		rate(b, k+1)
	})
	b.Run("MultiAxpy16", func(b *testing.B) {
		for j := range out {
			out[j] = 1e-9 // not zero, which some back ends skip
		}
		for b.Loop() {
			MultiAxpy(x, out, v)
		}
		rate(b, k+2)
	})
	b.Run("CGUpdate", func(b *testing.B) {
		for b.Loop() {
			CGUpdate(x, y, v[0], v[1], 1e-9)
		}
		rate(b, 6)
	})
	b.Run("Xpby", func(b *testing.B) {
		for b.Loop() {
			Xpby(y, x, 0.5)
		}
		rate(b, 3)
	})
}
