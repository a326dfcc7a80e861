package kernel

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// survey is n observations of the plane, most of them in clusters of several sizes,
// with about 100 neighbours each at the width returned.
func survey(n int) (*Observations, Kernel) {
	o := &Observations{Dim: 2}
	for i := range n {
		rng := rand.New(rand.NewPCG(3, uint64(i)))
		x, y := rng.Float64(), rng.Float64()
		if c := i % 10; c < 7 {
			width := 0.03 + 0.02*float64(c)
			at := rand.New(rand.NewPCG(4, uint64(c)))
			x, y = 0.4*at.Float64()+width*rng.NormFloat64(), 0.4*at.Float64()+width*rng.NormFloat64()
		}
		o.X = append(o.X, x, y)
		o.Y = append(o.Y, x*y+0.1*rng.NormFloat64())
	}
	return o, Kernel{Family: WendlandC2, Width: 0.0089}
}

// BenchmarkBalanced compares the largest processor time of local work over 8 ranks
// with cells of equal size and of equal count.
func BenchmarkBalanced(b *testing.B) {
	obs, k := survey(100_000)
	const size = 8
	for b.Loop() {
		var compute, neighbours, sweep [3]float64
		var e [3]float64
		for i, balance := range []Balance{Never, ByCount, ByWork} {
			var mu sync.Mutex
			var loads []float64
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
				f, err := Solve(ctx, c, obs.part(c.Rank(), size), Options{Kernel: k, Lambda: 0.01, Balance: balance})
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				compute[i] = max(compute[i], f.Compute)
				sweep[i] = max(sweep[i], f.Compute/float64(f.Iterations+1))
				neighbours[i] += f.Neighbours * float64(f.Points.Len()) / 100_000
				loads = append(loads, float64(f.Points.Len()))
				r := f.Balanced
				if f.Refined != nil {
					r = f.Refined
				}
				if r != nil && c.Rank() == 0 {
					e[i] = r.E
					b.Logf("balance %s: E %.4f -> %.4f, %d moved in %.3f s", balance, r.EBefore, r.E, r.Moved, r.Seconds)
				}
				if c.Rank() == 0 {
					b.Logf("balance %s: %d iterations, set-up %.2f s, solve %.2f s, %d blocks, largest %d, factors %.0f MB on rank 0", balance, f.Iterations, f.Setup, f.Solve, f.Blocks, f.Largest, float64(f.FactorBytes)/1e6)
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(neighbours[0], "neighbours")
		b.ReportMetric(compute[0], "s-unbalanced")
		b.ReportMetric(compute[1], "s-by-count")
		b.ReportMetric(compute[2], "s-by-work")
		b.ReportMetric(compute[0]/compute[1], "x-by-count")
		b.ReportMetric(compute[0]/compute[2], "x-by-work")
		b.ReportMetric(e[1], "E-by-count")
	}
}

// BenchmarkBlocks compares the rate of Cholesky on blocks of about 500 points,
// assembled and factored as a solve does it, with that of one large matrix.
func BenchmarkBlocks(b *testing.B) {
	obs, k := survey(20_000)
	k.Width *= 2
	rate := func(n int, f func()) float64 {
		start := time.Now()
		f()
		return float64(n) * float64(n) * float64(n) / 3 / time.Since(start).Seconds() / 1e9
	}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, c ranks.Comm) error {
		f, err := Solve(ctx, c, obs, Options{Kernel: k, Lambda: 0.01, Block: 400})
		if err != nil {
			return err
		}
		s := f.system
		const big = 3000
		for b.Loop() {
			a := make([]float64, big*big)
			fill := func(n int) {
				for i := range n * n {
					a[i] = 1 / (1 + float64(i%97))
				}
				for i := range n {
					a[i*n+i] = float64(n)
				}
			}
			fill(big)
			large := rate(big, func() { err = linalg.Potrf(big, a, big) })
			var flops, assembly, factor float64
			blocks := 0
			for i := range s.blocks {
				n := len(s.blocks[i].points)
				if n < 500 {
					continue
				}
				blocks++
				start := time.Now()
				s.matrix(&s.blocks[i], a[:n*n])
				mid := time.Now()
				if err := linalg.Potrf(n, a[:n*n], n); err != nil {
					return err
				}
				assembly += mid.Sub(start).Seconds()
				factor += time.Since(mid).Seconds()
				flops += float64(n) * float64(n) * float64(n) / 3
			}
			b.ReportMetric(float64(blocks), "blocks")
			b.ReportMetric(large, "Gflop/s-large")
			b.ReportMetric(flops/factor/1e9, "Gflop/s-blocks")
			b.ReportMetric(flops/factor/1e9/large, "ratio")
			b.ReportMetric(flops/(factor+assembly)/1e9/large, "ratio-with-assembly")
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}
