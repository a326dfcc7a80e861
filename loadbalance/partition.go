package loadbalance

import (
	"fmt"
	"math"
	"slices"
)

// Partition cuts space into one cell a rank, jagged strips: slabs along axis 0,
// each cut along axis 1 at places of its own, and so on. Slabs need not have the
// same number of cells. The outermost cells reach to infinity, so every point has
// an owner. It does not change and may be shared.
type Partition struct {
	root   *strips
	dim    int
	cells  int
	lo, hi []float64 // cells x dim, the closed boxes
}

// strips is one chain of a partition: len(cuts)+1 pieces along an axis.
type strips struct {
	cuts  []cut     // ascending
	inner []*strips // how each piece is cut along the next axis; nil on the last one
	first []int     // len(cuts)+2: the cells of piece j are first[j] .. first[j+1]-1
}

// cut is a place between two points: below it are those with a smaller
// coordinate, and those with the same one and a smaller ID.
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

// newPartition takes over a tree of strips, which gets its cells numbered.
func newPartition(root *strips, dim int) *Partition {
	p := &Partition{root: root, dim: dim}
	p.cells = root.number(0)
	p.lo = make([]float64, p.cells*dim)
	p.hi = make([]float64, p.cells*dim)
	for i := range p.lo {
		p.lo[i], p.hi[i] = math.Inf(-1), math.Inf(1)
	}
	root.boxes(p, 0)
	return p
}

// number sets first, in the strips and all inside, and returns the cell after the last.
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

// boxes narrows the boxes of all cells inside along the axis and those after it.
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

// Uniform cuts the box [lo, hi] into cells of equal size, shape[k] of them along axis k.
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

// Strips cuts the box [lo, hi] into any number of cells of equal volume, laid out
// so that the faces between them are as small as jagged strips allow: 7 cells of a
// square are slabs of 2, 2 and 3.
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
	if len(lo) < 1 || len(lo) > 3 || len(hi) != len(lo) {
		return fmt.Errorf("loadbalance: a box with corners of %d and %d coordinates, want 1, 2 or 3", len(lo), len(hi))
	}
	for k := range lo {
		if !finite(lo[k]) || !finite(hi[k]) || lo[k] > hi[k] {
			return fmt.Errorf("loadbalance: box [%v, %v] along axis %d", lo[k], hi[k], k)
		}
	}
	return nil
}

func finite(x float64) bool { return x-x == 0 }

// cutBox cuts the box as arranged, every piece in proportion to its cells.
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

// Cells is the number of cells, one a rank.
func (p *Partition) Cells() int { return p.cells }

// Dim is the number of axes.
func (p *Partition) Dim() int { return p.dim }

// Owner is the rank whose cell contains point x. Of points on a cut those whose
// id is below the cut's belong to the lower side; id < 0 is a point that is not an
// observation, and goes to the lower side. A NaN counts as the lowest place.
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

// Cell is the closed box of a rank; the outermost faces are infinite. It may have
// no width, where several cuts were needed among points with one coordinate.
func (p *Partition) Cell(rank int) (lo, hi []float64) {
	i := rank * p.dim
	return slices.Clone(p.lo[i : i+p.dim]), slices.Clone(p.hi[i : i+p.dim])
}

// Near lists, ascending, the ranks other than this one whose closed cells come
// within distance d of this one's; it is symmetric. Cells at d to within rounding
// are in, so that no two points with a computed distance of at most d are in
// cells that are not near. Cost O(cells).
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
