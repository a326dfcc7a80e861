package halo

import (
	"fmt"
	"math"
)

// Split cuts n cells into parts pieces of n/parts cells, the first n%parts of them one
// cell larger, and returns piece i as [lo, hi).
func Split(n, parts, i int) (lo, hi int) {
	q, r := n/parts, n%parts
	lo = i*q + min(i, r)
	hi = lo + q
	if i < r {
		hi++
	}
	return lo, hi
}

// Grid finds the grid of ranks, grid[k] of them along axis k, that cuts the fewest
// cell faces of a domain of the given shape and gives every rank at least one cell.
// Of grids with equally many faces it takes the one with fewer cuts along the last
// axis, because the ring there has the shortest runs. If there is no such grid, as for
// 7 ranks on 3 x 3 cells, the result is an error; Decompose cuts such a domain too.
func Grid(ranks int, shape []int) ([]int, error) {
	if err := checkShape(ranks, shape); err != nil {
		return nil, err
	}
	best, bestCut := []int(nil), math.Inf(1)
	grid := make([]int, len(shape))
	var try func(k, left int)
	try = func(k, left int) {
		if k == len(shape)-1 {
			if left > shape[k] {
				return
			}
			grid[k] = left
			if c := gridCut(grid, shape); c < bestCut {
				best, bestCut = append(best[:0], grid...), c
			}
			return
		}
		// Downwards, so that the first of equal grids has fewest cuts in the last axis.
		for g := min(left, shape[k]); g >= 1; g-- {
			if left%g == 0 {
				grid[k] = g
				try(k+1, left/g)
			}
		}
	}
	try(0, ranks)
	if best == nil {
		return nil, fmt.Errorf("halo: no grid of %d ranks fits into %s cells", ranks, shapeString(shape))
	}
	return best, nil
}

// gridCut is the number of cell faces that a grid cuts.
func gridCut(grid, shape []int) float64 {
	cut := 0.0
	for k, g := range grid {
		face := float64(g - 1)
		for j, n := range shape {
			if j != k {
				face *= float64(n)
			}
		}
		cut += face
	}
	return cut
}

// checkShape returns an error if there is no decomposition of the shape for the ranks.
func checkShape(ranks int, shape []int) error {
	if len(shape) < 1 || len(shape) > maxDims {
		return fmt.Errorf("halo: domain of %d dimensions, want 1 to %d", len(shape), maxDims)
	}
	cells := 1
	for k, n := range shape {
		if n < 1 {
			return fmt.Errorf("halo: domain of %s cells: axis %d has none", shapeString(shape), k)
		}
		if cells > math.MaxInt/n {
			return fmt.Errorf("halo: domain of %s cells: too many to count", shapeString(shape))
		}
		cells *= n
	}
	if ranks < 1 {
		return fmt.Errorf("halo: %d ranks, want at least 1", ranks)
	}
	if ranks > cells {
		return fmt.Errorf("halo: %d ranks for %s = %d cells: each rank needs at least one", ranks, shapeString(shape), cells)
	}
	return nil
}

// gridBoxes are the boxes of a grid, the last axis running fastest.
func gridBoxes(grid, shape []int) []Box {
	boxes := []Box{{}}
	for k, g := range grid {
		var next []Box
		for _, b := range boxes {
			for i := range g {
				lo, hi := Split(shape[k], g, i)
				next = append(next, Box{
					Lo: append(b.Lo[:k:k], lo),
					Hi: append(b.Hi[:k:k], hi),
				})
			}
		}
		boxes = next
	}
	return boxes
}

// bisect cuts b, which has at least parts cells, into parts boxes, none of them empty:
// it halves the number of parts and cuts the longest axis in proportion. It appends the
// boxes to boxes and adds the number of cell faces that it cuts to cut.
func bisect(b Box, parts int, boxes []Box, cut float64) ([]Box, float64) {
	if parts == 1 {
		return append(boxes, b), cut
	}
	axis := 0
	for k := range b.Lo {
		if b.Hi[k]-b.Lo[k] > b.Hi[axis]-b.Lo[axis] {
			axis = k
		}
	}
	n := b.Hi[axis] - b.Lo[axis]
	face := b.Size() / n
	first := parts / 2
	at := min(max((n*first+parts/2)/parts, 1), n-1)
	// Neither side may get more parts than cells.
	first = min(max(first, parts-(n-at)*face), at*face)

	low, high := b.Grow(nil), b.Grow(nil)
	low.Hi[axis] = b.Lo[axis] + at
	high.Lo[axis] = b.Lo[axis] + at
	boxes, cut = bisect(low, first, boxes, cut+float64(face))
	return bisect(high, parts-first, boxes, cut)
}
