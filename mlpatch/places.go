package mlpatch

import (
	"math"
	"slices"

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
	whole      bool   // all rests are 0
}

// newPoints takes offsets in pixels, which are held within room. Around a place they read pixels up to room + placeRoom away.
func newPoints(offsets []float64, room int) *points {
	p := &points{whole: true}
	cut := func(v float64, whole *[]int, rest *[]float64) {
		h := held(v, room)
		low := math.Floor(h)
		*whole, *rest = append(*whole, int(low)), append(*rest, h-low)
		p.whole = p.whole && h == low
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

// placed samples patches at places; it keeps the buffers.
type placed[T linalg.Float] struct {
	*points
	between []T    // a row of a plane, interpolated between its neighbours
	weights [][4]T // along the columns, of each place
	from    []int  // the first of the four columns of each place
}

// load samples the patches of places into rows, one for each point and plane, and the first plane at the places
// themselves into centre. Neighbours in a row have the same bits as each place alone.
func (s *placed[T]) load(rowOf [][]T, images []image[T], at []place, centre []T) {
	rows, cols := axis[T]{at: math.NaN()}, axis[T]{at: math.NaN()}
	for j, a := range at {
		im := &images[0]
		r, c := rows.move(a.y), cols.move(a.x)
		centre[j] = im.sum(im.origin+(a.row+r)*im.stride+a.col+c, &rows.w, &cols.w)
	}
	if s.whole {
		for j := 0; j < len(at); {
			n := 1
			for j+n < len(at) && at[j+n].row == at[j].row && at[j+n].y == at[j].y {
				n++
			}
			s.loadRow(rowOf, images, at[j:j+n], j)
			j += n
		}
		return
	}
	for j, a := range at {
		for p := range s.rows {
			r, c := s.rows[p]+rows.move(a.y+s.y[p]), s.cols[p]+cols.move(a.x+s.x[p])
			for i := range images {
				im := &images[i]
				rowOf[p*len(images)+i][j] = im.sum(im.origin+(a.row+r)*im.stride+a.col+c, &rows.w, &cols.w)
			}
		}
	}
}

// loadRow samples patches of points at whole offsets at places in one row, numbers first and following of the tile: all their points have
// the rests of the places, so that each row of points is interpolated between the rows once.
func (s *placed[T]) loadRow(rowOf [][]T, images []image[T], at []place, first int) {
	rows, cols := axis[T]{at: math.NaN()}, axis[T]{at: math.NaN()}
	up := rows.move(at[0].y)
	s.weights, s.from = s.weights[:0], s.from[:0]
	for _, a := range at {
		s.from = append(s.from, a.col+cols.move(a.x))
		s.weights = append(s.weights, cols.w)
	}
	left, right := slices.Min(s.from)+slices.Min(s.cols), slices.Max(s.from)+slices.Max(s.cols)+4
	if cap(s.between) < right-left {
		s.between = make([]T, right-left)
	}
	v := s.between[:right-left]
	for i := range images {
		im := &images[i]
		have := math.MinInt
		for p, dr := range s.rows {
			if dr != have {
				from := im.origin + (at[0].row+dr+up)*im.stride + left
				a, b := im.data[from:][:len(v)], im.data[from+im.stride:][:len(v)]
				c, d := im.data[from+2*im.stride:][:len(v)], im.data[from+3*im.stride:][:len(v)]
				w := &rows.w
				for k := range v {
					v[k] = w[0]*a[k] + w[1]*b[k] + w[2]*c[k] + w[3]*d[k]
				}
				have = dr
			}
			dst := rowOf[p*len(images)+i][first:][:len(at)]
			move := s.cols[p] - left
			for j := range dst {
				w, x := &s.weights[j], v[s.from[j]+move:][:4]
				dst[j] = w[0]*x[0] + w[1]*x[1] + w[2]*x[2] + w[3]*x[3]
			}
		}
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
