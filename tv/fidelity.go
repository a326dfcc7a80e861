package tv

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/internal/pairs"
	"tessera/ranks"
)

// fidelity is the first term of the cost, f(x) = 1/2 ||W^(1/2) (A x - y)||^2. A nil operator
// is the identity.
type fidelity struct {
	a         forward.Operator
	y         []float64
	w         forward.Weights
	bound     float64 // L = ||W^(1/2) A||^2, or more
	weakest   float64 // the least weight; without an operator the modulus of convexity of f
	applied   int     // how often A or A' was
	strongest float64 // the largest weight
}

// newFidelity finds the bound of the norm. Collective.
func newFidelity(ctx context.Context, comm ranks.Comm, p *Problem) (*fidelity, error) {
	f := &fidelity{a: p.Operator, y: p.Data, w: p.Weights}
	ends := []float64{0, 0} // largest weight, minus the least
	for i := range f.y {
		w := f.w.At(i)
		if i == 0 {
			ends[1] = -w
		}
		ends[0], ends[1] = max(ends[0], w), max(ends[1], -w)
	}
	if len(f.y) == 0 {
		ends[1] = math.Inf(-1)
	}
	if err := comm.Allreduce(ends, ends, ranks.Max); err != nil {
		return nil, err
	}
	f.strongest, f.weakest = ends[0], -ends[1]
	norm := 1.0
	if f.a != nil {
		if b, ok := f.a.(forward.Bounded); ok {
			norm = b.NormBound()
		} else {
			// The estimate lies below the norm.
			var err error
			if norm, err = forward.Norm(ctx, comm, f.a, forward.NormOptions{Tolerance: 1e-4}); err != nil {
				return nil, err
			}
			norm *= 1.02
		}
	}
	f.bound = ends[0] * norm * norm
	return f, nil
}

// apply sets ax = A x. Collective.
func (f *fidelity) apply(ax, x []float64) error {
	if f.a == nil {
		copy(ax, x)
		return nil
	}
	f.applied++
	return f.a.Apply(ax, x)
}

// gradient sets g = A'W (A x - y). A blur has its residual in no array; other operators leave it in r. Collective.
func (f *fidelity) gradient(g, x, r []float64) error {
	blur, ok := f.a.(*forward.Blur)
	if !ok {
		if err := f.apply(r, x); err != nil {
			return err
		}
		f.residual(r, r)
		return f.adjoint(g, r)
	}
	f.applied += 2
	return blur.RoundTrip(g, x, func(part []float64, first int) {
		var w []float64
		if n := len(f.w); n > 0 {
			w = f.w[first%n:] // rows do not reach from one channel into the next
		}
		pairs.Residual(part, part, f.y[first:], w)
	})
}

// adjoint sets g = A' r. Collective.
func (f *fidelity) adjoint(g, r []float64) error {
	if f.a == nil {
		copy(g, r)
		return nil
	}
	f.applied++
	return f.a.Adjoint(g, r)
}

// residual sets r = W (a - y); 0 at missing values. r may be a.
func (f *fidelity) residual(r, a []float64) {
	if f.w == nil {
		pairs.Residual(r, a, f.y, nil)
		return
	}
	for at, n := 0, len(f.w); at < len(r); at += n { // the weights may be those of each channel
		pairs.Residual(r[at:at+n], a[at:], f.y[at:], f.w)
	}
}

// misfit is this rank's part of ||W^(1/2) (a - y)||^2.
func (f *fidelity) misfit(a []float64) float64 {
	sum := 0.0
	for i, v := range a {
		if w := f.w.At(i); w != 0 {
			sum += w * (v - f.y[i]) * (v - f.y[i])
		}
	}
	return sum
}
