package kernel

import (
	"math"

	"tessera/ranks"
)

// Variance is the predictive variance of f at any points (n x Dim), approximately,
//
//	(k(0) - k_x' (K + Lambda)_b^-1 k_x) / lambda,
//
// in the unit of y squared where sigma_i is the standard deviation of the noise and
// 1/lambda the variance of f beforehand. Only the observations of one block b
// are used, the nearest one to x with its overlap: leaving observations out cannot lower
// the variance, so that the approximation is never too small. Collective: wrong points on
// one rank are the same error on every rank.
func (f *Fit) Variance(x []float64) ([]float64, error) {
	s := f.system
	d, size := s.halo.dim, s.comm.Size()
	if err := ranks.AgreeError(s.comm, checkPlaces(x, d)); err != nil {
		return nil, err
	}
	n := len(x) / d
	parts := make([][]float64, size)
	places := make([][]int32, size)
	for i := range n {
		t := x[i*d : (i+1)*d]
		r := f.Partition.Owner(t, -1)
		parts[r] = append(parts[r], t...)
		places[r] = append(places[r], int32(i))
	}
	asked, err := ranks.Deliver(s.comm, parts)
	if err != nil {
		return nil, err
	}
	answers := make([][]float64, size)
	for r, targets := range asked {
		answers[r] = s.variances(targets)
	}
	back, err := ranks.Deliver(s.comm, answers)
	if err != nil {
		return nil, err
	}
	v := make([]float64, n)
	for r := range size {
		for q, i := range places[r] {
			v[i] = back[r][q] / f.lambda
		}
	}
	return v, nil
}

// variances is k(0) - k_t' A_b^-1 k_t for targets t.
func (s *System) variances(targets []float64) []float64 {
	d := s.halo.dim
	boxes := make([][2][]float64, len(s.blocks))
	for i := range s.blocks {
		b := &s.blocks[i]
		boxes[i][0], boxes[i][1] = s.boxOf(b.points[:b.own])
	}
	out := make([]float64, len(targets)/d)
	var k, z []float64
	for i := range out {
		t := targets[i*d : (i+1)*d]
		nearest, least := -1, math.Inf(1)
		for j, box := range boxes {
			if r2 := boxDistance2(box[0], box[1], t); r2 < least {
				nearest, least = j, r2
			}
		}
		out[i] = 1
		if nearest < 0 {
			continue // nothing was observed here
		}
		b := &s.blocks[nearest]
		k = k[:0]
		for _, p := range b.points {
			k = append(k, distance2(t, s.halo.x[int(p)*d:(int(p)+1)*d]))
		}
		s.profile.eval(k)
		z = append(z[:0], k...)
		b.solve(z, &s.tmp)
		for j := range k {
			out[i] -= k[j] * z[j]
		}
		out[i] = max(0, out[i]) // rounding
	}
	return out
}
