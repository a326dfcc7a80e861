package mlpatch

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/train"
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

// BenchmarkTrain is 200 steps of the training of the default denoiser, on one rank and on two. cpu-s is the processor time
// of all ranks, which other programs change little.
func BenchmarkTrain(b *testing.B) {
	n := &Network{Planes: 1, Levels: 1, Geometry: Geometry{Kind: Square, Side: 9}, Hidden: []int{64, 64}, Chunks: 1, Residual: true}
	const side = 128
	set := &Noisy{Rows: side, Cols: side, Low: 0.01, High: 0.25, Seed: 1}
	for k := range 4 {
		var picture []float32
		for _, v := range (simulate.Cells{Seed: 1, Rows: side, Cols: side}).Draw(k) {
			picture = append(picture, float32(v))
		}
		set.Pictures = append(set.Pictures, picture)
	}
	t := &Training{Net: n, Loss: L2, Side: 16, Batch: 16, Draw: set.Draw}
	for _, size := range []int{1, 2} {
		b.Run(fmt.Sprintf("ranks=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			begin := processor()
			for b.Loop() {
				err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, comm ranks.Comm) error {
					_, err := t.Train(ctx, comm, n.Start(1), &Curve{}, train.Options{Steps: 200, Rate: 8e-3})
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((processor()-begin)/float64(b.N), "cpu-s")
		})
	}
}
