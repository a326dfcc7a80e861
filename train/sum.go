package train

import (
	"fmt"
	"math/bits"
	"slices"

	"tessera/halo"
	"tessera/ranks"
)

// sumTag is that of the messages of a sum.
const sumTag = 61

// sum adds up one vector for each item of a batch in a binary tree over the places 0, 1, ... of
// the items in the batch: two neighbouring blocks of 2^k places each are added to one of 2^(k+1)
// wherever the first begins at a multiple of that. The tree does not depend on who computes which
// vectors, so that the total has the same bits on any number of ranks. A rank that holds
// neighbouring places keeps at most two blocks of each size.
type sum struct {
	width  int // of a vector
	blocks []block
	free   [][]float64
	hop    []float64 // of the messages from rank to rank
}

// block is the sum of the vectors at size places from start on; size is a power of two that divides start.
type block struct {
	start, size int
	values      []float64
}

// vector is one of zeros, for add.
func (s *sum) vector() []float64 {
	if n := len(s.free); n > 0 {
		v := s.free[n-1]
		s.free = s.free[:n-1]
		clear(v)
		return v
	}
	return make([]float64, s.width)
}

// add takes the vector of the place after those added so far, which it keeps.
func (s *sum) add(place int, v []float64) { s.push(block{place, 1, v}) }

func (s *sum) push(b block) {
	for n := len(s.blocks); n > 0; n-- {
		left := s.blocks[n-1]
		if left.size != b.size || left.start%(2*b.size) != 0 {
			break
		}
		for i, v := range b.values {
			left.values[i] += v
		}
		s.free = append(s.free, b.values)
		s.blocks, b = s.blocks[:n-1], block{left.start, 2 * b.size, left.values}
	}
	s.blocks = append(s.blocks, b)
}

// total is the sum over all ranks, of which rank r has added the places from first on and those
// before it hold all before first; places is the number of all. extra is added up over the ranks, too. The
// rank passes on the blocks of all places up to its own, so that the last has the total. The result
// is the same on all ranks and stands until the next call. Collective.
func (s *sum) total(comm ranks.Comm, first, places int, extra []float64) ([]float64, error) {
	own := slices.Clone(s.blocks)
	s.blocks = s.blocks[:0]
	most := bits.Len(uint(places))*s.width + len(extra)
	if len(s.hop) < most {
		s.hop = make([]float64, most)
	}
	if r := comm.Rank(); r > 0 {
		hop := s.hop[:bits.OnesCount(uint(first))*s.width+len(extra)]
		if _, err := comm.Recv(hop, r-1, sumTag); err != nil {
			return nil, fmt.Errorf("train: the sum of the ranks before: %w", err)
		}
		start := 0
		for left := uint(first); left > 0; {
			size := 1 << (bits.Len(left) - 1)
			v := s.vector()
			copy(v, hop)
			s.blocks = append(s.blocks, block{start, size, v})
			hop, start, left = hop[s.width:], start+size, left-uint(size)
		}
		for i, v := range hop {
			extra[i] += v
		}
	}
	for _, b := range own {
		s.push(b)
	}
	out := s.hop[:s.width+len(extra)]
	if r := comm.Rank(); r < comm.Size()-1 {
		hop := s.hop[:0]
		for _, b := range s.blocks {
			hop = append(hop, b.values...)
		}
		if err := comm.Send(append(hop, extra...), r+1, sumTag); err != nil {
			return nil, fmt.Errorf("train: the sum for the next rank: %w", err)
		}
	} else {
		for n := len(s.blocks) - 1; n > 0; n-- {
			for i, v := range s.blocks[n].values {
				s.blocks[n-1].values[i] += v
			}
		}
		copy(out, s.blocks[0].values)
		copy(out[s.width:], extra)
	}
	for _, b := range s.blocks {
		s.free = append(s.free, b.values)
	}
	s.blocks = s.blocks[:0]
	return out, comm.Bcast(out, comm.Size()-1)
}

// Traffic is how many messages with how many numbers n ranks send in the steps of a Run with so
// many parameters and items a batch; with batches of some of the items, about that.
func Traffic(n, parameters, items, steps int) (messages, numbers float64) {
	for r := 1; r < n; r++ {
		first, _ := halo.Split(items, n, r)
		numbers += float64(bits.OnesCount(uint(first))*(parameters+1) + 2) // to the next rank
		numbers += float64(parameters + 3)                                 // the broadcast
		messages += 2
	}
	return float64(steps) * messages, float64(steps) * numbers
}
