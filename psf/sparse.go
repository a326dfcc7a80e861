package psf

import (
	"context"
	"math"

	"tessera/internal/wavelet"
)

// setLimits sets the thresholds of the bands,
//
//	w_ij = noise_i k_j |h_i * phi_j|
//
// the standard deviation of the noise in band j of H'n times k_j. Collective.
func (s *solver[T]) setLimits(stack *Stack) error {
	side, scales := stack.KernelSide, s.o.Scales
	wave := wavelet.NewStarlet[float64](s.o.Family, side, scales, s.o.Border == Wrap && side == s.side)
	bands := make([]float64, scales*side*side)
	norms := make([]float64, 0, len(s.kernels)*scales)
	for _, k := range s.kernels {
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
		own = append(own, norms[st.kernel*scales:(st.kernel+1)*scales]...)
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

// reverse gives each stamp the numbers of the one as far from the other end of the
// stack. Collective.
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

// limitsOf is the thresholds of band b of stamp i: one, or one for each pixel.
func (s *solver[T]) limitsOf(i, b int) []T {
	at := i*s.o.Scales + b
	if s.limits == nil {
		return s.base[at : at+1]
	}
	return s.limits[at*s.n : (at+1)*s.n]
}

// bands is stamp i's stretch of the dual variable.
func (s *solver[T]) bands(i int) []T {
	w := s.o.Scales * s.n
	return s.u[i*w : (i+1)*w]
}

// iterate takes stamp i through one iteration.
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
}

// look takes the cost of stamp i.
func (s *solver[T]) look(i int) {
	st := &s.stamps[i]
	st.misfit = s.misfit(i)
	s.wave.Forward(s.d, s.part(s.x, i))
	st.penalty = 0
	for b := range s.o.Scales {
		st.penalty += weightedAbs(s.d[b*s.n:(b+1)*s.n], s.limitsOf(i, b))
	}
}

// advance takes every stamp that still runs to an iteration of the pass. It stops
// between two stamps once ctx is cancelled: stamps know how far they are.
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
		s.look(i)
		st.done = st.iteration > s.o.LookEvery && closeTo(st.misfit+st.penalty, before, s.o.StampTolerance)
	}
}

// runSparse is the passes of the sparse form, with what the ranks have to agree on.
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

func (s *solver[T]) runPass(ctx context.Context) error {
	for to := s.nextLook(); ; to = s.nextLook() {
		s.advance(ctx, to)
		l, stop, err := s.meetAtLook(ctx, to)
		if err != nil {
			return err
		}
		if stop {
			return s.interrupted(ctx)
		}
		s.looks = append(s.looks, l)
		s.tell(l)
		if s.settledAt(l) || l.Active == 0 {
			s.converged = true
			return nil
		}
		s.converged = false
		if to >= s.o.Iterations {
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

// nextLook is the iteration of this pass at which the ranks meet next.
func (s *solver[T]) nextLook() int {
	done := 0
	if n := len(s.looks); n > 0 {
		done = s.looks[n-1].Iteration - s.before
	}
	return min(done+s.o.LookEvery, s.o.Iterations)
}

// meetAtLook sums the costs, and tells whether some rank has been told to stop.
func (s *solver[T]) meetAtLook(ctx context.Context, to int) (l Look, stop bool, err error) {
	sums := make([]float64, 4)
	for i := range s.stamps {
		st := &s.stamps[i]
		sums[0] += st.misfit
		sums[1] += st.penalty
		if !st.done {
			sums[2]++
		}
	}
	if ctx.Err() != nil {
		sums[3] = 1
	}
	err = s.meet(sums)
	return Look{Iteration: s.before + to, Misfit: sums[0], Penalty: sums[1], Active: int(sums[2])}, sums[3] > 0, err
}

// settledAt tells whether the cost of the whole has stopped to change.
func (s *solver[T]) settledAt(l Look) bool {
	if s.o.Tolerance == 0 {
		return false
	}
	if s.o.Compatible {
		var costs []float64
		for _, at := range s.looks {
			if at.Iteration > s.before {
				costs = append(costs, at.Cost())
			}
		}
		return settled(costs, s.o.Tolerance)
	}
	if n := len(s.looks); n > 1 && s.looks[n-2].Iteration > s.before {
		return closeTo(l.Cost(), s.looks[n-2].Cost(), s.o.Tolerance)
	}
	return false
}

func (s *solver[T]) tell(l Look) {
	if s.o.Progress != nil && s.comm.Rank() == 0 {
		of := s.o.Iterations
		if s.o.Mode == Sparse {
			of *= 1 + s.o.Reweightings
		}
		s.o.Progress(Progress{Iteration: l.Iteration, Of: of, Cost: l.Cost(), Rank: l.Rank, Active: l.Active})
	}
}

// reweight divides the thresholds by 1 + |Phi x| / w0, w0 the first ones, so that
// what stands out is shrunk less, and lets all stamps run again from where they are.
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
	s.before = s.looks[len(s.looks)-1].Iteration
	for i := range s.stamps {
		st := &s.stamps[i]
		st.before += st.iteration
		st.iteration, st.done = 0, false
	}
}
