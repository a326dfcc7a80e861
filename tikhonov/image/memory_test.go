package image

import (
	"context"
	"runtime"
	"testing"

	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// What lives during a solve, data included, is at most 16 numbers an unknown, one
// for each Krylov vector in use, and the factors, all ranks together.
func TestMemoryOfASolve(t *testing.T) {
	f := randomFrame(1, 768, 768, 1)
	f.PSF = oracle.Gaussian5(t)
	f.Mask(0.01, 1)
	unknowns := float64(f.Rows * f.Cols)
	for _, n := range []int{1, 2, 4} {
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		peak := 0.0
		_, res, err := f.run(t, n, Options{Lambda: 1e-2, Overlap: 4, Progress: func(p krylov.Progress) {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, float64(now.HeapAlloc)-float64(before.HeapAlloc))
		}})
		if err != nil {
			t.Fatal(err)
		}
		krylov := float64(res.Iterations + 1)
		factors := float64(n) * float64(res.FactorBytes) / 8 / unknowns // rank 0's, the corner's, for each
		got := peak / 8 / unknowns
		t.Logf("%d ranks: %.1f numbers an unknown, %.0f Krylov vectors, factors %.1f", n, got, krylov, factors)
		if got > 16+krylov+factors {
			t.Errorf("%d ranks: %.1f numbers an unknown, want at most 16 + %.0f + %.1f", n, got, krylov, factors)
		}
		if got < krylov {
			t.Errorf("%d ranks: %.1f numbers an unknown are less than the Krylov vectors take", n, got)
		}
	}
}

// Where the PSF varies it is at most 40 numbers an unknown, data and factors included, on boxes down to 128 x 128 pixels. Halos take
// more of smaller ones. Native builds keep the images of the blur and the spectra of pieces in C's memory, which is not counted; pure Go
// counts them, and its spectra have double precision.
func TestMemoryOfAVaryingSolve(t *testing.T) {
	const side = 256
	v := fieldOf(t, side, side, 15)
	for n, most := range map[int]float64{1: 33, 2: 36, 4: 40} {
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		peak := 0.0
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
			p, _, err := starField(comm, side, side, v, halo.Reflect, true)
			if err != nil {
				return err
			}
			_, err = Solve(ctx, comm, p, Options{Lambda: 2e-3, Border: halo.Reflect, Progress: func(p krylov.Progress) {
				if p.Iteration%5 == 4 {
					runtime.GC()
					runtime.ReadMemStats(&now)
					peak = max(peak, float64(now.HeapAlloc)-float64(before.HeapAlloc))
				}
			}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got := peak / 8 / (side * side)
		t.Logf("%d ranks: %.1f numbers an unknown", n, got)
		if got > most || got < varyingRestart {
			t.Errorf("%d ranks: %.1f numbers an unknown, want at most %g and at least the %d Krylov vectors", n, got, most, varyingRestart)
		}
	}
}
