package forward_test

import (
	"context"
	"syscall"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// H of a frame of 2048 x 2048 pixels with a PSF of 31 x 31 pixels: one for the whole frame, and 5 x 5 of them.
func BenchmarkVaryingBlur(b *testing.B) {
	const side, size = 2048, 31
	x := normals(side*side, 1)
	y := make([]float64, len(x))
	for name, build := range map[string]func(comm ranks.Comm, frame *halo.Decomposition) (forward.Operator, error){
		"one": func(comm ranks.Comm, frame *halo.Decomposition) (forward.Operator, error) {
			return forward.NewBlur(comm, frame, 1, distorted(size, 0.5, 0.5), halo.Reflect)
		},
		"5x5": func(comm ranks.Comm, frame *halo.Decomposition) (forward.Operator, error) {
			return forward.NewVaryingBlur(comm, frame, 1, bilinear(5, 5, size)(side, side), halo.Reflect)
		},
	} {
		b.Run(name, func(b *testing.B) {
			err := launch(1, func(_ context.Context, comm ranks.Comm) error {
				frame, err := halo.Decompose([]int{side, side}, 1)
				if err != nil {
					return err
				}
				h, err := build(comm, frame)
				if err != nil {
					return err
				}
				if err := h.Apply(y, x); err != nil { // buffers
					return err
				}
				var before, after syscall.Rusage
				syscall.Getrusage(syscall.RUSAGE_SELF, &before)
				for b.Loop() {
					if err := h.Apply(y, x); err != nil {
						return err
					}
				}
				syscall.Getrusage(syscall.RUSAGE_SELF, &after)
				cpu := func(r syscall.Rusage) float64 {
					return float64(r.Utime.Sec+r.Stime.Sec) + 1e-6*float64(r.Utime.Usec+r.Stime.Usec)
				}
				b.ReportMetric((cpu(after)-cpu(before))/float64(b.N), "cpu-s/op") // on a busy machine too
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
