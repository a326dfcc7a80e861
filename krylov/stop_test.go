package krylov

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// The bound of a certified solve holds whatever the system, the start, the
// tolerance and the method, also where the iterations run out; and the bound of
// a solve that reports convergence is within the tolerance.
func TestCertifiedBoundHolds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 24).Draw(rt, "n")
		cond := math.Pow(10, rapid.Float64Range(0, 5).Draw(rt, "log10 of the condition"))
		s := randomSystem(rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1)), n, cond)
		var x0 []float64
		if rapid.Bool().Draw(rt, "far start") {
			x0 = make([]float64, n)
			for i := range x0 {
				x0[i] = 1e3
			}
		}
		c := Control{
			LambdaMin:     rapid.SampledFrom([]float64{1, 0.5, 1e-3}).Draw(rt, "lambda min") * (1 - 1e-9),
			Tolerance:     math.Pow(10, -rapid.Float64Range(1, 9).Draw(rt, "digits")),
			MaxIterations: rapid.SampledFrom([]int{1, 5, 60, 1000}).Draw(rt, "iterations"),
			Restart:       rapid.IntRange(1, 30).Draw(rt, "restart"),
		}
		all := methods(strips(n, 2, rapid.IntRange(0, 3).Draw(rt, "overlap")))
		name := rapid.SampledFrom([]string{"ras-gmres", "as-cg", "cg", "ras", "mult"}).Draw(rt, "method")
		o := s.run(t, 1, all[name], x0, c)
		if o.err != nil && !errors.As(o.err, new(*NotConvergedError)) {
			rt.Fatalf("%s: %v", name, o.err)
		}
		if o.report.Certified != (o.report.ErrorBound < 1) {
			rt.Fatalf("%s: bound %.3g, certified: %v", name, o.report.ErrorBound, o.report.Certified)
		}
		d := distance(o.x, s.exact())
		const rounding = 1e-14 // of the exact solution, times the condition
		if !(d <= o.report.ErrorBound+rounding*cond) {
			rt.Errorf("%s: error %.3g above the bound %.3g", name, d, o.report.ErrorBound)
		}
		if o.err == nil && !(o.report.ErrorBound <= c.Tolerance) {
			rt.Errorf("%s: converged with a bound of %.3g, want %.3g", name, o.report.ErrorBound, c.Tolerance)
		}
	})
}

// Without a bound on the spectrum the error is estimated. On one-dimensional
// Tikhonov problems, blurred and sparsely observed, the estimate is within a factor
// of 10 of the truth, but for three that may err on the safe side: plain CG, whose
// residual is taken to lie in the worst direction, and sweeps so few that their rate is not
// yet known.
func TestEstimatedError(t *testing.T) {
	most := map[string]float64{"ras-gmres": 10, "as-cg": 10, "ras": 100, "cg": 100, "mult": 2000}
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 12))
		n := 40 + rng.IntN(40)
		weights := make([]float64, n)
		for i := range weights {
			if rng.IntN(3) == 0 {
				weights[i] = 1
			}
		}
		weights[0], weights[n-1] = 1, 1
		for kind, s := range map[string]*system{
			"blurred":           {m: chain(n, gauss5(), nil, 1e-2, true), b: random(rng, n)},
			"sparsely observed": {m: chain(n, []float64{1}, weights, 10, false), b: random(rng, n)},
		} {
			exact := s.exact()
			for name, f := range methods(strips(n, 4, 3)) {
				for _, tol := range []float64{1e-4, 1e-8} {
					o := s.run(t, 1, f, nil, Control{Tolerance: tol, MaxIterations: 5000})
					if o.err != nil || o.report.Certified || o.report.ErrorBound > tol {
						t.Errorf("%s, %s: %v, report %+v", kind, name, o.err, o.report)
						continue
					}
					d := distance(o.x, exact)
					if d < 1e-13 { // nothing but rounding
						continue
					}
					if ratio := o.report.ErrorBound / d; ratio < 0.1 || ratio > most[name] {
						t.Errorf("%s, %s, tolerance %g: estimate / error = %.3g (estimate %.3g)", kind, name, tol, ratio, o.report.ErrorBound)
					}
				}
			}
		}
	}
}

func TestSmallestEigenvalue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(rt, "n")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		// L L' with L bidiagonal is tridiagonal and positive definite.
		d, e := make([]float64, n), make([]float64, n-1)
		last := 0.0
		for i := range d {
			l := math.Exp(rng.NormFloat64())
			d[i] = l*l + last*last
			if i+1 < n {
				last = 2 * rng.NormFloat64()
				e[i] = l * last
			}
		}
		a := mat.NewSymDense(n, nil)
		for i := range d {
			a.SetSym(i, i, d[i])
			if i+1 < n {
				a.SetSym(i, i+1, e[i])
			}
		}
		var eig mat.EigenSym
		if !eig.Factorize(a, false) {
			rt.Fatal("no eigenvalues")
		}
		v := eig.Values(nil)
		if v[0] < 1e-10*v[n-1] {
			return // lost in the oracle's rounding
		}
		if got := smallestEigenvalue(d, e); math.Abs(got-v[0]) > 0.011*v[0] {
			rt.Errorf("smallest eigenvalue %.6g, want %.6g", got, v[0])
		}
		for k, s := range v {
			if got := negativePivots(d, e, s+1e-12*v[n-1]); got < k+1 {
				rt.Errorf("%d eigenvalues below %.6g, want at least %d", got, s, k+1)
			}
		}
	})
}

func TestSmallestSingular(t *testing.T) {
	if got := smallestSingular(nil, 0); got != 1 {
		t.Errorf("of nothing: %g, want 1", got)
	}
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		k := 1 + rng.IntN(30)
		r := make([][]float64, k)
		a := mat.NewDense(k, k, nil)
		for j := range r {
			r[j] = random(rng, j+1)
			for i := range r[j] {
				if i == j {
					r[j][i] = 1 + 3*math.Abs(r[j][i])
				}
				a.Set(i, j, r[j][i])
			}
		}
		var svd mat.SVD
		if !svd.Factorize(a, mat.SVDNone) {
			t.Fatal("no singular values")
		}
		want := slices.Min(svd.Values(nil))
		// Inverse iteration approaches it from above.
		if got := smallestSingular(r, k); got < want*(1-1e-9) || got > 1.1*want {
			t.Errorf("seed %d, %d columns: %.6g, want %.6g", seed, k, got, want)
		}
	}
}
