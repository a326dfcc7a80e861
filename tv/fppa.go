package tv

import (
	"context"
	"math"

	"tessera/krylov"
)

// fppa is the fast parallel proximal algorithm; see the package's comment. A x of the iterate
// is kept, and A s of the extrapolated point follows from it, so that an iteration applies A
// and A' once. The momentum restarts where it points away from the step that was
// made, or where the cost is larger than it was at the check before.
//
// It stops where the duality gap is small enough, or, with constant steps, where the iterate is
// close to its limit: where all of the gap but the part that the differences of x explain is
// small enough, or where neither gap nor cost has changed by a tenth of the tolerance
// since the check before. Collective.
func (s *solver) fppa(ctx context.Context, r *Result, phase string) error {
	n, m := len(s.start), len(s.p.Data)
	x, before, z := append([]float64(nil), s.start...), append([]float64(nil), s.start...), make([]float64, n)
	ax, axBefore, residual := make([]float64, m), make([]float64, m), make([]float64, m)
	if err := s.fid.apply(ax, x); err != nil {
		return err
	}
	copy(axBefore, ax)
	p := make([]float64, len(s.field.shape)*n)
	k := float64(2 * len(s.field.shape))
	q, mu := 1.0, 0.0
	cost, gap := math.Inf(1), math.Inf(1)
	check := nextCheck(0)
	sums := make([]float64, 2)
	for t := 1; ; t++ {
		gamma := s.o.Step / s.fid.bound
		if s.o.Decreasing {
			gamma /= 1 + float64(t-1)/10
		}
		extrapolate(residual, ax, axBefore, mu)
		s.fid.residual(residual, residual)
		if err := s.fid.adjoint(z, residual); err != nil {
			return err
		}
		for i, g := range z {
			z[i] = x[i] + mu*(x[i]-before[i]) - gamma*g
		}
		if err := s.field.set(z); err != nil {
			return err
		}
		reach := k * gamma * r.Lambda
		s.field.average(z, reach, s.o.Coupled, s.o.Bounds)
		// z is the new iterate. The momentum helps while (s - z)(z - x) <= 0.
		sums[0] = 0
		for i, v := range z {
			sums[0] += (x[i] + mu*(x[i]-before[i]) - v) * (v - x[i])
		}
		if err := together(ctx, s.comm, sums); err != nil {
			return err
		}
		if sums[0] > 0 && q > 1 {
			q = 1
			r.Restarts++
		}
		before, x, z = x, z, before
		axBefore, ax = ax, axBefore
		if err := s.fid.apply(ax, x); err != nil {
			return err
		}
		r.Iterations, r.Solution, r.Step = t, x, gamma
		if t == s.fixed {
			r.Status = krylov.Converged
			return nil
		}
		if s.fixed == 0 && (t == check || t == s.o.MaxIterations) {
			s.field.dual(p, gamma, r.Lambda, s.o.Coupled)
			at, err := s.gauge.stand(x, ax, p, r.Lambda, reach)
			if err != nil {
				return err
			}
			r.note(t, at)
			r.Certificate, r.Excess = gamma*k*r.Lambda*r.Lambda*s.pairs, at.excess
			accuracy := s.o.Tolerance * at.cost
			settled := at.gap-at.bias <= accuracy || math.Abs(at.gap-gap) <= accuracy/10 && math.Abs(at.cost-cost) <= accuracy/10
			if at.gap <= accuracy || settled && !s.o.Decreasing {
				r.Status = krylov.Converged
				return nil
			}
			if t == s.o.MaxIterations {
				r.Status = krylov.IterationLimit
				return nil
			}
			if at.cost > cost && q > 1 {
				q = 1
				r.Restarts++
			}
			cost, gap, check = at.cost, at.gap, nextCheck(t)
		}
		s.progress(phase, t, r)
		if next := (1 + math.Sqrt(1+4*q*q)) / 2; s.o.NoMomentum {
			mu = 0
		} else {
			q, mu = next, (q-1)/next
		}
	}
}

// extrapolate sets dst = a + mu (a - b).
func extrapolate(dst, a, b []float64, mu float64) {
	if mu == 0 {
		copy(dst, a)
		return
	}
	b, dst = b[:len(a)], dst[:len(a)]
	for i, v := range a {
		dst[i] = v + mu*(v-b[i])
	}
}
