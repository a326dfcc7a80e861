package psf

import (
	"cmp"
	"math"
	"math/rand/v2"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// compatible sets the options to what sf_deconvolve 5.0 does:
//
//   - x and u begin with ones, both steps are 0.5;
//   - linear bands with thresholds 3, 3, 4;
//   - the thresholds of stamp i are those of stamp n-1-i, because sf_deconvolve reverses
//     the stack of PSFs where it should rotate each PSF by 180 degrees;
//   - the hard threshold of the singular values;
//   - beta by at most 20 steps of the power method;
//   - float64.
//
// Iterations, border, reweightings and the factor of lambda remain the caller's, and so
// do start, steps and threshold where the caller sets them.
func (o Options) compatible() Options {
	o.Precision, o.Start = Double, cmp.Or(o.Start, FromOnes)
	o.Wavelet, o.Scales, o.Thresholds = Linear, 3, []float64{3, 3, 4}
	o.Tau, o.SigmaDual, o.Rho = cmp.Or(o.Tau, 0.5), cmp.Or(o.SigmaDual, 0.5), cmp.Or(o.Rho, 0.8)
	o.Threshold = cmp.Or(o.Threshold, Hard)
	o.Noise = cmp.Or(o.Noise, MAD)
	o.accuracy = exact
	return o
}

// settled is the stopping rule of sf_deconvolve: after every fourth cost it compares
// the mean of the last two costs with the mean of the two before them.
func settled(costs []float64, tolerance float64) bool {
	if len(costs)%4 != 0 || len(costs) == 0 {
		return false
	}
	c := costs[len(costs)-4:]
	last, first := (c[2]+c[3])/2, (c[0]+c[1])/2
	return last == 0 || math.Abs(last-first)/math.Abs(last) <= tolerance
}

// powerNorm estimates the largest |H_i|^2 as sf_deconvolve does: by at most 20 steps of
// the power method on the whole stack, fewer if the norm changes by less than 1e-6.
// Collective.
func powerNorm[T linalg.Float](s *solver[T]) (float64, error) {
	x := make([]T, len(s.stamps)*s.n)
	for i, st := range s.stamps {
		r := rand.New(rand.NewPCG(s.o.Seed, uint64(st.id)))
		part := s.part(x, i)
		for j := range part {
			part[j] = T(r.Float64())
		}
	}
	norm := 0.0
	for range 20 {
		sum := []float64{0}
		for i := range s.stamps {
			part := x[i*s.n : (i+1)*s.n]
			filter := s.filters[s.stamps[i].psf]
			s.conv.Apply(part, part, filter)
			s.conv.ApplyTranspose(part, part, filter)
			for _, v := range part {
				sum[0] += float64(v) * float64(v)
			}
		}
		if err := s.comm.Allreduce(sum, sum, ranks.Sum); err != nil {
			return 0, err
		}
		before := norm
		norm = math.Sqrt(sum[0])
		for i := range x {
			x[i] = T(float64(x[i]) / norm)
		}
		if math.Abs(norm-before) < 1e-6 {
			break
		}
	}
	return norm, nil
}
