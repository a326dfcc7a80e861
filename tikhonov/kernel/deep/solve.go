package deep

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/internal/linalg"
	"tessera/ranks"
	"tessera/tikhonov"
	"tessera/tikhonov/kernel"
)

// residual is how exactly every linear system is solved: ||b - A x|| / ||b||.
//
// It is asked for rather than an error of x, which the condition numbers of wide
// Gaussians (1e9) put beyond float64: what is computed from x, K x, has an error of
// about that of the residual.
const residual = 1e-10

// rounding is the residual that float64 leaves, in units of ||A|| ||x||.
const rounding = 16 * 0x1p-53

// solve solves A x = b; norm is a bound of ||A||. Collective.
func solve(ctx context.Context, comm ranks.Comm, sys *kernel.System, b []float64, norm float64) (x []float64, iterations int, err error) {
	x = make([]float64, len(b))
	left := make([]float64, len(b))
	rel := math.Inf(1)
	exact := func(_ int, x []float64) (bool, error) {
		if err := sys.Apply(left, x); err != nil {
			return false, err
		}
		for i, v := range b {
			left[i] -= v
		}
		sums := []float64{linalg.Dot(left, left), linalg.Dot(b, b), linalg.Dot(x, x)}
		if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
			return false, err
		}
		r, bnorm := math.Sqrt(sums[0]), math.Sqrt(sums[1])
		rel = r / bnorm
		return r <= residual*bnorm || r <= rounding*norm*math.Sqrt(sums[2]), nil
	}
	report, err := sys.Solve(ctx, x, b, tikhonov.Control{Tolerance: 1e-15, MaxIterations: 500, Restart: 50, Monitor: exact})
	var short *tikhonov.NotConvergedError
	if errors.As(err, &short) {
		var ok bool
		if ok, err = exact(0, x); err == nil && !ok {
			err = fmt.Errorf("deep: %w; the residual is %.3g, want %.3g", short, rel, residual)
		}
	}
	if err != nil {
		return nil, 0, err
	}
	return x, report.Iterations, nil
}
