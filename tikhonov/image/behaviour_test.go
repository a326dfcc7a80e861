package image

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// smallDeblur is a small frame that every method solves quickly.
func smallDeblur(t testing.TB) (*frame, Options) {
	f := randomFrame(2, 30, 34, 21)
	f.PSF = oracle.Gaussian5(t)
	f.Mask(0.02, 21)
	return f, Options{Lambda: 0.02, Border: halo.Reflect, Overlap: 4, Tile: 10}
}

// All numbers of a result are the same on every rank, and J is that of the solution.
func TestResultsAgree(t *testing.T) {
	t.Parallel()
	f, o := smallDeblur(t)
	for _, o.Method = range allMethods {
		const n = 4
		all := make([]*Result, n)
		err := f.launch(n, func(ctx context.Context, c ranks.Comm, p *Problem) error {
			r, err := Solve(ctx, c, p, o)
			all[c.Rank()] = r
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", o.Method, err)
			continue
		}
		for _, r := range all {
			// These are of one rank.
			r.Solution, r.Setup, r.Solve, r.FactorBytes, r.TilesShared, r.TilesExact = nil, 0, 0, 0, 0, 0
			if !reflect.DeepEqual(r, all[0]) {
				t.Errorf("%s: ranks differ: %+v, %+v", o.Method, r, all[0])
			}
		}
		x, res, err := f.run(t, n, o)
		if err != nil {
			t.Fatal(err)
		}
		misfit, penalty := f.Objective(o.equations(), x)
		if math.Abs(res.Misfit-misfit) > 1e-10*misfit || math.Abs(res.Objective-misfit-penalty) > 1e-10*(misfit+penalty) {
			t.Errorf("%s: J = %g with misfit %g, want %g + %g", o.Method, res.Objective, res.Misfit, misfit, penalty)
		}
		if len(res.History) < res.Iterations || res.Lambda != o.Lambda || !res.Converged {
			t.Errorf("%s: %+v", o.Method, res)
		}
		if tiles := res.TilesShared + res.TilesExact; o.Method != krylov.CG && o.Method != krylov.Spectral && tiles == 0 {
			t.Errorf("%s: no tiles", o.Method)
		}
	}
}

// The same run gives the same bits, a search for lambda included.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	f, o := smallDeblur(t)
	repeats := 2
	if testing.Short() {
		repeats = 1
	}
	check := func(o Options, n int) {
		t.Helper()
		x, first, err := f.run(t, n, o)
		if err != nil {
			t.Fatal(err)
		}
		for range repeats {
			y, again, err := f.run(t, n, o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(x, y) || first.Lambda != again.Lambda || first.Iterations != again.Iterations || first.Objective != again.Objective {
				t.Errorf("%s, %s, %d ranks: another run gives other bits", o.Method, o.Rule, n)
			}
		}
	}
	for _, o.Method = range allMethods {
		check(o, 1)
		check(o, 4)
	}
	o.Method = krylov.RASGMRES
	f = randomFrame(1, 16, 16, 22)
	for _, o.Rule = range []LambdaRule{Discrepancy, GCV} {
		o.Noise = 0.5
		check(o, 3)
	}
}

// Cancelling rank 0's context stops every rank with context.Canceled, in the
// iteration and, where it is cancelled before, in the set-up.
func TestCancel(t *testing.T) {
	f, o := smallDeblur(t)
	o.Tolerance, o.MaxIterations = 1e-12, 1000
	for _, o.Method = range allMethods {
		for _, at := range []int{-1, 1} { // iteration; -1: before
			const n = 3
			errs := make([]error, n)
			err := f.launch(n, func(ctx context.Context, c ranks.Comm, p *Problem) error {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				oo := o
				if c.Rank() == 0 {
					if at < 0 {
						cancel()
					}
					oo.Progress = func(p krylov.Progress) {
						if p.Iteration > at+1 {
							t.Errorf("%s: goes on to iteration %d", o.Method, p.Iteration)
						}
						if p.Iteration == at {
							cancel()
						}
					}
				}
				_, errs[c.Rank()] = Solve(ctx, c, p, oo)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for rank, err := range errs {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s, cancelled at %d: rank %d ends with %v", o.Method, at, rank, err)
				}
			}
		}
	}
}

// Progress comes on rank 0 alone, one call an iteration, residuals as in the history.
func TestProgress(t *testing.T) {
	f, o := smallDeblur(t)
	for _, o.Method = range allMethods {
		var lines []krylov.Progress
		var history []float64
		err := f.launch(3, func(ctx context.Context, c ranks.Comm, p *Problem) error {
			oo := o
			oo.Progress = func(p krylov.Progress) {
				if c.Rank() != 0 {
					t.Errorf("%s: progress on rank %d", o.Method, c.Rank())
					return
				}
				lines = append(lines, p)
			}
			r, err := Solve(ctx, c, p, oo)
			if c.Rank() == 0 && r != nil {
				history = r.History
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		history = history[1:]
		var iterations []krylov.Progress
		for _, l := range lines {
			if l.Phase == "solve" && l.Iteration > 0 {
				iterations = append(iterations, l)
			}
		}
		if len(iterations) != len(history) {
			t.Errorf("%s: %d lines for %d iterations", o.Method, len(iterations), len(history))
			continue
		}
		for k, l := range iterations {
			if l.Iteration != k+1 || l.Residual != history[k] {
				t.Errorf("%s: line %d is %+v, residual %g", o.Method, k, l, history[k])
			}
		}
	}
}

// Data of zeros have a solution of zeros.
func TestZeroData(t *testing.T) {
	f, o := smallDeblur(t)
	clear(f.Y)
	for _, o.Method = range allMethods {
		x, res, err := f.run(t, 2, o)
		if err != nil {
			t.Errorf("%s: %v", o.Method, err)
			continue
		}
		if slices.Max(x) != 0 || slices.Min(x) != 0 || res.Objective != 0 || res.Residual != 0 || res.ErrorBound != 0 || !res.Converged {
			t.Errorf("%s: %g to %g, %+v", o.Method, slices.Min(x), slices.Max(x), res)
		}
	}
}

// When the iterations run out the result still tells how far it came.
func TestIterationsRunOut(t *testing.T) {
	f, o := smallDeblur(t)
	o.MaxIterations = 2
	for _, o.Method = range allMethods {
		x, res, err := f.run(t, 2, o)
		var short *krylov.NotConvergedError
		if !errors.As(err, &short) || short.Iterations != 2 || res == nil {
			t.Errorf("%s: %v, result %v", o.Method, err, res)
			continue
		}
		if res.Iterations != 2 || res.Converged || len(x) != len(f.Y) || res.Objective <= 0 {
			t.Errorf("%s: %v, result %+v", o.Method, err, res)
		}
	}
}

// The bound of the error is guaranteed for Q = I only.
func TestCertified(t *testing.T) {
	t.Parallel()
	f, o := smallDeblur(t)
	for _, o.Regulariser = range oracle.Regularisers {
		for _, o.Method = range allMethods {
			_, res, err := f.run(t, 2, o)
			if err != nil || res.Certified != (o.Regulariser == forward.Identity) || !(res.ErrorBound <= 1e-8) {
				t.Errorf("%s, %s: %v, certified %v, bound %g", o.Method, o.Regulariser, err, res.Certified, res.ErrorBound)
			}
		}
	}
}

// Without overlap the sweeps of RAS on a blur diverge, and Solve says so.
func TestStationaryWithoutOverlapDiverges(t *testing.T) {
	f := randomFrame(1, 128, 128, 1)
	f.PSF = oracle.Gaussian5(t)
	for _, n := range []int{1, 4, 7} {
		_, res, err := f.run(t, n, Options{Method: krylov.RAS, Lambda: 1e-2, Tile: 16, Overlap: -1, MaxIterations: 100000})
		var d *krylov.NotConvergedError
		if !errors.As(err, &d) || d.Status != krylov.Diverged || res.Status != krylov.Diverged {
			t.Fatalf("%d ranks: %v, want that it diverged", n, err)
		}
		// The published spectral radius is 2.08.
		if d.Iterations > 40 || math.Abs(d.Growth-2.08) > 0.15 || res == nil || res.Converged {
			t.Errorf("%d ranks: %v", n, d)
		}
	}
}
