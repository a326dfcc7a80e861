package forward

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/halo"
)

// Compose is the product of operators: Compose(a, b, c) maps x to a(b(c(x))), so that the
// first one acts last. Where all of them are Bounded, so is the product: ||A B|| <= ||A||
// ||B||. It keeps one buffer for each vector between two operators. It is not collective;
// the error says on this rank which lengths do not fit.
func Compose(ops ...Operator) (Operator, error) {
	if err := checkParts("Compose", ops); err != nil {
		return nil, err
	}
	c := &composition{ops: slices.Clone(ops)}
	for i, op := range ops[1:] {
		_, takes := ops[i].Dims()
		gives, _ := op.Dims()
		if gives != takes {
			return nil, fmt.Errorf("forward: Compose: %s takes %d values, but %s gives %d", name(ops[i]), takes, name(op), gives)
		}
		c.between = append(c.between, make([]float64, gives))
	}
	return withBound(c, ops, func(total, b float64) float64 { return total * b }, 1), nil
}

type composition struct {
	ops     []Operator
	between [][]float64 // between[i] is what ops[i+1] gives and ops[i] takes
}

func (c *composition) Dims() (m, n int) {
	m, _ = c.ops[0].Dims()
	_, n = c.ops[len(c.ops)-1].Dims()
	return m, n
}

func (c *composition) Frame() (*halo.Decomposition, int) { return frameOf(c.ops[len(c.ops)-1]) }

func (c *composition) String() string { return "Compose" + names(c.ops) }

func (c *composition) Apply(dst, src []float64) error {
	if err := checkApply(c, dst, src); err != nil {
		return err
	}
	for i := len(c.ops) - 1; i >= 0; i-- {
		out := dst
		if i > 0 {
			out = c.between[i-1]
		}
		if err := c.ops[i].Apply(out, src); err != nil {
			return err
		}
		src = out
	}
	return nil
}

func (c *composition) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(c, dst, src); err != nil {
		return err
	}
	for i, op := range c.ops {
		out := dst
		if i < len(c.between) {
			out = c.between[i]
		}
		if err := op.Adjoint(out, src); err != nil {
			return err
		}
		src = out
	}
	return nil
}

// Stack puts operators on one x under each other: Stack(a, b) maps x to [a(x); b(x)],
// this rank's parts one after the other, and its adjoint is a'y_a + b'y_b. Where all of
// them are Bounded, so is the stack: ||[A; B]||^2 <= ||A||^2 + ||B||^2. It keeps one
// buffer of the length of x. It is not collective; the error says on this rank which
// lengths do not fit.
func Stack(ops ...Operator) (Operator, error) {
	if err := checkParts("Stack", ops); err != nil {
		return nil, err
	}
	s := &stack{ops: slices.Clone(ops)}
	_, n := ops[0].Dims()
	for _, op := range ops {
		mi, ni := op.Dims()
		if ni != n {
			return nil, fmt.Errorf("forward: Stack: %s takes %d values, but %s takes %d", name(ops[0]), n, name(op), ni)
		}
		s.m += mi
	}
	if len(ops) > 1 {
		s.term = make([]float64, n)
	}
	return withBound(s, ops, math.Hypot, 0), nil
}

type stack struct {
	ops  []Operator
	m    int
	term []float64 // one operator's part of the adjoint
}

func (s *stack) Dims() (m, n int) {
	_, n = s.ops[0].Dims()
	return s.m, n
}

func (s *stack) Frame() (frame *halo.Decomposition, channels int) {
	for _, op := range s.ops {
		if frame, channels = frameOf(op); frame != nil {
			return frame, channels
		}
	}
	return nil, 0
}

func (s *stack) String() string { return "Stack" + names(s.ops) }

func (s *stack) Apply(dst, src []float64) error {
	if err := checkApply(s, dst, src); err != nil {
		return err
	}
	for _, op := range s.ops {
		m, _ := op.Dims()
		if err := op.Apply(dst[:m], src); err != nil {
			return err
		}
		dst = dst[m:]
	}
	return nil
}

func (s *stack) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(s, dst, src); err != nil {
		return err
	}
	for i, op := range s.ops {
		m, _ := op.Dims()
		out := dst
		if i > 0 {
			out = s.term
		}
		if err := op.Adjoint(out, src[:m]); err != nil {
			return err
		}
		src = src[m:]
		if i > 0 {
			for j, v := range out {
				dst[j] += v
			}
		}
	}
	return nil
}

// Scale is factor times an operator. It is Bounded where the operator is.
func Scale(factor float64, op Operator) (Operator, error) {
	if op == nil {
		return nil, fmt.Errorf("forward: Scale: no operator")
	}
	if math.IsNaN(factor) || math.IsInf(factor, 0) {
		return nil, fmt.Errorf("forward: Scale: factor %g, want a finite number", factor)
	}
	s := &scaled{factor: factor, op: op}
	return withBound(s, []Operator{op}, func(total, b float64) float64 { return total * b }, math.Abs(factor)), nil
}

type scaled struct {
	factor float64
	op     Operator
}

func (s *scaled) Dims() (m, n int)                  { return s.op.Dims() }
func (s *scaled) Frame() (*halo.Decomposition, int) { return frameOf(s.op) }
func (s *scaled) String() string                    { return fmt.Sprintf("Scale(%g, %s)", s.factor, name(s.op)) }

func (s *scaled) Apply(dst, src []float64) error {
	if err := checkApply(s, dst, src); err != nil {
		return err
	}
	err := s.op.Apply(dst, src)
	s.multiply(dst)
	return err
}

func (s *scaled) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(s, dst, src); err != nil {
		return err
	}
	err := s.op.Adjoint(dst, src)
	s.multiply(dst)
	return err
}

func (s *scaled) multiply(a []float64) {
	for i := range a {
		a[i] *= s.factor
	}
}

// composite is an operator made of others.
type composite interface {
	Framed
	fmt.Stringer
}

// bounded is a composite whose parts are all Bounded.
type bounded struct {
	composite
	bound float64
}

func (b bounded) NormBound() float64 { return b.bound }

// withBound gives op the bound that join makes of start and the bounds of all parts, or
// none if a part has none.
func withBound(op composite, parts []Operator, join func(total, b float64) float64, start float64) Operator {
	for _, p := range parts {
		b, ok := p.(Bounded)
		if !ok {
			return op
		}
		start = join(start, b.NormBound())
	}
	return bounded{op, start}
}

func checkParts(what string, ops []Operator) error {
	if len(ops) == 0 {
		return fmt.Errorf("forward: %s: no operators", what)
	}
	for i, op := range ops {
		if op == nil {
			return fmt.Errorf("forward: %s: operator %d of %d is nil", what, i+1, len(ops))
		}
	}
	return nil
}

// names lists operators as the arguments of a call.
func names(ops []Operator) string {
	all := make([]string, len(ops))
	for i, op := range ops {
		all[i] = name(op)
	}
	return "(" + strings.Join(all, ", ") + ")"
}
