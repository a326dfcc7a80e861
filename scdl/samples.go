package scdl

import (
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// TileSamples is the number of samples of a tile. A tile is processed at once, so that its
// state stays in cache.
const TileSamples = 64

// Share is the part lo <= k < hi of total samples that a rank of size ranks should have:
// whole tiles, of which only the last one of the set may be shorter, and at most one tile
// more than any other rank.
func Share(total, size, rank int) (lo, hi int) {
	lo, hi = halo.Split((total+TileSamples-1)/TileSamples, size, rank)
	return min(lo*TileSamples, total), min(hi*TileSamples, total)
}

// Samples is this rank's part of a set of matched high and low samples: consecutive
// samples, in the order of the ranks, whole tiles as Share says. A rank may have none.
type Samples struct {
	P, M  int       // numbers of a high and of a low sample; the same on all ranks
	First int       // number of this rank's first sample in the whole set, from 0; a multiple of TileSamples
	Total int       // samples in the whole set; the same on all ranks
	High  []float64 // count x P, any unit
	Low   []float64 // count x M, in the unit of High
}

// Count is the number of this rank's samples.
func (s *Samples) Count() int { return len(s.High) / max(1, s.P) }

// Check returns what is wrong with this rank's part. It is not collective. Train, Online,
// RawAtoms, Regress and Digest call it.
func (s *Samples) Check() error {
	switch {
	case s == nil:
		return fmt.Errorf("scdl: no samples")
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

// zero tells whether all numbers of the high or of the low half of this rank's sample i
// are 0. Such a sample cannot be an atom.
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

// gather copies the samples with the given numbers to every rank, in that order:
// len(numbers) x (P+M), each high then low. Collective.
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

// usable tells of each sample of the whole set whether it can be an atom. Collective.
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
