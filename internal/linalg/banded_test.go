package linalg

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestBanded(t *testing.T) {
	for _, n := range []int{1, 2, 3, 20, 150} {
		for _, bw := range []int{0, 1, 2, 7, 33, 70, 200} { // both sides of LAPACK's block sizes, and wider than n
			t.Run(fmt.Sprintf("n=%d/bw=%d", n, bw), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(n), uint64(bw)))
				band := randomBand[float64](rng, n, bw)
				a := NewBanded(n, bw)
				for i := range n {
					copy(a.Row(i), band[i*(bw+1):])
				}
				if err := a.Factor(); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					want := randomSlice[float64](rng, n)
					x := bandTimes(n, bw, band, want)
					a.Solve(x)
					for i := range x {
						if d := math.Abs(x[i] - want[i]); !(d < 1e-13*(1+math.Abs(want[i]))) {
							t.Fatalf("x[%d] = %g, want %g", i, x[i], want[i])
						}
					}
				}
			})
		}
	}
}

func TestBandedNotPositiveDefinite(t *testing.T) {
	const n = 120
	for _, bw := range []int{0, 5, 80} {
		for _, pivot := range []int{0, 50, 119} {
			for _, value := range []float64{-1, 0, math.NaN()} {
				a := NewBanded(n, bw)
				for i := range n {
					a.Row(i)[bw] = 2
				}
				a.Row(pivot)[bw] = value
				var e *NotPositiveDefiniteError
				if err := a.Factor(); !errors.As(err, &e) || e.Pivot != pivot {
					t.Errorf("bw=%d, pivot %d = %g: error %v", bw, pivot, value, err)
				}
			}
		}
	}
}

func TestBandedMistakes(t *testing.T) {
	a := NewBanded(3, 1)
	wantPanic(t, "bw=-1", func() { NewBanded(3, -1) })
	wantPanic(t, "before Factor", func() { a.Solve(make([]float64, 3)) })
	for i := range 3 {
		a.Row(i)[1] = 1
	}
	if err := a.Factor(); err != nil {
		t.Fatal(err)
	}
	wantPanic(t, "length 2, want 3", func() { a.Solve(make([]float64, 2)) })
	wantPanic(t, "called twice", func() { _ = a.Factor() })
}

func BenchmarkBanded(b *testing.B) {
	const n, bw = 20000, 150
	band := randomBand[float64](rand.New(rand.NewPCG(1, 2)), n, bw)
	a := NewBanded(n, bw)
	b.Run("Factor", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			copy(a.band, band)
			a.factored = false
			b.StartTimer()
			if err := a.Factor(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(n*bw*bw*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
	b.Run("Solve", func(b *testing.B) {
		x := make([]float64, n)
		for b.Loop() {
			a.Solve(x)
		}
		b.ReportMetric(2*8*n*(bw+1)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
	})
}
