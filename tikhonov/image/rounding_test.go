package image

import (
	"errors"
	"math/rand/v2"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/tikhonov/image/internal/oracle"
)

// Where rounding is all that is left of the error, a solve ends soon, with a result, and
// with a true bound: whatever the method, the level of the data, lambda and the weights.
func TestSolvesEndAtRounding(t *testing.T) {
	t.Parallel()
	row, err := forward.NewPSF(1, 5, []float64{0.1, 0.2, 0.4, 0.2, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name       string
		rows, cols int
		level      float64 // of the data, beside noise of 1
		psf        forward.PSF
		weights    float64 // spread of the weights about 1
		o          Options
		converges  bool // with the default method
	}{
		{"bright", 24, 29, 1e3, oracle.Gaussian5(t), 0, Options{Lambda: 1e-2, Border: halo.Reflect, Tolerance: 3e-15}, true},
		{"bright, small lambda", 24, 29, 1e4, oracle.Gaussian5(t), 0, Options{Lambda: 1e-8, Border: halo.Reflect}, true},
		{"large lambda", 1, 37, 5, row, 0, Options{Lambda: 1e10, Border: halo.Zero, Regulariser: forward.Gradient}, true},
		{"no blur", 20, 24, 5, forward.PSF{}, 0.5, Options{Lambda: 1e-10, Border: halo.Reflect}, true},
		{"no blur, gradient", 20, 24, 5, forward.PSF{}, 0.5, Options{Lambda: 1e-3, Border: halo.Zero, Regulariser: forward.Gradient, Tolerance: 1e-12}, true},
		{"too much is asked for", 20, 24, 1e3, oracle.Gaussian5(t), 0.5, Options{Lambda: 1e-6, Border: halo.Reflect, Regulariser: forward.Gradient, Tolerance: 1e-15}, false},
	} {
		f := randomFrame(1, c.rows, c.cols, 7)
		f.PSF = c.psf
		for i := range f.Y {
			f.Y[i] += c.level
		}
		if c.weights > 0 {
			rng := rand.New(rand.NewPCG(3, 4))
			f.Weights = make([]float64, len(f.Y))
			for i := range f.Weights {
				f.Weights[i] = 1 + c.weights*(2*rng.Float64()-1)
			}
		}
		for _, m := range []krylov.Method{krylov.Auto, krylov.CG, krylov.ASCG, krylov.TwoLevel, krylov.RASGMRES} {
			for _, n := range []int{1, 3} {
				if c.rows < n {
					continue
				}
				o := c.o
				o.Method, o.MaxIterations, o.Precision = m, 2000, Double
				x, res, err := f.run(t, n, o)
				if res == nil || err != nil && !errors.As(err, new(*krylov.NotConvergedError)) {
					t.Errorf("%s, %s, %d ranks: %v", c.name, m, n, err)
					continue
				}
				if c.converges && m == krylov.Auto && err != nil || m != krylov.CG && res.Iterations > 500 {
					t.Errorf("%s, %s, %d ranks: %v after %d iterations", c.name, m, n, err, res.Iterations)
				}
				if d := oracle.Relative(x, f.Exact(t, o.equations())); d > 2*res.ErrorBound && d > 1e-9 { // which the dense solution is good for
					t.Errorf("%s, %s, %d ranks: error %.3g, bound %.3g", c.name, m, n, d, res.ErrorBound)
				}
			}
		}
	}
}
