package image

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// gridProblem is one of the problems that the default has to solve.
type gridProblem struct {
	sd, lambda, missing float64
	q                   forward.Regulariser
	border              halo.Border
}

func (g gridProblem) String() string {
	return fmt.Sprintf("sd %g, lambda %g, %s, %v, %g missing", g.sd, g.lambda, g.q, g.border, g.missing)
}

// frame is the problem's frame, blurred noise with a little noise on it.
func (g gridProblem) frame(t testing.TB, rows, cols int, seed uint64) *frame {
	t.Helper()
	psf, err := forward.Gaussian(2*int(math.Ceil(3*g.sd))+1, g.sd)
	if err != nil {
		t.Fatal(err)
	}
	f := randomFrame(1, rows, cols, seed)
	f.PSF = psf
	if g.missing > 0 {
		f.Mask(g.missing, seed)
	}
	return f
}

func grid() []gridProblem {
	var list []gridProblem
	for _, sd := range []float64{0.7, 1, 2, 4} {
		for _, lambda := range []float64{1e8, 1e-1, 1e-3, 1e-5, 1e-7, 1e-9} {
			for _, q := range forward.Regularisers() {
				for _, border := range []halo.Border{halo.Zero, halo.Reflect, halo.Periodic} {
					for _, missing := range []float64{0, 0.01, 0.3} {
						list = append(list, gridProblem{sd, lambda, missing, q, border})
					}
				}
			}
		}
	}
	return list
}

// The default method on the whole grid of blurs, lambdas, regularisers, borders and
// missing pixels, on 1, 2, 3, 4 and 7 ranks in turn: it comes as close to the dense
// solution as it says, or says why it did not.
func TestAutoOnGrid(t *testing.T) {
	t.Parallel()
	const tolerance = 1e-6
	few := 0
	for i, g := range grid() {
		if i%7 != 0 || quick() && i%21 != 0 {
			continue // the others take minutes
		}
		f := g.frame(t, 20, 19, uint64(i))
		n := []int{1, 2, 3, 4, 7}[i/7%5]
		o := Options{Lambda: g.lambda, Regulariser: g.q, Border: g.border, Tolerance: tolerance, MaxIterations: 3000}
		x, res, err := f.run(t, n, o)
		if res == nil {
			t.Errorf("%v, %d ranks: %v", g, n, err)
			continue
		}
		d := oracle.Relative(x, f.Exact(t, o.equations()))
		const rounding = 1e-13 // of the dense solution, times the condition
		if allowed := 10*res.ErrorBound + rounding*max(1/g.lambda, g.lambda); d > allowed {
			t.Errorf("%v, %d ranks, %s: error %.3g, said to be %.3g", g, n, res.Method, d, res.ErrorBound)
		}
		if res.Certified && !(res.ErrorBound < 1) {
			t.Errorf("%v: a bound of %.3g is called certified", g, res.ErrorBound)
		}
		if err != nil {
			few++
			if stop := new(krylov.NotConvergedError); !errors.As(err, &stop) || res.Converged || res.ErrorBound <= tolerance {
				t.Errorf("%v, %d ranks: %v, bound %.3g", g, n, err, res.ErrorBound)
			}
			t.Logf("%v, %d ranks: %s %s %v after %d, error %.2g; before: %s", g, n, res.Method, res.Local, res.Status, res.Iterations, d, res.Fallback)
		}
	}
	if few > len(grid())/10 {
		t.Errorf("%d problems were not solved", few)
	}
}

// Without an observed pixel only a Q that has an inverse leaves a solution, which is 0.
func TestNothingObserved(t *testing.T) {
	for _, q := range forward.Regularisers() {
		for _, border := range oracle.Borders {
			f := randomFrame(1, 9, 8, 1)
			f.Mask(1, 1)
			x, _, err := f.run(t, 2, Options{Regulariser: q, Border: border, Lambda: 0.1})
			switch definite := q == forward.Identity || border == halo.Zero; {
			case !definite && (err == nil || !strings.Contains(err.Error(), "no pixel is observed")):
				t.Errorf("%s, %v: %v", q, border, err)
			case definite && (err != nil || slices.ContainsFunc(x, func(v float64) bool { return v != 0 })):
				t.Errorf("%s, %v: %v, %v", q, border, x, err)
			}
		}
	}
}

// boxes calls body with M, its box solve and a vector on n ranks.
func boxes(t *testing.T, f *frame, n int, o Options, body func(m *operator, s *boxSolve[float64], x []float64) error) {
	t.Helper()
	err := f.launch(n, func(ctx context.Context, c ranks.Comm, p *Problem) error {
		m, err := preparedOperator(c, p, &o)
		if err != nil {
			return err
		}
		s, err := newBoxSolve[float64](m, o.Lambda, 8, 1)
		if err != nil {
			return err
		}
		return body(m, s, p.Data)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Without weights the solve of a periodic frame by one rank is exact, whatever the PSF; of
// more ranks, and of mirrored borders, it is what the far tail of the inverse leaves.
func TestBoxSolveInvertsM(t *testing.T) {
	for name, psf := range oracle.PSFs(t) {
		for _, q := range forward.Regularisers() {
			for _, border := range []halo.Border{halo.Periodic, halo.Reflect} {
				for _, n := range []int{1, 4} {
					f := randomFrame(2, 60, 54, 1)
					f.PSF = psf
					o := Options{Regulariser: q, Border: border, Lambda: 0.3}
					boxes(t, f, n, o, func(m *operator, s *boxSolve[float64], x []float64) error {
						y, z := make([]float64, len(x)), make([]float64, len(x))
						if err := m.Apply(y, x); err != nil {
							return err
						}
						if err := s.Apply(z, y); err != nil {
							return err
						}
						d, limit := oracle.Relative(z, x), 0.5
						if border == halo.Periodic && n == 1 {
							limit = 1e-12
						}
						if !(d <= limit) {
							return fmt.Errorf("%s, %s, %v, %d ranks: P M x differs from x by %.3g", name, q, border, n, d)
						}
						return nil
					})
				}
			}
		}
	}
}

// The default overlap makes the iterations independent of the number of ranks.
func TestBoxIterations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		psf    func() (forward.PSF, error)
		q      forward.Regulariser
		lambda float64
		most   int // by the published counts, or ours on one rank, and three
	}{
		{func() (forward.PSF, error) { return forward.Gaussian(5, 1) }, forward.Identity, 1e-2, 13},
		{func() (forward.PSF, error) { return forward.Gaussian(13, 2) }, forward.Identity, 1e-3, 12},
		{func() (forward.PSF, error) { return forward.Gaussian(13, 2) }, forward.Laplacian, 1e-3, 13},
		{func() (forward.PSF, error) { return forward.Gaussian(13, 2) }, forward.Identity, 1e-5, 19},
		{func() (forward.PSF, error) { return forward.Moffat(11, 4, 3) }, forward.Gradient, 2e-3, 12},
		{func() (forward.PSF, error) { return forward.Moffat(41, 4, 3) }, forward.Gradient, 2e-3, 12},
	} {
		for _, n := range []int{1, 4} {
			if quick() && n > 1 {
				continue
			}
			f := randomFrame(1, 256, 256, 1)
			var err error
			if f.PSF, err = c.psf(); err != nil {
				t.Fatal(err)
			}
			f.Mask(0.01, 1)
			_, res, err := f.run(t, n, Options{Method: krylov.RASGMRES, Local: LocalBox, Regulariser: c.q, Lambda: c.lambda, Border: halo.Reflect})
			if err != nil || res.Iterations > c.most || res.Local != LocalBox {
				t.Errorf("PSF of %d pixels a side, %s, lambda %g, %d ranks: %+v iterations with overlap %d, want at most %d: %v",
					f.PSF.Rows, c.q, c.lambda, n, res.Iterations, res.Overlap, c.most, err)
			}
		}
	}
}

// The printed bound holds on random problems: guaranteed for Q = identity, and as an
// estimate for the others.
func TestBoundHolds(t *testing.T) {
	t.Parallel()
	all := grid()
	count := 120
	if quick() {
		count = 40
	}
	if testing.Short() {
		count = 24 // each method with each limit of the iterations, twice
	}
	for k := range count {
		g := all[(k*7919)%len(all)]
		if g.lambda < 1e-7 {
			continue // the dense solution is no more accurate than the bound
		}
		f := g.frame(t, 20, 21, uint64(k))
		if k%3 == 0 {
			f.Patchwork(uint64(k))
		}
		o := Options{
			Lambda: g.lambda, Regulariser: g.q, Border: g.border, Tolerance: math.Pow(10, -1-float64(k%6)),
			MaxIterations: []int{3, 20, 2000}[k%3], Method: []krylov.Method{krylov.Auto, krylov.ASCG, krylov.CG, krylov.RASGMRES}[k%4],
		}
		x, res, _ := f.run(t, 1+k%3, o)
		if res == nil {
			continue
		}
		d := oracle.Relative(x, f.Exact(t, o.equations()))
		limit := 1.000001 * res.ErrorBound // it is attained where M is nearly lambda
		if !res.Certified {
			limit *= 2 // an estimate
		}
		if d > limit+1e-15*max(1/g.lambda, g.lambda) {
			t.Errorf("%v, %s, tolerance %g, %d iterations: error %.3g above the bound %.3g (certified: %v)",
				g, res.Method, o.Tolerance, res.Iterations, d, res.ErrorBound, res.Certified)
		}
	}
}

// BenchmarkLocal times the methods on the kinds of problem that the rules of choose.go tell
// apart, 1024 x 1024 pixels on two ranks.
func BenchmarkLocal(b *testing.B) {
	psf := func(p forward.PSF, err error) forward.PSF {
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	g5, g13 := psf(forward.Gaussian(5, 1)), psf(forward.Gaussian(13, 2))
	m11, m41, m63 := psf(forward.Moffat(11, 4, 3)), psf(forward.Moffat(41, 4, 3)), psf(forward.Moffat(63, 4, 3))
	for _, c := range []struct {
		name    string
		psf     forward.PSF
		q       forward.Regulariser
		lambda  float64
		missing float64
		methods []string
	}{
		{"gaussian5", g5, forward.Identity, 1e-2, 0.01, []string{"auto", "box", "tile", "as-cg", "cg"}},
		{"gaussian5", g5, forward.Identity, 1e-2, 0.3, []string{"auto", "box", "tile", "as-cg", "cg"}},
		{"gaussian13", g13, forward.Identity, 1e-5, 0.01, []string{"auto", "box", "as-cg"}},
		{"moffat11", m11, forward.Gradient, 2e-3, 0.01, []string{"auto", "box", "tile", "cg"}},
		{"moffat11", m11, forward.Gradient, 2e-3, 0.3, []string{"auto", "box", "tile", "cg"}},
		{"moffat41", m41, forward.Gradient, 2e-3, 0.01, []string{"auto", "box", "cg"}},
		{"moffat63", m63, forward.Gradient, 2e-3, 0.01, []string{"auto"}},
		{"none", forward.PSF{}, forward.Gradient, 100, 0.95, []string{"auto", "box", "two-level"}},
		{"none", forward.PSF{}, forward.Gradient, 1e-2, 0.3, []string{"auto", "box", "tile", "two-level", "cg"}},
	} {
		for _, m := range c.methods {
			o := Options{Regulariser: c.q, Lambda: c.lambda, Border: halo.Reflect, MaxIterations: 2000, Method: krylov.Method(m)}
			if m == "box" || m == "tile" {
				o.Method, o.Local = krylov.RASGMRES, Local(m)
			}
			b.Run(fmt.Sprintf("%s/%s/%g/%g/%s", c.name, c.q, c.lambda, c.missing, m), func(b *testing.B) {
				f := randomFrame(1, 1024, 1024, 1)
				f.PSF = c.psf
				f.Mask(c.missing, 1)
				f.bench(b, 2, o)
			})
		}
	}
}

// BenchmarkAuto compares the default with every method by name on a part of the grid, frames
// of 256 x 256 pixels on two ranks: for each problem the processor time of the default
// divided by that of the fastest method that got there, and likewise its iterations divided
// by those of that method.
func BenchmarkAuto(b *testing.B) {
	for i, g := range grid() {
		if i%19 != 0 || g.lambda > 1 {
			continue
		}
		b.Run(g.String(), func(b *testing.B) {
			f := g.frame(b, 256, 256, uint64(i))
			o := Options{Regulariser: g.q, Lambda: g.lambda, Border: g.border, Tolerance: 1e-6, MaxIterations: 2000}
			best, which, fewest := math.Inf(1), krylov.Auto, 1
			run := func(m krylov.Method) (seconds float64, res *Result, err error) {
				o.Method, seconds = m, math.Inf(1)
				for k := 0; k == 0 || k < 3 && err == nil && !(seconds > 3*best); k++ {
					before := cpuSeconds()
					_, res, err = f.run(b, 2, o)
					seconds = min(seconds, cpuSeconds()-before)
				}
				return seconds, res, err
			}
			for b.Loop() {
				seconds, res, err := run(krylov.Auto)
				if err != nil {
					b.Logf("auto: %v", err)
				}
				for _, m := range []krylov.Method{krylov.Spectral, krylov.RASGMRES, krylov.ASCG, krylov.TwoLevel, krylov.CG} {
					if s, r, err := run(m); err == nil && s < best {
						best, which, fewest = s, m, r.Iterations
					}
				}
				if b.ReportMetric(0, "ns/op"); which == krylov.Auto {
					b.Logf("auto %s (%s) %d iterations, %.0f ms; no method by name got there", res.Method, res.Fallback, res.Iterations, 1000*seconds)
					continue
				}
				b.Logf("auto %s (%s) %d iterations, %.0f ms; best %s %d, %.0f ms", res.Method, res.Fallback, res.Iterations, 1000*seconds, which, fewest, 1000*best)
				b.ReportMetric(seconds/best, "time-over-best")
				b.ReportMetric(float64(max(res.Iterations, 1))/float64(max(fewest, 1)), "iterations-over-best")
			}
		})
	}
}

// hasHole finds a square without observed pixels, wherever it lies, and no smaller one.
func TestHasHole(t *testing.T) {
	for _, c := range []struct {
		top, left, rows, cols int
		want                  bool
	}{
		{0, 0, 5, 5, true}, {3, 4, 5, 6, true}, {15, 12, 5, 5, true}, {15, 13, 6, 4, false}, {2, 0, 4, 17, false}, {0, 3, 20, 4, false}, {4, 4, 0, 0, false},
	} {
		f := randomFrame(1, 20, 17, 1)
		f.Weights = make([]float64, 20*17)
		for i := range f.Weights {
			r, k := i/17, i%17
			f.Weights[i] = 1
			if r >= c.top && r < c.top+c.rows && k >= c.left && k < c.left+c.cols {
				f.Weights[i] = 0
			}
		}
		for _, n := range []int{1, 2} {
			err := f.launch(n, func(_ context.Context, comm ranks.Comm, p *Problem) error {
				o := Options{Lambda: 1}
				m, err := preparedOperator(comm, p, &o)
				if err != nil {
					return err
				}
				got, err := m.hasHole(5)
				if err == nil && n == 1 && got != c.want {
					return fmt.Errorf("%+v: %v", c, got)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// A frame of which one side was not observed is solved with the coarse space of the two-level method. Without it no method
// reaches the far end of the hole in so many iterations, where lambda is small.
func TestAutoBesideAWideHole(t *testing.T) {
	const rows, cols, missing = 110, 64, 60
	f := randomFrame(1, rows, cols, 1)
	f.Weights = make([]float64, rows*cols)
	for i := missing * cols; i < len(f.Weights); i++ {
		f.Weights[i] = 1
	}
	var err error
	if f.PSF, err = forward.Gaussian(9, 1.5); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		_, res, err := f.run(t, n, Options{Lambda: 1e-2, Border: halo.Reflect, Regulariser: forward.Gradient, Method: krylov.Auto, Tolerance: 1e-5, MaxIterations: 500})
		if err != nil || res.Method != krylov.TwoLevel || !strings.HasPrefix(res.Fallback, "spectral: ") {
			t.Errorf("%d ranks: %v; method %s after %q, %d iterations, residual %g, want the two-level method after the spectral one", n, err, res.Method, res.Fallback, res.Iterations, res.Residual)
		}
	}
}
