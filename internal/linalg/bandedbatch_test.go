package linalg

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// randomBand returns the band of a diagonally dominant matrix, n rows of bw+1,
// with NaN left of column 0.
func randomBand[T Float](rng *rand.Rand, n, bw int) []T {
	band := randomSlice[T](rng, n*(bw+1))
	for i := range n {
		band[i*(bw+1)+bw] = T(2.5*float64(bw) + 1 + rng.Float64())
		for j := i - bw; j < 0; j++ {
			band[i*(bw+1)+bw+j-i] = T(math.NaN())
		}
	}
	return band
}

// bandTimes returns A x for the symmetric matrix of a band.
func bandTimes[T Float](n, bw int, band, x []T) []float64 {
	y := make([]float64, n)
	for i := range n {
		for j := max(0, i-bw); j <= i; j++ {
			v := float64(band[i*(bw+1)+bw+j-i])
			y[i] += v * float64(x[j])
			if j < i {
				y[j] += v * float64(x[i])
			}
		}
	}
	return y
}

func TestBandedBatch(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 9, 31} {
		for _, bw := range []int{0, 1, 2, 3, 4, 7, 12, 40} {
			for _, count := range []int{1, 8, 16, 37} {
				name := fmt.Sprintf("n=%d/bw=%d/count=%d", n, bw, count)
				t.Run("float32/"+name, func(t *testing.T) { testBandedBatch[float32](t, n, bw, count) })
				t.Run("float64/"+name, func(t *testing.T) { testBandedBatch[float64](t, n, bw, count) })
			}
		}
	}
}

func testBandedBatch[T Float](t *testing.T, n, bw, count int) {
	rng := rand.New(rand.NewPCG(uint64(n*100+bw), uint64(count)))
	batch := NewBandedBatch[T](n, bw, count)
	want := randomSlice[T](rng, count*n)
	x := make([]T, count*n)
	for s := range count {
		band := randomBand[T](rng, n, bw)
		batch.Set(s, band)
		for i, v := range bandTimes(n, bw, band, want[s*n:][:n]) {
			x[s*n+i] = T(v)
		}
	}
	if err := batch.Factor(); err != nil {
		t.Fatal(err)
	}
	b := append([]T(nil), x...)
	batch.Solve(x)
	tolerance := 200 * epsilon[T]()
	for i := range x {
		if d := math.Abs(float64(x[i] - want[i])); !(d < tolerance*(1+math.Abs(float64(want[i])))) {
			t.Fatalf("system %d, unknown %d: %g, want %g", i/n, i%n, x[i], want[i])
		}
	}

	// Several right-hand sides at once are the same numbers as one by one. The
	// factor r is a power of two, which commutes with rounding.
	const nrhs = 6
	lanes := batch.Lanes()
	for g := range batch.Groups() {
		work := make([]T, nrhs*n*lanes)
		for r := range nrhs {
			for l := range min(lanes, count-g*lanes) {
				for i := range n {
					work[(r*n+i)*lanes+l] = T(int(1)<<r) * b[(g*lanes+l)*n+i]
				}
			}
		}
		batch.SolveGroup(g, work, nrhs)
		for r := range nrhs {
			for l := range min(lanes, count-g*lanes) {
				for i := range n {
					if got, want := work[(r*n+i)*lanes+l], T(int(1)<<r)*x[(g*lanes+l)*n+i]; got != want {
						t.Fatalf("group %d, right-hand side %d, lane %d, unknown %d: %g, want %g", g, r, l, i, got, want)
					}
				}
			}
		}
	}
}

func TestBandedBatchNotPositiveDefinite(t *testing.T) {
	t.Run("float32", testBandedBatchNotPositiveDefinite[float32])
	t.Run("float64", testBandedBatchNotPositiveDefinite[float64])
}

func testBandedBatchNotPositiveDefinite[T Float](t *testing.T) {
	const n, bw, count = 11, 3, 40
	for _, pivot := range []int{0, 6, 10} {
		for _, value := range []float64{-1, 0, math.NaN(), math.Inf(1)} {
			batch := NewBandedBatch[T](n, bw, count)
			band := make([]T, n*(bw+1))
			for i := range n {
				band[i*(bw+1)+bw] = 4
			}
			band[pivot*(bw+1)+bw] = T(value)
			for i := range count {
				batch.Set(i, identityBand[T](n, bw))
			}
			batch.Set(33, band)
			var e *NotPositiveDefiniteError
			if err := batch.Factor(); !errors.As(err, &e) || e.System != 33 || e.Pivot != pivot {
				t.Errorf("pivot %d = %g of system 33: error %v", pivot, value, err)
			}
		}
	}
}

// identityBand is the identity as a lower band.
func identityBand[T Float](n, bw int) []T {
	band := make([]T, n*(bw+1))
	for i := range n {
		band[i*(bw+1)+bw] = 1
	}
	return band
}

func TestBandedBatchMistakes(t *testing.T) {
	fresh := func() *BandedBatch[float64] { return NewBandedBatch[float64](3, 1, 2) }
	done := fresh()
	for s := range 2 {
		done.Set(s, identityBand[float64](3, 1))
	}
	if err := done.Factor(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		want string
		call func()
	}{
		{"n=0", func() { NewBandedBatch[float64](0, 1, 2) }},
		{"system 2 of 2", func() { fresh().Set(2, make([]float64, 6)) }},
		{"length 5, want 6", func() { fresh().Set(0, make([]float64, 5)) }},
		{"Set after Factor", func() { done.Set(0, make([]float64, 6)) }},
		{"called twice", func() { _ = done.Factor() }},
		{"before Factor", func() { fresh().Solve(make([]float64, 6)) }},
		{"length 7, want 6", func() { done.Solve(make([]float64, 7)) }},
		{"group 9", func() { done.SolveGroup(9, nil, 0) }},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) { wantPanic(t, test.want, test.call) })
	}
}

// Tiles of 20 x 20 and 24 x 24 pixels; the second with the bandwidth of a 5 x 5
// blur's normal matrix.
func BenchmarkBandedBatch(b *testing.B) {
	for _, shape := range []struct{ n, bw, count int }{{400, 20, 2048}, {576, 100, 256}} {
		name := fmt.Sprintf("n=%d/bw=%d/count=%d/", shape.n, shape.bw, shape.count)
		b.Run(name+"float32", func(b *testing.B) { benchmarkBandedBatch[float32](b, shape.n, shape.bw, shape.count) })
		b.Run(name+"float64", func(b *testing.B) { benchmarkBandedBatch[float64](b, shape.n, shape.bw, shape.count) })
	}
}

func benchmarkBandedBatch[T Float](b *testing.B, n, bw, count int) {
	rng := rand.New(rand.NewPCG(1, 2))
	band := randomBand[T](rng, n, bw)
	batch := NewBandedBatch[T](n, bw, count)
	for s := range count {
		batch.Set(s, band)
	}
	unfactored := append([]T(nil), batch.data...)
	b.Run("Factor", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			copy(batch.data, unfactored)
			batch.factored = false
			b.StartTimer()
			if err := batch.Factor(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n*bw*bw*count)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
	for _, nrhs := range []int{1, 3} {
		b.Run(fmt.Sprintf("Solve%d", nrhs), func(b *testing.B) {
			x := make([]T, nrhs*n*batch.Lanes())
			for b.Loop() {
				for g := range batch.Groups() {
					batch.SolveGroup(g, x, nrhs)
				}
			}
			bytes := 2 * float64(len(batch.data)) * float64(SizeOf[T]()) // both passes
			b.ReportMetric(bytes*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
		})
	}
}
