package kernel

import (
	"cmp"
	"fmt"
	"slices"

	"tessera/internal/linalg"
)

// block is one local problem: the points it owns and those around them.
type block struct {
	own    int     // of points, the first ones
	points []int32 // extended, numbered like the halo's
	factor []float64
	single []float32 // the factor instead, where single precision is good enough
}

// largestBlock bounds an extended block: 128 MB and 9 Gflop. Where more points are
// within the overlap, as in a cluster narrower than it, the nearest are taken:
// what screens a block from points farther away is the number of points in between, not
// the distance.
const largestBlock = 3000

// smallestBlock keeps blocks wide against the support where observations are few:
// screening needs points in between.
const smallestBlock = 128

// solveCost is how often a factor is read, about twice an iteration.
const solveCost = 20

// blockCost is about the number of operations that a block of n extended points takes.
func blockCost(n int) float64 {
	x := float64(n)
	return x*x*x/3 + solveCost*x*x
}

// cut divides this rank's points into blocks: it halves a set at the median of the
// longest side of its box, as long as that is predicted to be cheaper or the set has more
// than most points.
func (s *System) cut(most int) {
	n := s.halo.own
	if n == 0 {
		return
	}
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	s.bisect(order, s.extend(order), most)
}

func (s *System) bisect(own, extended []int32, most int) {
	if len(own) <= max(1, most) || most == 0 && len(own) <= smallestBlock {
		s.add(own, extended)
		return
	}
	d := s.halo.dim
	lo, hi := s.boxOf(own)
	axis := 0
	for k := range d {
		if hi[k]-lo[k] > hi[axis]-lo[axis] {
			axis = k
		}
	}
	slices.SortFunc(own, func(a, b int32) int {
		return cmp.Or(cmp.Compare(s.halo.x[int(a)*d+axis], s.halo.x[int(b)*d+axis]), cmp.Compare(s.ids[a], s.ids[b]))
	})
	half := len(own) / 2
	left, right := s.extend(own[:half]), s.extend(own[half:])
	if most == 0 && len(extended) <= largestBlock && blockCost(len(extended)) <= blockCost(len(left))+blockCost(len(right)) {
		s.add(own, extended)
		return
	}
	if most == 0 && len(own) <= largestBlock/4 && len(left)+len(right) >= 2*largestBlock {
		s.add(own, extended) // the points are so dense that an extended half is as large as the extended whole
		return
	}
	s.bisect(own[:half:half], left, most)
	s.bisect(own[half:], right, most)
}

func (s *System) boxOf(points []int32) (lo, hi []float64) {
	d := s.halo.dim
	lo = slices.Clone(s.halo.x[int(points[0])*d : (int(points[0])+1)*d])
	hi = slices.Clone(lo)
	for _, i := range points {
		for k := range d {
			v := s.halo.x[int(i)*d+k]
			lo[k], hi[k] = min(lo[k], v), max(hi[k], v)
		}
	}
	return lo, hi
}

// extend lists the points within the overlap of the box of own.
func (s *System) extend(own []int32) []int32 {
	if s.overlap < 0 {
		return own
	}
	lo, hi := s.boxOf(own)
	return s.cells.within(lo, hi, s.overlap)
}

// add keeps a block: its own points, then those around them, the nearest first
// where not all fit.
func (s *System) add(own, extended []int32) {
	b := block{own: len(own), points: slices.Clone(own)}
	slices.Sort(b.points)
	mine := make(map[int32]bool, len(own))
	for _, i := range own {
		mine[i] = true
	}
	around := make([]int32, 0, len(extended))
	for _, i := range extended {
		if !mine[i] {
			around = append(around, i)
		}
	}
	if room := max(largestBlock-len(own), 0); len(around) > room {
		lo, hi := s.boxOf(own)
		d := s.halo.dim
		dist := make(map[int32]float64, len(around))
		for _, i := range around {
			dist[i] = boxDistance2(lo, hi, s.halo.x[int(i)*d:(int(i)+1)*d])
		}
		slices.SortFunc(around, func(a, b int32) int { return cmp.Or(cmp.Compare(dist[a], dist[b]), cmp.Compare(a, b)) })
		around = around[:room]
	}
	slices.Sort(around)
	b.points = append(b.points, around...)
	s.blocks = append(s.blocks, b)
	s.largest = max(s.largest, len(b.points))
}

// matrix fills the lower triangle of a block's n x n matrix.
func (s *System) matrix(b *block, a []float64) {
	d, n := s.halo.dim, len(b.points)
	x := make([]float64, n*d)
	for k, i := range b.points {
		copy(x[k*d:(k+1)*d], s.halo.x[int(i)*d:])
	}
	for k, i := range b.points {
		row := a[k*n : k*n+k+1]
		p := x[k*d : (k+1)*d]
		switch d {
		case 1:
			for j := range row {
				u := p[0] - x[j]
				row[j] = u * u
			}
		case 2:
			p0, p1 := p[0], p[1]
			for j := range row {
				u, v := p0-x[2*j], p1-x[2*j+1]
				row[j] = u*u + v*v
			}
		case 3:
			p0, p1, p2 := p[0], p[1], p[2]
			for j := range row {
				u, v, w := p0-x[3*j], p1-x[3*j+1], p2-x[3*j+2]
				row[j] = u*u + v*v + w*w
			}
		default:
			for j := range row {
				row[j] = distance2(p, x[j*d:(j+1)*d])
			}
		}
		s.entries(row, i, b.points[:k+1])
		row[k] += s.diagonal[i]
	}
}

// factor factors all blocks. single keeps the factors in single precision.
func (s *System) factorBlocks(single bool) error {
	var work []float64
	for k := range s.blocks {
		b := &s.blocks[k]
		n := len(b.points)
		if cap(work) < n*n || !single {
			work = make([]float64, n*n)
		}
		a := work[:n*n]
		s.matrix(b, a)
		if err := linalg.Potrf(n, a, n); err != nil {
			return fmt.Errorf("kernel: block of %d points around observation %d: %w", n, s.ids[b.points[0]], err)
		}
		if !single {
			b.factor = a
			s.bytes += int64(8 * n * n)
			continue
		}
		b.single = make([]float32, n*n)
		for i, v := range a {
			b.single[i] = float32(v)
		}
		s.bytes += int64(4 * n * n)
	}
	return nil
}

// solve overwrites z, the right side at the block's points, with the local solution.
func (b *block) solve(z []float64, tmp *[]float32) {
	n := len(b.points)
	if b.single == nil {
		linalg.CholeskySolve(n, b.factor, n, 1, z, 1)
		return
	}
	if cap(*tmp) < n {
		*tmp = make([]float32, n)
	}
	t := (*tmp)[:n]
	for i, v := range z {
		t[i] = float32(v)
	}
	linalg.CholeskySolve(n, b.single, n, 1, t, 1)
	for i, v := range t {
		z[i] = float64(v)
	}
}
