package kernel

import (
	"math"
	"slices"
)

// tree is a balanced k-d tree of points: the points of a node are order[lo:hi], the one in the
// middle divides the others along the axis of the level.
type tree struct {
	x     []float64 // points x dim
	dim   int
	order []int
}

// newTree builds the tree of points, n x dim, in about n log(n)^2 steps.
func newTree(x []float64, dim int) *tree {
	t := &tree{x: x, dim: dim, order: make([]int, len(x)/dim)}
	for i := range t.order {
		t.order[i] = i
	}
	t.divide(0, len(t.order), 0)
	return t
}

func (t *tree) divide(lo, hi, axis int) {
	if hi-lo < 2 {
		return
	}
	slices.SortFunc(t.order[lo:hi], func(a, b int) int {
		switch d := t.x[a*t.dim+axis] - t.x[b*t.dim+axis]; {
		case d < 0:
			return -1
		case d > 0:
			return 1
		}
		return a - b
	})
	mid, next := (lo+hi)/2, (axis+1)%t.dim
	t.divide(lo, mid, next)
	t.divide(mid+1, hi, next)
}

// walk visits the points of a node whose side of every divide is nearer than limit, the near side
// first. visit gets a point and its squared distance, and returns the limit from then on, squared.
func (t *tree) walk(p []float64, lo, hi, axis int, limit float64, visit func(i int, r2 float64) float64) float64 {
	if lo >= hi {
		return limit
	}
	mid, next := (lo+hi)/2, (axis+1)%t.dim
	i := t.order[mid]
	r2 := 0.0
	for k := range t.dim {
		d := p[k] - t.x[i*t.dim+k]
		r2 += d * d
	}
	if r2 < limit {
		limit = visit(i, r2)
	}
	d := p[axis] - t.x[i*t.dim+axis]
	a, b, c, e := lo, mid, mid+1, hi // near side, far side
	if d > 0 {
		a, b, c, e = mid+1, hi, lo, mid
	}
	limit = t.walk(p, a, b, next, limit, visit)
	if d*d < limit {
		limit = t.walk(p, c, e, next, limit, visit)
	}
	return limit
}

// within calls use with the points nearer than radius and their distances.
func (t *tree) within(p []float64, radius float64, use func(i int, r float64)) {
	t.walk(p, 0, len(t.order), 0, radius*radius, func(i int, r2 float64) float64 {
		use(i, math.Sqrt(r2))
		return radius * radius
	})
}

// spacing is the largest distance of a point to the nearest one elsewhere, of at most so many points
// that are spread over their order; 0 where all are in one place.
func (t *tree) spacing(most int) float64 {
	largest, n := 0.0, len(t.order)
	for k := range min(n, most) {
		i := k * n / min(n, most)
		p := t.x[i*t.dim : (i+1)*t.dim]
		least := math.Inf(1)
		t.walk(p, 0, n, 0, least, func(_ int, r2 float64) float64 {
			if r2 > 0 { // not the point itself, nor one at its place
				least = min(least, r2)
			}
			return least
		})
		if !math.IsInf(least, 1) {
			largest = max(largest, least)
		}
	}
	return math.Sqrt(largest)
}

// nearest is the distance to the nearest point.
func (t *tree) nearest(p []float64) float64 {
	return math.Sqrt(t.walk(p, 0, len(t.order), 0, math.Inf(1), func(_ int, r2 float64) float64 { return r2 }))
}
