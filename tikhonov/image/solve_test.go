package image

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// frame is a whole test problem, cut into ranks by launch.
type frame struct {
	channels, rows, cols int
	y, weights           []float64
	kernel               forward.PSF
}

// launch runs body on so many in-process ranks with their parts of the frame.
func (f *frame) launch(n int, body func(ctx context.Context, c ranks.Comm, p *Problem) error) error {
	return ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, c ranks.Comm) error {
		d, err := halo.Decompose([]int{f.rows, f.cols}, n)
		if err != nil {
			return err
		}
		p := &Problem{Channels: f.channels, Frame: d, PSF: f.kernel}
		if p.Data, err = d.ScatterFrom(c, 0, f.y, f.channels); err != nil {
			return err
		}
		if f.weights != nil {
			if p.Weights, err = d.ScatterFrom(c, 0, f.weights, 1); err != nil {
				return err
			}
		}
		return body(ctx, c, p)
	})
}

// run solves a frame on so many in-process ranks and returns the whole solution
// and rank 0's result.
func (f *frame) run(t testing.TB, n int, o Options) ([]float64, *Result, error) {
	t.Helper()
	var (
		whole    []float64
		res      *Result
		solveErr error
	)
	err := f.launch(n, func(ctx context.Context, c ranks.Comm, p *Problem) error {
		oo := o
		if o.monitor != nil {
			oo.monitor = func(k int, x []float64) (bool, error) {
				full, err := p.Frame.GatherTo(c, 0, x, f.channels)
				if err != nil {
					return false, err
				}
				stop := []float64{0}
				if c.Rank() == 0 {
					ok, err := o.monitor(k, full)
					if err != nil {
						return false, err
					}
					if ok {
						stop[0] = 1
					}
				}
				err = c.Bcast(stop, 0)
				return stop[0] > 0, err
			}
		}
		r, err := Solve(ctx, c, p, oo)
		if r == nil {
			return err
		}
		full, gerr := p.Frame.GatherTo(c, 0, r.Solution, f.channels)
		if gerr != nil {
			return gerr
		}
		if c.Rank() == 0 {
			whole, res, solveErr = full, r, err
		}
		return nil
	})
	if err == nil {
		err = solveErr
	}
	return whole, res, err
}

// gaussian5 is the 5 x 5 kernel of the iteration tables: sigma 1, normalised.
func gaussian5(t testing.TB) forward.PSF {
	k, err := forward.Gaussian(5, 1)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// randomFrame is a frame of noise.
func randomFrame(channels, rows, cols int, seed uint64) *frame {
	rng := rand.New(rand.NewPCG(seed, 1))
	return &frame{channels: channels, rows: rows, cols: cols, y: noise(rng, channels*rows*cols)}
}

func noise(rng *rand.Rand, n int) []float64 {
	a := make([]float64, n)
	for i := range a {
		a[i] = rng.NormFloat64()
	}
	return a
}

// mask marks a fraction of the pixels as missing.
func (f *frame) mask(fraction float64, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	f.weights = make([]float64, f.rows*f.cols)
	for i := range f.weights {
		if rng.Float64() >= fraction {
			f.weights[i] = 1
		}
	}
}

// kernels of every kind: separable or not, its own mirror image or not, and one
// wide enough for Fourier transforms.
func kernels(t testing.TB) map[string]forward.PSF {
	k := map[string]forward.PSF{"none": {}, "gaussian 5x5": gaussian5(t)}
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
	borders      = []halo.Border{halo.Zero, halo.Reflect, halo.Periodic}
	regularisers = []forward.Regulariser{forward.Identity, forward.Gradient, forward.Laplacian}
)

// relative is ||a - b|| / ||b||.
func relative(a, b []float64) float64 {
	d, n := 0.0, 0.0
	for i := range b {
		d += (a[i] - b[i]) * (a[i] - b[i])
		n += b[i] * b[i]
	}
	return math.Sqrt(d / n)
}

// quick says whether the long products of methods and ranks are thinned out.
func quick() bool { return !thorough || testing.Short() }
