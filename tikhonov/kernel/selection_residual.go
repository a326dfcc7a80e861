package kernel

import (
	"context"
	"fmt"
	"math"

	"tessera/internal/linalg"
	"tessera/krylov"
	"tessera/ranks"
)

// rounding is the residual that float64 leaves, in units of ||A|| ||x||.
const rounding = 16 * 0x1p-53

// SolveResidual solves A x = b until ||b - A x|| <= residual ||b||, or to what
// float64 allows, 16 eps ||A|| ||x||; x holds the start. Collective.
//
// Solve bounds the error of x, which the condition numbers of wide Gaussians, 1e9,
// put beyond float64. The values K x at the points do not need such a bound: for a fit
// their error, K (K + Lambda)^-1 r, is no larger than the residual r. An iteration
// costs an application of A and of the preconditioner more than one of Solve's.
func (s *System) SolveResidual(ctx context.Context, x, b []float64, residual float64) (*krylov.Report, error) {
	err := checkVectors(s.Len(), x, b)
	if err == nil && !(residual > 0) {
		err = fmt.Errorf("kernel: a residual of %v: want more than 0", residual)
	}
	if err := ranks.AgreeError(s.comm, err); err != nil {
		return nil, err
	}
	norm := []float64{s.rows.norm} // the largest sum of a row bounds the norm of a symmetric matrix
	if err := s.comm.Allreduce(norm, norm, ranks.Max); err != nil {
		return nil, err
	}
	left := make([]float64, len(b))
	relative := math.Inf(1)
	done := func(_ int, x []float64) (bool, error) {
		if err := s.Apply(left, x); err != nil {
			return false, err
		}
		for i, v := range b {
			left[i] -= v
		}
		sums := []float64{linalg.Dot(left, left), linalg.Dot(b, b), linalg.Dot(x, x)}
		if err := s.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
			return false, err
		}
		r, size := math.Sqrt(sums[0]), math.Sqrt(sums[1])
		relative = r / size
		return r <= residual*size || r <= rounding*norm[0]*math.Sqrt(sums[2]), nil
	}
	// The tolerance is out of reach: the monitor decides.
	report, err := s.Solve(ctx, x, b, krylov.Control{Tolerance: 1e-15, MaxIterations: 500, Restart: 50, Monitor: done})
	if !krylov.Unfinished(err) {
		return report, err
	}
	ok, e := done(0, x)
	switch {
	case e != nil:
		return nil, e
	case !ok:
		return report, fmt.Errorf("kernel: a residual of %.3g, want %.3g: %w", relative, residual, err)
	}
	return report, nil
}

func checkVectors(n int, x, b []float64) error {
	if len(x) != n || len(b) != n {
		return fmt.Errorf("kernel: a start of %d and a right side of %d numbers for %d points", len(x), len(b), n)
	}
	return nil
}
