package psf

import (
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
func noises(comm ranks.Comm, s *entered, o *Options) ([]float64, error) {
	out := make([]float64, s.Count())
	switch o.Noise {
	case Given:
		for i := range out {
			out[i] = o.Sigma
		}
	case FromWeights:
		for i := range out {
			out[i] = s.noiseOfWeights(i)
		}
	case MADPerStamp:
		for i := range out {
			if seen := s.unmasked(nil, i); len(seen) > 0 {
				out[i] = mad(seen)
			}
		}
	case DifferencesPerStamp:
		for i := range out {
			out[i] = s.noiseOfDifferences(i)
		}
	default:
		sigma, err := s.noiseOfStack(comm, o.Noise == MAD)
		if err != nil {
			return nil, err
		}
		for i := range out {
			out[i] = sigma
		}
	}
	return out, nil
}

// noiseOfWeights divides the weights of stamp i by their median and returns the noise of
// that.
func (s *entered) noiseOfWeights(i int) float64 {
	n := s.Side * s.Side
	w := s.Weights[i*n : (i+1)*n]
	seen := make([]float64, 0, n)
	for _, v := range w {
		if v > 0 {
			seen = append(seen, v)
		}
	}
	if len(seen) == 0 {
		return 0 // all pixels masked
	}
	m := median(seen)
	for j := range w {
		w[j] /= m
	}
	return s.in(1 / math.Sqrt(m))
}

// in brings a number from the unit of the data to that of the iteration.
func (s *entered) in(v float64) float64 { return math.Ldexp(v, -s.exponent) }

// fewest is how many second differences near the borders an estimate needs. With fewer,
// those of whole stamps serve, and without these the deviations from the median.
const fewest = 32

// noiseOfDifferences is the noise of stamp i by itself.
func (s *entered) noiseOfDifferences(i int) float64 {
	for _, all := range []bool{false, true} {
		if seen := s.differences(nil, i, all); len(seen) >= fewest {
			if sigma := madFactor * median(seen); sigma > 0 {
				return sigma
			}
		}
	}
	if seen := s.unmasked(nil, i); len(seen) > 0 {
		return mad(seen)
	}
	return 0
}

// noiseOfStack is the noise of all stamps together, from the deviations from the median if
// plain, otherwise from differences. Collective; the result is the same on all ranks.
func (s *entered) noiseOfStack(comm ranks.Comm, plain bool) (float64, error) {
	for _, all := range []bool{false, true} {
		if plain {
			break
		}
		var seen []float64
		for i := range s.Count() {
			seen = s.differences(seen, i, all)
		}
		m, count, err := stackMedian(comm, seen)
		if err != nil {
			return 0, err
		}
		if count >= fewest && m > 0 {
			return madFactor * m, nil
		}
	}
	seen := make([]float64, 0, len(s.Data))
	for i := range s.Count() {
		seen = s.unmasked(seen, i)
	}
	m, _, err := stackMedian(comm, seen)
	if err != nil {
		return 0, err
	}
	for i, v := range seen {
		seen[i] = math.Abs(v - m)
	}
	d, _, err := stackMedian(comm, seen)
	if err == nil && d == 0 {
		err = &StackError{"the noise of the stack comes out as 0, because more than half of its pixels are equal; set Noise to Given and Sigma to its standard deviation"}
	}
	return madFactor * d, err
}

// cross are the weights of second differences along both axes, 3 x 3 pixels. A plane, and
// any sum of a function of the row and one of the column, gives 0.
var cross = [9]float64{1, -2, 1, -2, 4, -2, 1, -2, 1}

// differences appends the absolute second differences of stamp i, divided by their standard
// deviation under white noise of standard deviation 1 / sqrt(weight): those near its
// borders, at most a fifth of the side away, or all. Nine equal pixels are no measurement
// but filled in, and pixels of weight 0 have none.
func (s *Stack) differences(to []float64, i int, all bool) []float64 {
	side := s.Side
	ring := max(2, side/5)
	first := i * side * side
	for r := 1; r < side-1; r++ {
		for c := 1; c < side-1; c++ {
			if !all && min(r, c, side-1-r, side-1-c) > ring {
				continue
			}
			sum, variance := 0.0, 0.0
			equal := true
			for k, f := range cross {
				at := first + (r+k/3-1)*side + c + k%3 - 1
				v := s.Data[at]
				sum += f * v
				variance += f * f / s.weight(at) // infinite beside a pixel that is not observed
				equal = equal && v == s.Data[first+r*side+c]
			}
			if !equal && !math.IsInf(variance, 1) {
				to = append(to, math.Abs(sum)/math.Sqrt(variance))
			}
		}
	}
	return to
}

// unmasked appends the pixels of stamp i whose weight is not 0.
func (s *Stack) unmasked(to []float64, i int) []float64 {
	n := s.Side * s.Side
	for j := i * n; j < (i+1)*n; j++ {
		if s.weight(j) > 0 {
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

// stackMedian is the exact median of the values of all ranks, 0 if there are none, and how
// many there are. Collective.
func stackMedian(comm ranks.Comm, v []float64) (m float64, total int, err error) {
	count := []float64{float64(len(v))}
	if err := comm.Allreduce(count, count, ranks.Sum); err != nil {
		return 0, 0, err
	}
	total = int(count[0])
	if total == 0 {
		return 0, 0, nil
	}
	hi, err := orderStatistic(comm, v, total/2)
	if err != nil || total%2 == 1 {
		return hi, total, err
	}
	lo, err := orderStatistic(comm, v, total/2-1)
	return lo/2 + hi/2, total, err
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
