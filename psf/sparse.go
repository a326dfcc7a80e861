package psf

import (
	"context"
	"math"

	"tessera/internal/wavelet"
)

// setLimits sets the thresholds of band j of stamp i,
//
//	w_ij = noise_i k_j |h_i * phi_j|
//
// k_j = Options.Thresholds times the standard deviation of band j of H'n, n the noise,
// h_i the PSF and phi_j the filter of the band. Collective.
func (s *solver[T]) setLimits(stack *Stack) error {
	side, scales := stack.PSFSide, s.o.Scales
	wave := wavelet.NewStarlet[float64](s.o.Wavelet.family(), side, scales, s.o.Border == Wrap && side == s.side)
	bands := make([]float64, scales*side*side)
	norms := make([]float64, 0, len(s.psfs)*scales)
	for _, k := range s.psfs {
		wave.Forward(bands, k)
		for b := range scales {
			sum := 0.0
			for _, v := range bands[b*side*side : (b+1)*side*side] {
				sum += v * v
			}
			norms = append(norms, math.Sqrt(sum))
		}
	}
	own := make([]float64, 0, len(s.stamps)*scales)
	for _, st := range s.stamps {
		own = append(own, norms[st.psf*scales:(st.psf+1)*scales]...)
	}
	if s.o.Compatible {
		if err := s.reverse(own, scales); err != nil {
			return err
		}
	}
	s.base = make([]T, len(own))
	for i, v := range own {
		s.base[i] = T(s.noise[i/scales] * s.o.Thresholds[i%scales] * v)
	}
	return nil
}

// reverse gives stamp i the width numbers of stamp total-1-i. Collective.
func (s *solver[T]) reverse(own []float64, width int) error {
	counts := make([]int, s.comm.Size())
	for r := range counts {
		counts[r] = (s.homes[r+1] - s.homes[r]) * width
	}
	all := make([]float64, s.total*width)
	if err := s.comm.Allgatherv(all, counts, own); err != nil {
		return err
	}
	for i := range s.stamps {
		from := s.total - 1 - s.stamps[i].id
		copy(own[i*width:(i+1)*width], all[from*width:(from+1)*width])
	}
	return nil
}

// limitsOf are the thresholds of band b of stamp i: one for all pixels, or one for each.
func (s *solver[T]) limitsOf(i, b int) []T {
	at := i*s.o.Scales + b
	if s.limits == nil {
		return s.base[at : at+1]
	}
	return s.limits[at*s.n : (at+1)*s.n]
}

// bands is stamp i's part of the dual variable.
func (s *solver[T]) bands(i int) []T {
	w := s.o.Scales * s.n
	return s.u[i*w : (i+1)*w]
}

// iterate makes one iteration of stamp i.
func (s *solver[T]) iterate(i int) {
	x, u := s.part(s.x, i), s.bands(i)
	s.gradient(i, s.g, x)
	s.wave.Adjoint(s.t, u)
	primal(x, s.g, s.t, s.bar, s.tau, s.rho, s.o.AnySign)
	s.wave.Forward(s.d, s.bar)
	for b := range s.o.Scales {
		dual(u[b*s.n:(b+1)*s.n], s.d[b*s.n:(b+1)*s.n], s.limitsOf(i, b), s.sigma, s.rho)
	}
	s.stamps[i].iteration++
	s.made++
}

// evaluate computes the cost of stamp i.
func (s *solver[T]) evaluate(i int) {
	st := &s.stamps[i]
	st.misfit = s.misfit(i)
	s.wave.Forward(s.d, s.part(s.x, i))
	st.penalty = 0
	for b := range s.o.Scales {
		st.penalty += weightedAbs(s.d[b*s.n:(b+1)*s.n], s.limitsOf(i, b))
	}
}

// advance takes every stamp that is not done to an iteration of the pass, and evaluates
// its cost there. When ctx is cancelled it returns between two stamps; each stamp counts
// its own iterations.
func (s *solver[T]) advance(ctx context.Context, to int) {
	for i := range s.stamps {
		st := &s.stamps[i]
		if st.done || st.iteration >= to {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		for st.iteration < to {
			s.iterate(i)
		}
		before := st.misfit + st.penalty
		st.change = s.changed(i)
		s.evaluate(i)
		st.done = st.iteration > s.o.CheckEvery && closeTo(st.misfit+st.penalty, before, s.o.StampTolerance)
	}
}

// runSparse makes the passes of the sparse form. Collective.
func (s *solver[T]) runSparse(ctx context.Context) error {
	for ; ; s.pass++ {
		if err := s.runPass(ctx); err != nil {
			return err
		}
		if s.pass == s.o.Reweightings {
			return nil
		}
		s.reweight()
	}
}

// runPass iterates to the end of a pass. Collective.
func (s *solver[T]) runPass(ctx context.Context) error {
	for to := s.nextCheck(); ; to = s.nextCheck() {
		s.advance(ctx, to)
		l, stop, err := s.sumCosts(ctx, to)
		if err != nil {
			return err
		}
		if stop {
			return s.interrupted(ctx)
		}
		s.checks = append(s.checks, l)
		s.report(l)
		if s.settledAt(l) || s.still(l) || l.Active == 0 {
			s.converged = true
			return nil
		}
		s.converged = false
		if to >= s.o.MaxIterations {
			return nil
		}
		if s.o.Balance && s.o.StampTolerance > 0 {
			if err := s.balance(); err != nil {
				return err
			}
		}
		if err := s.saveIfDue(); err != nil {
			return err
		}
	}
}

// nextCheck is the iteration of this pass at which the next convergence check is.
func (s *solver[T]) nextCheck() int {
	done := 0
	if n := len(s.checks); n > 0 {
		done = s.checks[n-1].Iteration - s.before
	}
	return min(done+s.o.CheckEvery, s.o.MaxIterations)
}

// sumCosts adds up the costs of all stamps; stop tells whether the context of some rank
// is cancelled. Collective.
func (s *solver[T]) sumCosts(ctx context.Context, to int) (c Check, stop bool, err error) {
	sums := []float64{0, 0, 0, 0, 0, s.squares()}
	for i := range s.stamps {
		st := &s.stamps[i]
		sums[0] += st.misfit
		sums[1] += st.penalty
		if !st.done {
			sums[2]++
			sums[4] += st.change
		}
	}
	if ctx.Err() != nil {
		sums[3] = 1
	}
	err = s.allSum(sums)
	return Check{Iteration: s.before + to, Misfit: sums[0], Penalty: sums[1], Active: int(sums[2]), Change: ratio(sums[4], sums[5])}, sums[3] > 0, err
}

// settledAt tells whether the cost of the stack has converged by Options.Tolerance.
func (s *solver[T]) settledAt(l Check) bool {
	if s.o.Tolerance == 0 {
		return false
	}
	if s.o.Compatible {
		var costs []float64
		for _, at := range s.checks {
			if at.Iteration > s.before {
				costs = append(costs, at.Cost())
			}
		}
		return settled(costs, s.o.Tolerance)
	}
	if n := len(s.checks); n > 1 && s.checks[n-2].Iteration > s.before {
		return closeTo(l.Cost(), s.checks[n-2].Cost(), s.o.Tolerance)
	}
	return false
}

// report calls Options.Progress on rank 0.
func (s *solver[T]) report(l Check) {
	if s.o.Progress != nil && s.comm.Rank() == 0 {
		of := s.o.MaxIterations
		if s.o.Mode == Sparse {
			of *= 1 + s.o.Reweightings
		}
		s.o.Progress(Progress{Phase: string(s.o.Mode), Iteration: l.Iteration, Of: of, Cost: s.in.check(l).Cost(), Rank: l.Rank, Active: l.Active})
	}
}

// reweight divides the thresholds by 1 + |Phi x| / w0, w0 those of the first pass, so that
// large coefficients are reduced less, and begins another pass of all stamps at the x and
// u they have.
func (s *solver[T]) reweight() {
	fresh := s.limits == nil
	if fresh {
		s.limits = make([]T, len(s.u))
	}
	for i := range s.stamps {
		s.wave.Forward(s.d, s.part(s.x, i))
		for b := range s.o.Scales {
			first := s.base[i*s.o.Scales+b]
			limits := s.limitsOf(i, b)
			if fresh {
				fill(limits, first)
			}
			if first == 0 {
				continue
			}
			for j, v := range s.d[b*s.n : (b+1)*s.n] {
				limits[j] /= 1 + T(math.Abs(float64(v)))/first
			}
		}
	}
	s.before = s.checks[len(s.checks)-1].Iteration
	for i := range s.stamps {
		st := &s.stamps[i]
		st.before += st.iteration
		st.iteration, st.done = 0, false
	}
}
