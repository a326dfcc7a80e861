package tv

import (
	"context"
	"math"

	"tessera/internal/pairs"
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
	x, g := append([]float64(nil), s.start...), make([]float64, n)
	ax, residual := x, make([]float64, m)
	if s.fid.a != nil {
		ax = make([]float64, m)
		if err := s.fid.apply(ax, x); err != nil {
			return err
		}
	}
	size := f.channels * f.plane
	axes := float64(len(f.shape))
	p := s.dual
	if p == nil {
		p = make([]float64, len(f.shape)*size)
		s.dual = p
	}
	project(p, f.groupsOf(s.o.Penalty, s.o.Coupled), f.plane, r.Lambda) // of another lambda
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
		if s.fid.a == nil && modulus > 0 {
			theta = 1 / math.Sqrt(1+2*modulus*tau)
		}
		if s.fid.a == nil && s.fid.w != nil {
			s.proximal(x, g, p, tau, theta)
		} else {
			s.fid.residual(residual, ax)
			step, slope := tau, residual
			if s.fid.a == nil {
				step = tau / (1 + tau) // the proximal map of 1/2 ||x - y||^2
			} else {
				slope = g
				if err := s.fid.adjoint(g, residual); err != nil {
					return err
				}
			}
			f.descend(x, slope, p, step, theta, limits(s.o.Bounds))
		}
		r.Step = tau
		tau, sigma = tau*theta, sigma/theta
		if err := f.fill(); err != nil {
			return err
		}
		f.ascend(p, sigma, r.Lambda, s.o.Penalty, s.o.Coupled)
		if s.fid.a != nil {
			if err := s.fid.apply(ax, x); err != nil {
				return err
			}
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

// proximal is the step in x without an operator and with weights, whose proximal map has a factor
// of its own for each pixel; ext gets the point that ascend takes.
func (s *solver) proximal(x, g, p []float64, tau, theta float64) {
	f, l := s.field, limits(s.o.Bounds)
	f.divergence(g, p)
	for i, d := range g {
		v := x[i] - tau*d
		if w := s.fid.w.At(i); w > 0 {
			v = (v + tau*w*s.fid.y[i]) / (1 + tau*w)
		}
		v = min(max(v, l.Lower), l.Upper)
		x[i], g[i] = v, v+theta*(v-x[i])
	}
	f.plan.Scatter(f.ext, g, f.channels)
}

// descend is the step in x; ext gets the point that ascend takes.
func (f *field) descend(x, g, p []float64, tau, theta float64, l pairs.Limits) {
	for c := range f.channels {
		own := func(a []float64) []float64 { return a[c*f.cells : (c+1)*f.cells] }
		f.box.Descend(own(x), f.ext[c*f.plane:(c+1)*f.plane], own(g), p[c*f.plane:], f.channels*f.plane, tau, theta, l)
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

// ascend adds sigma D z to p, for z in ext, and brings its groups to a length of at most lambda. In the
// outermost layers, where a pixel has no neighbour, the values have no meaning and no effect.
func (f *field) ascend(p []float64, sigma, lambda float64, penalty Penalty, coupled bool) {
	size := f.channels * f.plane
	coupled = coupled && f.channels > 1
	for c := range f.channels {
		z := f.ext[c*f.plane : (c+1)*f.plane]
		if penalty == Isotropic && !coupled {
			f.box.AscendTogether(p[c*f.plane:], z, size, sigma, lambda)
			continue
		}
		for k := range f.shape {
			radius := lambda
			if coupled {
				radius = math.Inf(1)
			}
			f.box.Ascend(p[k*size+c*f.plane:][:f.plane], z, k, sigma, radius)
		}
	}
	if coupled {
		project(p, f.groupsOf(penalty, true), f.plane, lambda)
	}
}
