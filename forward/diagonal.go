package forward

import (
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// NewIdentity is the operator y = x on n values of this rank.
func NewIdentity(n int) (*IdentityOperator, error) {
	if n < 0 {
		return nil, fmt.Errorf("forward: NewIdentity: %d values", n)
	}
	return &IdentityOperator{n}, nil
}

// IdentityOperator is y = x. A stack of an operator and a scaled identity is how
// ||A x - y||^2 + rho ||x - v||^2 becomes one least-squares problem.
type IdentityOperator struct{ n int }

// Dims are the lengths of y and x, which are equal.
func (i *IdentityOperator) Dims() (m, n int) { return i.n, i.n }

// NormBound is 1.
func (i *IdentityOperator) NormBound() float64 { return 1 }

// Apply copies src to dst.
func (i *IdentityOperator) Apply(dst, src []float64) error {
	if err := checkApply(i, dst, src); err != nil {
		return err
	}
	copy(dst, src)
	return nil
}

// Adjoint copies src to dst.
func (i *IdentityOperator) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(i, dst, src); err != nil {
		return err
	}
	copy(dst, src)
	return nil
}

// Weighting is y = W^(1/2) S x, the diagonal operator of Weights: every pixel times the
// square root of its weight, and 0 at missing pixels, also where x is NaN. x and y are
// channels x owned box. It keeps one number a pixel.
type Weighting struct {
	frame    *halo.Decomposition
	channels int
	cells    int       // pixels of this rank
	root     []float64 // W^(1/2) of the owned box; nil = all ones
	bound    float64
}

// NewWeighting copies the weights of this rank's pixels of a frame of 1, 2 or 3 axes.
// Weights of nil are ones, on this rank alone. Collective, for the largest weight of all
// ranks; weights that Weights.Check refuses on one rank are an error on all.
func NewWeighting(comm ranks.Comm, frame *halo.Decomposition, channels int, weights Weights) (*Weighting, error) {
	if err := checkFrame("NewWeighting", comm, frame, channels); err != nil {
		return nil, err
	}
	w := &Weighting{frame: frame, channels: channels, cells: frame.Owned(comm.Rank()).Size()}
	err := weights.check(w.cells)
	if err != nil {
		err = fmt.Errorf("forward: NewWeighting: %w", err)
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	largest := []float64{0}
	if weights != nil {
		w.root = make([]float64, w.cells)
		for i, v := range weights {
			w.root[i] = math.Sqrt(v)
			largest[0] = max(largest[0], w.root[i])
		}
	} else if w.cells > 0 {
		largest[0] = 1
	}
	if err := comm.Allreduce(largest, largest, ranks.Max); err != nil {
		return nil, err
	}
	w.bound = largest[0]
	return w, nil
}

// Dims are the lengths of this rank's part of y and of x, which are equal.
func (w *Weighting) Dims() (m, n int) { return w.channels * w.cells, w.channels * w.cells }

// Frame is the frame of x.
func (w *Weighting) Frame() (frame *halo.Decomposition, channels int) { return w.frame, w.channels }

// NormBound is the norm: the square root of the largest weight of all ranks.
func (w *Weighting) NormBound() float64 { return w.bound }

// Apply sets dst = W^(1/2) S src.
func (w *Weighting) Apply(dst, src []float64) error {
	if err := checkApply(w, dst, src); err != nil {
		return err
	}
	w.multiply(dst, src)
	return nil
}

// Adjoint is Apply: the operator is diagonal.
func (w *Weighting) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(w, dst, src); err != nil {
		return err
	}
	w.multiply(dst, src)
	return nil
}

func (w *Weighting) multiply(dst, src []float64) {
	if w.root == nil {
		copy(dst, src)
		return
	}
	for ; len(dst) > 0; dst, src = dst[w.cells:], src[w.cells:] {
		for i, r := range w.root {
			if r == 0 {
				dst[i] = 0
			} else {
				dst[i] = r * src[i]
			}
		}
	}
}
