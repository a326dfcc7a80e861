package mlpatch

import (
	"context"
	"math"
	"testing"

	"tessera/halo"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/train"
)

// upscale enlarges a picture on n ranks and returns the whole answer and its size.
func upscale(t *testing.T, n int, net *Network, theta, x []float64, rows, cols int, scale float64, symmetries int) (learned, plain []float64, shape []int) {
	t.Helper()
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{rows, cols}, comm.Size())
		if err != nil {
			return err
		}
		own, err := frame.ScatterFrom(comm, 0, x, 1)
		if err != nil {
			return err
		}
		u, err := NewUpscaler(comm, net, theta, frame, halo.Reflect, scale, symmetries)
		if err != nil {
			return err
		}
		size := u.Frame().Owned(comm.Rank()).Size()
		a, b := make([]float64, size), make([]float64, size)
		if err := u.Apply(a, b, own); err != nil {
			return err
		}
		both, err := u.Frame().GatherTo(comm, 0, append(a, b...), 2)
		if comm.Rank() == 0 {
			learned, plain, shape = both[:len(both)/2], both[len(both)/2:], u.Frame().Domain().Shape()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return learned, plain, shape
}

// Every form of a network of one plane answers at places between the pixels as its definition says, at any real scale,
// and with the same bits on any number of ranks.
func TestUpscaler(t *testing.T) {
	for name, n := range networks {
		if n.Planes != 1 || n.Levels > 1 {
			continue
		}
		const rows, cols = 9, 13
		theta := somewhere(n, 9)
		planes, _ := randomPlanes(n, rows, cols)
		for _, scale := range []float64{1, 1.7, 2, 3.3} {
			want, plain, shape := upscale(t, 1, n, theta, planes[0], rows, cols, scale, 1)
			if shape[0] != Enlarged(rows, scale) || shape[1] != Enlarged(cols, scale) {
				t.Fatalf("%s, scale %g: %v pixels", name, scale, shape)
			}
			for _, k := range []int{0, len(want) / 2, len(want)/3 + 1, len(want) - 1} {
				y, x := placeAt(k/shape[1], 0, scale), placeAt(k%shape[1], 0, scale)
				v, p := naiveAt(n, theta, planes[0], rows, cols, y, x, Enlargement(scale))
				if math.Abs(want[k]-v) > 2e-4*(1+math.Abs(v)) || math.Abs(plain[k]-p) > 1e-5*(1+math.Abs(p)) {
					t.Errorf("%s, scale %g: pixel %d is %g (cubic %g), want %g (%g)", name, scale, k, want[k], plain[k], v, p)
				}
			}
			for _, p := range []int{2, 3, 7} {
				got, _, _ := upscale(t, p, n, theta, planes[0], rows, cols, scale, 1)
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%s, scale %g on %d ranks: pixel %d is %g, want %g to the bit", name, scale, p, i, got[i], want[i])
					}
				}
			}
		}
	}
}

// naiveAt is the network at a place of a frame, by that of a frame that was moved there.
func naiveAt(n *Network, theta, x []float64, rows, cols int, y, z, level float64) (learned, plain float64) {
	moved := *n
	moved.Geometry.Learned = true // any offsets: those of the patch and the place
	offsets := n.Offsets(theta)
	all := append([]float64(nil), theta[:n.weights()]...)
	for i := 0; i < len(offsets); i += 2 {
		all = append(all, offsets[i]+y, offsets[i+1]+z)
	}
	all = append(all, 1)
	identity := &Network{Planes: 1, Chunks: 1, Geometry: Geometry{Kind: Square, Side: 1, Learned: true}}
	plain = naive(identity, []float64{1, 0, y, z, 1}, [][]float64{x}, nil, rows, cols, 0, 0)
	var levels []float64
	if n.Levels > 0 {
		levels = []float64{level}
	}
	moved.Residual = false
	learned = naive(&moved, all, [][]float64{x}, levels, rows, cols, 0, 0)
	if n.Residual {
		if n.Levels > 0 {
			learned *= level
		}
		learned += plain
	}
	return learned, plain
}

// At the scale 1 a residual network leaves the picture as it is.
func TestUpscaleByOne(t *testing.T) {
	n := networks["square"]
	x := simulate.Cells{Seed: 2, Rows: 12, Cols: 10}.Draw(0)
	got, _, _ := upscale(t, 2, n, somewhere(n, 9), x, 12, 10, 1, 8)
	for i, v := range x {
		if got[i] != float64(float32(v)) {
			t.Fatalf("pixel %d is %g, want %g", i, got[i], v)
		}
	}
}

// Coarse pixels are means of fine ones: by their definition, at a whole scale and at others, and constant where the
// picture is.
func TestShrink(t *testing.T) {
	const rows, cols = 19, 23
	x := make([]float64, rows*cols)
	for i := range x {
		x[i] = math.Sin(float64(i * i))
	}
	for _, scale := range []float64{1, 1.5, 2, 2.7, 5} {
		got, low, high := Shrink(x, rows, cols, scale)
		if low[0] != int(rows/scale) || high[1] > cols || high[0] != Enlarged(low[0], scale) || len(got) != low[0]*low[1] {
			t.Fatalf("scale %g: %v coarse and %v fine pixels, %d values", scale, low, high, len(got))
		}
		const fine = 40 // samples along a fine pixel
		for _, k := range []int{0, 1, len(got) - 1} {
			sum, count := 0.0, 0.0
			y, z := float64(k/low[1])*scale, float64(k%low[1])*scale
			for i := range int(scale * fine) {
				for j := range int(scale * fine) {
					sum += x[int(y+(float64(i)+0.5)/fine)*cols+int(z+(float64(j)+0.5)/fine)]
					count++
				}
			}
			if math.Abs(got[k]-sum/count) > 1e-9 {
				t.Errorf("scale %g: pixel %d is %g, want %g", scale, k, got[k], sum/count)
			}
		}
	}
}

// The pixels that a block may read of its coarse picture are means, and the truth lies at its places: a network that
// has learned from blocks is nearer to new pictures than cubic interpolation.
func TestShrunk(t *testing.T) {
	n := &Network{Planes: 1, Levels: 1, Geometry: Geometry{Kind: Square, Side: 5}, Hidden: []int{16}, Chunks: 1, Residual: true}
	d := &Shrunk{Rows: 48, Cols: 48, Kept: 1, Low: 1.5, High: 3, Seed: 1}
	for k := range 5 {
		var p []float32
		for _, v := range (simulate.Cells{Seed: 1, Rows: d.Rows, Cols: d.Cols}).Draw(k) {
			p = append(p, float32(v))
		}
		d.Pictures = append(d.Pictures, p)
	}
	if err := d.Check(12); err != nil {
		t.Fatal(err)
	}
	const steps = 150
	var theta []float64
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
		set := &Training{Net: n, Loss: L2, Side: 12, Batch: 8, Placed: true, Draw: d.Draw, Validation: 6, Every: 50}
		r, err := set.Train(ctx, comm, n.Start(1), &Curve{}, train.Options{Steps: steps, Rate: 1e-2, Cosine: true})
		if err == nil {
			theta = r.Theta
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const rows, cols = 60, 66
	truth := simulate.Cells{Seed: 9, Rows: rows, Cols: cols}.Draw(1)
	for _, scale := range []float64{2, 2.4} {
		coarse, low, high := Shrink(truth, rows, cols, scale)
		learned, plain, shape := upscale(t, 1, n, theta, coarse, low[0], low[1], scale, 1)
		if shape[0] != high[0] || shape[1] != high[1] {
			t.Fatalf("%v fine pixels, want %v", shape, high)
		}
		a, b := 0.0, 0.0
		for i := range learned {
			v := truth[i/shape[1]*cols+i%shape[1]]
			a += (learned[i] - v) * (learned[i] - v)
			b += (plain[i] - v) * (plain[i] - v)
		}
		gain := 10 * math.Log10(b/a)
		t.Logf("scale %g: %.2f dB over cubic interpolation, which has %.2f dB", scale, gain, 10*math.Log10(float64(len(learned))/b))
		if gain < 0.5 {
			t.Errorf("scale %g: %.2f dB over cubic interpolation", scale, gain)
		}
	}
}

// The means of fine pixels over the coarse ones are those of Shrink, on any number of ranks; over coarse pixels that end
// outside the fine grid they are those of the part inside.
func TestUpscalerMeans(t *testing.T) {
	net := networks["square"]
	for _, scale := range []float64{1, 1.7, 2, 3.3} {
		const rows, cols = 41, 47
		x := simulate.Cells{Seed: 4, Rows: rows, Cols: cols}.Draw(0)
		want, low, high := Shrink(x, rows, cols, scale)
		fine, flat := make([]float64, 0, high[0]*high[1]), make([]float64, high[0]*high[1])
		for r := range high[0] {
			fine = append(fine, x[r*cols:r*cols+high[1]]...)
		}
		for i := range flat {
			flat[i] = 3
		}
		for _, n := range []int{1, 2, 7} {
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
				frame, err := halo.Decompose(low[:], n)
				if err != nil {
					return err
				}
				u, err := NewUpscaler(comm, net, somewhere(net, 9), frame, halo.Reflect, scale, 1)
				if err != nil {
					return err
				}
				for _, whole := range [][]float64{fine, flat} {
					own, err := u.Frame().ScatterFrom(comm, 0, whole, 1)
					if err != nil {
						return err
					}
					got := make([]float64, frame.Owned(comm.Rank()).Size())
					if err := u.Means(got, own); err != nil {
						return err
					}
					all, err := frame.GatherTo(comm, 0, got, 1)
					if err != nil {
						return err
					}
					for i, v := range all {
						inside := float64(i/low[1]+1)*scale < float64(high[0])+1e-9 && float64(i%low[1]+1)*scale < float64(high[1])+1e-9
						if whole[0] == 3 && math.Abs(v-3) > 1e-12 || whole[0] != 3 && inside && math.Abs(v-want[i]) > 1e-12 {
							t.Errorf("scale %g on %d ranks: mean %d is %g, want %g", scale, n, i, v, want[i])
						}
					}
				}
				if err := u.Means(nil, nil); err == nil {
					t.Error("no values are taken")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
