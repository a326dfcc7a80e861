package massmap

import (
	"context"
	"math"
	"syscall"
	"testing"
	"time"

	"tessera/halo"
	"tessera/ranks"
)

// BenchmarkWiener is the Wiener map of 360 x 360 pixels of 0.29 arcmin on one rank, half of them masked by a border and by discs, to the
// default tolerance. The noise of a pixel is 0.064 to 0.31 and the
// spectrum like that of the sky. The metric is the processor time
// of a map, which other programs on the machine change least.
func BenchmarkWiener(b *testing.B) {
	const side = 360
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{side, side}, 1)
		if err != nil {
			return err
		}
		m := &Maps{Frame: frame, Pixel: 0.29 * arcmin, Weights: make([]float64, 2*side*side)}
		for i := range side * side {
			r, c := i/side, i%side
			hole := math.Hypot(float64(r%60-30), float64(c%45-20)) < 12
			if min(r, c, side-1-r, side-1-c) < 30 || hole {
				continue
			}
			sigma := 0.14 * math.Exp(0.8*math.Sin(float64(r+2*c)))
			m.Weights[i], m.Weights[side*side+i] = 1/(sigma*sigma), 1/(sigma*sigma)
		}
		m.Shear = Noise(comm, frame, m.Weights, 3, 0)
		f, err := m.NewFilter(comm, &Spectrum{[]float64{10, 139, 1931, 26827}, []float64{4.3e-8, 7e-9, 2.3e-10, 2e-12}}, Options{})
		if err != nil {
			return err
		}
		iterations, start := 0, processor()
		for b.Loop() {
			_, report, err := f.Map(ctx, m.Shear)
			if err != nil {
				return err
			}
			iterations = report.Iterations
		}
		b.ReportMetric((processor()-start)/float64(b.N), "cpu-s/op")
		b.ReportMetric(float64(iterations), "iterations")
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// processor is the time in seconds that the process has used a core for.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
