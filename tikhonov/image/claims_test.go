package image

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/tikhonov/image/internal/oracle"
)

// Random problems over every method, border, regulariser, blur, missing pixels and lambda: the
// error of the solution is never above a certified bound, in 99 of 100 not above an estimated
// one, and never above ten times the tolerance where the solve says that it converged.
func TestClaims(t *testing.T) {
	t.Parallel()
	methods := append([]krylov.Method{krylov.Auto}, allMethods...)
	count, most := 500, 1000
	switch {
	case testing.Short():
		count, most = 16, 500 // two problems for each method
	case quick():
		count = 100
	}
	estimated, small, claims := 0, 0, 0
	for k := range count {
		rng := rand.New(rand.NewPCG(5, uint64(k)))
		rows, cols := 12+rng.IntN(9), 12+rng.IntN(9)
		f := randomFrame(1, rows, cols, uint64(k))
		sd := []float64{0, 0.7, 1, 2, 4}[rng.IntN(5)]
		if sd > 0 {
			psf, err := forward.Gaussian(2*int(math.Ceil(3*sd))+1, sd)
			if err != nil {
				t.Fatal(err)
			}
			f.PSF = psf
		}
		missing := []float64{0, 0.01, 0.3, 0.7, 0.95}[rng.IntN(5)]
		if missing > 0 {
			f.Mask(missing, uint64(k))
		}
		o := Options{
			Method: methods[k%len(methods)], Regulariser: forward.Regularisers()[rng.IntN(3)], Border: oracle.Borders[rng.IntN(3)],
			Lambda: math.Pow(10, -10+11*rng.Float64()), Tolerance: math.Pow(10, -2-7*rng.Float64()), MaxIterations: []int{5, 50, most}[rng.IntN(3)],
		}
		if o.Method == krylov.Spectral && o.Border == halo.Zero {
			o.Border = halo.Reflect
		}
		x, res, err := f.run(t, 1+k%3, o)
		if res == nil {
			t.Logf("%d: %v", k, err)
			continue // refused
		}
		what := fmt.Sprintf("%d: %s (%s), sd %g, %g missing, %s, %v, lambda %.2g, tolerance %.2g, %d iterations, %v", k, o.Method, res.Method, sd, missing,
			o.Regulariser, o.Border, o.Lambda, o.Tolerance, res.Iterations, res.Status)
		want, accuracy := f.refined(t, o)
		if want == nil {
			continue // not even that is definite
		}
		d := max(0, oracle.Relative(x, want)-accuracy)
		switch {
		case res.Certified:
			if d > 1.000001*res.ErrorBound {
				t.Errorf("%s: error %.2g (%.1g) above the certified bound %.2g", what, d, accuracy, res.ErrorBound)
			}
		default:
			estimated++
			if d > res.ErrorBound {
				small++
				t.Logf("%s: error %.2g (%.1g) above the estimate %.2g", what, d, accuracy, res.ErrorBound)
			}
		}
		if res.Converged {
			claims++
			if d > 10*o.Tolerance {
				t.Errorf("%s: error %.2g (%.1g), %.0f times the tolerance", what, d, accuracy, d/o.Tolerance)
			}
		}
	}
	t.Logf("%d estimates, %d too small; %d of %d converged", estimated, small, claims, count)
	if 100*small > estimated {
		t.Errorf("%d of %d estimates are too small", small, estimated)
	}
}

// refined is the dense solution, refined with residuals in twice the precision, and how much M's own
// rounding may move it.
func (f *frame) refined(t *testing.T, o Options) (x []float64, accuracy float64) {
	t.Helper()
	m := f.Dense(o.equations())
	var chol mat.Cholesky
	if !chol.Factorize(m) {
		return nil, math.Inf(1)
	}
	n := f.Rows * f.Cols
	b := f.RHS(o.Border)
	x = make([]float64, n)
	for range 4 {
		r := mat.NewVecDense(n, nil)
		for i := range n {
			sum, low := b[i], 0.0
			for j := range n {
				p := -m.At(i, j) * x[j]
				e := math.FMA(-m.At(i, j), x[j], -p)
				s := sum + p
				z := s - sum
				low += (sum - (s - z)) + (p - z) + e
				sum = s
			}
			r.SetVec(i, sum+low)
		}
		if err := chol.SolveVecTo(r, r); err != nil {
			return nil, math.Inf(1)
		}
		for i := range n {
			x[i] += r.AtVec(i)
		}
	}
	return x, 2e-16 * chol.Cond()
}
