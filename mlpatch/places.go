package mlpatch

import (
	"math"

	"tessera/internal/linalg"
)

// place is a point of a plane that need not be a pixel: a pixel and what is left of its coordinates, 0 to 1. It has the
// same bits wherever the plane is cut.
type place struct {
	row, col int
	y, x     float64
}

// placeOf is the place at coordinates in pixels.
func placeOf(y, x float64) place {
	r, c := math.Floor(y), math.Floor(x)
	return place{int(r), int(c), y - r, x - c}
}

// points are the offsets of a patch, cut into whole pixels and the rest.
type points struct {
	rows, cols []int
	y, x       []float64
	free       []bool // of row and column of each point: not held at the end of the room
}

// newPoints takes offsets in pixels, which are held within room. Around a place they read pixels up to room + placeRoom away.
func newPoints(offsets []float64, room int) *points {
	p := &points{}
	cut := func(v float64, whole *[]int, rest *[]float64) {
		h := held(v, room)
		low := math.Floor(h)
		*whole, *rest = append(*whole, int(low)), append(*rest, h-low)
		p.free = append(p.free, h == v && math.Abs(v) <= float64(room))
	}
	for i := 0; i < len(offsets); i += 2 {
		cut(offsets[i], &p.rows, &p.y)
		cut(offsets[i+1], &p.cols, &p.x)
	}
	return p
}

// placeRoom is how many pixels beyond the room of a geometry the patch of a place may read.
const placeRoom = 2

// axis is the interpolation along an axis at the sum of two rests: the first of four pixels, counted from the pixel of
// the place, and the weights.
type axis[T linalg.Float] struct {
	at   float64 // rest of the last call; NaN at first
	w, d [4]T    // weights, and their derivatives by the coordinate
}

// move sets the weights for a rest of 0 to 2 and returns the first pixel.
func (a *axis[T]) move(rest float64) (first int) {
	if rest >= 1 {
		rest, first = rest-1, 1
	}
	if rest != a.at {
		_, w, d := keys(rest)
		a.at = rest
		for i := range 4 {
			a.w[i], a.d[i] = T(w[i]), T(d[i])
		}
	}
	return first - 1
}

// sum is the product of the weights of both axes with the 16 pixels from at on.
func (im *image[T]) sum(at int, wr, wc *[4]T) (v T) {
	for i, w := range wr {
		line := im.data[at+i*im.stride:][:4]
		v += w * (line[0]*wc[0] + line[1]*wc[1] + line[2]*wc[2] + line[3]*wc[3])
	}
	return v
}

// loadPlaces samples the patches of places into rows, one for each point and plane, and the first plane at the places
// themselves into centre.
func loadPlaces[T linalg.Float](rowOf [][]T, s *points, images []image[T], at []place, centre []T) {
	rows, cols := axis[T]{at: math.NaN()}, axis[T]{at: math.NaN()}
	for j, a := range at {
		for p := range s.rows {
			r, c := s.rows[p]+rows.move(a.y+s.y[p]), s.cols[p]+cols.move(a.x+s.x[p])
			for i := range images {
				im := &images[i]
				rowOf[p*len(images)+i][j] = im.sum(im.origin+(a.row+r)*im.stride+a.col+c, &rows.w, &cols.w)
			}
		}
		im := &images[0]
		r, c := rows.move(a.y), cols.move(a.x)
		centre[j] = im.sum(im.origin+(a.row+r)*im.stride+a.col+c, &rows.w, &cols.w)
	}
}

// geometryAt adds the gradient by the offsets at places, from that by the inputs of part k, rows x tile.
func (e *Learner[T]) geometryAt(g []float64, k int, by []T, images []image[T], at []place) {
	s := e.points
	rows, cols := axis[T]{at: math.NaN()}, axis[T]{at: math.NaN()}
	for j, a := range at {
		for p := range s.rows {
			part, row := e.layers.place(p, 0)
			if part != k {
				continue
			}
			r, c := s.rows[p]+rows.move(a.y+s.y[p]), s.cols[p]+cols.move(a.x+s.x[p])
			for i := range images {
				im := &images[i]
				from := im.origin + (a.row+r)*im.stride + a.col + c
				d := float64(by[(row+i)*tile+j])
				if s.free[2*p] {
					g[2*p] += d * float64(im.sum(from, &rows.d, &cols.w))
				}
				if s.free[2*p+1] {
					g[2*p+1] += d * float64(im.sum(from, &rows.w, &cols.d))
				}
			}
		}
	}
}
