package loadbalance

import (
	"math"
	"slices"
)

// Shape is the grid of n cells, the k-th number along axis k, that has the smallest
// faces between cells on a box of the given extents. If n is a prime, the grid is a row
// of slabs; Strips then finds smaller faces.
func Shape(n int, extent []float64) []int {
	extent = positive(extent)
	shape, best := make([]int, len(extent)), math.Inf(1)
	var try func(axis, left int, at []int)
	try = func(axis, left int, at []int) {
		if axis == len(extent)-1 {
			at[axis] = left
			area := 0.0
			for k, cells := range at {
				area += float64(cells-1) * face(extent, k)
			}
			if area < best {
				best = area
				copy(shape, at)
			}
			return
		}
		for cells := 1; cells <= left; cells++ {
			if left%cells == 0 {
				at[axis] = cells
				try(axis+1, left/cells, at)
			}
		}
	}
	try(0, n, make([]int, len(extent)))
	return shape
}

// face is the area of a cut across axis k.
func face(extent []float64, k int) float64 {
	area := 1.0
	for j, e := range extent {
		if j != k {
			area *= e
		}
	}
	return area
}

// positive scales the extents so that the largest is 1, and raises those below 1e-9 to
// it: an axis without extent is cut only if no other axis can be.
func positive(extent []float64) []float64 {
	largest := slices.Max(extent)
	e := make([]float64, len(extent))
	for k := range e {
		e[k] = 1
		if largest > 0 {
			e[k] = max(extent[k]/largest, 1e-9)
		}
	}
	return e
}

// arrangement is the tree of jagged strips, with the number of cells in each piece.
type arrangement struct {
	cells  int
	pieces []*arrangement // along this axis; on the last one, single cells with none
}

// regular is the arrangement of a grid of cells.
func regular(shape []int) *arrangement {
	if len(shape) == 0 {
		return &arrangement{cells: 1}
	}
	piece := regular(shape[1:])
	a := &arrangement{cells: shape[0] * piece.cells}
	for range shape[0] {
		a.pieces = append(a.pieces, piece)
	}
	return a
}

// arrange finds the arrangement of n cells of equal volume with the smallest area of
// the faces between them. It tries every number s of slabs; the last n mod s slabs have
// one cell more than the others, and each of the two sizes of slab is arranged best in
// the same way. units, if not nil, bounds the number of pieces along each axis; if the
// bounds leave no arrangement the result is nil. Cost about n^(d-1) for d axes.
func arrange(n int, extent []float64, units []int) *arrangement {
	if units == nil {
		units = slices.Repeat([]int{math.MaxInt}, len(extent))
	}
	a, _ := arrangeWithin(n, positive(extent), units, math.Inf(1))
	return a
}

// arrangeWithin returns nil where no arrangement has less than the given area.
func arrangeWithin(n int, extent []float64, units []int, best float64) (*arrangement, float64) {
	if len(extent) == 1 {
		if area := float64(n - 1); n <= units[0] && area < best {
			return regular([]int{n}), area
		}
		return nil, best
	}
	var found *arrangement
	across := face(extent, 0)
	inner := slices.Clone(extent[1:])
	for s := 1; s <= min(n, units[0]); s++ {
		area := float64(s-1) * across
		if area >= best {
			break
		}
		a := &arrangement{cells: n}
		for kind, slabs := range []int{s - n%s, n % s} {
			if slabs == 0 || a == nil {
				continue
			}
			cells := n/s + kind
			// A face inside the slab is as wide as the slab along this axis,
			// which weighs its area, one dimension lower, in the sum.
			width := extent[0] * float64(cells) / float64(n)
			weight := width * float64(slabs)
			slab, least := arrangeWithin(cells, inner, units[1:], (best-area)/weight)
			if slab == nil {
				a = nil
				continue
			}
			area += weight * least
			a.pieces = append(a.pieces, slices.Repeat([]*arrangement{slab}, slabs)...)
		}
		if a != nil && area < best {
			found, best = a, area
		}
	}
	return found, best
}
