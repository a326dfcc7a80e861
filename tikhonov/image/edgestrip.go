package image

import (
	"slices"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
	"tessera/tikhonov/image/internal/tiles"
)

// strip is the local solve of a strip along an edge of the frame. Along the edge M acts nearly like a convolution, so
// that a Fourier transform of that axis leaves, for each frequency k, the small matrix
//
//	M_k = w H_k^H H_k + lambda Q_k
//
// of the pixels across the strip and its overlap: column p of H_k is the transform, along the edge, of the PSF at p.
// With a zero or a reflecting border no light is seen beyond the edge, and rows of H_k end there; the light of the mirror image of
// a pixel is added to its column. Around a periodic border columns beyond the edge have the PSF of the opposite one.
//
// Cost: a real transform of each line there and back, and owned x extended multiply-adds a frequency. It keeps as many
// complex numbers in T as the product of the three.
type strip[T linalg.Float] struct {
	axis    int        // across the strip: 0 = rows
	own     tiles.Span // pixels of the owned box across the strip
	ext     tiles.Span // and those of its overlap
	along   tiles.Span // pixels of the owned box along the strip
	ring    int        // overlap along the strip
	overlap int        // of the extended box
	cols    int        // of the owned box
	plan    *fourier.Plan2
	g       []T          // rows of the inverses at the owned pixels: owned x extended x frequencies, complex
	x       []complex128 // transforms of the extended lines
	y       []complex128
	line    []float64
}

func newStrip[T linalg.Float](m *operator, plans map[int]*fourier.Plan2, axis int, own, along tiles.Span, lambda float64, overlap int, weight float64) (*strip[T], error) {
	s := &strip[T]{axis: axis, own: own, ext: own, along: along, ring: overlap, overlap: overlap, cols: m.cols}
	box, frame := m.frame.Owned(m.comm.Rank()), m.frame.Domain().Shape()
	first, n := box.Lo[axis], frame[axis]
	s.ext = m.grown(axis, own, min(overlap, mostReach))
	data := tiles.Span{Lo: -1 << 40, Hi: 1 << 40} // rows of H_k exist there
	if m.border != halo.Periodic {
		data = tiles.Span{Lo: -first, Hi: n - first}
	}
	grid := 0
	if m.border == halo.Periodic && along.Len() == frame[1-axis] {
		s.ring, grid = 0, along.Len()
	} else {
		grid = fourier.NextFast(along.Len() + 2*overlap)
	}
	if plans[grid] == nil {
		plans[grid] = fourier.NewPlan2(1, grid)
	}
	s.plan = plans[grid]
	half := grid/2 + 1
	s.line, s.y = make([]float64, grid), make([]complex128, half)
	s.x = make([]complex128, s.ext.Len()*half)
	h, radius := s.columns(m, grid)
	return s, s.invert(m, h, radius, data, half, lambda, weight)
}

// columns are the transforms along the edge of the PSFs of the extended pixels, from one radius before each of them
// to one radius after it: extended x (2 radius + 1) x frequencies.
func (s *strip[T]) columns(m *operator, grid int) (h []complex128, radius int) {
	middle, half := (s.along.Lo+s.along.Hi-1)/2, grid/2+1
	size := [2]int{}
	size[0], size[1] = m.local.Size()
	radius = size[s.axis] / 2
	reach := size[1-s.axis] / 2
	h = make([]complex128, s.ext.Len()*(2*radius+1)*half)
	line := make([]float64, grid)
	for p := range s.ext.Len() {
		at := [2]int{}
		at[s.axis], at[1-s.axis] = s.ext.Lo+p, middle
		row, col := m.place(at[0], at[1])
		psf := m.local.At(row, col)
		for a := range 2*radius + 1 {
			clear(line)
			for b := range 2*reach + 1 {
				i := a*psf.Cols + b
				if s.axis == 1 {
					i = b*psf.Cols + a
				}
				line[((b-reach)%grid+grid)%grid] += psf.Values[i]
			}
			s.plan.Forward(h[(p*(2*radius+1)+a)*half:][:half], line)
		}
		if m.border == halo.Reflect {
			s.addImages(h[p*(2*radius+1)*half:][:(2*radius+1)*half], m, s.ext.Lo+p, radius, half)
		}
	}
	return h, radius
}

// addImages adds the light of the mirror images of a pixel to its column.
func (s *strip[T]) addImages(column []complex128, m *operator, at, radius, half int) {
	n := m.frame.Domain().Shape()[s.axis]
	at += m.frame.Owned(m.comm.Rank()).Lo[s.axis]
	own := slices.Clone(column)
	for _, image := range []int{-1 - at, 2*n - 1 - at} {
		for a := range 2*radius + 1 { // the pixel at + a - radius of the frame
			b := at + a - image
			if b < 0 || b > 2*radius {
				continue
			}
			for k, v := range own[b*half:][:half] {
				column[a*half+k] += v
			}
		}
	}
}

// invert makes g.
func (s *strip[T]) invert(m *operator, h []complex128, radius int, data tiles.Span, half int, lambda, weight float64) error {
	n, owned := s.ext.Len(), s.own.Len()
	s.g = make([]T, 2*owned*n*half)
	width := 2*radius + 1
	a, column := make([]complex128, n*n), make([]complex128, n*width)
	z := make([]complex128, n)
	symbol := axisSymbol(s.plan.Cols())
	for k := range half {
		for i := range column {
			column[i] = h[i*half+k]
		}
		clear(a)
		for i := range n {
			for j := max(0, i-2*radius); j <= i; j++ {
				// Rows of H_k that both columns reach, relative to the first extended pixel.
				lo, hi := max(i-radius, data.Lo-s.ext.Lo), min(j+radius+1, data.Hi-s.ext.Lo)
				sum := 0i
				for q := lo; q < hi; q++ {
					u, v := column[i*width+q-i+radius], column[j*width+q-j+radius]
					sum += complex(real(u), -imag(u)) * v
				}
				a[i*n+j] = complex(weight, 0) * sum
			}
		}
		s.addPenalty(a, m, data, lambda, symbol[k])
		if err := linalg.HermitianFactor(n, a); err != nil {
			return err
		}
		for i := range owned {
			at := s.own.Lo - s.ext.Lo + i
			clear(z)
			z[at] = 1
			linalg.HermitianSolve(n, a, z, at)
			for j, v := range z {
				g := s.g[2*((i*n+j)*half+k):]
				g[0], g[1] = T(real(v)), T(-imag(v))
			}
		}
	}
	return nil
}

// addPenalty adds lambda Q_k to the lower triangle of a; l is the symbol of the negative second difference along the
// edge.
func (s *strip[T]) addPenalty(a []complex128, m *operator, data tiles.Span, lambda, l float64) {
	n := s.ext.Len()
	element := func(row, j int) float64 { // of the negative Laplacian
		switch {
		case row != j:
			return -1
		case m.border != halo.Reflect:
			return 2 + l
		}
		d := 2 + l
		for _, edge := range []int{data.Lo, data.Hi - 1} { // a neighbour is the pixel itself
			if row+s.ext.Lo == edge {
				d--
			}
		}
		return d
	}
	add := func(i, j int, v float64) {
		if j >= 0 && j <= i {
			a[i*n+j] += complex(lambda*v, 0)
		}
	}
	for i := range n {
		switch m.q {
		case stencil.Gradient:
			add(i, i, element(i, i))
			add(i, i-1, -1)
		case stencil.Laplacian: // the same twice, with rows one pixel beyond the strip but not beyond the frame
			for row := i - 1; row <= i+1; row++ {
				if row+s.ext.Lo < data.Lo || row+s.ext.Lo >= data.Hi {
					continue
				}
				for j := row - 1; j <= row+1; j++ {
					add(i, j, element(row, i)*element(row, j))
				}
			}
		default:
			add(i, i, 1)
		}
	}
}

func (s *strip[T]) apply(dst, r []float64, stride int) {
	half, n := len(s.y), s.ext.Len()
	from := s.along.Lo - s.ring
	for j := range n {
		clear(s.line)
		across := s.ext.Lo + j + s.overlap
		if s.axis == 0 {
			copy(s.line, r[across*stride+from+s.overlap:][:s.along.Len()+2*s.ring])
		} else {
			for t := range s.along.Len() + 2*s.ring {
				s.line[t] = r[(from+t+s.overlap)*stride+across]
			}
		}
		s.plan.Forward(s.x[j*half:][:half], s.line)
	}
	g := s.g
	for i := s.own.Lo; i < s.own.Hi; i++ {
		clear(s.y)
		for j := range n {
			x := s.x[j*half:][:half]
			for k, v := range x {
				s.y[k] += complex(float64(g[2*k]), float64(g[2*k+1])) * v
			}
			g = g[2*half:]
		}
		s.plan.Inverse(s.line, s.y)
		for t := range s.along.Len() {
			at := i*s.cols + s.along.Lo + t
			if s.axis == 1 {
				at = (s.along.Lo+t)*s.cols + i
			}
			dst[at] = s.line[s.ring+t]
		}
	}
}

func (s *strip[T]) bytes() int64 {
	return int64(len(s.g)*linalg.SizeOf[T]() + 16*len(s.x))
}
