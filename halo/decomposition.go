package halo

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
)

// Decomposition is a domain [0, shape) and the box that each rank owns. The owned
// boxes cover every cell exactly once. A Decomposition does not change and may be
// shared between goroutines. Every rank makes the same one for itself.
type Decomposition struct {
	shape  []int
	owned  []Box
	grid   []int // ranks along each axis; nil if the boxes do not form a grid
	index  index
	digest float64 // of shape and boxes, to compare the decompositions of two ranks
}

// Decompose cuts a domain of 1 to 3 axes, shape[k] cells along axis k, into one
// non-empty box for each rank. The boxes form the grid that Grid finds, unless
// there is none or recursive bisection cuts less than half as many cell faces: a
// square frame on 11 ranks becomes bricks rather than 11 strips.
func Decompose(shape []int, ranks int) (*Decomposition, error) {
	if err := checkShape(ranks, shape); err != nil {
		return nil, err
	}
	bricks, cut := bisect(whole(shape), ranks, nil, 0)
	if grid, err := Grid(ranks, shape); err == nil && gridCut(grid, shape) <= 2*cut {
		return newDecomposition(shape, gridBoxes(grid, shape), grid), nil
	}
	return newDecomposition(shape, bricks, nil), nil
}

// FromBoxes makes a decomposition of given boxes: rank r owns owned[r]. Boxes may be
// empty. Together they must cover every cell of [0, shape) exactly once.
func FromBoxes(shape []int, owned []Box) (*Decomposition, error) {
	if err := checkShape(1, shape); err != nil {
		return nil, err
	}
	if len(owned) == 0 {
		return nil, fmt.Errorf("halo: no boxes to cover %s cells", shapeString(shape))
	}
	domain := whole(shape)
	cells := 0
	copied := make([]Box, len(owned))
	for r, b := range owned {
		if len(b.Lo) != len(shape) || len(b.Hi) != len(shape) {
			return nil, fmt.Errorf("halo: the box of rank %d has corners of %d and %d dimensions, the domain %d",
				r, len(b.Lo), len(b.Hi), len(shape))
		}
		if !domain.Contains(b) {
			return nil, fmt.Errorf("halo: rank %d owns %v, which reaches out of the domain %v", r, b, domain)
		}
		cells += b.Size()
		copied[r] = b.Grow(nil)
	}
	d := newDecomposition(shape, copied, nil)
	for r, b := range copied {
		for _, q := range d.index.meeting(b) {
			if q != r {
				return nil, fmt.Errorf("halo: ranks %d and %d both own %v", min(q, r), max(q, r), b.Intersect(copied[q]))
			}
		}
	}
	if cells != domain.Size() {
		return nil, fmt.Errorf("halo: the boxes cover %d of %d cells; no rank owns cell %v",
			cells, domain.Size(), d.firstGap())
	}
	return d, nil
}

func newDecomposition(shape []int, owned []Box, grid []int) *Decomposition {
	return &Decomposition{
		shape: slices.Clone(shape), owned: owned, grid: grid,
		index: newIndex(shape, owned), digest: digest(shape, owned),
	}
}

// digest is a hash of 52 bits, which float64 holds exactly.
func digest(shape []int, owned []Box) float64 {
	h := fnv.New64a()
	var buf [8]byte
	add := func(list []int) {
		for _, n := range list {
			binary.LittleEndian.PutUint64(buf[:], uint64(n))
			h.Write(buf[:])
		}
	}
	add(shape)
	for _, b := range owned {
		add(b.Lo)
		add(b.Hi)
	}
	return float64(h.Sum64() >> 12)
}

// Ranks is the number of boxes, one for each rank.
func (d *Decomposition) Ranks() int { return len(d.owned) }

// Domain is the box [0, shape).
func (d *Decomposition) Domain() Box { return whole(d.shape) }

// Owned is the box that a rank owns.
func (d *Decomposition) Owned(rank int) Box { return d.owned[rank].Grow(nil) }

// GridShape is the number of ranks along each axis, or nil if the boxes do not form
// a grid. Rank numbers run fastest along the last axis.
func (d *Decomposition) GridShape() []int { return slices.Clone(d.grid) }

// firstGap is the first cell, in row-major order, that no rank owns. There must be one.
func (d *Decomposition) firstGap() []int {
	at := make([]int, len(d.shape))
	last := len(at) - 1
	for {
		cell := Box{Lo: at, Hi: make([]int, len(at))}
		for k := range at {
			cell.Hi[k] = at[k] + 1
		}
		owner := d.index.meeting(cell)
		if len(owner) == 0 {
			return at
		}
		at[last] = d.owned[owner[0]].Hi[last]
		for k := last; k > 0 && at[k] == d.shape[k]; k-- {
			at[k] = 0
			at[k-1]++
		}
	}
}
