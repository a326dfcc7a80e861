package tv

import (
	"context"
	"math"

	"tessera/krylov"
)

const (
	relaxation = 1.9 // of the split variables, below 2
	firstJump  = 0.3 // lambda / rho of the first iterations, in standard deviations of the start
	mostChange = 4.0 // of rho at a time
	pixelShare = 3   // penalty of x - w by rho: of 0.03 to 30 the one by which cells take about the least and stars few iterations

	firstBalance = 10 // iteration; the following ones are at twice as many each
)

// split is the state of the method of alternating directions. t is the sum of the split differences u and their
// multipliers b = p / rho: b is t brought to lengths of at most lambda / rho, and u = t - b. v likewise is the sum of
// the split pixels, which are within the bounds, and their multipliers.
type split struct {
	t           []float64 // axes x channels x extended box
	b           []float64 // the same, where groups have several members; else nil
	v           []float64 // channels x owned box; nil without bounds
	rho, lambda float64
}

// admm minimises the cost by alternating directions, with u = D x and, where there are bounds, w = x:
//
//	x = (A'WA + rho D'D + eta I)^-1 (A'W y + rho D'(u - b) + eta (w - c))      (eta = 0.03 rho with bounds, else 0)
//	t = t + alpha (D x - u),   b = P(t),   u = t - b
//
// in which P shortens the groups of t to lambda / rho. The inverse is that of package inverse: where M is more than
// A'WA the first step is x + (M + ...)^-1 (minus the gradient of the augmented Lagrangian at x). rho is changed at
// iterations 10, 20, 40, ... so that the relative changes of D x - u and of u are alike. Collective.
//
// Sources: Eckstein and Bertsekas, Math. Programming 55 (1992) 293 (relaxation); Wang, Yang, Yin and Zhang, SIAM J.
// Imaging Sci. 1 (2008) 248 (TV by such an inverse); Wohlberg, arXiv:1704.06209 (relative residuals).
func (s *solver) admm(ctx context.Context, r *Result, phase string) error {
	f, lambda := s.field, r.Lambda
	n := len(s.start)
	x, g := append([]float64(nil), s.start...), make([]float64, n)
	ax, residual := make([]float64, len(s.p.Data)), make([]float64, len(s.p.Data))
	var base []float64 // A'W y, where M is A'WA
	if s.inverse.exact {
		s.fid.residual(residual, ax) // A 0 - y
		base = make([]float64, n)
		if err := s.fid.adjoint(base, residual); err != nil {
			return err
		}
		for i := range base {
			base[i] = -base[i]
		}
	} else if err := s.fid.apply(ax, x); err != nil {
		return err
	}
	if err := f.set(x); err != nil {
		return err
	}
	k, err := s.beginSplit(x, lambda)
	if err != nil {
		return err
	}
	l := limits(s.o.Bounds)
	check, balance := nextCheck(0), firstBalance
	sums := make([]float64, 6)
	for t := 1; ; t++ {
		if base != nil {
			copy(g, base)
			s.reflected(g, k, nil, 1, lambda)
		} else {
			s.fid.residual(residual, ax)
			if err := s.fid.adjoint(g, residual); err != nil {
				return err
			}
			s.reflected(g, k, f.ext, -1, lambda)
		}
		slack := 0.0
		if k.v != nil {
			slack = pixelShare * k.rho
			for i, v := range k.v {
				d := 2*min(max(v, l.Lower), l.Upper) - v
				if base == nil {
					d -= x[i]
				}
				g[i] += slack * d
			}
		}
		if err := s.inverse.solve(g, k.rho, slack); err != nil {
			return err
		}
		if base != nil {
			copy(x, g)
		} else {
			for i, d := range g {
				x[i] += d
			}
		}
		if err := f.set(x); err != nil {
			return err
		}
		clear(sums)
		if t == balance {
			s.relaxMeasured(k, lambda, sums)
		} else {
			s.relax(k, lambda)
		}
		for i, v := range k.v {
			k.v[i] += relaxation * (x[i] - min(max(v, l.Lower), l.Upper))
		}
		if base == nil {
			if err := s.fid.apply(ax, x); err != nil {
				return err
			}
		}
		if err := together(ctx, s.comm, sums); err != nil {
			return err
		}
		r.Iterations, r.Solution, r.Step = t, x, k.rho
		if t == s.fixed {
			r.Status = krylov.Converged
			s.bounded(x)
			return nil
		}
		if s.settling != nil && t%settleEvery == 0 {
			image := ax
			if base != nil {
				image = nil
			}
			known, err := s.settled(r, x, image)
			if err != nil {
				return err
			}
			if known {
				r.Status = krylov.Converged
				s.bounded(x)
				return nil
			}
		}
		if s.fixed == 0 && (t == check && s.settling == nil || t == s.o.MaxIterations) {
			at, err := s.standSplit(k, x, lambda)
			if err != nil {
				return err
			}
			r.note(t, at)
			r.Status = krylov.Converged
			if at.gap > s.o.Tolerance*at.cost {
				r.Status = krylov.IterationLimit
			}
			if r.Status == krylov.Converged || t == s.o.MaxIterations {
				s.bounded(x)
				return nil
			}
			check = nextCheck(t)
			if err := f.set(x); err != nil { // which the gap has overwritten
				return err
			}
		}
		if t == balance {
			k.rebalance(s, sums)
			balance *= 2
		}
		s.progress(phase, t, r)
	}
}

// beginSplit is the state at the start of a solve: that of the solve before with the multipliers scaled to another
// lambda, or that of the image x without multipliers. Collective.
func (s *solver) beginSplit(x []float64, lambda float64) (*split, error) {
	if k := s.split; k != nil {
		k.rescale(s, lambda, k.rho*lambda/k.lambda)
		return k, nil
	}
	sums := []float64{0, 0, float64(len(x)), 0}
	for _, v := range x {
		sums[0] += v
		sums[1] += v * v
	}
	if err := together(context.Background(), s.comm, sums); err != nil {
		return nil, err
	}
	mean := sums[0] / sums[2]
	deviation := math.Sqrt(max(0, sums[1]/sums[2]-mean*mean))
	k := &split{t: make([]float64, len(s.field.shape)*s.field.channels*s.field.plane), rho: s.fid.bound, lambda: lambda}
	if deviation > 1e-12*math.Abs(mean) {
		k.rho = min(k.rho, lambda/(firstJump*deviation))
	}
	if s.grouped() {
		k.b = make([]float64, len(k.t))
	}
	if s.o.Bounds != nil {
		k.v = append([]float64(nil), x...)
	}
	s.split = k
	return k, nil
}

// grouped tells whether the differences of a group have several members.
func (s *solver) grouped() bool {
	return s.o.Penalty == Isotropic && len(s.field.shape) > 1 || s.o.Coupled && s.field.channels > 1
}

// multipliers sets k.b to P(t) where groups have several members.
func (s *solver) multipliers(k *split, lambda float64) {
	if k.b != nil {
		copy(k.b, k.t)
		project(k.b, s.field.groupsOf(s.o.Penalty, s.o.Coupled), s.field.plane, lambda/k.rho)
	}
}

// reflected sets g = keep g + rho D'(u - b), or rho D'(u - b - D z) for an image z with its layer.
func (s *solver) reflected(g []float64, k *split, z []float64, keep, lambda float64) {
	f := s.field
	s.multipliers(k, lambda)
	size := f.channels * f.plane
	for c := range f.channels {
		own := g[c*f.cells : (c+1)*f.cells]
		var image []float64
		if z != nil {
			image = z[c*f.plane : (c+1)*f.plane]
		}
		if k.b == nil {
			f.box.Reflected(own, k.t[c*f.plane:], image, size, keep, k.rho, lambda/k.rho)
			continue
		}
		for i, v := range own {
			own[i] = keep * v
		}
		for a, stride := range f.strides {
			t, b := k.t[a*size+c*f.plane:][:f.plane], k.b[a*size+c*f.plane:][:f.plane]
			f.lines(func(at, e, n int) {
				line := own[at : at+n]
				for i := range line {
					j := e + i
					d := t[j-stride] - 2*b[j-stride] - (t[j] - 2*b[j])
					if image != nil {
						d += image[j+stride] - 2*image[j] + image[j-stride]
					}
					line[i] += k.rho * d
				}
			})
		}
	}
}

// relax adds alpha (D x - u) to t, for x in ext.
func (s *solver) relax(k *split, lambda float64) {
	f := s.field
	size := f.channels * f.plane
	for c := range f.channels {
		z := f.ext[c*f.plane : (c+1)*f.plane]
		for a, stride := range f.strides {
			t := k.t[a*size+c*f.plane:][:f.plane]
			if k.b == nil {
				f.box.Relax(t, z, a, relaxation, lambda/k.rho)
				continue
			}
			b := k.b[a*size+c*f.plane:][:f.plane]
			for i, next := range z[stride:] {
				t[i] += relaxation * (next - z[i] - t[i] + b[i])
			}
		}
	}
}

// relaxMeasured is relax with this rank's squared norms of D x - u, D x, u and its change, and b at the end.
func (s *solver) relaxMeasured(k *split, lambda float64, sums []float64) {
	f := s.field
	radius := lambda / k.rho
	groups := f.groupsOf(s.o.Penalty, s.o.Coupled)
	multipliers := func() []float64 {
		b := append([]float64(nil), k.t...)
		project(b, groups, f.plane, radius)
		return b
	}
	before, old := append([]float64(nil), k.t...), multipliers()
	s.relax(k, lambda)
	after := multipliers()
	size := f.channels * f.plane
	for a, stride := range f.strides {
		for c := range f.channels {
			z := f.ext[c*f.plane:]
			f.lines(func(_, e, n int) {
				for i := e; i < e+n; i++ {
					j := a*size + c*f.plane + i
					d, u, w, b := z[i+stride]-z[i], before[j]-old[j], k.t[j]-after[j], after[j]
					sums[0] += (d - u) * (d - u)
					sums[1] += d * d
					sums[2] += w * w
					sums[3] += (w - u) * (w - u)
					sums[4] += b * b
				}
			})
		}
	}
}

// rebalance changes rho by the square root of the ratio of the relative changes, from the sums of relaxMeasured over
// all ranks.
func (k *split) rebalance(s *solver, sums []float64) {
	length := max(sums[1], sums[2])
	if length == 0 || sums[4] == 0 {
		return
	}
	primal, dual := math.Sqrt(sums[0]/length), math.Sqrt(sums[3]/sums[4])
	factor := mostChange
	if primal < mostChange*mostChange*dual {
		factor = max(1/mostChange, math.Sqrt(primal/dual))
	} else if primal == 0 {
		return
	}
	k.rescale(s, k.lambda, k.rho*factor)
}

// rescale changes rho and lambda. The multipliers rho b change in proportion to lambda, and u stays.
func (k *split) rescale(s *solver, lambda, rho float64) {
	f := s.field
	b := append([]float64(nil), k.t...)
	project(b, f.groupsOf(s.o.Penalty, s.o.Coupled), f.plane, k.lambda/k.rho)
	factor := lambda / rho / (k.lambda / k.rho)
	for i, v := range b {
		k.t[i] += (factor - 1) * v
	}
	if l := limits(s.o.Bounds); k.v != nil {
		for i, v := range k.v {
			k.v[i] += (k.rho/rho - 1) * (v - min(max(v, l.Lower), l.Upper))
		}
	}
	k.rho, k.lambda = rho, lambda
}

// bounded moves x into the bounds.
func (s *solver) bounded(x []float64) {
	if b := s.o.Bounds; b != nil {
		for i, v := range x {
			x[i] = min(max(v, b.Lower), b.Upper)
		}
	}
}
