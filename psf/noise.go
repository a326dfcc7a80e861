package psf

import (
	"errors"
	"math"
	"slices"

	"tessera/ranks"
)

// madFactor is the standard deviation of normally distributed numbers divided by their
// median absolute deviation.
const madFactor = 1.4826

// noises returns the standard deviation of the noise of each of this rank's stamps, 0
// for a stamp without unmasked pixels. With FromWeights the weights of each stamp are
// divided by their median, of which the noise is 1/sqrt. Collective; "comes out as 0"
// is an error on all ranks.
func noises(comm ranks.Comm, s *Stack, o *Options, weights []float64) ([]float64, error) {
	n := s.Side * s.Side
	out := make([]float64, s.Count())
	switch o.Noise {
	case Given:
		for i := range out {
			out[i] = o.Sigma
		}
	case FromWeights:
		for i := range out {
			w := weights[i*n : (i+1)*n]
			seen := make([]float64, 0, n)
			for _, v := range w {
				if v > 0 {
					seen = append(seen, v)
				}
			}
			if len(seen) == 0 {
				continue // all pixels masked
			}
			m := median(seen)
			out[i] = 1 / math.Sqrt(m)
			for j := range w {
				w[j] /= m
			}
		}
	case MADPerStamp:
		for i := range out {
			seen := unmasked(nil, s, i)
			if len(seen) == 0 {
				continue
			}
			out[i] = mad(seen)
		}
	default:
		seen := make([]float64, 0, len(s.Data))
		for i := range out {
			seen = unmasked(seen, s, i)
		}
		m, err := stackMedian(comm, seen)
		if err != nil {
			return nil, err
		}
		for i, v := range seen {
			seen[i] = math.Abs(v - m)
		}
		d, err := stackMedian(comm, seen)
		if err != nil {
			return nil, err
		}
		if d == 0 {
			return nil, errors.New("psf: the noise of the stack comes out as 0, because more than half of its pixels are equal; set Noise to Given and Sigma to its standard deviation")
		}
		for i := range out {
			out[i] = madFactor * d
		}
	}
	return out, nil
}

// unmasked appends the pixels of stamp i whose weight is not 0.
func unmasked(to []float64, s *Stack, i int) []float64 {
	n := s.Side * s.Side
	for j := i * n; j < (i+1)*n; j++ {
		if s.Weights == nil || s.Weights[j] > 0 {
			to = append(to, s.Data[j])
		}
	}
	return to
}

// mad is 1.4826 times the median absolute deviation; it reorders v.
func mad(v []float64) float64 {
	m := median(v)
	for i, x := range v {
		v[i] = math.Abs(x - m)
	}
	return madFactor * median(v)
}

// median reorders v; of an even count it is the mean of the middle two.
func median(v []float64) float64 {
	slices.Sort(v)
	h := len(v) / 2
	if len(v)%2 == 1 {
		return v[h]
	}
	return (v[h-1] + v[h]) / 2
}

// stackMedian is the exact median of the values of all ranks, 0 if there are none.
// Collective.
func stackMedian(comm ranks.Comm, v []float64) (float64, error) {
	count := []float64{float64(len(v))}
	if err := comm.Allreduce(count, count, ranks.Sum); err != nil {
		return 0, err
	}
	total := int(count[0])
	if total == 0 {
		return 0, nil
	}
	hi, err := orderStatistic(comm, v, total/2)
	if err != nil || total%2 == 1 {
		return hi, err
	}
	lo, err := orderStatistic(comm, v, total/2-1)
	return (lo + hi) / 2, err
}

// orderStatistic is the value at the given place, from 0, when the values of all ranks
// are sorted. A histogram of the first 16 bits says which bin it is in, a second one of
// the next 16 bits which bin of that one, and so on: 4 sums of 65536 numbers.
// Collective.
func orderStatistic(comm ranks.Comm, v []float64, place int) (float64, error) {
	const digits = 16
	var prefix uint64
	bins := make([]float64, 1<<digits)
	for shift := 64 - digits; shift >= 0; shift -= digits {
		clear(bins)
		for _, x := range v {
			k := sortKey(x)
			if shift+digits == 64 || k>>(shift+digits) == prefix {
				bins[k>>shift&(1<<digits-1)]++
			}
		}
		if err := comm.Allreduce(bins, bins, ranks.Sum); err != nil {
			return 0, err
		}
		b := 0
		for place >= int(bins[b]) {
			place -= int(bins[b])
			b++
		}
		prefix = prefix<<digits | uint64(b)
	}
	if prefix>>63 == 1 {
		prefix &^= 1 << 63
	} else {
		prefix = ^prefix
	}
	return math.Float64frombits(prefix), nil
}

// sortKey maps numbers to integers of the same order.
func sortKey(x float64) uint64 {
	b := math.Float64bits(x)
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}
