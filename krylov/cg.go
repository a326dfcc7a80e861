package krylov

import (
	"context"
	"errors"
	"math"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// ConjugateGradients solves A x = b by conjugate gradients, preconditioned by the
// symmetric p, or not preconditioned if p is nil. x holds the start on entry and the
// solution on return, also when the error is a *NotConvergedError. One iteration costs
// one application of a and p and two global sums; the memory is four vectors (three
// without p). Collective: see the package comment for the errors.
//
// The search direction is updated by Polak and Ribiere's formula, which costs one
// more dot product and tolerates a preconditioner that is symmetric only to
// single precision. Golub and Ye, SIAM J. Sci. Comput. 21 (1999) 1305.
func ConjugateGradients(ctx context.Context, comm ranks.Comm, a Operator, p Preconditioner, x, b []float64, c Control) (*Report, error) {
	if err := ranks.AgreeError(comm, c.check(a, x, b)); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	n := a.Len()
	s := &cg{
		Control: c, a: a, p: p, x: x, b: b,
		team:  team{ctx: ctx, comm: comm},
		gauge: gauge{tolerance: c.Tolerance, lambdaMin: c.LambdaMin, likely: c.LambdaLikely, inverse: c.Inverse},
		r:     make([]float64, n), q: make([]float64, n), d: make([]float64, n),
	}
	s.z = s.r
	if p != nil {
		s.z = make([]float64, n)
	}
	return s.team.outcome(&s.report, s.run())
}

type cg struct {
	Control
	team  team
	gauge gauge
	a     Operator
	p     Preconditioner
	x, b  []float64

	r, z, d, q []float64 // residual, P r (r itself without p), direction, A d
	ritz       lanczos   // of P A
	xnorm      float64
	report     Report
}

// run leaves in report how the iteration ended; an error is one of the operator, the
// preconditioner, the communication or the context.
func (s *cg) run() error {
	bb := linalg.Dot(s.b, s.b)
	if err := s.team.sum(&bb); err != nil {
		return err
	}
	s.gauge.bnorm = math.Sqrt(bb)
	s.report.Certified = s.LambdaMin > 0
	if bb == 0 {
		clear(s.x)
		s.report.History = []float64{0}
		s.report.Status = Converged
		return nil
	}
	last, stop, lost := math.MaxFloat64, false, false
	for {
		rr, err := s.trueResidual()
		if err != nil {
			return err
		}
		rz, zz, _, err := s.precondition(rr)
		if err != nil {
			return err
		}
		s.report.Residual = math.Sqrt(rr) / s.gauge.bnorm
		if s.report.Iterations == 0 && !lost {
			s.report.History = append(s.report.History, s.report.Residual)
			if rr == 0 {
				s.report.Status = Converged
				return nil
			}
		} else {
			s.report.ErrorBound = s.gauge.bound(s.report.Iterations, s.xnorm, math.Sqrt(rr), math.Sqrt(zz), s.ritz.smallest())
			s.report.Certified = s.gauge.certifies(s.report.ErrorBound)
			if stop || s.report.ErrorBound <= s.Tolerance {
				s.report.Status = Converged
				return nil
			}
			if s.report.Iterations >= s.MaxIterations {
				s.report.Status = IterationLimit
				return nil
			}
			if lost || rr > 0.98*last {
				s.report.Status = Stagnated
				s.report.Rounding = s.gauge.lost(s.report.ErrorBound, s.xnorm)
				return nil
			}
		}
		last = rr
		stop, err = s.descend(rz, math.Sqrt(rr))
		if lost = errors.As(err, new(*IndefiniteError)) && s.report.Residual < lostResidual; err != nil && !lost {
			return err
		}
	}
}

// trueResidual sets r = b - A x and xnorm, and returns r.r.
func (s *cg) trueResidual() (float64, error) {
	xx := linalg.Dot(s.x, s.x)
	if err := s.team.sum(&xx); err != nil {
		return 0, err
	}
	s.xnorm = math.Sqrt(xx)
	if xx == 0 {
		copy(s.r, s.b)
	} else {
		if err := s.a.Apply(s.r, s.x); err != nil {
			return 0, err
		}
		sub(s.r, s.b, s.r)
	}
	rr := linalg.Dot(s.r, s.r)
	err := s.team.sum(&rr)
	return rr, err
}

// precondition sets z = P r and returns r.z, z.z and q.z. rr is r.r, known already.
func (s *cg) precondition(rr float64) (rz, zz, qz float64, err error) {
	if s.p == nil {
		return rr, rr, 0, nil
	}
	if err := s.p.Apply(s.z, s.r); err != nil {
		return 0, 0, 0, err
	}
	var dots [3]float64
	linalg.MultiDot(dots[:], [][]float64{s.r, s.z, s.q}, s.z)
	err = s.team.sumSlice(dots[:])
	return dots[0], dots[1], dots[2], err
}

// lostResidual is a relative residual below which a step that finds the matrix indefinite has
// met rounding: a matrix that is so shows it at once.
const lostResidual = 1e-6

// descend iterates from the residual in r, of norm first, until the recurrence says the error
// is small enough, or has lost its digits, or the iterations run out.
func (s *cg) descend(rz, first float64) (stop bool, err error) {
	copy(s.d, s.z)
	s.ritz.restart()
	for s.report.Iterations < s.MaxIterations {
		if err := s.a.Apply(s.q, s.d); err != nil {
			return false, err
		}
		dq := linalg.Dot(s.d, s.q)
		if err := s.team.sum(&dq); err != nil {
			return false, err
		}
		if !(math.Abs(dq) <= math.MaxFloat64 && math.Abs(rz) <= math.MaxFloat64) {
			return false, &OverflowError{Iteration: s.report.Iterations + 1}
		}
		if !(dq > 0) {
			return false, &IndefiniteError{"the matrix"}
		}
		if !(rz > 0) {
			return false, &IndefiniteError{"the preconditioner"}
		}
		alpha := rz / dq
		rr := linalg.CGUpdate(s.x, s.r, s.d, s.q, alpha)
		s.report.Iterations++
		renew := s.report.Iterations%10 == 1
		xx := 0.0
		if renew {
			xx = linalg.Dot(s.x, s.x)
		}
		if err := s.team.sum(&rr, &xx); err != nil {
			return false, err
		}
		if renew {
			s.xnorm = math.Sqrt(xx)
		}
		rnorm := math.Sqrt(rr)
		s.report.History = append(s.report.History, rnorm/s.gauge.bnorm)

		rzNext, zz, qz, err := s.precondition(rr)
		if err != nil {
			return false, err
		}
		beta := rzNext / rz
		s.ritz.step(alpha, beta)
		s.tell(s.report.Iterations, rnorm/s.gauge.bnorm, s.target(rnorm, math.Sqrt(zz))/s.gauge.bnorm)
		if s.Monitor != nil {
			if stop, err := s.Monitor(s.report.Iterations, s.x); stop || err != nil {
				return stop, err
			}
		}
		if rnorm <= lostDigits*first {
			return false, nil
		}
		if s.gauge.bound(s.report.Iterations, s.xnorm, rnorm, math.Sqrt(zz), s.ritz.smallest()) <= max(0.95*s.Tolerance, s.gauge.rounding(s.xnorm)) {
			return false, nil
		}
		if s.p != nil {
			beta = -alpha * qz / rz // z.(r - r_before) / rz, Polak-Ribiere
		}
		linalg.Xpby(s.d, s.z, beta)
		rz = rzNext
	}
	return false, nil
}

// target is the residual norm at which the solve is expected to stop.
func (s *cg) target(rnorm, znorm float64) float64 {
	if s.LambdaMin > 0 {
		return s.gauge.residualFor(s.xnorm)
	}
	return rnorm * s.Tolerance * s.xnorm * s.ritz.smallest() / (spare(s.report.Iterations) * znorm)
}
