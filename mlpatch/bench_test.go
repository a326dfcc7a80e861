package mlpatch

import (
	"context"
	"testing"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/ranks"
)

// BenchmarkField is a pass of the default denoiser over 256 x 256 pixels; BenchmarkProducts are the matrix products of it
// alone. The metric is operations of the layers a second.
func BenchmarkField(b *testing.B) {
	n := &Network{Planes: 1, Levels: 1, Geometry: Geometry{Kind: Square, Side: 9}, Hidden: []int{64, 64}, Chunks: 1, Residual: true}
	const side = 256
	x, y := make([]float64, side*side), make([]float64, side*side)
	for i := range x {
		x[i] = float64(i%17) / 17
	}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{side, side}, 1)
		if err != nil {
			return err
		}
		f, err := NewField(comm, n, somewhere(n, 1), frame, halo.Reflect, false)
		if err != nil {
			return err
		}
		for b.Loop() {
			if err := f.Apply(y, x, []float64{0.1}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(n.Operations()*side*side*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func BenchmarkProducts(b *testing.B) {
	const in, hidden, side = 83, 64, 256
	w, x, h := make([]float32, hidden*in), make([]float32, in*tile), make([]float32, hidden*tile)
	for i := range w {
		w[i] = float32(i%13) / 13
	}
	for i := range x {
		x[i] = float32(i%11) / 11
	}
	for b.Loop() {
		for range side * side / tile {
			linalg.Gemm(false, false, hidden, tile, in, 1, w, in, x, tile, 0, h, tile)
			linalg.Gemm(false, false, hidden, tile, hidden, 1, w, in, x, tile, 0, h, tile)
		}
	}
	b.ReportMetric(2*hidden*(in+hidden)*side*side*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
