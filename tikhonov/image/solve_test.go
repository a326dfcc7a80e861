package image

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"tessera/halo"
	"tessera/ranks"
)

// frame is a whole test problem, cut into ranks by run.
type frame struct {
	channels, rows, cols int
	y, weights           []float64
	kernel               Kernel
}

// run solves a frame on so many in-process ranks and returns the whole solution
// and rank 0's result.
func (f *frame) run(t testing.TB, n int, o Options) ([]float64, *Result, error) {
	t.Helper()
	var (
		whole []float64
		res   *Result
		mu    sync.Mutex
	)
	var solveErr error
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, c ranks.Comm) error {
		p, d, err := f.part(c, n)
		if err != nil {
			return err
		}
		oo := o
		if o.monitor != nil {
			oo.monitor = func(k int, x []float64) (bool, error) {
				full, err := d.GatherTo(c, 0, x, f.channels)
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
		full, gerr := d.GatherTo(c, 0, r.Solution, f.channels)
		if gerr != nil {
			return gerr
		}
		if c.Rank() == 0 {
			mu.Lock()
			whole, res, solveErr = full, r, err
			mu.Unlock()
		}
		return nil
	})
	if err == nil {
		err = solveErr
	}
	return whole, res, err
}

// part cuts out one rank's problem.
func (f *frame) part(c ranks.Comm, n int) (*Problem, *halo.Decomposition, error) {
	d, err := halo.Decompose([]int{f.rows, f.cols}, n)
	if err != nil {
		return nil, nil, err
	}
	box := d.Owned(c.Rank())
	cut := func(a []float64, channels int) []float64 {
		if a == nil {
			return nil
		}
		var out []float64
		for ch := range channels {
			for r := box.Lo[0]; r < box.Hi[0]; r++ {
				at := (ch*f.rows + r) * f.cols
				out = append(out, a[at+box.Lo[1]:at+box.Hi[1]]...)
			}
		}
		return out
	}
	return &Problem{
		Channels: f.channels, Frame: d, Data: cut(f.y, f.channels), Weights: cut(f.weights, 1), Kernel: f.kernel,
	}, d, nil
}

// gaussian5 is the 5 x 5 kernel of the iteration tables: sigma 1, normalised.
func gaussian5(t testing.TB) Kernel {
	k, err := Gaussian(5, 1)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func randomFrame(channels, rows, cols int, seed uint64) *frame {
	rng := rand.New(rand.NewPCG(seed, 1))
	f := &frame{channels: channels, rows: rows, cols: cols, y: make([]float64, channels*rows*cols)}
	for i := range f.y {
		f.y[i] = rng.NormFloat64()
	}
	return f
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

func relative(a, b []float64) float64 {
	d, n := 0.0, 0.0
	for i := range b {
		d += (a[i] - b[i]) * (a[i] - b[i])
		n += b[i] * b[i]
	}
	return math.Sqrt(d / n)
}

func TestSmoke(t *testing.T) {
	f := randomFrame(1, 64, 64, 1)
	f.kernel = gaussian5(t)
	f.mask(0.03, 1)
	ref, _, err := f.run(t, 1, Options{Method: CG, Lambda: 1e-2, Tolerance: 1e-12, MaxIterations: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []Method{RASGMRES, ASCG, TwoLevel, RAS, Mult, CG} {
		for _, n := range []int{1, 4, 7} {
			x, res, err := f.run(t, n, Options{Method: m, Lambda: 1e-2, Overlap: 4})
			if err != nil {
				t.Errorf("%s: %v", m, err)
				continue
			}
			fmt.Printf("%s %d ranks: %d its, bound %.2g, error %.2g, shared %d exact %d\n", m, n, res.Iterations, res.ErrorBound, relative(x, ref), res.TilesShared, res.TilesExact)
		}
	}
}
