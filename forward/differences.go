package forward

import (
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// Differences is the forward difference of every pixel along every axis,
//
//	y_k(i) = x(i + e_k) - x(i),  k = 1 ... axes,
//
// the discrete gradient of total variation. x is channels x owned box, y is axes x
// channels x owned box: first all differences along the first axis. At the last pixel of
// an axis of the frame the border says what x(i + e_k) is:
//
//	Zero:     0, so that y_k = -x(i) there;
//	Reflect:  the pixel itself, so that y_k = 0 there (the condition of Neumann);
//	Periodic: the first pixel of the axis.
//
// The adjoint is minus the divergence. Both give the same bits on any number of ranks.
// They take one exchange of faces an axis and keep one array of the size of x with its
// halo. Cost: 3 passes over memory an axis.
type Differences struct {
	*axes
	reflect bool
}

// NewDifferences prepares the differences of frames of 1, 2 or 3 axes. It is not
// collective; every rank gives the same arguments.
func NewDifferences(comm ranks.Comm, frame *halo.Decomposition, channels int, border halo.Border) (*Differences, error) {
	if border < halo.Zero || border > halo.Periodic {
		return nil, fmt.Errorf("forward: NewDifferences: unknown border %v", border)
	}
	d := &Differences{reflect: border == halo.Reflect}
	if d.reflect {
		border = halo.Zero // the last row of D is cleared instead, which serves the adjoint too
	}
	var err error
	if d.axes, err = newAxes("NewDifferences", comm, frame, channels, border); err != nil {
		return nil, err
	}
	return d, nil
}

// Dims are the lengths of this rank's part of y, axes times that of x, and of x.
func (d *Differences) Dims() (m, n int) {
	n = d.channels * d.cells
	return len(d.along) * n, n
}

// Frame is the frame of x.
func (d *Differences) Frame() (frame *halo.Decomposition, channels int) { return d.frame, d.channels }

// NormBound is 2 sqrt(axes). Periodic axes of an even number of pixels reach it.
func (d *Differences) NormBound() float64 { return 2 * math.Sqrt(float64(len(d.along))) }

// Apply sets dst = D src. Collective.
func (d *Differences) Apply(dst, src []float64) error {
	if err := checkApply(d, dst, src); err != nil {
		return err
	}
	for k, along := range d.along {
		ext, err := d.extend(k, src)
		if err != nil {
			return err
		}
		inner, clearLast := along.inner, d.reflect && along.last
		d.lines(k, dst[k*len(src):(k+1)*len(src)], ext, func(out, x []float64) {
			here, next := x[inner:][:len(out)], x[2*inner:][:len(out)]
			for i := range out {
				out[i] = next[i] - here[i]
			}
			if clearLast {
				clear(out[len(out)-inner:])
			}
		})
	}
	return nil
}

// Adjoint sets dst = D' src. Collective.
func (d *Differences) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(d, dst, src); err != nil {
		return err
	}
	clear(dst)
	for k, along := range d.along {
		ext, err := d.extend(k, src[k*len(dst):(k+1)*len(dst)])
		if err != nil {
			return err
		}
		inner, clearLast := along.inner, d.reflect && along.last
		d.lines(k, dst, ext, func(out, x []float64) {
			if clearLast {
				clear(x[len(out) : len(out)+inner])
			}
			before, here := x[:len(out)], x[inner:][:len(out)]
			for i := range out {
				out[i] += before[i] - here[i]
			}
		})
	}
	return nil
}
