package kernel

import (
	"cmp"
	"math"
	"slices"

	"tessera/loadbalance"
)

// neighbours is the mean number of observations within a distance of an observation, it
// included, and the number for each observation of the sample. Where the sample holds
// too few pairs so near, the distance is widened and the number scaled down with the
// volume.
func (e *excerpt) neighbours(distance float64) (mean float64, each []float64) {
	n, d := len(e.data.Y), e.data.Dim
	each = make([]float64, n)
	for wide, most := 1.0, e.thinning(n); ; wide = min(1.5*wide, most) {
		limit := distance * distance * wide * wide
		clear(each)
		pairs := 0.0
		for i := range n {
			p := e.data.X[i*d : (i+1)*d]
			for j := range i {
				if distance2(p, e.data.X[j*d:(j+1)*d]) < limit {
					pairs++
					each[i]++
					each[j]++
				}
			}
		}
		if pairs < 4*float64(n) && wide < most {
			continue
		}
		scale := (e.held - 1) / max(1, float64(n-1)) / math.Pow(wide, float64(d))
		for i := range each {
			each[i] = 1 + scale*each[i]
		}
		return min(e.held, 1+scale*2*pairs/float64(n)), each
	}
}

func distance2(a, b []float64) float64 {
	s := 0.0
	for k, v := range a {
		s += (v - b[k]) * (v - b[k])
	}
	return s
}

// layout is how the cells of the ranks lie among the observations.
type layout struct {
	moved float64   // fraction of the observations that balancing sends to another rank
	fetch []float64 // for each distance: observations of other ranks within it, in units of those that a rank owns
	crowd float64   // neighbours on the rank that has most of them, in units of the mean
}

// layout cuts the sample into n cells of equal count, as the solver does, and finds how
// many observations of other ranks lie within the distances of a rank's own, on average
// over the ranks. each is the number of neighbours of each observation of the sample.
func (e *excerpt) layout(n int, each []float64, distances ...float64) layout {
	l := layout{fetch: make([]float64, len(distances)), crowd: 1}
	d, m := e.data.Dim, len(e.data.Y)
	if n == 1 || m < 2 {
		return l
	}
	// A cell needs some observations of the sample in it: where there are more ranks,
	// fewer and larger cells are laid out.
	cells := min(n, max(2, m/16))
	more := float64(n) / float64(cells)
	x := slices.Clone(e.data.X)
	if e.rows > 0 && e.held < e.count { // a piece of a frame is stretched over the whole
		for i := range x {
			x[i] *= (e.hi[i%d] - e.lo[i%d]) / e.region[i%d]
		}
	}
	part, err := loadbalance.Strips(e.lo, e.hi, cells)
	if err != nil {
		return l
	}
	c := cutting{part: part, x: x, owner: make([]int, m)}
	all := make([]int, m)
	for i := range all {
		all[i] = i
	}
	c.evenly(all, 0, cells, 0)
	l.moved = c.moved()
	l.crowd = c.crowd(each)
	// Distances are as large against the cells as they will be; those that then reach
	// half of all cells are taken as they are, and the cells as points.
	for k, reach := range distances {
		near := c.fetched(reach * math.Pow(more, 1/float64(d)))
		if more > 1 && near > 0.5*float64(cells-1) {
			near = more * c.fetched(reach)
		}
		l.fetch[k] = min(near, float64(n-1))
	}
	return l
}

// cutting gives every observation of a sample to one of the cells of a partition, as
// many to each, and keeps how the cells lie to each other.
type cutting struct {
	part  *loadbalance.Partition
	x     []float64 // m x dim
	owner []int     // m, the cell of each
}

// evenly cuts members between the cells first <= c < last, which differ along the axis
// and those after it.
func (c *cutting) evenly(members []int, first, last, axis int) {
	d := c.part.Dim()
	if last-first == 1 || axis == d {
		for _, i := range members {
			c.owner[i] = first
		}
		return
	}
	slices.SortFunc(members, func(a, b int) int {
		return cmp.Or(cmp.Compare(c.x[a*d+axis], c.x[b*d+axis]), cmp.Compare(a, b))
	})
	at := 0
	for from := first; from < last; {
		lo, _ := c.part.Cell(from)
		to := from + 1
		for ; to < last; to++ {
			if next, _ := c.part.Cell(to); next[axis] != lo[axis] {
				break
			}
		}
		end := len(members) * (to - first) / (last - first)
		c.evenly(members[at:end:end], from, to, axis+1)
		at, from = end, to
	}
}

// moved is the fraction that lies in another cell of the partition.
func (c *cutting) moved() float64 {
	d, moved := c.part.Dim(), 0
	for i, r := range c.owner {
		if c.part.Owner(c.x[i*d:(i+1)*d], -1) != r {
			moved++
		}
	}
	return float64(moved) / float64(len(c.owner))
}

// crowd is the largest mean of a cell in units of the mean of all.
func (c *cutting) crowd(each []float64) float64 {
	sums, counts := make([]float64, c.part.Cells()), make([]float64, c.part.Cells())
	total := 0.0
	for i, r := range c.owner {
		sums[r] += each[i]
		counts[r]++
		total += each[i]
	}
	most := 0.0
	for r, s := range sums {
		most = max(most, s/max(1, counts[r]))
	}
	return max(1, most*float64(len(each))/total)
}

// fetched is how many observations of others lie within reach of the box of a cell's
// own, added over the cells, for each observation.
func (c *cutting) fetched(reach float64) float64 {
	d, cells := c.part.Dim(), c.part.Cells()
	lo, hi := slices.Repeat([]float64{math.Inf(1)}, cells*d), slices.Repeat([]float64{math.Inf(-1)}, cells*d)
	for i, r := range c.owner {
		for k, v := range c.x[i*d : (i+1)*d] {
			lo[r*d+k], hi[r*d+k] = min(lo[r*d+k], v), max(hi[r*d+k], v)
		}
	}
	near := 0
	for i, own := range c.owner {
		for r := range cells {
			r2 := 0.0
			for k, v := range c.x[i*d : (i+1)*d] {
				if gap := max(lo[r*d+k]-v, v-hi[r*d+k]); gap > 0 {
					r2 += gap * gap
				}
			}
			if r != own && r2 <= reach*reach {
				near++
			}
		}
	}
	return float64(near) / float64(len(c.owner))
}
