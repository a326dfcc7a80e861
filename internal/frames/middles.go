package frames

import (
	"math"

	"tessera/internal/outliers"
	"tessera/ranks"
)

// middles is, for each of some lists of numbers that the ranks have parts of, the number at the
// place n/2 of its n numbers in order; 0 of an empty list. No rank receives the numbers: a
// histogram of their first 8 bits says in which bin it is, one of the next 8 in which bin of
// that one, and so on. nil = this rank has all. Collective.
func middles(comm ranks.Comm, lists [][]float64) ([]float64, error) {
	const digits, bins = 8, 1 << 8
	place := make([]float64, len(lists))
	for g, list := range lists {
		place[g] = float64(len(list))
	}
	if err := reduced(comm, place, ranks.Sum); err != nil {
		return nil, err
	}
	empty := make([]bool, len(lists))
	for g, n := range place {
		empty[g], place[g] = n == 0, math.Floor(n/2)
	}
	prefix := make([]uint64, len(lists))
	counts := make([]float64, bins*len(lists))
	for shift := 64 - digits; shift >= 0; shift -= digits {
		clear(counts)
		for g, list := range lists {
			of := counts[g*bins:][:bins]
			for _, x := range list {
				if k := inOrder(x); shift+digits == 64 || k>>(shift+digits) == prefix[g] {
					of[k>>shift&(bins-1)]++
				}
			}
		}
		if err := reduced(comm, counts, ranks.Sum); err != nil {
			return nil, err
		}
		for g := range lists {
			b := 0
			for of := counts[g*bins:][:bins]; !empty[g] && place[g] >= of[b]; b++ {
				place[g] -= of[b]
			}
			prefix[g] = prefix[g]<<digits | uint64(b)
		}
	}
	values := make([]float64, len(lists))
	for g, k := range prefix {
		switch {
		case empty[g]:
		case k>>63 == 1:
			values[g] = math.Float64frombits(k &^ (1 << 63))
		default:
			values[g] = math.Float64frombits(^k)
		}
	}
	return values, nil
}

// inOrder is a whole number that grows with x.
func inOrder(x float64) uint64 {
	b := math.Float64bits(x)
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

// measured is outliers.Scale.Measure of lists that the ranks have parts of. Collective.
func measured(comm ranks.Comm, samples [][]float64) ([]outliers.Scale, error) {
	list := make([]outliers.Scale, len(samples))
	if comm == nil {
		for g := range list {
			list[g].Measure(samples[g])
		}
		return list, nil
	}
	centres, err := middles(comm, samples)
	if err != nil {
		return nil, err
	}
	for g, sample := range samples {
		for i, v := range sample {
			sample[i] = 2 * math.Abs(v/2-centres[g]/2) // halves: the difference of two float64 may be none
		}
	}
	spreads, err := middles(comm, samples)
	if err != nil {
		return nil, err
	}
	for g := range samples {
		var others []float64 // than those equal to the median
		for _, d := range samples[g] {
			if d > 0 {
				others = append(others, d)
			}
		}
		samples[g] = others
	}
	coarse, err := middles(comm, samples)
	if err != nil {
		return nil, err
	}
	for g := range list {
		s := &list[g]
		if s.Centre, s.Spread = centres[g], 1.4826*spreads[g]; s.Spread == 0 && coarse[g] > 0 {
			s.Spread, s.Coarse = coarse[g], true
		}
	}
	return list, nil
}
