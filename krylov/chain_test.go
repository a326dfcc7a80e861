package krylov

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// The smallest exact example: n = 6, H = I, Q the first difference, lambda = 1,
// y = e_1, subdomains {0..3} and {2..5}, of which 0-2 and 3-5 are owned. Its
// solution is Fibonacci's: [89 34 13 5 2 1] / 144.
var (
	sixExact   = []float64{89. / 144, 34. / 144, 13. / 144, 5. / 144, 2. / 144, 1. / 144}
	sixDomains = []subdomain{{span(0, 4), span(0, 3)}, {span(2, 6), span(3, 6)}}
)

func six() *system {
	return &system{m: chain(6, []float64{1}, nil, 1, false), b: []float64{1, 0, 0, 0, 0, 0}}
}

func mult(d []subdomain, mu float64) method {
	return func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
		return Multiplicative(ctx, r.comm, r, r.schwarz(d, false, mu), x, r.b[r.lo:r.hi], c)
	}
}

func stationary(d []subdomain, restricted bool) method {
	return func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
		return Stationary(ctx, r.comm, r, r.schwarz(d, restricted, 0), x, r.b[r.lo:r.hi], c)
	}
}

func TestSixUnknownsSolution(t *testing.T) {
	s := six()
	// J = ||x - y||^2 + ||Dx||^2 = x'Mx - 2b'x + 1.
	if j := s.objective(sixExact) + 1; math.Abs(j-55./144) > 1e-14 {
		t.Errorf("J* = %.15f, want 55/144", j)
	}
	for name, f := range methods(sixDomains) {
		for _, size := range []int{1, 2, 3, 4} {
			o := s.run(t, size, f, nil, Control{Tolerance: 1e-13, LambdaMin: 1})
			if o.err != nil {
				t.Errorf("%s, %d ranks: %v", name, size, o.err)
				continue
			}
			for i, v := range o.x {
				if math.Abs(v-sixExact[i]) > 1e-12 {
					t.Errorf("%s, %d ranks: x[%d] = %.15f, want %.15f", name, size, i, v, sixExact[i])
				}
			}
		}
	}
}

func TestSixUnknownsFirstSweep(t *testing.T) {
	want := []float64{.617647058824, .235294117647, .089965397924, .034602076125, .01384083045, .006920415225}
	o := six().run(t, 2, mult(sixDomains, 0), nil, Control{MaxIterations: 1})
	var short *NotConvergedError
	if !errors.As(o.err, &short) || short.Iterations != 1 {
		t.Fatalf("one sweep ends with %v, want a NotConvergedError", o.err)
	}
	for i, v := range o.x {
		if math.Abs(v-want[i]) > 1e-12 {
			t.Errorf("x[%d] = %.12f, want %.12f", i, v, want[i])
		}
	}
}

// rate is the spectral radius of the error propagation of one sweep, found by
// sweeping once from the solution plus each unit vector.
func (s *system) rate(t *testing.T, f method) float64 {
	t.Helper()
	exact := s.exact()
	n := s.n()
	prop := mat.NewDense(n, n, nil)
	for j := range n {
		x0 := append([]float64(nil), exact...)
		x0[j]++
		o := s.run(t, 1, f, x0, Control{MaxIterations: 1})
		for i, v := range o.x {
			prop.Set(i, j, v-exact[i])
		}
	}
	var e mat.Eigen
	if !e.Factorize(prop, mat.EigenNone) {
		t.Fatal("no eigenvalues")
	}
	rho := 0.0
	for _, v := range e.Values(nil) {
		rho = max(rho, cmplx.Abs(v))
	}
	return rho
}

func TestSixUnknownsRates(t *testing.T) {
	cases := []struct {
		name   string
		method method
		rate   float64
		sweeps int // to an absolute error of 1e-12; 0: not told
	}{
		{"mult, mu=0", mult(sixDomains, 0), .003460, 5},
		{"mult, mu=0.1", mult(sixDomains, .1), .017578, 7},
		{"mult, mu=1", mult(sixDomains, 1), .180590, 15},
		{"mult, mu=10", mult(sixDomains, 10), .747132, 87},
		{"ras", stationary(sixDomains, true), 1. / 17, 0},
	}
	s := six()
	for _, c := range cases {
		if rate := s.rate(t, c.method); math.Abs(rate-c.rate) > 1e-6 {
			t.Errorf("%s: rate %.6f, want %.6f", c.name, rate, c.rate)
		}
		if c.sweeps == 0 {
			continue
		}
		o := s.run(t, 2, c.method, nil, Control{Tolerance: 1e-15, MaxIterations: 200, Monitor: func(_ int, x []float64) (bool, error) {
			return floats.Distance(x, sixExact, 2) <= 1e-12, nil
		}})
		if o.err != nil || o.report.Iterations != c.sweeps {
			t.Errorf("%s: %v after %d sweeps, want 1e-12 after %d", c.name, o.err, o.report.Iterations, c.sweeps)
		}
	}
}

// The plain sum of the local solutions counts the overlap twice: without damping
// its sweep does not contract.
func TestSixUnknownsUndampedAdditive(t *testing.T) {
	s := six()
	additive := stationary(sixDomains, false)
	if rate := s.rate(t, additive); math.Abs(rate-1) > 1e-10 {
		t.Errorf("rate %.12f, want 1", rate)
	}
	// An error on the overlap alone is solved for by both subdomains: it turns its
	// sign at every sweep.
	o := s.run(t, 2, additive, []float64{0, 0, 1, 1, 0, 0}, Control{MaxIterations: 100, LambdaMin: 1})
	if !errors.As(o.err, new(*NotConvergedError)) {
		t.Fatalf("ends with %v, want that it does not converge", o.err)
	}
	if d := distance(o.x, sixExact); d < 1e-2 {
		t.Errorf("relative error %.3g after 100 sweeps: the overlap was not counted twice", d)
	}
}

// Block Gauss-Seidel lowers the objective at every sweep, whatever the overlap and
// mu, down to rounding.
func TestMultiplicativeObjectiveFalls(t *testing.T) {
	for _, overlap := range []int{0, 1, 3} {
		for _, mu := range []float64{0, 0.01, 10} {
			t.Run(fmt.Sprintf("overlap %d, mu %g", overlap, mu), func(t *testing.T) {
				s := &system{m: chain(48, gauss5(), nil, 1e-2, true), b: make([]float64, 48)}
				s.b[7], s.b[30] = 1, -2
				exact := s.exact()
				last, least := 0.0, s.objective(exact)
				o := s.run(t, 3, mult(strips(48, 4, overlap), mu), nil, Control{LambdaMin: 1e-2, Monitor: func(k int, x []float64) (bool, error) {
					j := s.objective(x)
					if j-least > 1e-13*math.Abs(least) && !(j < last) {
						t.Errorf("sweep %d: J goes from %.17g to %.17g", k, last, j)
					}
					last = j
					return false, nil
				}})
				// mu = 10 slows the sweeps down a thousandfold.
				if converged := o.err == nil && distance(o.x, exact) <= 1e-8; !converged && (mu < 1 || overlap == 0) {
					t.Errorf("%v, error %.3g", o.err, distance(o.x, exact))
				}
			})
		}
	}
}
