package krylov

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Random dense systems: every method that must converge on them, against Cholesky.
// Subdomains of a dense matrix are a poor preconditioner, so that every method has work to do.
func TestKrylovAgainstCholesky(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 2, 7, 40} {
		for _, cond := range []float64{1, 1e2, 1e4} {
			s := randomSystem(rng, n, cond)
			exact := s.exact()
			starts := map[string][]float64{"from zero": nil, "from noise": random(rng, n)}
			all := methods(strips(n, min(n, 4), 2))
			for _, name := range []string{"ras-gmres", "as-cg", "cg", "mult"} {
				for from, x0 := range starts {
					for _, size := range []int{1, 3} {
						if size > n {
							continue
						}
						o := s.run(t, size, all[name], x0, Control{LambdaMin: 1, Tolerance: 1e-9, MaxIterations: 20000, Restart: 50})
						if d := distance(o.x, exact); o.err != nil || !(d <= 1e-9) {
							t.Errorf("%s %s, n=%d, condition %g, %d ranks: %v, error %.3g", name, from, n, cond, size, o.err, d)
						}
					}
				}
			}
		}
	}
}

// A start at the solution is converged, to the last bit of the right-hand side or
// down to rounding.
func TestStartAtSolution(t *testing.T) {
	exactly := &system{m: chain(8, []float64{1}, nil, 3, true), b: []float64{4, 8, 12, 0, -4, 4, 8, 16}} // 4 I
	rounded := randomSystem(rand.New(rand.NewPCG(2, 1)), 12, 100)
	for kind, s := range map[string]*system{"exactly": exactly, "to rounding": rounded} {
		exact := s.exact()
		for name, f := range methods(strips(s.n(), 2, 1)) {
			if name == "ras" && kind == "to rounding" {
				continue // need not converge on a dense matrix
			}
			for _, bound := range []float64{0, 1} {
				o := s.run(t, 2, f, exact, Control{LambdaMin: bound, MaxIterations: 50})
				if d := distance(o.x, exact); o.err != nil || !(d <= 1e-12) {
					t.Errorf("%s, %s, LambdaMin %g: %v, error %.3g", name, kind, bound, o.err, d)
				}
			}
		}
	}
}

func TestZeroRightHandSide(t *testing.T) {
	s := randomSystem(rand.New(rand.NewPCG(3, 1)), 9, 10)
	clear(s.b)
	for name, f := range methods(strips(9, 3, 1)) {
		for _, bound := range []float64{0, 1} {
			o := s.run(t, 3, f, random(rand.New(rand.NewPCG(4, 1)), 9), Control{LambdaMin: bound})
			if o.err != nil || floats.Norm(o.x, 2) != 0 || o.report.Residual != 0 || o.report.ErrorBound != 0 {
				t.Errorf("%s, LambdaMin %g: %v, x = %v, report %+v; want zeros", name, bound, o.err, o.x, o.report)
			}
		}
	}
}

// GMRES with fewer Krylov vectors than iterations takes more of them, and converges.
func TestRestart(t *testing.T) {
	s := &system{m: chain(60, gauss5(), nil, 1e-2, true), b: random(rand.New(rand.NewPCG(5, 1)), 60)}
	exact := s.exact()
	f := methods(strips(60, 6, 0))["ras-gmres"]
	full := s.run(t, 2, f, nil, Control{LambdaMin: 1e-2})
	if full.err != nil {
		t.Fatal(full.err)
	}
	for _, restart := range []int{2, 5, full.report.Iterations - 1, full.report.Iterations, 1000} {
		o := s.run(t, 2, f, nil, Control{LambdaMin: 1e-2, Restart: restart, MaxIterations: 2000})
		if d := distance(o.x, exact); o.err != nil || d > 1e-8 {
			t.Errorf("restart %d: %v, error %.3g", restart, o.err, d)
		}
		// The first cycle stops at a guess of ||x||, a later one at the truth: one less.
		if k := o.report.Iterations; k < full.report.Iterations-1 || restart >= full.report.Iterations && k != full.report.Iterations {
			t.Errorf("restart %d: %d iterations, without restart %d", restart, k, full.report.Iterations)
		}
	}
}

// The residual of right-preconditioned GMRES is the true one, it does not rise
// between restarts, and the history ends where the report does.
func TestGMRESHistory(t *testing.T) {
	s := &system{m: chain(60, gauss5(), nil, 1e-2, true), b: random(rand.New(rand.NewPCG(6, 1)), 60)}
	var seen []float64
	o := s.run(t, 2, methods(strips(60, 6, 1))["ras-gmres"], nil, Control{LambdaMin: 1e-2, Restart: 4, Monitor: func(_ int, x []float64) (bool, error) {
		seen = append(seen, s.residual(x))
		return false, nil
	}})
	if o.err != nil {
		t.Fatal(o.err)
	}
	h := o.report.History
	if len(h) != o.report.Iterations+1 || len(seen) != o.report.Iterations || h[0] != 1 {
		t.Fatalf("%d iterations, history of %d from %g, %d iterates", o.report.Iterations, len(h), h[0], len(seen))
	}
	for k, r := range seen {
		if math.Abs(r-h[k+1]) > 1e-12 {
			t.Errorf("iteration %d: residual %.17g, true %.17g", k+1, h[k+1], r)
		}
		if h[k+1] > h[k]*(1+1e-9) {
			t.Errorf("iteration %d: residual rises from %g to %g", k+1, h[k], h[k+1])
		}
	}
	if r := s.residual(o.x); math.Abs(r-o.report.Residual) > 1e-13 {
		t.Errorf("reported residual %.17g, true %.17g", o.report.Residual, r)
	}
}

// residual is ||b - Mx|| / ||b||.
func (s *system) residual(x []float64) float64 {
	r := mat.NewVecDense(s.n(), nil)
	r.MulVec(s.m, mat.NewVecDense(s.n(), x))
	r.SubVec(mat.NewVecDense(s.n(), s.b), r)
	return mat.Norm(r, 2) / floats.Norm(s.b, 2)
}

// single rounds what a preconditioner returns.
type single struct{ Preconditioner }

func (s single) SinglePrecision() bool { return true }
func (s single) Apply(dst, src []float64) error {
	err := s.Preconditioner.Apply(dst, src)
	for i, v := range dst {
		dst[i] = float64(float32(v))
	}
	return err
}

// A preconditioner in single precision does not cost GMRES an iteration, nor any
// digit of the solution.
func TestFlexibleGMRES(t *testing.T) {
	s := &system{m: chain(60, gauss5(), nil, 1e-2, true), b: random(rand.New(rand.NewPCG(7, 1)), 60)}
	exact := s.exact()
	with := func(rounded bool) method {
		return func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
			var p Preconditioner = r.schwarz(strips(60, 6, 1), true, 0)
			if rounded {
				p = single{p}
			}
			return GMRES(ctx, r.comm, r, p, x, r.b[r.lo:r.hi], c)
		}
	}
	for _, restart := range []int{3, 30} {
		c := Control{LambdaMin: 1e-2, Tolerance: 1e-11, Restart: restart}
		double, rounded := s.run(t, 2, with(false), nil, c), s.run(t, 2, with(true), nil, c)
		if rounded.err != nil || distance(rounded.x, exact) > 1e-11 {
			t.Errorf("restart %d: %v, error %.3g", restart, rounded.err, distance(rounded.x, exact))
		}
		if rounded.report.Iterations > double.report.Iterations+1 {
			t.Errorf("restart %d: %d iterations, %d in double precision", restart, rounded.report.Iterations, double.report.Iterations)
		}
	}
}

func TestIterationsRunOut(t *testing.T) {
	s := &system{m: chain(40, gauss5(), nil, 1e-3, true), b: random(rand.New(rand.NewPCG(8, 1)), 40)}
	exact := s.exact()
	for name, f := range methods(strips(40, 4, 1)) {
		for _, bound := range []float64{0, 1e-3} {
			o := s.run(t, 3, f, nil, Control{MaxIterations: 3, Restart: 2, LambdaMin: bound})
			var short *NotConvergedError
			if !errors.As(o.err, &short) {
				t.Errorf("%s: %v, want a NotConvergedError", name, o.err)
				continue
			}
			if o.report.Iterations != 3 || short.Iterations != 3 || short.Residual != o.report.Residual || short.ErrorBound != o.report.ErrorBound {
				t.Errorf("%s: error %+v beside report %+v", name, short, o.report)
			}
			// x holds the iterate so far.
			if d := distance(o.x, exact); !(d < 1) || d < 1e-8 {
				t.Errorf("%s: relative error %.3g after 3 iterations", name, d)
			}
			if r := s.residual(o.x); math.Abs(r-o.report.Residual) > 1e-12 {
				t.Errorf("%s: residual %.15g, reported %.15g", name, r, o.report.Residual)
			}
		}
	}
}

func TestIndefinite(t *testing.T) {
	s := randomSystem(rand.New(rand.NewPCG(9, 1)), 10, 10)
	flipped := &system{m: mat.NewSymDense(10, nil), b: s.b}
	flipped.m.CopySym(s.m)
	flipped.m.SetSym(4, 4, -5)
	minus := func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
		return ConjugateGradients(ctx, r.comm, r, negative{}, x, r.b[r.lo:r.hi], c)
	}
	cases := []struct {
		name   string
		system *system
		method method
		want   string
	}{
		{"matrix", flipped, methods(nil)["cg"], "krylov: the matrix is not positive definite"},
		{"preconditioner", s, minus, "krylov: the preconditioner is not positive definite"},
	}
	for _, c := range cases {
		for _, size := range []int{1, 3} {
			o := c.system.run(t, size, c.method, nil, Control{LambdaMin: 1e-3})
			var e *IndefiniteError
			if !errors.As(o.err, &e) || o.err.Error() != c.want {
				t.Errorf("%s, %d ranks: %v, want %q", c.name, size, o.err, c.want)
			}
		}
	}
}

type negative struct{}

func (negative) Apply(dst, src []float64) error {
	for i, v := range src {
		dst[i] = -v
	}
	return nil
}

// No overlap between subdomains narrower than the blur: block Jacobi, whose
// spectral radius is above one. The growing residual has to end the
// iteration.
func TestStationaryDiverges(t *testing.T) {
	box7 := []float64{1. / 7, 1. / 7, 1. / 7, 1. / 7, 1. / 7, 1. / 7, 1. / 7}
	s := &system{m: chain(64, box7, nil, 1e-2, true), b: random(rand.New(rand.NewPCG(10, 1)), 64)}
	f := stationary(strips(64, 16, 0), true)
	rho := s.rate(t, f)
	if rho <= 1 {
		t.Fatalf("rate %.3f: the example does not diverge", rho)
	}
	for _, bound := range []float64{0, 1e-2} {
		o := s.run(t, 3, f, nil, Control{LambdaMin: bound, MaxIterations: 10000})
		var d *NotConvergedError
		if !errors.As(o.err, &d) || d.Status != Diverged || o.report.Status != Diverged {
			t.Fatalf("%v, want that it diverged", o.err)
		}
		if o.report.Iterations > 100 || d.Iterations != o.report.Iterations || math.Abs(d.Growth-rho) > 0.1*rho {
			t.Errorf("found after %d sweeps, growth %.3f, want %.3f", d.Iterations, d.Growth, rho)
		}
	}
}

// The same run gives the same bits.
func TestRepeatable(t *testing.T) {
	s := &system{m: chain(50, gauss5(), nil, 1e-2, true), b: random(rand.New(rand.NewPCG(11, 1)), 50)}
	for name, f := range methods(strips(50, 5, 2)) {
		for _, size := range []int{1, 3, 4} {
			c := Control{LambdaMin: 1e-2}
			first := s.run(t, size, f, nil, c)
			if first.err != nil {
				t.Fatal(first.err)
			}
			for range 3 {
				again := s.run(t, size, f, nil, c)
				if !slices.Equal(first.x, again.x) || fmt.Sprint(first.report) != fmt.Sprint(again.report) {
					t.Errorf("%s, %d ranks: another run gives other bits", name, size)
				}
			}
		}
	}
}
