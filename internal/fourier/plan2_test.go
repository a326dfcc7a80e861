package fourier

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// sizes has one and two points, primes, odd, even and mixed sizes.
var sizes = [][2]int{
	{1, 1}, {1, 2}, {2, 1}, {1, 7}, {7, 1}, {1, 16}, {16, 1}, {2, 2}, {3, 3}, {3, 5}, {4, 4}, {8, 6}, {6, 9},
	{7, 11}, {13, 8}, {12, 10}, {20, 21}, {41, 41},
}

func randomImage(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

// naiveDFT is the definition.
func naiveDFT(rows, cols int, x []float64) []complex128 {
	h := cols/2 + 1
	out := make([]complex128, rows*h)
	for k := range rows {
		for l := range h {
			var s complex128
			for i := range rows {
				for j := range cols {
					turns := float64(i*k%rows)/float64(rows) + float64(j*l%cols)/float64(cols)
					s += complex(x[i*cols+j], 0) * cmplx.Exp(complex(0, -2*math.Pi*turns))
				}
			}
			out[k*h+l] = s
		}
	}
	return out
}

func distance(a, b []float64) float64 {
	var d float64
	for i := range a {
		d = max(d, math.Abs(a[i]-b[i]))
	}
	return d
}

func TestPlan2(t *testing.T) {
	for _, size := range sizes {
		rows, cols := size[0], size[1]
		t.Run(fmt.Sprintf("%dx%d", rows, cols), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
			p := NewPlan2(rows, cols)
			x := randomImage(rng, rows*cols)
			before := append([]float64(nil), x...)
			got := make([]complex128, rows*p.SpectrumCols())
			p.Forward(got, x)
			if distance(x, before) != 0 {
				t.Fatal("Forward changed its input")
			}
			tolerance := 2e-15 * float64(rows*cols)
			for i, want := range naiveDFT(rows, cols, x) {
				if cmplx.Abs(got[i]-want) > tolerance {
					t.Fatalf("X[%d] = %v, want %v", i, got[i], want)
				}
			}

			spectrum := append([]complex128(nil), got...)
			back := make([]float64, len(x))
			p.Inverse(back, got)
			for i := range got {
				if got[i] != spectrum[i] {
					t.Fatal("Inverse changed its input")
				}
			}
			if d := distance(back, x); d > 1e-15*float64(10+rows+cols) {
				t.Fatalf("round trip is off by %g", d)
			}
		})
	}
}

// Stamps of an odd number of pixels lie in a stack at every other alignment:
// each must get the same bits.
func TestPlan2AnyAlignment(t *testing.T) {
	for _, size := range sizes {
		rows, cols := size[0], size[1]
		p := NewPlan2(rows, cols)
		h := p.SpectrumCols()
		stack := make([]float64, 9+rows*cols)
		back := make([]float64, 9+rows*cols)
		x := randomImage(rand.New(rand.NewPCG(1, 2)), rows*cols)
		want, wantBack := make([]complex128, rows*h), make([]float64, rows*cols)
		p.Forward(want, x)
		p.Inverse(wantBack, want)
		for shift := range 9 {
			copy(stack[shift:], x)
			got := make([]complex128, shift+rows*h)[shift:]
			p.Forward(got, stack[shift:][:rows*cols])
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%dx%d shifted by %d: X[%d] = %v, want %v", rows, cols, shift, i, got[i], want[i])
				}
			}
			p.Inverse(back[shift:][:rows*cols], got)
			if d := distance(back[shift:][:rows*cols], wantBack); d != 0 {
				t.Fatalf("%dx%d shifted by %d: inverse is off by %g", rows, cols, shift, d)
			}
		}
	}
}

// Clones work at once and get the bits of the original, and so does a plan made
// later, whatever was planned in between.
func TestPlan2Concurrent(t *testing.T) {
	const rows, cols, workers, times = 30, 27, 8, 50
	x := randomImage(rand.New(rand.NewPCG(3, 4)), rows*cols)
	p := NewPlan2(rows, cols)
	want := make([]complex128, rows*p.SpectrumCols())
	p.Forward(want, x)

	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			NewPlan2(rows+w, cols)
			mine := p.Clone()
			if w%2 == 1 {
				mine = NewPlan2(rows, cols)
			}
			got, back := make([]complex128, len(want)), make([]float64, len(x))
			for range times {
				mine.Forward(got, x)
				for i := range want {
					if got[i] != want[i] {
						t.Errorf("worker %d: X[%d] = %v, want %v", w, i, got[i], want[i])
						return
					}
				}
				mine.Inverse(back, got)
				if d := distance(back, x); d > 1e-13 {
					t.Errorf("worker %d: round trip is off by %g", w, d)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestNextFast(t *testing.T) {
	for n, want := range map[int]int{-3: 1, 0: 1, 1: 1, 2: 2, 3: 4, 7: 8, 11: 12, 13: 16, 61: 64, 65: 72, 81: 90, 1021: 1024, 2049: 2160} {
		if got := NextFast(n); got != want {
			t.Errorf("NextFast(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestShapeMistakes(t *testing.T) {
	p, d := NewPlan2(2, 3), NewDCT2(2, 3)
	x, z := make([]float64, 6), make([]complex128, 4)
	calls := map[string]func(){
		"NewPlan2: 0 x 3":                   func() { NewPlan2(0, 3) },
		"NewDCT2: 3 x -1":                   func() { NewDCT2(3, -1) },
		"Plan2.Forward dst: length 3":       func() { p.Forward(z[:3], x) },
		"Plan2.Forward src: length 5":       func() { p.Forward(z, x[:5]) },
		"Plan2.Inverse dst: length 5":       func() { p.Inverse(x[:5], z) },
		"Plan2.Inverse src: length 3":       func() { p.Inverse(x, z[:3]) },
		"DCT2.Forward src: length 5":        func() { d.Forward(x, x[:5]) },
		"DCT2.Inverse dst: length 5":        func() { d.Inverse(x[:5], x) },
		"kernel of 6 values for 2 x 2":      func() { NewPeriodicConvolver(4, 4, 2, 2, x) },
		"Convolver src: length 6, want 100": func() { NewZeroConvolver(10, 10, 2, 3, x).Apply(make([]float64, 100), x) },
	}
	for want, call := range calls {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("panic %q, want it to contain %q", got, want)
				}
			}()
			call()
		})
	}
}

func BenchmarkPlan2(b *testing.B) {
	for _, n := range []int{64, 84, 264, 1024} {
		p := NewPlan2(n, n)
		x := randomImage(rand.New(rand.NewPCG(1, 2)), n*n)
		z := make([]complex128, n*p.SpectrumCols())
		b.Run(fmt.Sprintf("Forward%d", n), func(b *testing.B) {
			for b.Loop() {
				p.Forward(z, x)
			}
		})
		b.Run(fmt.Sprintf("Inverse%d", n), func(b *testing.B) {
			for b.Loop() {
				p.Inverse(x, z)
			}
		})
	}
}
