package image

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// BenchmarkDeblur and BenchmarkInpaint are the problems that the project is
// measured on, as whole solves on two in-process ranks, set-up included. Build with
// -tags native for the numbers in the documentation.
func BenchmarkDeblur(b *testing.B) {
	cases := []struct {
		name      string
		channels  int
		ranks     int
		method    krylov.Method
		tolerance float64
		border    halo.Border
	}{
		{"1024x1024/auto/reflect/1e-9", 1, 2, krylov.Auto, 1e-9, halo.Reflect},
		{"1024x1024/auto/zero/1e-9", 1, 2, krylov.Auto, 1e-9, halo.Zero},
		{"1024x1024/ras-gmres/1e-9", 1, 2, krylov.RASGMRES, 1e-9, halo.Zero},
		{"1024x1024/cg/1e-9", 1, 2, krylov.CG, 1e-9, halo.Zero},
		{"1024x1024x3/ras-gmres/1e-8", 3, 2, krylov.RASGMRES, 1e-8, halo.Zero},
		{"1024x1024x3/cg/1e-8", 3, 2, krylov.CG, 1e-8, halo.Zero},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			f := randomFrame(c.channels, 1024, 1024, 1)
			f.PSF = oracle.Gaussian5(b)
			f.Mask(0.01, 1)
			f.bench(b, c.ranks, Options{Method: c.method, Lambda: 1e-2, Border: c.border, Tolerance: c.tolerance})
		})
	}
}

// BenchmarkScaling solves a 2048 x 2048 frame on one rank and on two.
func BenchmarkScaling(b *testing.B) {
	f := randomFrame(1, 2048, 2048, 1)
	f.PSF = oracle.Gaussian5(b)
	f.Mask(0.01, 1)
	for _, n := range []int{1, 2} {
		b.Run(map[int]string{1: "1-rank", 2: "2-ranks"}[n], func(b *testing.B) {
			f.bench(b, n, Options{Lambda: 1e-2, Overlap: 4})
		})
	}
}

// BenchmarkInpaint: 5 % of the pixels observed, H = I, Q = gradient, lambda = 100.
func BenchmarkInpaint(b *testing.B) {
	for _, m := range []krylov.Method{krylov.Auto, krylov.TwoLevel, krylov.CG} {
		for _, border := range []halo.Border{halo.Zero, halo.Reflect} {
			b.Run(fmt.Sprintf("1024x1024/%s/%v", m, border), func(b *testing.B) {
				f := randomFrame(1, 1024, 1024, 1)
				f.Mask(0.95, 1)
				f.bench(b, 2, Options{Method: m, Regulariser: forward.Gradient, Lambda: 100, Border: border, Tolerance: 1e-9, MaxIterations: 2000})
			})
		}
	}
}

func (f *frame) bench(b *testing.B, n int, o Options) {
	var setup, solve float64
	its := 0
	before := cpuSeconds()
	for b.Loop() {
		_, res, err := f.run(b, n, o)
		if err != nil {
			b.Fatal(err)
		}
		setup += res.Setup
		solve += res.Solve
		its = res.Iterations
	}
	b.ReportMetric((cpuSeconds()-before)/float64(b.N), "cpu-s")
	b.ReportMetric(setup/float64(b.N), "set-up-s")
	b.ReportMetric(solve/float64(b.N), "solve-s")
	b.ReportMetric(float64(its), "iterations")
	b.ReportMetric(0, "ns/op")
}

// cpuSeconds is the processor time of this process, which a busy machine disturbs
// less than the clock on the wall.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkSpectral is the main job, a frame with 1 % of its pixels missing that is restored with
// Q = gradient, on 1, 2, 4, ... ranks up to the cores of the machine. Beside the seconds it reports
//
//	over-transforms  set-up and solve, divided by the transforms of the iterations alone,
//	                 timed in the same run on the same ranks
//	kept             on n ranks: the seconds of n runs of one rank at once, which share nothing,
//	                 divided by n and by those of the n ranks
//
// scripts/bench/scipy_dct_cg.py is the peer.
func BenchmarkSpectral(b *testing.B) {
	for _, n := range []int{1024, 2048} {
		for _, side := range []int{11, 41, 63} {
			psf, err := forward.Moffat(side, 4, 3)
			if err != nil {
				b.Fatal(err)
			}
			f := randomFrame(1, n, n, 1)
			f.PSF = psf
			f.Mask(0.01, 1)
			o := Options{Regulariser: forward.Gradient, Lambda: 2e-3, Border: halo.Reflect, Method: krylov.Spectral}
			for p := 1; p <= max(2, runtime.NumCPU()); p *= 2 {
				b.Run(fmt.Sprintf("%d/%d/%d-ranks", n, side, p), func(b *testing.B) {
					seconds, its, pair := 0.0, 0.0, 0.0
					for b.Loop() {
						_, res, err := f.run(b, p, o)
						if err != nil {
							b.Fatal(err)
						}
						seconds += res.Setup + res.Solve
						its = float64(res.Iterations)
						pair += f.transforms(b, p, o)
					}
					seconds, pair = seconds/float64(b.N), pair/float64(b.N)
					if p > 1 {
						b.ReportMetric(f.beside(b, p, o)/float64(p)/seconds, "kept")
					}
					b.ReportMetric(seconds, "s")
					b.ReportMetric(its, "iterations")
					b.ReportMetric(1000*pair, "transforms-ms")
					b.ReportMetric(seconds/(its*pair), "over-transforms")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}

// transforms is the seconds that the ranks take for one transform of the frame there and back.
func (f *frame) transforms(b *testing.B, n int, o Options) float64 {
	const times = 5
	took := 0.0
	err := f.launch(n, func(_ context.Context, c ranks.Comm, p *Problem) error {
		o := o.withDefaults()
		s, err := newSolver(c, p, o).spectralOf(o.Lambda)
		if err != nil {
			return err
		}
		v, start := make([]float64, s.Len()), 0.0
		for k := range times + 1 {
			if k == 1 { // the first one touches memory
				if err := c.Barrier(); err != nil {
					return err
				}
				start = c.Wtime()
			}
			if _, _, err := s.Gram(v, v); err != nil {
				return err
			}
		}
		if c.Rank() == 0 {
			took = c.Wtime() - start
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return took / times
}

// beside is the seconds of a solve on one rank while others do the same, n in all.
func (f *frame) beside(b *testing.B, n int, o Options) float64 {
	const times = 3
	took := make([]float64, n)
	var all sync.WaitGroup
	for i := range took {
		all.Go(func() {
			for range times {
				_, res, err := f.run(b, 1, o)
				if err != nil {
					b.Error(err)
					return
				}
				took[i] += (res.Setup + res.Solve) / times
			}
		})
	}
	all.Wait()
	return slices.Max(took)
}
