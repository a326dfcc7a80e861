package loadbalance

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"math"
	"slices"

	"tessera/ranks"
)

// Partition cuts space of 1 to MostAxes axes into cells, one for each rank, by jagged
// strips: into slabs along axis 0, each slab along axis 1 at cuts of its own, and so
// on. Slabs may have different numbers of cells. The outermost cells extend to infinity,
// so that every point has an owner. A Partition does not change and may be shared
// between goroutines. Every rank makes the same one for itself.
type Partition struct {
	root   *strips
	dim    int
	cells  int
	lo, hi []float64 // cells x dim, the closed boxes
	digest float64   // of all cuts, to compare the partitions of two ranks
}

// strips is one chain of a partition: len(cuts)+1 pieces along an axis.
type strips struct {
	cuts  []cut     // ascending
	inner []*strips // how each piece is cut along the next axis; nil on the last one
	first []int     // len(cuts)+2: the cells of piece j are first[j] .. first[j+1]-1
}

// cut separates points along an axis: below it are the points with a smaller
// coordinate, and of those with the same coordinate the ones with a smaller ID.
type cut struct {
	x  float64
	id int64
}

// above tells whether the point of coordinate x is on the upper side.
func (c cut) above(x float64, id int64) bool {
	return x > c.x || x == c.x && id >= c.id
}

// piece is the number of cuts at or below a point.
func (s *strips) piece(x float64, id int64) int {
	lo, hi := 0, len(s.cuts)
	for lo < hi {
		mid := (lo + hi) / 2
		if s.cuts[mid].above(x, id) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// newPartition makes a partition of a tree of strips, whose cells it numbers.
func newPartition(root *strips, dim int) *Partition {
	p := &Partition{root: root, dim: dim}
	p.cells = root.number(0)
	p.lo = make([]float64, p.cells*dim)
	p.hi = make([]float64, p.cells*dim)
	for i := range p.lo {
		p.lo[i], p.hi[i] = math.Inf(-1), math.Inf(1)
	}
	root.boxes(p, 0)
	h := fnv.New64a()
	root.hash(h)
	p.digest = float64(h.Sum64() >> 12) // 52 bits, which float64 holds exactly
	return p
}

// check returns what is wrong with p, as the partition of a collective call.
func (p *Partition) check(comm ranks.Comm, pts *Points) error {
	switch {
	case p == nil:
		return fmt.Errorf("loadbalance: no partition on rank %d", comm.Rank())
	case p.cells != comm.Size():
		return fmt.Errorf("loadbalance: a partition of %d cells for %d ranks", p.cells, comm.Size())
	case pts != nil && p.dim != pts.Dim:
		return fmt.Errorf("loadbalance: points of %d coordinates, a partition of %d axes", pts.Dim, p.dim)
	}
	return nil
}

// same compares the partitions of all ranks.
func (p *Partition) same() ranks.Same {
	s := ranks.Same{Name: "the partition", Hash: true}
	if p != nil {
		s.Value = p.digest
	}
	return s
}

func (s *strips) hash(h hash.Hash64) {
	var buf [8]byte
	add := func(v uint64) {
		binary.LittleEndian.PutUint64(buf[:], v)
		h.Write(buf[:])
	}
	add(uint64(len(s.cuts)))
	for _, c := range s.cuts {
		add(math.Float64bits(c.x))
		add(uint64(c.id))
	}
	for _, inner := range s.inner {
		inner.hash(h)
	}
}

// number sets first in s and in all strips inside it, and returns the cell after the last.
func (s *strips) number(next int) int {
	s.first = make([]int, len(s.cuts)+2)
	for j := range s.first {
		s.first[j] = next
		switch {
		case j > len(s.cuts):
		case s.inner == nil:
			next++
		default:
			next = s.inner[j].number(next)
		}
	}
	return next
}

// boxes narrows the boxes of all cells in s along the given axis and those after it.
func (s *strips) boxes(p *Partition, axis int) {
	for j := range len(s.cuts) + 1 {
		for cell := s.first[j]; cell < s.first[j+1]; cell++ {
			if j > 0 {
				p.lo[cell*p.dim+axis] = s.cuts[j-1].x
			}
			if j < len(s.cuts) {
				p.hi[cell*p.dim+axis] = s.cuts[j].x
			}
		}
		if s.inner != nil {
			s.inner[j].boxes(p, axis+1)
		}
	}
}

// Uniform cuts the box [lo, hi] of 1 to MostAxes axes into cells of equal size, shape[k] of
// them along axis k. The call is local.
func Uniform(lo, hi []float64, shape []int) (*Partition, error) {
	if err := checkBox(lo, hi); err != nil {
		return nil, err
	}
	if len(shape) != len(lo) {
		return nil, fmt.Errorf("loadbalance: a shape of %d axes for a box of %d", len(shape), len(lo))
	}
	cells := 1
	for _, n := range shape {
		if n < 1 || cells > math.MaxInt32/n {
			return nil, fmt.Errorf("loadbalance: cells %v, want at least 1 along every axis and less than 2^31 in all", shape)
		}
		cells *= n
	}
	return cutBox(lo, hi, regular(shape)), nil
}

// Strips cuts the box [lo, hi] of 1 to MostAxes axes into the given number of cells of equal
// volume. Of all jagged strips it takes those with the smallest faces between cells: 7
// cells of a square become slabs of 2, 2 and 3 cells. The call is local.
func Strips(lo, hi []float64, cells int) (*Partition, error) {
	if err := checkBox(lo, hi); err != nil {
		return nil, err
	}
	if cells < 1 || cells > math.MaxInt32 {
		return nil, fmt.Errorf("loadbalance: %d cells, want at least 1", cells)
	}
	extent := make([]float64, len(lo))
	for k := range lo {
		extent[k] = hi[k]/2 - lo[k]/2
	}
	return cutBox(lo, hi, arrange(cells, extent, nil)), nil
}

func checkBox(lo, hi []float64) error {
	if len(lo) < 1 || len(lo) > MostAxes || len(hi) != len(lo) {
		return fmt.Errorf("loadbalance: a box with corners of %d and %d coordinates, want 1 to %d", len(lo), len(hi), MostAxes)
	}
	for k := range lo {
		if !finite(lo[k]) || !finite(hi[k]) || lo[k] > hi[k] {
			return fmt.Errorf("loadbalance: box [%v, %v] along axis %d", lo[k], hi[k], k)
		}
	}
	return nil
}

func finite(x float64) bool { return x-x == 0 }

// cutBox cuts the box by an arrangement, each piece in proportion to its cells.
func cutBox(lo, hi []float64, a *arrangement) *Partition {
	var build func(a *arrangement, axis int) *strips
	build = func(a *arrangement, axis int) *strips {
		s := &strips{}
		below := 0
		for j, piece := range a.pieces {
			if j > 0 {
				t := float64(below) / float64(a.cells)
				s.cuts = append(s.cuts, cut{x: lo[axis]*(1-t) + hi[axis]*t})
			}
			below += piece.cells
			if axis+1 < len(lo) {
				s.inner = append(s.inner, build(piece, axis+1))
			}
		}
		return s
	}
	return newPartition(build(a, 0), len(lo))
}

// Cells is the number of cells, one for each rank.
func (p *Partition) Cells() int { return p.cells }

// Dim is the number of axes.
func (p *Partition) Dim() int { return p.dim }

// Owner is the rank whose cell contains the point x, one coordinate for each axis. A
// point whose coordinate equals that of a cut lies below the cut if id is smaller than
// the cut's ID. For a place that is not one of the points pass id < 0: it lies below.
// A coordinate that is NaN lies below all cuts.
func (p *Partition) Owner(x []float64, id int64) int {
	s := p.root
	for axis := 0; ; axis++ {
		j := s.piece(x[axis], id)
		if s.inner == nil {
			return s.first[j]
		}
		s = s.inner[j]
	}
}

// Cell is the closed box of a rank, one coordinate for each axis; those of the
// outermost faces are infinite. Its width is 0 where two cuts separate points with the
// same coordinate.
func (p *Partition) Cell(rank int) (lo, hi []float64) {
	i := rank * p.dim
	return slices.Clone(p.lo[i : i+p.dim]), slices.Clone(p.hi[i : i+p.dim])
}

// Near lists, ascending, the other ranks whose closed cells are at a Euclidean distance
// of at most d, 0 or more, from the cell of the given rank. The relation is symmetric. d
// is enlarged by a few roundings: two points with a computed distance of at most d are
// on one rank or on two that are near. Cost O(cells).
func (p *Partition) Near(rank int, d float64) []int {
	limit := d * d * (1 + 8*0x1p-52)
	lo, hi := p.lo[rank*p.dim:], p.hi[rank*p.dim:]
	var near []int
	for other := range p.cells {
		sum := 0.0
		for k := range p.dim {
			i := other*p.dim + k
			if gap := max(p.lo[i]-hi[k], lo[k]-p.hi[i]); gap > 0 {
				sum += gap * gap
			}
		}
		if other != rank && sum <= limit {
			near = append(near, other)
		}
	}
	return near
}
