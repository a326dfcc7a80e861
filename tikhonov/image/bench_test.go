package image

import (
	"syscall"
	"testing"

	"tessera/forward"
	"tessera/krylov"
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
	}{
		{"1024x1024/ras-gmres/1e-9", 1, 2, krylov.RASGMRES, 1e-9},
		{"1024x1024/cg/1e-9", 1, 2, krylov.CG, 1e-9},
		{"1024x1024x3/ras-gmres/1e-8", 3, 2, krylov.RASGMRES, 1e-8},
		{"1024x1024x3/cg/1e-8", 3, 2, krylov.CG, 1e-8},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			f := randomFrame(c.channels, 1024, 1024, 1)
			f.PSF = oracle.Gaussian5(b)
			f.Mask(0.01, 1)
			f.bench(b, c.ranks, Options{Method: c.method, Lambda: 1e-2, Overlap: 4, Tolerance: c.tolerance})
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
	for _, m := range []krylov.Method{krylov.TwoLevel, krylov.CG} {
		b.Run("1024x1024/"+string(m), func(b *testing.B) {
			f := randomFrame(1, 1024, 1024, 1)
			f.Mask(0.95, 1)
			f.bench(b, 2, Options{Method: m, Regulariser: forward.Gradient, Lambda: 100, Overlap: 2, Border: 0, Tolerance: 1e-9, MaxIterations: 2000})
		})
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
