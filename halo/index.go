package halo

import (
	"math"
	"slices"
)

// index finds the boxes that meet a box without looking at all of them: the domain
// is cut into about as many equal buckets as there are boxes, and each bucket
// lists the boxes that meet it.
type index struct {
	boxes []Box
	side  []int // cells of a bucket along each axis
	count []int // buckets along each axis
	lists [][]int32
}

func newIndex(shape []int, boxes []Box) index {
	x := index{boxes: boxes, side: make([]int, len(shape)), count: make([]int, len(shape))}
	// A bucket is a cube of the cells that a rank has on average, flattened where
	// the domain is thinner than it.
	cells := 1.0
	axes := make([]int, len(shape)) // the thinnest first
	for k, n := range shape {
		cells *= float64(n)
		axes[k] = k
	}
	slices.SortStableFunc(axes, func(a, b int) int { return shape[a] - shape[b] })
	left := cells / float64(len(boxes))
	total := 1
	for i, k := range axes {
		n := shape[k]
		side := math.Ceil(math.Pow(left, 1/float64(len(axes)-i)))
		x.side[k] = int(min(max(1, side), float64(n)))
		x.count[k] = (n + x.side[k] - 1) / x.side[k]
		left /= float64(x.side[k])
		total *= x.count[k]
	}
	x.lists = make([][]int32, total)
	for r, b := range boxes {
		if !b.Empty() {
			x.visit(b, func(bucket int) { x.lists[bucket] = append(x.lists[bucket], int32(r)) })
		}
	}
	return x
}

// visit calls f for every bucket that meets b, a non-empty box inside the domain.
func (x *index) visit(b Box, f func(bucket int)) {
	var lo, hi [maxDims]int
	count := [maxDims]int{1, 1, 1}
	d := len(x.side)
	for k := range d {
		a := align(k, d)
		lo[a], hi[a] = b.Lo[k]/x.side[k], (b.Hi[k]-1)/x.side[k]
		count[a] = x.count[k]
	}
	for i := lo[0]; i <= hi[0]; i++ {
		for j := lo[1]; j <= hi[1]; j++ {
			for k := lo[2]; k <= hi[2]; k++ {
				f((i*count[1]+j)*count[2] + k)
			}
		}
	}
}

// meeting lists, in ascending order, the boxes that share a cell with b, which
// lies inside the domain.
func (x *index) meeting(b Box) []int {
	if b.Empty() {
		return nil
	}
	var found []int
	x.visit(b, func(bucket int) {
		for _, r := range x.lists[bucket] {
			if !x.boxes[r].Intersect(b).Empty() {
				found = append(found, int(r))
			}
		}
	})
	slices.Sort(found)
	return slices.Compact(found)
}
