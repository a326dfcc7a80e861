package forward

import "tessera/halo"

// Gram is A'A of an operator A: symmetric and positive semi-definite, the matrix of the
// normal equations A'A x = A'y. It is a krylov.Operator. Stacked on sqrt(rho) times the
// identity, A gives A'A + rho I. It keeps one buffer of the length of A x.
type Gram struct {
	a Operator
	y []float64 // A x
}

// NewGram is A'A. It is not collective.
func NewGram(a Operator) *Gram {
	m, _ := a.Dims()
	return &Gram{a: a, y: make([]float64, m)}
}

// Len is the number of unknowns of this rank.
func (g *Gram) Len() int {
	_, n := g.a.Dims()
	return n
}

// Dims is Len twice.
func (g *Gram) Dims() (m, n int) { return g.Len(), g.Len() }

// Frame is the frame of x, where A knows it.
func (g *Gram) Frame() (frame *halo.Decomposition, channels int) { return frameOf(g.a) }

// Apply sets dst = A'A src. Collective.
func (g *Gram) Apply(dst, src []float64) error {
	if err := checkApply(g, dst, src); err != nil {
		return err
	}
	return g.apply(dst, src)
}

// Adjoint is Apply: the operator is symmetric. Collective.
func (g *Gram) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(g, dst, src); err != nil {
		return err
	}
	return g.apply(dst, src)
}

func (g *Gram) apply(dst, src []float64) error {
	if err := g.a.Apply(g.y, src); err != nil {
		return err
	}
	return g.a.Adjoint(dst, g.y)
}
