package halo

import (
	"fmt"
	"slices"
	"strings"
)

// Box is a half-open box of cells in 1, 2 or 3 dimensions: the cells i with
// Lo[k] <= i[k] < Hi[k] along every axis k. It is empty if Hi[k] <= Lo[k] for some k.
// Methods neither change nor keep the slices of their arguments. All boxes of one
// call must have the same number of dimensions.
type Box struct{ Lo, Hi []int }

// whole is the box [0, shape).
func whole(shape []int) Box {
	return Box{Lo: make([]int, len(shape)), Hi: slices.Clone(shape)}
}

// Shape is the number of cells along each axis, 0 where Hi <= Lo.
func (b Box) Shape() []int {
	s := make([]int, len(b.Lo))
	for k := range s {
		s[k] = max(0, b.Hi[k]-b.Lo[k])
	}
	return s
}

// Size is the number of cells.
func (b Box) Size() int {
	if len(b.Lo) == 0 {
		return 0
	}
	n := 1
	for k := range b.Lo {
		n *= max(0, b.Hi[k]-b.Lo[k])
	}
	return n
}

// Empty tells whether b has no cell.
func (b Box) Empty() bool {
	for k := range b.Lo {
		if b.Hi[k] <= b.Lo[k] {
			return true
		}
	}
	return len(b.Lo) == 0
}

// Equal tells whether b and o have the same corners.
func (b Box) Equal(o Box) bool {
	return slices.Equal(b.Lo, o.Lo) && slices.Equal(b.Hi, o.Hi)
}

// Intersect is the box of the cells in both.
func (b Box) Intersect(o Box) Box {
	r := Box{Lo: make([]int, len(b.Lo)), Hi: make([]int, len(b.Lo))}
	for k := range b.Lo {
		r.Lo[k] = max(b.Lo[k], o.Lo[k])
		r.Hi[k] = min(b.Hi[k], o.Hi[k])
	}
	return r
}

// Contains tells whether every cell of o is in b; an empty o always is.
func (b Box) Contains(o Box) bool {
	if o.Empty() {
		return true
	}
	for k := range b.Lo {
		if o.Lo[k] < b.Lo[k] || o.Hi[k] > b.Hi[k] {
			return false
		}
	}
	return true
}

// Grow moves both faces of every axis k outwards by width[k]. An empty box stays as
// it is: a rank that owns no cell has no ring.
func (b Box) Grow(width []int) Box {
	r := Box{Lo: slices.Clone(b.Lo), Hi: slices.Clone(b.Hi)}
	if b.Empty() {
		return r
	}
	for k, w := range width {
		r.Lo[k] -= w
		r.Hi[k] += w
	}
	return r
}

// Shift moves the box by by[k] cells along every axis k.
func (b Box) Shift(by []int) Box {
	r := Box{Lo: slices.Clone(b.Lo), Hi: slices.Clone(b.Hi)}
	for k, s := range by {
		r.Lo[k] += s
		r.Hi[k] += s
	}
	return r
}

// String is for example "[0,128)x[64,128)".
func (b Box) String() string {
	var s strings.Builder
	for k := range b.Lo {
		if k > 0 {
			s.WriteByte('x')
		}
		fmt.Fprintf(&s, "[%d,%d)", b.Lo[k], b.Hi[k])
	}
	return s.String()
}

func shapeString(shape []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", "x"), "[]")
}
