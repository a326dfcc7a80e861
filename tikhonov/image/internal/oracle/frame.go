package oracle

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// Frame is a whole test problem, cut into ranks by launch.
type Frame struct {
	Channels, Rows, Cols int
	Y, Weights           []float64
	PSF                  forward.PSF
}

// Launch runs body on so many in-process ranks with the decomposition of the frame and
// the data and weights of the rank's own box.
func (f *Frame) Launch(n int, body func(ctx context.Context, c ranks.Comm, d *halo.Decomposition, data, weights []float64) error) error {
	return ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, c ranks.Comm) error {
		d, err := halo.Decompose([]int{f.Rows, f.Cols}, n)
		if err != nil {
			return err
		}
		data, err := d.ScatterFrom(c, 0, f.Y, f.Channels)
		if err != nil {
			return err
		}
		var weights []float64
		if f.Weights != nil {
			if weights, err = d.ScatterFrom(c, 0, f.Weights, 1); err != nil {
				return err
			}
		}
		return body(ctx, c, d, data, weights)
	})
}

// Gaussian5 is the 5 x 5 kernel of the iteration tables: sigma 1, normalised.
func Gaussian5(t testing.TB) forward.PSF {
	k, err := forward.Gaussian(5, 1)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// RandomFrame is a frame of noise.
func RandomFrame(channels, rows, cols int, seed uint64) *Frame {
	rng := rand.New(rand.NewPCG(seed, 1))
	return &Frame{Channels: channels, Rows: rows, Cols: cols, Y: Noise(rng, channels*rows*cols)}
}

func Noise(rng *rand.Rand, n int) []float64 {
	a := make([]float64, n)
	for i := range a {
		a[i] = rng.NormFloat64()
	}
	return a
}

// Mask marks a fraction of the pixels as missing.
func (f *Frame) Mask(fraction float64, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	f.Weights = make([]float64, f.Rows*f.Cols)
	for i := range f.Weights {
		if rng.Float64() >= fraction {
			f.Weights[i] = 1
		}
	}
}

// PSFs of every kind: separable or not, its own mirror image or not, and one
// wide enough for Fourier transforms.
func PSFs(t testing.TB) map[string]forward.PSF {
	k := map[string]forward.PSF{"none": {}, "gaussian 5x5": Gaussian5(t)}
	for _, e := range []struct {
		name       string
		rows, cols int
		shape      func(a, b float64) float64 // from -1 to 1 across the kernel
	}{
		{"ring 3x7", 3, 7, func(a, b float64) float64 { return 0.2 + a*a*b*b }},
		{"comet 5x5", 5, 5, func(a, b float64) float64 { return math.Exp(a+2*b) * (1.5 + a*b) }},
		{"streak 1x5", 1, 5, func(_, b float64) float64 { return 2 + b }},
		{"wide comet 19x21", 19, 21, func(a, b float64) float64 { return math.Exp(-20*(a*a+b*b)) * (1.2 + a + b*a) }},
	} {
		var v []float64
		for i := range e.rows {
			for j := range e.cols {
				a, b := 0.0, 0.0
				if e.rows > 1 {
					a = float64(i-e.rows/2) / float64(e.rows/2)
				}
				b = float64(j-e.cols/2) / float64(e.cols/2)
				v = append(v, e.shape(a, b))
			}
		}
		var err error
		if k[e.name], err = forward.NewPSF(e.rows, e.cols, v); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

var (
	Borders      = []halo.Border{halo.Zero, halo.Reflect, halo.Periodic}
	Regularisers = []forward.Regulariser{forward.Identity, forward.Gradient, forward.Laplacian}
)

// Relative is ||a - b|| / ||b||.
func Relative(a, b []float64) float64 {
	d, n := 0.0, 0.0
	for i := range b {
		d += (a[i] - b[i]) * (a[i] - b[i])
		n += b[i] * b[i]
	}
	return math.Sqrt(d / n)
}

// Patchwork is a weight map with everything in it: the left part observed but for
// a few pixels, the right one weighted unevenly, a block missing.
func (f *Frame) Patchwork(seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 4))
	f.Weights = make([]float64, f.Rows*f.Cols)
	for i := range f.Weights {
		r, c := i/f.Cols, i%f.Cols
		switch {
		case r >= f.Rows/2 && r < f.Rows/2+4 && c >= f.Cols/3 && c < f.Cols/3+5, rng.IntN(25) == 0:
		case c < f.Cols/2:
			f.Weights[i] = 1
		default:
			f.Weights[i] = 0.5 + 2*rng.Float64()
		}
	}
}

// Tiling is a frame cut into tiles of a side with an overlap, in pixels, over ranks.
type Tiling struct{ Rows, Cols, Ranks, Tile, Overlap int }

// Tilings are small frames: tiles that divide them and tiles that do not, frames of
// one tile, overlaps up to and beyond the frame, axes just around the length at
// which a stencil begins to reach around them.
var Tilings = []Tiling{
	{16, 16, 1, 8, 2},
	{17, 23, 4, 5, 3},
	{5, 9, 1, 16, 4},
	{5, 9, 2, 3, 1},
	{21, 21, 1, 10, 4},
	{20, 21, 2, 10, 4},
	{16, 13, 3, 16, 2},
	{1, 23, 2, 6, 2},
	{12, 2, 3, 4, 5},
	{14, 30, 2, 7, 0},
}

// Pixels of an extended tile in the frame, row by row.
func Pixels(t *tiles.Tile, rows, cols int, border halo.Border) []int {
	var p []int
	for i := t.Ext[0].Lo; i < t.Ext[0].Hi; i++ {
		for j := t.Ext[1].Lo; j < t.Ext[1].Hi; j++ {
			p = append(p, Source(i, rows, border)*cols+Source(j, cols, border))
		}
	}
	return p
}

// Restrict is R M R' on the pixels.
func Restrict(m *mat.SymDense, pixels []int) *mat.SymDense {
	r := mat.NewSymDense(len(pixels), nil)
	for i, p := range pixels {
		for j, q := range pixels[:i+1] {
			r.SetSym(i, j, m.At(p, q))
		}
	}
	return r
}

// AllTiles of a frame cut for so many ranks.
func (f *Frame) AllTiles(t testing.TB, n, side, overlap int, border halo.Border) []tiles.Tile {
	t.Helper()
	d, err := halo.Decompose([]int{f.Rows, f.Cols}, n)
	if err != nil {
		t.Fatal(err)
	}
	var all []tiles.Tile
	for r := range n {
		all = append(all, tiles.Cut(d.Owned(r), []int{f.Rows, f.Cols}, side, overlap, border)...)
	}
	return all
}

// Largest is max |a - b| over max |b|.
func Largest(a, b []float64) float64 {
	d, n := 0.0, 0.0
	for i := range b {
		d, n = math.Max(d, math.Abs(a[i]-b[i])), math.Max(n, math.Abs(b[i]))
	}
	return d / n
}
