package literal

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tikhonov/image/internal/oracle"
)

// small is a small frame of two channels on which the sweeps converge quickly.
func small(t testing.TB) (*oracle.Frame, Options) {
	f := oracle.RandomFrame(2, 30, 34, 21)
	f.PSF = oracle.Gaussian5(t)
	f.Mask(0.02, 21)
	return f, Options{Lambda: 0.02, Border: halo.Reflect, Overlap: 4, Tile: 10, Omega: 1e-3}
}

// The numbers of a result are the same on every rank, J is that of the solution, and
// another run gives the same bits.
func TestResultsAgree(t *testing.T) {
	f, o := small(t)
	const n = 4
	all := make([]*Result, n)
	err := launch(f, n, func(ctx context.Context, c ranks.Comm, p *image.Problem) (err error) {
		all[c.Rank()], err = Solve(ctx, c, p, o)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Tiles == 0 {
			t.Error("a rank without tiles")
		}
		r.Solution, r.Setup, r.Solve, r.Tiles = nil, 0, 0, 0
		if !reflect.DeepEqual(r, all[0]) {
			t.Errorf("ranks differ: %+v, %+v", r, all[0])
		}
	}
	x, res, err := run(t, f, n, o)
	if err != nil {
		t.Fatal(err)
	}
	misfit, penalty := f.Objective(equations(o), x)
	if math.Abs(res.Misfit-misfit) > 1e-10*misfit || math.Abs(res.Objective-misfit-penalty) > 1e-10*(misfit+penalty) {
		t.Errorf("J = %g with misfit %g, want %g + %g", res.Objective, res.Misfit, misfit, penalty)
	}
	if len(res.History) != res.Iterations || !res.Converged {
		t.Errorf("%+v", res)
	}
	y, again, err := run(t, f, n, o)
	if err != nil || !slices.Equal(x, y) || res.Bias != again.Bias || res.Objective != again.Objective {
		t.Errorf("another run gives other bits: %v", err)
	}
}

// Cancelling the context of rank 0 stops every rank with context.Canceled, before the
// first sweep and between two.
func TestCancel(t *testing.T) {
	f, o := small(t)
	o.Tolerance, o.MaxIterations = 1e-12, 1000
	for _, at := range []int{-1, 1} { // sweep; -1: before
		const n = 3
		errs := make([]error, n)
		err := launch(f, n, func(ctx context.Context, c ranks.Comm, p *image.Problem) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			oo := o
			if c.Rank() == 0 {
				if at < 0 {
					cancel()
				}
				oo.Progress = func(p krylov.Progress) {
					if p.Iteration > at {
						t.Errorf("goes on to sweep %d", p.Iteration)
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
				t.Errorf("cancelled at %d: rank %d ends with %v", at, rank, err)
			}
		}
	}
}

// Progress comes on rank 0 alone, one call a sweep, with the steps of the history.
func TestProgress(t *testing.T) {
	f, o := small(t)
	var sweeps []krylov.Progress
	var history []float64
	minimiser := 0
	err := launch(f, 3, func(ctx context.Context, c ranks.Comm, p *image.Problem) error {
		oo := o
		oo.Progress = func(p krylov.Progress) {
			if c.Rank() != 0 {
				t.Errorf("progress on rank %d", c.Rank())
				return
			}
			switch p.Phase {
			case "literal":
				sweeps = append(sweeps, p)
			case "the true minimiser":
				minimiser++
			}
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
	if len(sweeps) != len(history) || len(sweeps) < 2 || minimiser == 0 {
		t.Fatalf("%d lines for %d sweeps, %d of the minimiser", len(sweeps), len(history), minimiser)
	}
	for k, l := range sweeps {
		if l.Iteration != k+1 || l.Residual != history[k] {
			t.Errorf("line %d is %+v, step %g", k, l, history[k])
		}
	}
}

// The bias has no scale where the minimiser is zero: Solve says so.
func TestZeroData(t *testing.T) {
	f, o := small(t)
	clear(f.Y)
	if _, _, err := run(t, f, 2, o); err == nil || !strings.Contains(err.Error(), "the minimiser is zero") {
		t.Errorf("%v", err)
	}
}

// When the sweeps run out the result still tells how far it came.
func TestSweepsRunOut(t *testing.T) {
	f, o := small(t)
	o.MaxIterations = 2
	x, res, err := run(t, f, 2, o)
	var short *krylov.NotConvergedError
	if !errors.As(err, &short) || short.Iterations != 2 || res == nil {
		t.Fatalf("%v, result %v", err, res)
	}
	if res.Iterations != 2 || res.Converged || len(x) != len(f.Y) || res.Objective <= 0 || res.Bias.Owner <= 0 {
		t.Errorf("result %+v", res)
	}
}

// A tolerance that rounding does not allow ends the sweeps when the tiles no longer move;
// an overlap beyond the frame is refused.
func TestNothingMoves(t *testing.T) {
	f, o := small(t)
	o.Tolerance, o.MaxIterations = 1e-30, 1<<40
	_, res, err := run(t, f, 2, o)
	var short *krylov.NotConvergedError
	if !errors.As(err, &short) || short.Status != krylov.Stagnated || res == nil || res.Converged {
		t.Errorf("%v, result %+v", err, res)
	}
	o.Overlap = 100000
	if _, _, err := run(t, f, 2, o); err == nil || !strings.Contains(err.Error(), "literal: overlap = 100000 pixels on a frame of 30 x 34, want 64 or less") {
		t.Error(err)
	}
}

// The value at a missing pixel has no effect.
func TestMissingPixelsMayHoldAnything(t *testing.T) {
	f, o := small(t)
	want, _, err := run(t, f, 2, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Y {
		if f.Weight(i%(30*34)) == 0 {
			f.Y[i] = []float64{math.NaN(), math.Inf(1), 1e300}[i%3]
		}
	}
	got, res, err := run(t, f, 2, o)
	if err != nil {
		t.Fatal(err)
	}
	if d := oracle.Largest(got, want); !(d <= 1e-15) || math.IsNaN(res.Objective) {
		t.Errorf("the solution changes by %.3g, J = %g", d, res.Objective)
	}
}

// Every bad option is named with its value, all of them at once.
func TestBadOptions(t *testing.T) {
	o := Options{Regulariser: "tv", Lambda: math.NaN(), Border: 9, Omega: -1, Tile: -1, Tolerance: 2, MaxIterations: -1}
	f, _ := small(t)
	_, _, err := run(t, f, 1, o)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`unknown regulariser "tv"`, "lambda = NaN", "unknown border 9", "omega = -1", "tile = -1", "tolerance = 2", "max_iterations = -1",
	} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("want one message %q in\n%v", want, err)
		}
	}
}
