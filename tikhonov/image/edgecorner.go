package image

import (
	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
	"tessera/tikhonov/image/internal/tiles"
)

// corner is the local solve of a corner of the frame, with the PSF of every pixel and a dense matrix. It keeps the rows of its inverse
// at the owned pixels.
type corner[T linalg.Float] struct {
	own, ext [2]tiles.Span // in coordinates of the owned box
	overlap  int           // of the extended box
	cols     int           // of the owned box
	g        []T           // owned x extended
	x        []float64     // extended
}

// newCorner prepares the local solve of the pixels own of the owned box.
func newCorner[T linalg.Float](m *operator, own [2]tiles.Span, lambda float64, overlap int, weight float64) (*corner[T], error) {
	box, shape := m.frame.Owned(m.comm.Rank()), m.frame.Domain().Shape()
	c := &corner[T]{own: own, overlap: overlap, cols: m.cols}
	t := &tiles.Tile{}
	for axis, s := range own {
		first := box.Lo[axis]
		c.ext[axis] = m.grown(axis, s, min(overlap, cornerNear))
		t.Owned[axis] = tiles.Span{Lo: s.Lo + first, Hi: s.Hi + first}
		t.Ext[axis] = tiles.Span{Lo: c.ext[axis].Lo + first, Hi: c.ext[axis].Hi + first}
	}
	n := t.Area()
	a := tiles.New(t, shape, stencil.Identity(), m.q, m.border).Dense(lambda, 0) // lambda Q'Q
	linalg.Axpy(weight, m.gram(c.ext), a)
	if err := linalg.SPDInverse(n, a, n); err != nil {
		return nil, err
	}
	c.g = make([]T, 0, own[0].Len()*own[1].Len()*n)
	for i := own[0].Lo; i < own[0].Hi; i++ {
		for j := own[1].Lo; j < own[1].Hi; j++ {
			at := (i-c.ext[0].Lo)*c.ext[1].Len() + j - c.ext[1].Lo
			for _, v := range a[at*n : (at+1)*n] {
				c.g = append(c.g, T(v))
			}
		}
	}
	c.x = make([]float64, n)
	return c, nil
}

// gram is H'H on the pixels of a part of the frame. A search for lambda asks for those of the corners at every trial, and they
// are kept where the PSF does not vary.
func (m *operator) gram(part [2]tiles.Span) []float64 {
	if g := m.grams[part]; g != nil {
		return g
	}
	n := part[0].Len() * part[1].Len()
	rows, h := m.spread(part)
	g := make([]float64, n*n)
	linalg.Gemm(true, false, n, n, rows, 1, h, n, h, n, 0, g, n)
	if m.p.Varying == nil {
		if m.grams == nil {
			m.grams = map[[2]tiles.Span][]float64{}
		}
		m.grams[part] = g
	}
	return g
}

// grown is a span of the owned box grown by so many pixels, not beyond a zero border and not over the same pixel twice.
func (m *operator) grown(axis int, s tiles.Span, by int) tiles.Span {
	first, n := m.frame.Owned(m.comm.Rank()).Lo[axis], m.frame.Domain().Shape()[axis]
	if m.border == halo.Periodic {
		room := n - s.Len()
		before := min(by, room/2)
		return tiles.Span{Lo: s.Lo - before, Hi: s.Hi + min(by, room-before)}
	}
	return tiles.Span{Lo: max(s.Lo-by, -first), Hi: min(s.Hi+by, n-first)}
}

// spread is H on the pixels of a part of the frame: column p is the PSF of pixel p, with a reflecting border also that of its
// mirror images; rows are the pixels that it reaches, in the frame or around a periodic border.
func (m *operator) spread(part [2]tiles.Span) (rows int, h []float64) {
	var radius [2]int
	var data [2]tiles.Span
	radius[0], radius[1] = m.local.Size()
	for axis, s := range part {
		radius[axis] /= 2
		data[axis] = tiles.Span{Lo: s.Lo - radius[axis], Hi: s.Hi + radius[axis]}
		if m.border != halo.Periodic {
			data[axis] = m.grown(axis, s, radius[axis])
		}
	}
	n := part[0].Len() * part[1].Len()
	wide := data[1].Len()
	h = make([]float64, data[0].Len()*wide*n)
	for p := range n {
		i, j := part[0].Lo+p/part[1].Len(), part[1].Lo+p%part[1].Len()
		psf := m.local.At(m.place(i, j))
		for _, y := range m.images(0, i) {
			for _, x := range m.images(1, j) {
				for k, v := range psf.Values {
					r, c := y+k/psf.Cols-radius[0]-data[0].Lo, x+k%psf.Cols-radius[1]-data[1].Lo
					if r >= 0 && c >= 0 && r < data[0].Len() && c < wide {
						h[(r*wide+c)*n+p] += v
					}
				}
			}
		}
	}
	return data[0].Len() * wide, h
}

// images are the places at which a pixel of the owned box, or beyond it, stands along an axis: its own and, with a reflecting border, those of
// its mirror images.
func (m *operator) images(axis, at int) []int {
	if m.border != halo.Reflect {
		return []int{at}
	}
	first, n := m.frame.Owned(m.comm.Rank()).Lo[axis], m.frame.Domain().Shape()[axis]
	return []int{at, -1 - at - 2*first, 2*n - 1 - at - 2*first}
}

func (c *corner[T]) apply(dst, r []float64, stride int) {
	width := c.ext[1].Len()
	for i := c.ext[0].Lo; i < c.ext[0].Hi; i++ {
		copy(c.x[(i-c.ext[0].Lo)*width:][:width], r[(i+c.overlap)*stride+c.ext[1].Lo+c.overlap:])
	}
	g := c.g
	for i := c.own[0].Lo; i < c.own[0].Hi; i++ {
		for j := c.own[1].Lo; j < c.own[1].Hi; j++ {
			sum := 0.0
			for k, v := range c.x {
				sum += float64(g[k]) * v
			}
			dst[i*c.cols+j], g = sum, g[len(c.x):]
		}
	}
}

func (c *corner[T]) bytes() int64 { return int64(len(c.g) * linalg.SizeOf[T]()) }
