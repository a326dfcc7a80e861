package mlpatch

import (
	"context"
	"strconv"
	"syscall"
	"testing"
	"time"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/ranks"
)

// BenchmarkField is a pass of the default denoiser over 256 x 256 pixels, by the number of symmetries; BenchmarkProducts are the matrix
// products of one symmetry alone. The metric is operations of the layers, of all symmetries,
// by the second of processor time, which other programs on the machine change least.
func BenchmarkField(b *testing.B) {
	for _, symmetries := range []int{1, 2, 4, 8} {
		b.Run(strconv.Itoa(symmetries), func(b *testing.B) { benchmarkField(b, symmetries) })
	}
}

func benchmarkField(b *testing.B, symmetries int) {
	n := &Network{Planes: 1, Levels: 1, Geometry: Geometry{Kind: Square, Side: 9}, Hidden: []int{64, 64}, Chunks: 1, Residual: true}
	const side = 256
	start := 0.0
	x, y := make([]float64, side*side), make([]float64, side*side)
	for i := range x {
		x[i] = float64(i%17) / 17
	}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{side, side}, 1)
		if err != nil {
			return err
		}
		f, err := NewField(comm, n, somewhere(n, 1), frame, halo.Reflect, symmetries)
		if err != nil {
			return err
		}
		start = processor()
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
	b.ReportMetric(float64(symmetries)*n.Operations()*side*side*float64(b.N)/(processor()-start)/1e9, "GFLOP/cpu-s")
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
	start := processor()
	for b.Loop() {
		for range side * side / tile {
			linalg.Gemm(false, false, hidden, tile, in, 1, w, in, x, tile, 0, h, tile)
			linalg.Gemm(false, false, hidden, tile, hidden, 1, w, in, x, tile, 0, h, tile)
		}
	}
	b.ReportMetric(2*hidden*(in+hidden)*side*side*float64(b.N)/(processor()-start)/1e9, "GFLOP/cpu-s")
}

// processor is the time in seconds that the process has used a core for.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
