package kernel

import (
	"fmt"
	"math"

	"tessera/ranks"
)

// Evaluate sets f(t) = sum_j k(|t - x_j|) a_j for any targets t (n x Dim),
// different ones on every rank; a holds this rank's coefficients. With grad, the same
// on every rank, it also returns the gradient of f, n x Dim, else nil.
// SystemOptions.Scale has no effect. Each target goes to the ranks that own points within
// the radius, and the sums that they return are added in the order of ranks. Collective:
// wrong targets or coefficients on one rank are the same error on every rank.
func (s *System) Evaluate(targets, a []float64, grad bool) (f, df []float64, err error) {
	d, size := s.halo.dim, s.comm.Size()
	err = checkPlaces(targets, d)
	if err == nil && len(a) != s.Len() {
		err = fmt.Errorf("kernel: %d coefficients for %d points", len(a), s.Len())
	}
	if err := ranks.AgreeError(s.comm, err); err != nil {
		return nil, nil, err
	}
	n := len(targets) / d
	limit := s.radius * s.radius
	parts := make([][]float64, size)
	places := make([][]int32, size)
	for r := range size {
		lo, hi := s.halo.box(r)
		if lo[0] > hi[0] {
			continue
		}
		for i := range n {
			if t := targets[i*d : (i+1)*d]; boxDistance2(lo, hi, t) < limit {
				parts[r] = append(parts[r], t...)
				places[r] = append(places[r], int32(i))
			}
		}
	}
	asked, err := ranks.Deliver(s.comm, parts)
	if err != nil {
		return nil, nil, err
	}
	width := 1
	if grad {
		width += d
	}
	answers := make([][]float64, size)
	for r, targets := range asked {
		answers[r] = s.sums(targets, a, width)
	}
	back, err := ranks.Deliver(s.comm, answers)
	if err != nil {
		return nil, nil, err
	}
	f = make([]float64, n)
	if grad {
		df = make([]float64, n*d)
	}
	for r := range size {
		for q, i := range places[r] {
			v := back[r][q*width : (q+1)*width]
			f[i] += v[0]
			for k, g := range v[1:] {
				df[int(i)*d+k] += g
			}
		}
	}
	return f, df, nil
}

// checkPlaces finds what is wrong with points (n x dim).
func checkPlaces(x []float64, dim int) error {
	if len(x)%dim != 0 {
		return fmt.Errorf("kernel: %d coordinates of points in %d dimensions", len(x), dim)
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("kernel: point %d: coordinate %d is %v", i/dim, i%dim, v)
		}
	}
	return nil
}

// sums evaluates the part of f, and for width > 1 of its gradient, that comes from
// this rank's own points.
func (s *System) sums(targets, a []float64, width int) []float64 {
	d := s.halo.dim
	if s.ownCells == nil {
		s.ownCells = newCells(d, s.halo.x[:s.halo.own*d], s.radius)
	}
	c := s.ownCells
	limit := s.radius * s.radius
	out := make([]float64, 0, len(targets)/d*width)
	var near []int32
	var r2 []float64
	for ; len(targets) > 0; targets = targets[d:] {
		t := targets[:d]
		near, r2 = near[:0], r2[:0]
		c.runs(t, t, s.radius, func(points []int32) {
			for _, j := range points {
				if q := distance2(t, c.x[int(j)*d:(int(j)+1)*d]); q < limit {
					near = append(near, j)
					r2 = append(r2, q)
				}
			}
		})
		var sum [4]float64
		for k, j := range near {
			if width == 1 {
				break
			}
			slope := a[j] * s.profile.slope(r2[k])
			for e := range d {
				sum[1+e] += slope * (t[e] - c.x[int(j)*d+e])
			}
		}
		s.profile.eval(r2)
		for k, j := range near {
			sum[0] += a[j] * r2[k]
		}
		out = append(out, sum[:width]...)
	}
	return out
}
