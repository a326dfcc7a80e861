package kernel

import (
	"fmt"
	"math"
)

// rows is this rank's rows of A in compressed form, columns numbered like the
// points of the halo. 12 bytes an entry.
type rows struct {
	starts []int
	cols   []int32
	vals   []float64
	norm   float64 // largest sum of a row's magnitudes, of this rank
}

// entries adds what A has of the matrix to distances: v holds the squared distances
// of point i from the points of list, and gets A's entries without the diagonal.
func (s *System) entries(v []float64, i int32, list []int32) {
	s.profile.eval(v)
	if s.scales == 0 {
		return
	}
	m := s.scales
	si := s.scale[int(i)*m : (int(i)+1)*m]
	for k, j := range list {
		dot := 0.0
		for c, x := range s.scale[int(j)*m : (int(j)+1)*m] {
			dot += si[c] * x
		}
		v[k] *= dot
	}
}

// assemble fills the rows.
func (s *System) assemble() error {
	d, n := s.halo.dim, s.halo.own
	a := &s.rows
	a.starts = make([]int, n+1)
	limit := s.radius * s.radius
	// From the radius on the kernel is 0, by its compact support or by truncation.
	count := 0
	for i := range n {
		p := s.halo.x[i*d : (i+1)*d]
		s.cells.runs(p, p, s.radius, func(points []int32) {
			for _, j := range points {
				if distance2(p, s.halo.x[int(j)*d:(int(j)+1)*d]) < limit || int(j) == i {
					count++
				}
			}
		})
		a.starts[i+1] = count
	}
	a.cols = make([]int32, count)
	a.vals = make([]float64, count)
	for i := range n {
		p := s.halo.x[i*d : (i+1)*d]
		at := a.starts[i]
		s.cells.runs(p, p, s.radius, func(points []int32) {
			for _, j := range points {
				if r2 := distance2(p, s.halo.x[int(j)*d:(int(j)+1)*d]); r2 < limit || int(j) == i {
					a.cols[at] = j
					a.vals[at] = r2
					at++
				}
			}
		})
		list, v := a.cols[a.starts[i]:at], a.vals[a.starts[i]:at]
		s.entries(v, int32(i), list)
		sum := 0.0
		for k, j := range list {
			if int(j) == i {
				v[k] += s.diagonal[i]
			}
			sum += math.Abs(v[k])
		}
		if math.IsNaN(sum) || math.IsInf(sum, 0) {
			return fmt.Errorf("kernel: row of observation %d: not finite", s.ids[i])
		}
		a.norm = max(a.norm, sum)
	}
	return nil
}

// apply sets dst = A src, src at all points of the halo.
func (a *rows) apply(dst, src []float64) {
	for i := range dst {
		lo, hi := a.starts[i], a.starts[i+1]
		cols := a.cols[lo:hi]
		vals := a.vals[lo:hi:hi][:len(cols)]
		var s0, s1 float64
		k := 0
		for ; k+1 < len(cols); k += 2 {
			s0 += vals[k] * src[cols[k]]
			s1 += vals[k+1] * src[cols[k+1]]
		}
		if k < len(cols) {
			s0 += vals[k] * src[cols[k]]
		}
		dst[i] = s0 + s1
	}
}
