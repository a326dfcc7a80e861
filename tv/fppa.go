package tv

import (
	"context"
	"math"

	"tessera/krylov"
)

// fppa is the fast parallel proximal algorithm; see the package's comment. An iteration applies A and
// A' once; where the gap is computed, A once more. The momentum restarts where it points away from
// the step that was made, or where the cost is larger than it was at the check before.
//
// It stops where the duality gap is small enough, or, with constant steps, where the iterate is
// close to its limit: where all of the gap but the part that the differences of x explain is
// small enough, or where neither gap nor cost has changed by a tenth of the tolerance
// since the check before. Collective.
func (s *solver) fppa(ctx context.Context, r *Result, phase string) error {
	n, m := len(s.start), len(s.p.Data)
	x, ahead, g := append([]float64(nil), s.start...), append([]float64(nil), s.start...), make([]float64, n)
	ax := make([]float64, m)
	var p []float64
	k := float64(2 * len(s.field.shape))
	q := 1.0
	cost, gap := math.Inf(1), math.Inf(1)
	check := nextCheck(0)
	sums := make([]float64, 2)
	restart := func() { // the next step begins at the iterate
		q = (1 + math.Sqrt(5)) / 2
		copy(ahead, x)
		r.Restarts++
	}
	for t := 1; ; t++ {
		gamma := s.o.Step / s.fid.bound
		if s.o.Decreasing {
			gamma /= 1 + float64(t-1)/10
		}
		if err := s.fid.gradient(g, ahead, ax); err != nil {
			return err
		}
		look := s.fixed == 0 && (t == check || t == s.o.MaxIterations)
		inOne := !look && !(s.o.Coupled && s.p.Channels > 1) // the multipliers of the check need the whole step
		if inOne {
			s.field.edge(ahead, g, gamma)
		} else {
			s.field.step(ahead, g, gamma)
		}
		if err := s.field.fill(); err != nil {
			return err
		}
		reach := k * gamma * r.Lambda
		next, mu := q, 0.0
		if !s.o.NoMomentum {
			next = (1 + math.Sqrt(1+4*q*q)) / 2
			mu = (q - 1) / next
		}
		if inOne {
			sums[0] = s.field.advance(x, ahead, g, gamma, mu, reach, limits(s.o.Bounds))
		} else {
			sums[0] = s.field.shrink(x, ahead, mu, reach, s.o.Coupled, limits(s.o.Bounds))
		}
		if err := together(ctx, s.comm, sums); err != nil {
			return err
		}
		// The momentum helps while the sum is at most 0. In the first step there was none.
		restarted := sums[0] > 0 && q > 1
		q = next
		if restarted {
			restart()
		}
		r.Iterations, r.Solution, r.Step = t, x, gamma
		if t == s.fixed {
			r.Status = krylov.Converged
			return nil
		}
		if look {
			if p == nil {
				p = make([]float64, len(s.field.shape)*n)
			}
			s.field.dual(p, gamma, r.Lambda, s.o.Coupled)
			if err := s.fid.apply(ax, x); err != nil {
				return err
			}
			at, err := s.gauge.stand(x, ax, p, r.Lambda, reach)
			if err != nil {
				return err
			}
			r.note(t, at)
			r.Certificate, r.Excess = gamma*k*r.Lambda*r.Lambda*s.pairs, at.excess
			accuracy := s.o.Tolerance * at.cost
			settled := at.gap-at.bias <= accuracy || math.Abs(at.gap-gap) <= accuracy/10 && math.Abs(at.cost-cost) <= accuracy/10
			if at.gap <= accuracy || settled && !s.o.Decreasing {
				r.Status, r.AtLimit = krylov.Converged, at.gap > accuracy
				return nil
			}
			if t == s.o.MaxIterations {
				r.Status = krylov.IterationLimit
				return nil
			}
			if at.cost > cost && !restarted && !s.o.NoMomentum {
				restart()
			}
			cost, gap, check = at.cost, at.gap, nextCheck(t)
		}
		s.progress(phase, t, r)
	}
}
