package forward

import (
	"fmt"
	"strings"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/ranks"
)

// Operator is this rank's part of a linear operator y = A x.
type Operator interface {
	// Dims are the lengths of this rank's part of y and of x.
	Dims() (m, n int)
	// Apply sets dst = A src: dst has m values, src n. It overwrites all of dst, leaves
	// src as it is, and dst and src do not overlap. Collective.
	Apply(dst, src []float64) error
	// Adjoint sets dst = A' src: dst has n values, src m. Otherwise as Apply. Collective.
	Adjoint(dst, src []float64) error
}

// Bounded is an Operator with an upper bound of its norm, ||A x|| <= NormBound() ||x||,
// that is known without any iteration. The bound is the same on all ranks. The methods
// that need a step size, 1/||A||, take it from here; Norm is for the other operators.
type Bounded interface {
	Operator
	NormBound() float64
}

// Framed is an Operator whose x is an image: this rank's part is channels x owned box of
// frame. A nil frame says that the operator does not know. Norm numbers the values of x
// by their place in the frame, so that its result does not depend on the decomposition.
type Framed interface {
	Operator
	Frame() (frame *halo.Decomposition, channels int)
}

// Convolution is the blur of a frame, Blur or VaryingBlur. Release frees its buffers, which the next
// call of Apply or Adjoint makes again.
type Convolution interface {
	Bounded
	Framed
	Release()
}

var (
	_ Convolution = (*Blur)(nil)
	_ Convolution = (*VaryingBlur)(nil)
)

// frameOf is what an operator knows of the frame of x.
func frameOf(op Operator) (frame *halo.Decomposition, channels int) {
	if f, ok := op.(Framed); ok {
		return f.Frame()
	}
	return nil, 0
}

// Dot is the inner product of two vectors of which every rank holds a part. The result
// is the same on all ranks. Collective.
func Dot(comm ranks.Comm, a, b []float64) (float64, error) {
	if len(a) != len(b) {
		return 0, fmt.Errorf("forward: Dot of %d and %d values", len(a), len(b))
	}
	sum := []float64{linalg.Dot(a, b)}
	err := comm.Allreduce(sum, sum, ranks.Sum)
	return sum[0], err
}

// name is how messages call an operator.
func name(op Operator) string {
	if s, ok := op.(fmt.Stringer); ok {
		return s.String()
	}
	typ := strings.TrimPrefix(fmt.Sprintf("%T", op), "*")
	return strings.TrimSuffix(strings.TrimPrefix(typ, "forward."), "Operator")
}

// checkApply compares the lengths of the arguments of op.Apply with Dims.
func checkApply(op Operator, dst, src []float64) error {
	m, n := op.Dims()
	return checkLengths(op, "Apply", dst, src, m, n)
}

// checkAdjoint does the same for op.Adjoint.
func checkAdjoint(op Operator, dst, src []float64) error {
	m, n := op.Dims()
	return checkLengths(op, "Adjoint", dst, src, n, m)
}

func checkLengths(op Operator, call string, dst, src []float64, wantDst, wantSrc int) error {
	if len(dst) != wantDst || len(src) != wantSrc {
		return fmt.Errorf("forward: %s.%s: dst has %d values and src %d, want %d and %d",
			name(op), call, len(dst), len(src), wantDst, wantSrc)
	}
	return nil
}

// checkFrame finds what is wrong with the frame of an operator, which is cut for other
// ranks than those of comm, or with the number of its channels.
func checkFrame(what string, comm ranks.Comm, frame *halo.Decomposition, channels int) error {
	switch {
	case frame == nil:
		return fmt.Errorf("forward: %s: no frame", what)
	case frame.Ranks() != comm.Size():
		return fmt.Errorf("forward: %s: the frame is cut for %d ranks, the communicator has %d", what, frame.Ranks(), comm.Size())
	case channels < 1:
		return fmt.Errorf("forward: %s: %d channels, want 1 or more", what, channels)
	}
	return nil
}
