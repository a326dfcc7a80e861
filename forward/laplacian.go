package forward

import (
	"fmt"

	"tessera/halo"
	"tessera/ranks"
)

// LaplacianOperator is the sum of the second differences along all axes,
//
//	y(i) = sum_k x(i + e_k) - 2 x(i) + x(i - e_k),
//
// the stencil of 3, 5 or 7 points. x and y are channels x owned box. Pixels outside the
// frame are 0 (Zero), the nearest pixel inside (Reflect) or the pixel at the other end
// (Periodic). It is symmetric for all borders, and -D'D with D the Differences for
// Reflect and Periodic. It gives the same bits on any number of ranks. It takes one
// exchange of faces an axis and keeps one array of the size of x with its halo.
type LaplacianOperator struct{ *axes }

// NewLaplacian prepares the Laplacian of frames of 1, 2 or 3 axes. It is not collective;
// every rank gives the same arguments.
func NewLaplacian(comm ranks.Comm, frame *halo.Decomposition, channels int, border halo.Border) (*LaplacianOperator, error) {
	if border < halo.Zero || border > halo.Periodic {
		return nil, fmt.Errorf("forward: NewLaplacian: unknown border %v", border)
	}
	a, err := newAxes("NewLaplacian", comm, frame, channels, border)
	if err != nil {
		return nil, err
	}
	return &LaplacianOperator{a}, nil
}

// Dims are the lengths of this rank's part of y and of x, which are equal.
func (l *LaplacianOperator) Dims() (m, n int) { return l.channels * l.cells, l.channels * l.cells }

// Frame is the frame of x.
func (l *LaplacianOperator) Frame() (frame *halo.Decomposition, channels int) {
	return l.frame, l.channels
}

// NormBound is 4 an axis. Periodic axes of an even number of pixels reach it.
func (l *LaplacianOperator) NormBound() float64 { return 4 * float64(len(l.along)) }

// Apply sets dst = L src. Collective.
func (l *LaplacianOperator) Apply(dst, src []float64) error {
	if err := checkApply(l, dst, src); err != nil {
		return err
	}
	return l.apply(dst, src)
}

// Adjoint is Apply: the operator is symmetric. Collective.
func (l *LaplacianOperator) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(l, dst, src); err != nil {
		return err
	}
	return l.apply(dst, src)
}

func (l *LaplacianOperator) apply(dst, src []float64) error {
	clear(dst)
	for k, along := range l.along {
		ext, err := l.extend(k, src)
		if err != nil {
			return err
		}
		l.lines(k, dst, ext, func(out, x []float64) {
			before, here, next := x[:len(out)], x[along.inner:][:len(out)], x[2*along.inner:][:len(out)]
			for i := range out {
				out[i] += before[i] + next[i] - 2*here[i]
			}
		})
	}
	return nil
}
