package scdl

import (
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// TileSamples is how many samples are worked on at once: their state stays in cache.
const TileSamples = 64

// Share is the part lo <= k < hi of total samples that a rank gets to learn from:
// whole tiles of TileSamples, of which the last one of all may be short, and at most
// one more of them than any other rank.
func Share(total, size, rank int) (lo, hi int) {
	lo, hi = halo.Split((total+TileSamples-1)/TileSamples, size, rank)
	return min(lo*TileSamples, total), min(hi*TileSamples, total)
}

// Samples is this rank's part of matched samples: consecutive ones, in the order of
// the ranks. What a rank has begins with a multiple of TileSamples, as Share deals it.
type Samples struct {
	P, M  int       // numbers in a high and in a low sample
	First int       // number of this rank's first sample in the whole set
	Total int       // samples in the whole set
	High  []float64 // count x P
	Low   []float64 // count x M
}

// Count is the number of this rank's samples.
func (s *Samples) Count() int { return len(s.High) / max(1, s.P) }

// Check finds what is wrong with this rank's part.
func (s *Samples) Check() error {
	switch {
	case s.P < 1 || s.M < 1 || len(s.High)%max(1, s.P) != 0 || len(s.Low) != s.Count()*s.M:
		return fmt.Errorf("scdl: %d and %d numbers are not matched samples of %d and %d", len(s.High), len(s.Low), s.P, s.M)
	case s.Total < 1:
		return fmt.Errorf("scdl: no samples")
	case s.First < 0 || s.First+s.Count() > s.Total:
		return fmt.Errorf("scdl: samples %d to %d of %d", s.First, s.First+s.Count(), s.Total)
	case s.Count() > 0 && (s.First%TileSamples != 0 || s.First+s.Count() < s.Total && s.Count()%TileSamples != 0):
		return fmt.Errorf("scdl: samples %d to %d of %d, want whole tiles of %d", s.First, s.First+s.Count(), s.Total, TileSamples)
	}
	for i, v := range s.High {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("scdl: high sample %d: number %d is %g", s.First+i/s.P, i%s.P, v)
		}
	}
	for i, v := range s.Low {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("scdl: low sample %d: number %d is %g", s.First+i/s.M, i%s.M, v)
		}
	}
	return nil
}

// zero tells whether sample i of this rank has nothing in it, high or low: such
// samples make no atoms.
func (s *Samples) zero(i int) bool {
	empty := func(x []float64) bool {
		for _, v := range x {
			if v != 0 {
				return false
			}
		}
		return true
	}
	return empty(s.High[i*s.P:(i+1)*s.P]) || empty(s.Low[i*s.M:(i+1)*s.M])
}

// gather brings the samples with the given numbers to every rank, in that order: A x
// (P+M), each high then low. Collective.
func (s *Samples) gather(comm ranks.Comm, numbers []int) ([]float64, error) {
	w := s.P + s.M
	all := make([]float64, len(numbers)*w)
	for a, k := range numbers {
		if i := k - s.First; i >= 0 && i < s.Count() {
			copy(all[a*w:], s.High[i*s.P:(i+1)*s.P])
			copy(all[a*w+s.P:], s.Low[i*s.M:(i+1)*s.M])
		}
	}
	return all, comm.Allreduce(all, all, ranks.Sum)
}

// usable marks the samples of the whole set that can make atoms. Collective.
func (s *Samples) usable(comm ranks.Comm) ([]bool, error) {
	marks := make([]float64, s.Total)
	for i := range s.Count() {
		if !s.zero(i) {
			marks[s.First+i] = 1
		}
	}
	if err := comm.Allreduce(marks, marks, ranks.Sum); err != nil {
		return nil, err
	}
	ok := make([]bool, s.Total)
	for i, v := range marks {
		ok[i] = v > 0
	}
	return ok, nil
}
