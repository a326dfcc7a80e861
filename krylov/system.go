package krylov

import (
	"context"
	"fmt"
	"math"

	"tessera/ranks"
)

// Operator is this rank's rows of a symmetric positive definite matrix. Apply is
// collective: every rank of the communicator calls it together.
type Operator interface {
	Len() int                       // unknowns owned by this rank
	Apply(dst, src []float64) error // dst = M src, both owned parts; dst and src do not overlap
}

// Preconditioner applies an approximate inverse of the operator, collectively.
// It must be linear and the same at every call.
type Preconditioner interface {
	Apply(dst, src []float64) error
}

// SinglePrecision is a Preconditioner that can say whether every element it returns
// is a float32, rounded anew at each call.
type SinglePrecision interface{ SinglePrecision() bool }

// Colours is a set of local solves of which those of one colour do not couple.
type Colours interface {
	Colours() int
	// ApplyColour sets dst = sum over the subdomains i of the colour of R_i' M_i^-1 R_i src.
	ApplyColour(colour int, dst, src []float64) error
}

// Control says when an iteration stops, and who follows it. The zero value of a field is
// its default. Every rank gives the same numbers; Progress and Monitor may differ.
type Control struct {
	Tolerance     float64 // relative error of the solution to reach; 0 = 1e-8
	LambdaMin     float64 // known lower bound of the spectrum of M; 0 = none, the error is then estimated
	LambdaLikely  float64 // without LambdaMin: about the smallest eigenvalue of M, which keeps the estimate from being too small; 0 = none
	Inverse       float64 // root mean square of the eigenvalues of about M^-1: rounding makes an error of about 4e-16 ||b|| times this, and no error bound is below it; 0 = not known
	MaxIterations int     // 0 = 200
	Restart       int     // most Krylov vectors that GMRES keeps; 0 = 30

	// Progress, if not nil, is called after every iteration with the phase "solve".
	Progress func(Progress)
	// Monitor, if not nil, sees the iterate after every iteration, on every rank;
	// true on all ranks stops the solve as converged. For tests: forming the
	// iterate costs GMRES one application of the preconditioner.
	Monitor func(iteration int, x []float64) (bool, error)
}

// tell calls Progress.
func (c *Control) tell(iteration int, residual, target float64) {
	if c.Progress != nil {
		c.Progress(Progress{Phase: "solve", Iteration: iteration, Of: c.MaxIterations, Residual: residual, Target: target})
	}
}

// withDefaults fills in what was left zero.
func (c Control) withDefaults() Control {
	if c.Tolerance == 0 {
		c.Tolerance = 1e-8
	}
	if c.MaxIterations == 0 {
		c.MaxIterations = 200
	}
	if c.Restart == 0 {
		c.Restart = 30
	}
	return c
}

// check finds what is wrong with this rank's control and vectors.
func (c *Control) check(a Operator, x, b []float64) error {
	switch n := a.Len(); {
	case len(x) != n || len(b) != n:
		return fmt.Errorf("krylov: a start of %d and a right side of %d numbers for an operator of %d", len(x), len(b), n)
	case !(c.Tolerance >= 0) || c.Tolerance >= 1:
		return fmt.Errorf("krylov: tolerance %v: want more than 0 and less than 1, or 0 for the default", c.Tolerance)
	case !(c.LambdaMin >= 0) || math.IsInf(c.LambdaMin, 0):
		return fmt.Errorf("krylov: a bound of the spectrum of %v: want more than 0, or 0 for none", c.LambdaMin)
	case c.MaxIterations < 0 || c.Restart < 0:
		return fmt.Errorf("krylov: %d iterations, %d Krylov vectors: want 1 or more, or 0 for the default", c.MaxIterations, c.Restart)
	}
	return nil
}

// team adds up numbers over the ranks. The same message tells every rank whether the
// context of one of them was cancelled.
type team struct {
	ctx  context.Context
	comm ranks.Comm
	buf  []float64

	cancelled bool // a rank's context was cancelled
}

// sum replaces v by its sum over the ranks.
func (t *team) sum(v ...*float64) error {
	t.buf = t.buf[:0]
	for _, p := range v {
		t.buf = append(t.buf, *p)
	}
	if err := t.sumBuffer(); err != nil {
		return err
	}
	for i, p := range v {
		*p = t.buf[i]
	}
	return nil
}

// sumSlice replaces the elements of v by their sums over the ranks.
func (t *team) sumSlice(v []float64) error {
	t.buf = append(t.buf[:0], v...)
	if err := t.sumBuffer(); err != nil {
		return err
	}
	copy(v, t.buf)
	return nil
}

func (t *team) sumBuffer() error {
	stop := 0.0
	if t.ctx.Err() != nil {
		stop = 1
	}
	t.buf = append(t.buf, stop)
	if err := t.comm.Allreduce(t.buf, t.buf, ranks.Sum); err != nil {
		return err
	}
	if t.buf[len(t.buf)-1] > 0 {
		t.cancelled = true
		if err := context.Cause(t.ctx); err != nil {
			return err
		}
		return context.Canceled
	}
	return nil
}

// outcome is what an iteration returns: its report, also beside a *NotConvergedError and
// where a context was cancelled; no report on other errors.
func (t *team) outcome(r *Report, err error) (*Report, error) {
	switch {
	case t.cancelled:
		r.Status = Cancelled
	case err != nil:
		return nil, err
	}
	if r.Status == Converged || r.Status == Cancelled {
		return r, err
	}
	return r, r.notConverged()
}

// sub sets dst = a - b; dst may be either.
func sub(dst, a, b []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}
