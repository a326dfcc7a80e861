package forward

import (
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// Haar is the redundant Haar transform of one level: scaled averages and differences of
// every pixel and its next neighbour along each axis,
//
//	a_k(n) = s (x(n) + x(n + e_k)),  d_k(n) = s (x(n + e_k) - x(n)),  s = 1/(2 sqrt(axes)).
//
// It is the union of 2 axes orthonormal Haar transforms, with pairs that begin at even and
// at odd pixels, divided by sqrt(2 axes). With a periodic border H'H = I; H H' is a
// projection. With another border the pair of the last pixel of an axis does not exist, and its two
// values are 0: H'H is then I minus 1/(2 axes) for each border that a pixel lies at, and
// x + H'(f(H x) - H x) is the form that keeps such pixels for f(u) = u.
//
// x is channels x owned box; y is 2 axes x channels x owned box: averages, then differences
// of the first axis, and so on. Both directions give the same bits on any number of ranks
// and take one exchange of faces an axis, Adjoint two.
//
// Source: Kamilov, IEEE Trans. Image Process. 26 (2017) 539.
type Haar struct {
	*axes
	periodic bool
	s        float64
}

// NewHaar prepares the transform of frames of 1, 2 or 3 axes. It is not collective; every
// rank gives the same arguments.
func NewHaar(comm ranks.Comm, frame *halo.Decomposition, channels int, border halo.Border) (*Haar, error) {
	if border < halo.Zero || border > halo.Periodic {
		return nil, fmt.Errorf("forward: NewHaar: unknown border %v", border)
	}
	h := &Haar{periodic: border == halo.Periodic}
	if !h.periodic {
		border = halo.Zero
	}
	var err error
	if h.axes, err = newAxes("NewHaar", comm, frame, channels, border); err != nil {
		return nil, err
	}
	h.s = 1 / (2 * math.Sqrt(float64(len(h.along))))
	return h, nil
}

// Dims are the lengths of this rank's part of y, 2 axes times that of x, and of x.
func (h *Haar) Dims() (m, n int) {
	n = h.channels * h.cells
	return 2 * len(h.along) * n, n
}

// Frame is the frame of x.
func (h *Haar) Frame() (frame *halo.Decomposition, channels int) { return h.frame, h.channels }

// NormBound is 1.
func (h *Haar) NormBound() float64 { return 1 }

// Apply sets dst = H src. Collective.
func (h *Haar) Apply(dst, src []float64) error {
	if err := checkApply(h, dst, src); err != nil {
		return err
	}
	n := len(src)
	for k, along := range h.along {
		ext, err := h.extend(k, src)
		if err != nil {
			return err
		}
		sums, differences := dst[2*k*n:(2*k+1)*n], dst[(2*k+1)*n:(2*k+2)*n]
		inner, missing := along.inner, !h.periodic && along.last
		at := 0
		h.lines(k, sums, ext, func(out, x []float64) {
			d := differences[at : at+len(out)]
			at += len(out)
			here, next := x[inner:][:len(out)], x[2*inner:][:len(out)]
			for i := range out {
				out[i], d[i] = h.s*(here[i]+next[i]), h.s*(next[i]-here[i])
			}
			if missing {
				clear(out[len(out)-inner:])
				clear(d[len(d)-inner:])
			}
		})
	}
	return nil
}

// Adjoint sets dst = H' src:
//
//	x(n) = s sum_k a_k(n) - d_k(n) + a_k(n - e_k) + d_k(n - e_k).
//
// Collective.
func (h *Haar) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(h, dst, src); err != nil {
		return err
	}
	clear(dst)
	n := len(dst)
	for k, along := range h.along {
		for part, sign := range []float64{1, -1} { // of n itself; its neighbour's sign is 1
			ext, err := h.extend(k, src[(2*k+part)*n:(2*k+part+1)*n])
			if err != nil {
				return err
			}
			inner, missing := along.inner, !h.periodic && along.last
			h.lines(k, dst, ext, func(out, x []float64) {
				if missing {
					clear(x[len(out) : len(out)+inner])
				}
				before, here := x[:len(out)], x[inner:][:len(out)]
				for i := range out {
					out[i] += h.s * (before[i] + sign*here[i])
				}
			})
		}
	}
	return nil
}
