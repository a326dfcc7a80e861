package loadbalance

import (
	"fmt"
	"math"

	"tessera/ranks"
)

// Points is one rank's share of scattered items: where they are, their numbers,
// and what travels with them.
type Points struct {
	Dim  int       // 1, 2 or 3
	X    []float64 // n x Dim
	ID   []int64   // n; unique over all ranks, 0 <= ID < 2^53
	Cols int       // numbers that travel with each point
	Attr []float64 // n x Cols
}

// maxID bounds the numbers of points: those below travel as float64 unharmed.
const maxID = 1 << 53

// Len is the number of points.
func (p *Points) Len() int { return len(p.ID) }

// check finds what is wrong with this rank's points.
func (p *Points) check(rank int) error {
	n := len(p.ID)
	if p.Dim < 1 || p.Dim > 3 || p.Cols < 0 {
		return fmt.Errorf("loadbalance: points of %d coordinates with %d columns", p.Dim, p.Cols)
	}
	if len(p.X) != n*p.Dim || len(p.Attr) != n*p.Cols {
		return fmt.Errorf("loadbalance: %d points of %d coordinates with %d columns, but %d coordinates and %d attributes",
			n, p.Dim, p.Cols, len(p.X), len(p.Attr))
	}
	for i, id := range p.ID {
		if id < 0 || id >= maxID {
			return fmt.Errorf("loadbalance: observation %d, item %d of rank %d: numbers go from 0 to 2^53-1", id, i, rank)
		}
	}
	for i, x := range p.X {
		if !finite(x) {
			return fmt.Errorf("loadbalance: observation %d on rank %d: coordinate %d is %v", p.ID[i/p.Dim], rank, i%p.Dim, x)
		}
	}
	return nil
}

// agree checks the points of all ranks, and that they are of one kind and go with
// the other side of the call, one cell a rank. Collective.
func (p *Points) agree(comm ranks.Comm, part *Partition) error {
	err := p.check(comm.Rank())
	if err == nil && part != nil {
		switch {
		case part.cells != comm.Size():
			err = fmt.Errorf("loadbalance: a partition of %d cells for %d ranks", part.cells, comm.Size())
		case part.dim != p.Dim:
			err = fmt.Errorf("loadbalance: points of %d coordinates, a partition of %d axes", p.Dim, part.dim)
		}
	}
	if err = ranks.AgreeError(comm, err); err != nil {
		return err
	}
	kind := []float64{float64(p.Dim), float64(-p.Dim), float64(p.Cols), float64(-p.Cols)}
	if err := comm.Allreduce(kind, kind, ranks.Min); err != nil {
		return err
	}
	if kind[0] != -kind[1] || kind[2] != -kind[3] {
		return fmt.Errorf("loadbalance: ranks have points of %v to %v coordinates with %v to %v columns", kind[0], -kind[1], kind[2], -kind[3])
	}
	return nil
}

// Bounds is the smallest box that contains the points of all ranks, from 0 to 0 if
// there are none. Collective.
func Bounds(comm ranks.Comm, pts *Points) (lo, hi []float64, err error) {
	if err := pts.agree(comm, nil); err != nil {
		return nil, nil, err
	}
	box := make([]float64, 2*pts.Dim) // least x_k, then least -x_k
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
