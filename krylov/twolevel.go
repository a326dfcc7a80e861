package krylov

import "tessera/internal/linalg"

// Deflated adds a coarse space to a one-level preconditioner P, the A-DEF2 form:
//
//	B r = z + Q (r - A z),   z = P r,   Q = Z E^-1 Z',  E = Z' A Z.
//
// From the start x = Q b (see Start) CG with it makes the iterates of balancing
// Neumann-Neumann, P with the coarse correction on both sides, for one application
// of A less. Tang et al. (2009), section 2.3.
type Deflated struct {
	A      Operator
	P      Preconditioner // one level, symmetric
	Coarse Preconditioner // Q
	t, q   []float64
}

// Apply sets dst = B src.
func (l *Deflated) Apply(dst, src []float64) error {
	if l.t == nil {
		l.t, l.q = make([]float64, len(src)), make([]float64, len(src))
	}
	if err := l.P.Apply(dst, src); err != nil {
		return err
	}
	if err := l.A.Apply(l.t, dst); err != nil {
		return err
	}
	sub(l.t, src, l.t)
	if err := l.Coarse.Apply(l.q, l.t); err != nil {
		return err
	}
	linalg.Axpy(1, l.q, dst)
	return nil
}

// Start sets x = Q b, the start from which the equivalence holds.
func (l *Deflated) Start(x, b []float64) error { return l.Coarse.Apply(x, b) }
