package loadbalance

import (
	"fmt"
	"math"

	"tessera/ranks"
)

// MostAxes is the most coordinates of a point: three, each of which may be laid on a circle.
const MostAxes = 6

// Points are the n scattered points, such as observations, that one rank holds.
type Points struct {
	Dim  int       // coordinates of a point: 1 to MostAxes, the same on all ranks
	X    []float64 // n x Dim, row-major: the coordinates, finite, in any unit
	ID   []int64   // n: the number of each point, unique over all ranks, 0 to 2^53-1
	Cols int       // columns of Attr, 0 or more, the same on all ranks
	Attr []float64 // n x Cols, row-major: numbers that travel with each point
}

// maxID bounds IDs, which travel as float64: smaller whole numbers are exact.
const maxID = 1 << 53

// Len is the number of points.
func (p *Points) Len() int { return len(p.ID) }

// check returns what is wrong with this rank's points.
func (p *Points) check(rank int) error {
	if p == nil {
		return fmt.Errorf("loadbalance: no points on rank %d: want Points, which may hold none", rank)
	}
	n := len(p.ID)
	if p.Dim < 1 || p.Dim > MostAxes || p.Cols < 0 {
		return fmt.Errorf("loadbalance: points of %d coordinates with %d columns", p.Dim, p.Cols)
	}
	if len(p.X) != n*p.Dim || len(p.Attr) != n*p.Cols {
		return fmt.Errorf("loadbalance: %d points of %d coordinates with %d columns, but %d coordinates and %d attributes",
			n, p.Dim, p.Cols, len(p.X), len(p.Attr))
	}
	for i, id := range p.ID {
		if id < 0 || id >= maxID {
			return fmt.Errorf("loadbalance: point %d of rank %d has the ID %d: want 0 to 2^53-1", i, rank, id)
		}
	}
	for i, x := range p.X {
		if !finite(x) {
			return fmt.Errorf("loadbalance: the point with ID %d on rank %d: coordinate %d is %v, want a finite number", p.ID[i/p.Dim], rank, i%p.Dim, x)
		}
	}
	return nil
}

// agree checks the points of all ranks: they must be right, and of one kind. own is
// what this rank found wrong with the other arguments of call, same what these must
// have in common. Collective.
func (p *Points) agree(comm ranks.Comm, call string, own error, same ...ranks.Same) error {
	if err := p.check(comm.Rank()); err != nil {
		own = err
	}
	dim, cols := 0, 0
	if p != nil {
		dim, cols = p.Dim, p.Cols
	}
	same = append(same,
		ranks.Same{Name: "the number of coordinates (Dim)", Value: float64(dim)},
		ranks.Same{Name: "the number of columns (Cols)", Value: float64(cols)})
	return ranks.AgreeSame(comm, "loadbalance: "+call, own, same...)
}

// Bounds is the smallest box that contains the points of all ranks: lo and hi hold one
// coordinate for each axis, all 0 if there are no points. Collective. Wrong points on
// any rank, or kinds of points that differ between ranks, are an error on all ranks.
func Bounds(comm ranks.Comm, pts *Points) (lo, hi []float64, err error) {
	if err := pts.agree(comm, "Bounds", nil); err != nil {
		return nil, nil, err
	}
	box := make([]float64, 2*pts.Dim) // the least x_k, then the least -x_k
	for k := range box {
		box[k] = math.Inf(1)
	}
	for i, x := range pts.X {
		k := i % pts.Dim
		box[k] = min(box[k], x)
		box[pts.Dim+k] = min(box[pts.Dim+k], -x)
	}
	if err := comm.Allreduce(box, box, ranks.Min); err != nil {
		return nil, nil, err
	}
	lo, hi = box[:pts.Dim], box[pts.Dim:]
	for k := range lo {
		hi[k] = -hi[k]
		if lo[k] > hi[k] {
			lo[k], hi[k] = 0, 0
		}
	}
	return lo, hi, nil
}
