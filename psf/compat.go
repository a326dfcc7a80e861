package psf

import (
	"cmp"
	"math"
	"math/rand/v2"

	"tessera/internal/linalg"
	"tessera/internal/wavelet"
	"tessera/ranks"
)

// compatible lays what sf_deconvolve 5.0 does over the options: everything starts
// with ones, steps 0.5, linear bands, weights of the stamps in reverse order (it
// turns the stack of PSFs instead of each), the hard threshold, beta by at most 20
// steps of the power method, float64. What the caller says about iterations,
// border, reweightings and the factor of lambda stands.
func (o Options) compatible() Options {
	o.Precision, o.Start = Double, cmp.Or(o.Start, FromOnes)
	o.Family, o.Scales, o.Thresholds = wavelet.Linear, 3, []float64{3, 3, 4}
	o.Tau, o.SigmaDual, o.Rho = cmp.Or(o.Tau, 0.5), cmp.Or(o.SigmaDual, 0.5), cmp.Or(o.Rho, 0.8)
	o.Threshold = cmp.Or(o.Threshold, Hard)
	o.Noise = cmp.Or(o.Noise, MAD)
	o.accuracy = exact
	return o
}

// settled is the reference's test: every fourth cost the means of the last two and
// of the two before are compared, and the list begins anew.
func settled(costs []float64, tolerance float64) bool {
	if len(costs)%4 != 0 || len(costs) == 0 {
		return false
	}
	c := costs[len(costs)-4:]
	last, first := (c[2]+c[3])/2, (c[0]+c[1])/2
	return last == 0 || math.Abs(last-first)/math.Abs(last) <= tolerance
}

// powerNorm estimates the largest |H_i|^2 as the reference does: at most 20 steps
// of the power method over the whole stack, until the norm changes by less than
// 1e-6. Collective.
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
			filter := s.filters[s.stamps[i].kernel]
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
