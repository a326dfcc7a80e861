package krylov

import (
	"context"
	"errors"
	"math"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// Restricted is a system M x = b whose matrix differs from one that can be inverted
// by some data only: M = A - H'DH, with a diagonal D of which this rank has Len elements
// that are not 0.
//
// x = x0 + A^-1 H'u, with A x0 = b, is then the solution for one u on these elements, and
// conjugate gradients preconditioned by A^-1 need no vector that is longer.
type Restricted interface {
	Len() int
	// Gram sets dst = H A^-1 H'src and returns this rank's part of ||H'src||^2 and
	// ||A^-1 H'src||^2. Collective.
	Gram(dst, src []float64) (rr, zz float64, err error)
	// Image sets dst = H x for x = x0 + A^-1 H'u and returns this rank's part of ||x||^2.
	// Collective.
	Image(dst, u []float64) (xx float64, err error)
	// Norms are upper bounds of ||H'|| and ||A^-1 H'||, the same on all ranks.
	Norms() (h, z float64)
}

// RestrictedCG solves a Restricted system for u by conjugate gradients preconditioned by
// A^-1. d is D, the same length as u, which holds the start, 0 for x0, and the solution on
// return, also when the error is a *NotConvergedError. bnorm is ||b||. One iteration costs one
// Gram and one global sum; the memory is five vectors. Control's Monitor is not called.
// Collective: see the package comment for the errors.
//
// With r = H'p, z = A^-1 r and the search direction A^-1 H'q the recurrences of the usual
// method are those of p and q: r'z = p'Cp and M z = H'(p - DCp) for C = H A^-1 H'. Gratton
// and Tshimanga, Q. J. R. Meteorol. Soc. 135 (2009) 1573.
func RestrictedCG(ctx context.Context, comm ranks.Comm, a Restricted, d, u []float64, bnorm float64, c Control) (*Report, error) {
	n := a.Len()
	if err := ranks.AgreeError(comm, c.check(lengthOf(n), d, u)); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	s := &restricted{
		Control: c, a: a, d: d, u: u,
		team:  team{ctx: ctx, comm: comm},
		gauge: gauge{tolerance: c.Tolerance, lambdaMin: c.LambdaMin, likely: c.LambdaLikely, inverse: c.Inverse, bnorm: bnorm},
		p:     make([]float64, n), cp: make([]float64, n), q: make([]float64, n), cq: make([]float64, n),
	}
	return s.team.outcome(&s.report, s.run())
}

// lengthOf is an operator of which only the length is known.
type lengthOf int

func (n lengthOf) Len() int                   { return int(n) }
func (n lengthOf) Apply(_, _ []float64) error { panic("krylov: lengthOf has no elements") }

type restricted struct {
	Control
	team  team
	gauge gauge
	a     Restricted
	d, u  []float64

	p, cp, q, cq []float64 // residual r = H'p, direction A^-1 H'q, and H A^-1 H' of both
	ritz         lanczos
	xnorm        float64
	report       Report
}

// run is cg.run.
func (s *restricted) run() error {
	s.report.Certified = s.LambdaMin > 0
	if s.gauge.bnorm == 0 {
		clear(s.u)
		s.report.History = []float64{0}
		s.report.Status = Converged
		return nil
	}
	last, lost := math.MaxFloat64, false
	rrBefore, zzBefore := math.Inf(1), math.Inf(1)
	for {
		rr, zz, rz, err := s.trueResidual(rrBefore, zzBefore)
		if err != nil {
			return err
		}
		s.report.Residual = math.Sqrt(rr) / s.gauge.bnorm
		if s.report.Iterations == 0 {
			s.report.History = append(s.report.History, s.report.Residual)
		}
		floor := max(s.gauge.rounding(s.xnorm), leastError)
		if s.report.Iterations > 0 || rr == 0 || lost {
			s.report.ErrorBound = floor
			if rr > 0 {
				s.report.ErrorBound = max(floor, s.gauge.bound(s.report.Iterations, s.xnorm, math.Sqrt(rr), math.Sqrt(zz), s.ritz.smallest()))
			}
			s.report.Certified = s.gauge.certifies(s.report.ErrorBound)
			switch {
			case s.report.ErrorBound <= s.Tolerance:
				s.report.Status = Converged
				return nil
			case s.report.Iterations >= s.MaxIterations:
				s.report.Status = IterationLimit
				return nil
			case lost || rr == 0 || rr > 0.98*last:
				s.report.Status = Stagnated
				s.report.Rounding = s.gauge.lost(s.report.ErrorBound, s.xnorm)
				return nil
			}
		}
		last = rr
		rrBefore, zzBefore, err = s.descend(rz, math.Sqrt(rr))
		if lost = errors.As(err, new(*IndefiniteError)) && s.report.Residual < lostResidual; lost {
			rrBefore, zzBefore = math.Inf(1), math.Inf(1)
		} else if err != nil {
			return err
		}
	}
}

// trueResidual sets p = D H x - u, its Gram vector and xnorm, and returns r.r, z.z and r.z.
// Where p is so near to that of the recurrence, whose r.r and z.z are given, that the upper
// bounds that follow for its own are small enough, it returns those, without a Gram.
func (s *restricted) trueResidual(rrBefore, zzBefore float64) (rr, zz, rz float64, err error) {
	xx, err := s.a.Image(s.cp, s.u)
	if err != nil {
		return 0, 0, 0, err
	}
	moved := 0.0
	for i, v := range s.cp {
		v = s.d[i]*v - s.u[i]
		moved += (v - s.p[i]) * (v - s.p[i])
		s.p[i] = v
	}
	if err := s.team.sum(&xx, &moved); err != nil {
		return 0, 0, 0, err
	}
	if s.xnorm = math.Sqrt(xx); !(s.xnorm <= math.MaxFloat64) {
		return 0, 0, 0, &OverflowError{Iteration: s.report.Iterations}
	}
	h, z := s.a.Norms()
	rnorm, znorm := math.Sqrt(rrBefore)+h*math.Sqrt(moved), math.Sqrt(zzBefore)+z*math.Sqrt(moved)
	if max(s.gauge.rounding(s.xnorm), s.gauge.bound(s.report.Iterations, s.xnorm, rnorm, znorm, s.ritz.smallest())) <= s.Tolerance {
		return rnorm * rnorm, znorm * znorm, math.NaN(), nil
	}
	if rr, zz, err = s.a.Gram(s.cp, s.p); err != nil {
		return 0, 0, 0, err
	}
	rz = linalg.Dot(s.p, s.cp)
	err = s.team.sum(&rr, &zz, &rz)
	return rr, zz, rz, err
}

// lostDigits is the factor of a residual by which the recurrence falls in a run, beyond
// which it has nothing to do with the true one.
const lostDigits = 1e-15

// descend iterates from the residual in p, of norm first, until the recurrence says that the error
// is small enough, or has lost its digits, or the iterations run out. It returns r.r and z.z
// of the recurrence.
func (s *restricted) descend(rz, first float64) (rr, zz float64, err error) {
	copy(s.q, s.p)
	copy(s.cq, s.cp)
	s.ritz.restart()
	for s.report.Iterations < s.MaxIterations {
		// q'Cq and (Cq)'D(Cq) make d'M d of the direction d = A^-1 H'q.
		dq := 0.0
		for i, c := range s.cq {
			dq += c * (s.q[i] - s.d[i]*c)
		}
		if err := s.team.sum(&dq); err != nil {
			return 0, 0, err
		}
		if !(math.Abs(dq) <= math.MaxFloat64 && math.Abs(rz) <= math.MaxFloat64) {
			return 0, 0, &OverflowError{Iteration: s.report.Iterations + 1}
		}
		if !(dq > 0) {
			return 0, 0, &IndefiniteError{"the matrix"}
		}
		if !(rz > 0) {
			return 0, 0, &IndefiniteError{"the preconditioner"}
		}
		alpha := rz / dq
		for i, c := range s.cq {
			s.u[i] += alpha * s.q[i]
			s.p[i] -= alpha * (s.q[i] - s.d[i]*c)
		}
		if rr, zz, err = s.a.Gram(s.cp, s.p); err != nil {
			return 0, 0, err
		}
		next := linalg.Dot(s.p, s.cp)
		if err := s.team.sum(&rr, &zz, &next); err != nil {
			return 0, 0, err
		}
		s.report.Iterations++
		rnorm, znorm := math.Sqrt(rr), math.Sqrt(zz)
		s.report.History = append(s.report.History, rnorm/s.gauge.bnorm)
		beta := next / rz
		s.ritz.step(alpha, beta)
		s.tell(s.report.Iterations, rnorm/s.gauge.bnorm, s.target(rnorm, znorm)/s.gauge.bnorm)
		if rnorm <= lostDigits*first || s.gauge.bound(s.report.Iterations, s.xnorm, rnorm, znorm, s.ritz.smallest()) <= max(0.95*s.Tolerance, s.gauge.rounding(s.xnorm)) {
			return rr, zz, nil
		}
		for i, v := range s.p {
			s.q[i] = v + beta*s.q[i]
			s.cq[i] = s.cp[i] + beta*s.cq[i]
		}
		rz = next
	}
	return rr, zz, nil
}

// target is cg.target.
func (s *restricted) target(rnorm, znorm float64) float64 {
	if s.LambdaMin > 0 {
		return s.gauge.residualFor(s.xnorm)
	}
	return rnorm * s.Tolerance * s.xnorm * s.ritz.smallest() / (spare(s.report.Iterations) * znorm)
}
