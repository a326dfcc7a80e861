package tv

import (
	"context"
	"math"

	"tessera/krylov"
)

// primalDual minimises the cost itself. With an operator it is the method of Condat and Vu,
//
//	x+ = B(x - tau (A'W (A x - y) + D'p))
//	p+ = P(p + sigma D (2 x+ - x)),  1/tau - sigma ||D||^2 >= L/2,
//
// B the bounds and P the projection onto groups no longer than lambda. Without one the step
// in x is the proximal map of f, and where all weights are positive the steps are those of
// the accelerated method of Chambolle and Pock. p is kept on the extended box: what a
// rank needs of its neighbours' p it computes itself from the layer of x. Collective.
func (s *solver) primalDual(ctx context.Context, r *Result, phase string) error {
	n, m := len(s.start), len(s.p.Data)
	f := s.field
	x, bar := append([]float64(nil), s.start...), make([]float64, n)
	ax, residual, g := make([]float64, m), make([]float64, m), make([]float64, n)
	if err := s.fid.apply(ax, x); err != nil {
		return err
	}
	size := f.channels * f.plane
	axes := float64(len(f.shape))
	p := s.dual
	if p == nil {
		p = make([]float64, len(f.shape)*size)
		s.dual = p
	}
	groups := f.groupsOf(s.o.Penalty, s.o.Coupled)
	project(p, groups, f.plane, r.Lambda) // of another lambda
	owned := make([]float64, len(f.shape)*n)
	tau, sigma := 1/(s.fid.bound*(0.5+s.o.Balance)), s.o.Balance*s.fid.bound/(4*axes)
	modulus := 0.0
	if s.fid.a == nil {
		tau, sigma = 0.25/s.fid.bound, s.fid.bound/axes
		modulus = s.fid.weakest
	}
	check := nextCheck(0)
	sums := make([]float64, 1)
	for t := 1; ; t++ {
		theta := 1.0
		f.divergence(g, p)
		if s.fid.a == nil {
			for i, d := range g {
				v := x[i] - tau*d
				if w := s.fid.w.At(i); w > 0 {
					v = (v + tau*w*s.fid.y[i]) / (1 + tau*w)
				}
				bar[i] = v
			}
			if modulus > 0 {
				theta = 1 / math.Sqrt(1+2*modulus*tau)
			}
		} else {
			s.fid.residual(residual, ax)
			if err := s.fid.adjoint(bar, residual); err != nil {
				return err
			}
			for i, d := range g {
				bar[i] = x[i] - tau*(bar[i]+d)
			}
		}
		for i, v := range bar {
			if b := s.o.Bounds; b != nil {
				v = min(max(v, b.Lower), b.Upper)
			}
			x[i], bar[i] = v, v+theta*(v-x[i])
		}
		r.Step = tau
		tau, sigma = tau*theta, sigma/theta
		if err := f.set(bar); err != nil {
			return err
		}
		f.ascend(p, sigma)
		project(p, groups, f.plane, r.Lambda)
		if err := s.fid.apply(ax, x); err != nil {
			return err
		}
		if err := together(ctx, s.comm, sums); err != nil {
			return err
		}
		r.Iterations, r.Solution = t, x
		if t == s.fixed {
			r.Status = krylov.Converged
			return nil
		}
		if s.fixed == 0 && (t == check || t == s.o.MaxIterations) {
			for k := range f.shape {
				f.plan.Gather(owned[k*n:(k+1)*n], p[k*size:(k+1)*size], f.channels)
			}
			at, err := s.gauge.stand(x, ax, owned, r.Lambda, 0)
			if err != nil {
				return err
			}
			r.note(t, at)
			if at.gap <= s.o.Tolerance*at.cost {
				r.Status = krylov.Converged
				return nil
			}
			if t == s.o.MaxIterations {
				r.Status = krylov.IterationLimit
				return nil
			}
			check = nextCheck(t)
		}
		s.progress(phase, t, r)
	}
}

// divergence sets g, channels x owned box, to D'p for p on the extended box, axes x channels
// x extended box.
func (f *field) divergence(g, p []float64) {
	clear(g)
	size := f.channels * f.plane
	for k, stride := range f.strides {
		for c := range f.channels {
			plane, out := p[k*size+c*f.plane:][:f.plane], g[c*f.cells:]
			f.lines(func(own, at, n int) {
				here, before, line := plane[at:at+n], plane[at-stride:][:n], out[own:own+n]
				for i, v := range before {
					line[i] += v - here[i]
				}
			})
		}
	}
}

// ascend adds sigma D x to p for x in ext. In the outermost layers, where a pixel has no
// neighbour, the values have no meaning and no effect.
func (f *field) ascend(p []float64, sigma float64) {
	size := f.channels * f.plane
	for k, stride := range f.strides {
		for c := range f.channels {
			plane, x := p[k*size+c*f.plane:][:f.plane], f.ext[c*f.plane:(c+1)*f.plane]
			next := x[stride:]
			for i, v := range next {
				plane[i] += sigma * (v - x[i])
			}
		}
	}
}
