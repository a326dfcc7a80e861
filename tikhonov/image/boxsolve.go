package image

import (
	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/tikhonov/image/internal/tiles"
)

// boxSolve is one local solve for the whole of this rank's extended box, by Fourier
// transforms. Where the weights are nearly uniform, M acts on the inside of the box like
// the convolution with symbol
//
//	s(k) = w |h(k)|^2 + lambda |q(k)|^2,
//
// w the mean weight of the box and h, q the transforms of the PSF and of Q's stencil. So
// its inverse is one multiplication between two transforms, for every PSF and border: the
// ring of the extended box holds the residual as the border condition continues it, and
// only the owned pixels of the result are kept (restricted additive Schwarz). T is the
// precision of the transforms.
//
// Where the PSF varies the box is cut into pieces with the spectrum of the PSF in the middle of each. A piece is
// solved like a box of its own, with a ring out of its neighbours. Along an edge of the frame beside which M is no convolution,
// strips and corners take the place of pieces.
//
// Cost: two real transforms of the extended box, or pieces, and one exchange; memory of the box with
// its ring in float64 and 1.5 times the box, or pieces, in T.
type boxSolve[T linalg.Float] struct {
	m     *operator
	plan  *halo.Plan
	whole [2]bool // axes along which there is no ring
	parts []boxPart[T]
	edges []edgePart
	r     []float64 // residual over the extended box, channel by channel
}

// boxPart is the local solve of one piece.
type boxPart[T linalg.Float] struct {
	piece
	filter *fourier.Spectral[T]
	symbol []T
}

// newBoxSolve prepares the local solve. overlap is the width of the ring; along a periodic
// axis that this rank owns as a whole there is none if it is not cut, and the solve is exact.
func newBoxSolve[T linalg.Float](m *operator, lambda float64, overlap int, weight float64) (*boxSolve[T], error) {
	s := &boxSolve[T]{m: m}
	frame := m.frame.Domain().Shape()
	filters := map[[2]int]*fourier.Spectral[T]{}
	deep := m.margins(overlap)
	for _, p := range m.pieces(overlap, deep) {
		var grid [2]int
		for axis := range 2 {
			n := p.hi[axis] - p.lo[axis]
			if m.border == halo.Periodic && n == frame[axis] {
				grid[axis], s.whole[axis] = n, true
				continue
			}
			grid[axis] = fourier.NextFast(n + 2*overlap)
		}
		filter := filters[grid]
		if filter == nil {
			filter = fourier.NewSpectral[T](grid[0], grid[1])
			filters[grid] = filter
		}
		power := powerOf(filter, tiles.Kernel(p.psf, m.frame, m.border))
		s.parts = append(s.parts, boxPart[T]{p, filter, inverseSymbol(filter, m, power, lambda, weight)})
	}
	var err error
	if deep != [2][2]int{} {
		if s.edges, err = newEdges[T](m, deep, lambda, overlap, weight); err != nil {
			return nil, err
		}
	}
	if s.plan, err = halo.NewPlan(m.frame, m.comm.Rank(), []int{overlap, overlap}, m.border); err != nil {
		return nil, err
	}
	s.r = make([]float64, m.channels*s.plan.Extended().Size())
	return s, nil
}

// Apply sets dst to the owned part of the local solution. Collective.
func (s *boxSolve[T]) Apply(dst, src []float64) error {
	m := s.m
	s.plan.Scatter(s.r, src, m.channels)
	if err := s.plan.Exchange(m.comm, s.r, m.channels); err != nil {
		return err
	}
	shape := s.plan.ExtendedShape()
	overlap := (shape[0] - m.rows) / 2
	var ring, skip [2]int // of the ring that is used, and of that which is not
	for axis, whole := range s.whole {
		if ring[axis] = overlap; whole {
			ring[axis], skip[axis] = 0, overlap
		}
	}
	for c := range m.channels {
		for i := range s.parts {
			p := &s.parts[i]
			rows, cols := p.hi[0]-p.lo[0], p.hi[1]-p.lo[1]
			in := fourier.Window{
				Data: s.r, Origin: c*shape[0]*shape[1] + (p.lo[0]+skip[0])*shape[1] + p.lo[1] + skip[1], Stride: shape[1],
				Rows: rows + 2*ring[0], Cols: cols + 2*ring[1],
			}
			out := fourier.Window{
				Data: dst, Origin: c*m.rows*m.cols + p.lo[0]*m.cols + p.lo[1], Stride: m.cols,
				Row: ring[0], Col: ring[1], Rows: rows, Cols: cols,
			}
			p.filter.Multiply(out, p.symbol, in)
		}
		for _, e := range s.edges {
			e.apply(dst[c*m.rows*m.cols:][:m.rows*m.cols], s.r[c*shape[0]*shape[1]:], shape[1])
		}
	}
	return nil
}

// pieceCount is the number of pieces, strips and corners of this rank.
func (s *boxSolve[T]) pieceCount() int { return len(s.parts) + len(s.edges) }

// SinglePrecision says whether results are float32.
func (s *boxSolve[T]) SinglePrecision() bool { return linalg.SizeOf[T]() == 4 }

// Colours is 1: the boxes are solved at the same time.
func (s *boxSolve[T]) Colours() int { return 1 }

// ApplyColour is Apply.
func (s *boxSolve[T]) ApplyColour(_ int, dst, src []float64) error { return s.Apply(dst, src) }

func (s *boxSolve[T]) counts() (shared, own int) { return 0, 0 }

func (s *boxSolve[T]) bytes() int64 {
	total := int64(0)
	seen := map[*fourier.Spectral[T]]bool{}
	for _, p := range s.parts {
		spectrum, symbol := p.filter.Bytes()
		if total += symbol; !seen[p.filter] {
			total, seen[p.filter] = total+spectrum, true
		}
	}
	for _, e := range s.edges {
		total += e.bytes()
	}
	return total
}
