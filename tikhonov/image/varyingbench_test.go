package image

import (
	"context"
	"fmt"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/ranks"
)

// BenchmarkVarying restores a frame of 1024 x 1024 pixels, of which 1 % are missing, whose PSF of 31 x 31 pixels is bilinear
// between 5 x 5 places, on two ranks and on one. It reports the processor time of all ranks for all of it and for one H and H'
// beside it, and the seconds of set-up and solve. What two ranks take more than one is work that is done twice.
//
//	go test -tags native ./tikhonov/image -run xxx -bench Varying -benchtime 1x
func BenchmarkVarying(b *testing.B) {
	const side = 1024
	model, err := telescope.Model(side, side)
	if err != nil {
		b.Fatal(err)
	}
	v, err := model.Varying(side, side, [2]float64{}, 0)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		border    halo.Border
		tolerance float64
		ranks     int
	}{{halo.Reflect, 1e-6, 1}, {halo.Reflect, 1e-6, 2}, {halo.Reflect, 1e-8, 2}, {halo.Zero, 1e-6, 2}, {halo.Periodic, 1e-6, 2}} {
		n := c.ranks
		b.Run(fmt.Sprintf("%v/%g/%d ranks", c.border, c.tolerance, n), func(b *testing.B) {
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
				frame, err := halo.Decompose([]int{side, side}, n)
				if err != nil {
					return err
				}
				h, err := forward.NewVaryingBlur(comm, frame, 1, v, c.border)
				if err != nil {
					return err
				}
				size := frame.Owned(comm.Rank()).Size()
				x, data, weights := make([]float64, size), make([]float64, size), make(forward.Weights, size)
				r := random.New(4, uint64(comm.Rank()))
				for i := range x {
					x[i], weights[i] = max(0, r.Normal(uint64(i))-2), 1
					if i%100 == 17 {
						weights[i] = 0
					}
				}
				if err := h.Apply(data, x); err != nil {
					return err
				}
				for i := range data {
					data[i] += 5e-4 * r.Normal(uint64(size+i))
				}
				p := &Problem{Channels: 1, Frame: frame, Data: data, Weights: weights, Varying: v}
				for range b.N {
					start := cpuSeconds()
					result, err := Solve(ctx, comm, p, Options{Lambda: 3e-4, Border: c.border, Tolerance: c.tolerance})
					if err != nil {
						return err
					}
					if err := comm.Barrier(); err != nil {
						return err
					}
					solve := cpuSeconds() - start
					const times = 10
					start = cpuSeconds()
					for range times {
						if err := h.Apply(data, x); err != nil {
							return err
						}
						if err := h.Adjoint(x, data); err != nil {
							return err
						}
					}
					if err := comm.Barrier(); err != nil {
						return err
					}
					if comm.Rank() == 0 {
						b.ReportMetric(solve, "cpu-s")
						b.ReportMetric(result.Setup, "set-up-s")
						b.ReportMetric(result.Solve, "solve-s")
						b.ReportMetric(float64(result.Iterations), "iterations")
						b.ReportMetric(1e3*(cpuSeconds()-start)/times, "cpu-ms/H-and-H'")
						b.ReportMetric(0, "ns/op")
						tiles, transforms := h.Tiles()
						b.Logf("%d tiles, %d transforms, residual %g, %s", tiles, transforms, result.Residual, result.Method)
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
