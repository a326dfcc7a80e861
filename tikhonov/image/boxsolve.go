package image

import (
	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/internal/linalg"
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
// Cost: two real transforms of the extended box and one exchange; memory of the box with
// its ring in float64 and 1.5 times the box in T.
type boxSolve[T linalg.Float] struct {
	m      *operator
	plan   *halo.Plan
	ring   [2]int // width of the ring in rows and columns
	filter *fourier.Spectral[T]
	symbol []T
	r      []float64 // residual over the extended box, channel by channel
}

// newBoxSolve prepares the local solve. overlap is the width of the ring; along a periodic
// axis that this rank owns as a whole there is none, and the solve is exact.
func newBoxSolve[T linalg.Float](m *operator, lambda float64, overlap int, weight float64) (*boxSolve[T], error) {
	s := &boxSolve[T]{m: m}
	var grid [2]int
	frame := m.frame.Domain().Shape()
	for axis, n := range [2]int{m.rows, m.cols} {
		if m.border == halo.Periodic && n == frame[axis] {
			grid[axis] = n
			continue
		}
		s.ring[axis] = overlap
		grid[axis] = fourier.NextFast(n + 2*overlap)
	}
	var err error
	if s.plan, err = halo.NewPlan(m.frame, m.comm.Rank(), []int{overlap, overlap}, m.border); err != nil {
		return nil, err
	}
	s.filter = fourier.NewSpectral[T](grid[0], grid[1])
	s.symbol = inverseSymbol(s.filter, m, lambda, weight)
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
	for c := range m.channels {
		in := fourier.Window{
			Data: s.r, Origin: c*shape[0]*shape[1] + (overlap-s.ring[0])*shape[1] + overlap - s.ring[1], Stride: shape[1],
			Rows: m.rows + 2*s.ring[0], Cols: m.cols + 2*s.ring[1],
		}
		out := fourier.Window{
			Data: dst, Origin: c * m.rows * m.cols, Stride: m.cols,
			Row: s.ring[0], Col: s.ring[1], Rows: m.rows, Cols: m.cols,
		}
		s.filter.Multiply(out, s.symbol, in)
	}
	return nil
}

// SinglePrecision says whether results are float32.
func (s *boxSolve[T]) SinglePrecision() bool { return linalg.SizeOf[T]() == 4 }

// Colours is 1: the boxes are solved at the same time.
func (s *boxSolve[T]) Colours() int { return 1 }

// ApplyColour is Apply.
func (s *boxSolve[T]) ApplyColour(_ int, dst, src []float64) error { return s.Apply(dst, src) }

func (s *boxSolve[T]) counts() (shared, own int) { return 0, 0 }

func (s *boxSolve[T]) bytes() int64 {
	spectrum, symbol := s.filter.Bytes()
	return spectrum + symbol
}
