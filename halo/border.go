package halo

import "fmt"

// Border says which values an array has outside the domain.
type Border int

const (
	Zero     Border = iota // 0 outside the domain
	Reflect                // half-sample mirror: cell -1 is cell 0, -2 is 1 (DCT-II); mirrored again where the ring is wider than the domain
	Periodic               // cell -1 is the last cell of the axis
)

func (b Border) String() string {
	switch b {
	case Zero:
		return "zero"
	case Reflect:
		return "reflect"
	case Periodic:
		return "periodic"
	}
	return fmt.Sprintf("Border(%d)", int(b))
}

// Source is the cell of an axis of n > 0 cells that stands at index i, inside or
// outside of the axis; -1 if nothing stands there.
func (b Border) Source(i, n int) int {
	if i >= 0 && i < n {
		return i
	}
	copyOf := floorDiv(i, n) // the copy of the axis that i lies in
	switch i -= copyOf * n; {
	case b == Periodic:
		return i
	case b == Reflect && copyOf&1 == 0:
		return i
	case b == Reflect:
		return n - 1 - i
	}
	return -1
}

// segment maps the cells [lo, hi) of an extended axis to the cells
// [src, src+hi-lo) of the domain, backwards if mirrored.
type segment struct {
	lo, hi, src int
	mirrored    bool
}

// segments cuts the part of [lo, hi) that has a source in an axis of n cells into
// the fewest segments, in ascending order.
//
// Copy k of the domain lies at [kn, (k+1)n). Under Periodic cell e of that copy has
// the source e-kn; under Reflect e-kn in the even copies and (k+1)n-1-e in the odd ones.
func segments(lo, hi, n int, border Border) []segment {
	first, last := 0, 0
	if border != Zero {
		first, last = floorDiv(lo, n), floorDiv(hi-1, n)
	}
	var s []segment
	for k := first; k <= last; k++ {
		a, b := max(lo, k*n), min(hi, (k+1)*n)
		if a >= b {
			continue
		}
		if border == Reflect && k&1 != 0 {
			s = append(s, segment{lo: a, hi: b, src: (k+1)*n - b, mirrored: true})
		} else {
			s = append(s, segment{lo: a, hi: b, src: a - k*n})
		}
	}
	return s
}

func floorDiv(a, n int) int {
	q := a / n
	if a%n < 0 {
		q--
	}
	return q
}

// image is a box of extended cells whose sources form a box of the domain.
type image struct {
	ext, src Box
	mirrored [maxDims]bool // per axis, aligned to the last: see align
}

// identity tells whether every cell of m is its own source.
func (m image) identity() bool {
	return m.ext.Equal(m.src) // in every other copy of the domain the positions differ
}

// images cuts ext into images of parts of the domain: the products of the segments
// of all axes, the last axis running fastest. Cells without a source are left out.
func images(ext Box, shape []int, border Border) []image {
	if ext.Empty() {
		return nil
	}
	d := len(shape)
	out := []image{{ext: Box{}, src: Box{}}}
	for k := range d {
		var next []image
		for _, m := range out {
			for _, s := range segments(ext.Lo[k], ext.Hi[k], shape[k], border) {
				c := m.with(s)
				c.mirrored[align(k, d)] = s.mirrored
				next = append(next, c)
			}
		}
		out = next
	}
	return out
}

// with is m with one more axis.
func (m image) with(s segment) image {
	add := func(v []int, x int) []int { return append(v[:len(v):len(v)], x) }
	m.ext = Box{Lo: add(m.ext.Lo, s.lo), Hi: add(m.ext.Hi, s.hi)}
	m.src = Box{Lo: add(m.src.Lo, s.src), Hi: add(m.src.Hi, s.src+s.hi-s.lo)}
	return m
}

// cut is the part of m whose sources lie in b.
func (m image) cut(b Box) image {
	r := image{src: m.src.Intersect(b), mirrored: m.mirrored}
	d := len(b.Lo)
	r.ext = Box{Lo: make([]int, d), Hi: make([]int, d)}
	for k := range d {
		if m.mirrored[align(k, d)] {
			r.ext.Lo[k] = m.ext.Lo[k] + m.src.Hi[k] - r.src.Hi[k]
			r.ext.Hi[k] = m.ext.Lo[k] + m.src.Hi[k] - r.src.Lo[k]
		} else {
			r.ext.Lo[k] = m.ext.Lo[k] + r.src.Lo[k] - m.src.Lo[k]
			r.ext.Hi[k] = m.ext.Lo[k] + r.src.Hi[k] - m.src.Lo[k]
		}
	}
	return r
}
