package image

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// Every method finds the same lambda to 1 %, by every rule, also for a wide blur, whose
// equations some methods do not solve to the last digit.
func TestEveryMethodFindsTheSameLambda(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	t.Parallel()
	wide, err := forward.Gaussian(13, 2)
	if err != nil {
		t.Fatal(err)
	}
	for k, c := range []struct {
		rule    LambdaRule
		q       forward.Regulariser
		psf     forward.PSF
		sigma   float64
		weights []float64
	}{
		{Discrepancy, forward.Identity, wide, 0.002, nil},
		{Discrepancy, forward.Gradient, oracle.Gaussian5(t), 0.05, uneven(22 * 24)},
		{GCV, forward.Identity, wide, 0.01, nil},
		{GCV, forward.Laplacian, oracle.Gaussian5(t), 0.05, uneven(22 * 24)},
		{LCurve, forward.Gradient, wide, 0.01, uneven(22 * 24)},
		{LCurve, forward.Identity, oracle.Gaussian5(t), 0.05, nil},
	} {
		f := skyFrame(t, 1, 22, 24, c.sigma, halo.Reflect, c.weights)
		f.PSF = c.psf
		found := map[krylov.Method]float64{}
		least, most := math.Inf(1), 0.0
		for i, method := range []krylov.Method{krylov.RASGMRES, krylov.ASCG, krylov.TwoLevel, krylov.CG, krylov.Mult, krylov.Spectral} {
			if (i == 1 || i == 2 || i == 4) && (i+k+k/2)%2 != 0 {
				continue // on one of the two problems of each rule
			}
			o := Options{Rule: c.rule, Regulariser: c.q, Border: halo.Reflect, Method: method, Overlap: 4, Seed: 1}
			err := f.launch(1+i%3, func(ctx context.Context, comm ranks.Comm, p *Problem) error {
				lambda, search, err := ChooseLambda(ctx, comm, p, o)
				if err != nil || comm.Rank() > 0 {
					return err
				}
				found[method] = lambda
				for j, trial := range search.Trials {
					if trial.Iterations < 1 && j == 0 && (method != krylov.Spectral || c.weights != nil) || trial.Method == "" || !(trial.Accuracy < 1) {
						t.Errorf("%s, %s, %s: trial %d says %+v", c.rule, c.q, method, j, trial)
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s, %s, %s: %v", c.rule, c.q, method, err)
				continue
			}
			least, most = min(least, found[method]), max(most, found[method])
		}
		if !(most <= 1.01*least) {
			t.Errorf("%s, %s, PSF of %d pixels: lambda depends on the method: %v", c.rule, c.q, c.psf.Rows, found)
		}
	}
}

// The misfit and the quadratic form of a trial are as accurate as the trial says, against
// Cholesky.
func TestTrialsAreAccurate(t *testing.T) {
	for _, q := range oracle.Regularisers {
		f := skyFrame(t, 1, 15, 14, 0.05, halo.Reflect, uneven(15*14))
		for _, lambda := range []float64{1e-6, 1e-3, 10} {
			o := Options{Rule: GCV, Regulariser: q, Border: halo.Reflect, Overlap: 3, Tile: 6, Lambda: lambda}
			w := f.Exact(t, o.equations())
			exact, _ := f.Objective(o.equations(), w)
			err := f.solver(t, 2, o, func(ctx context.Context, c ranks.Comm, s *solver) error {
				find := newSearcher(s, units{1, 1})
				if err := find.measure(); err != nil {
					return err
				}
				for _, need := range []float64{1e-1, 1e-3, 1e-6} {
					s.x = nil
					res, trial, err := find.dataTrial(ctx, math.Log(lambda), func(float64) float64 { return need })
					if err != nil {
						return err
					}
					if off := math.Abs(res.Misfit/exact - 1); off > trial.Accuracy+1e-9 || trial.Accuracy > need {
						return fmt.Errorf("%s, %g: misfit %.10g, want %.10g, said to be accurate to %.2g, wanted %g", q, lambda, res.Misfit, exact, trial.Accuracy, need)
					}
					s.x = nil
					b, err := s.rightSide()
					if err != nil {
						return err
					}
					v, err := find.quadratic(ctx, lambda, b, trial, func(v float64) float64 { return need * v })
					if err != nil {
						return err
					}
					whole, err := find.product(b, f, w)
					if err != nil {
						return err
					}
					if off := math.Abs(v/whole - 1); off > need+1e-9 {
						return fmt.Errorf("%s, %g: b'M^-1 b = %.10g, want %.10g to %g", q, lambda, v, whole, need)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// product is b'w for the exact solution w of the whole frame.
func (s *searcher) product(b []float64, f *frame, w []float64) (float64, error) {
	own, err := s.p.Frame.ScatterFrom(s.comm, 0, w, f.Channels)
	if err != nil {
		return 0, err
	}
	sum := []float64{0}
	for i, v := range own {
		sum[0] += v * b[i]
	}
	err = s.comm.Allreduce(sum, sum, ranks.Sum)
	return sum[0], err
}

// A trial that no method makes accurate enough is refused with its number, lambda, the
// method tried last and the residual, after all methods had their turn.
func TestRefusedTrial(t *testing.T) {
	f := skyFrame(t, 1, 20, 21, 0.05, halo.Reflect, nil)
	for _, n := range []int{1, 3} {
		err := f.solver(t, n, Options{Rule: GCV, Border: halo.Reflect, Overlap: 3, Lambda: 0.5}, func(ctx context.Context, c ranks.Comm, s *solver) error {
			find := newSearcher(s, units{4, 1})
			if err := find.measure(); err != nil {
				return err
			}
			seen := map[krylov.Method]bool{}
			trial := Trial{}
			find.count = 7
			_, err := find.accurate(ctx, 0.5, &trial, func(*Result, float64) (float64, error) {
				seen[trial.Method] = true
				return 3, nil
			})
			var refused *TrialError
			if !errors.As(err, &refused) || refused.Number != 7 || refused.Lambda != 2 || refused.Method != krylov.CG || !(refused.Residual > 0) || !seen[krylov.ASCG] || !seen[krylov.CG] {
				return fmt.Errorf("got %v (%+v) after %v", err, refused, seen)
			}
			if !strings.Contains(err.Error(), "lambda by gcv: trial 7 at lambda = 2 cannot be solved") {
				return fmt.Errorf("the message is %q", err)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%d ranks: %v", n, err)
		}
	}
}
