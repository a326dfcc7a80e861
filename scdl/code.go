package scdl

import "tessera/internal/linalg"

// coder finds sparse codes of a tile of samples,
//
//	min over z of |s - D z|^2/2 + lambda |z|_1,
//
// by ADMM on z = w with penalty c = side.c: the iteration of the package comment with one
// dictionary. As in form, one array v = W - Y/c is the whole state.
type coder[T linalg.Float] struct {
	atoms      int
	iterations int
	threshold  float64 // lambda/c
	side       side[T]
	state      []T // atoms x TileSamples: v; 0 at first
	codes      []T // atoms x TileSamples: z
	work       []T
}

func newCoder[T linalg.Float](atoms, rows int, lambda, penalty float64, iterations int) *coder[T] {
	n := atoms * TileSamples
	return &coder[T]{
		atoms: atoms, iterations: iterations, threshold: lambda / penalty, side: newSide[T](rows, atoms, penalty),
		state: make([]T, n), codes: make([]T, n), work: make([]T, workOf(rows)),
	}
}

// codePlain computes the codes of the samples in side.
func (c *coder[T]) codePlain() {
	d, w, by := &c.side, c.codes, T(c.threshold)
	v, u := c.work[:d.rows*TileSamples], c.work[d.rows*TileSamples:2*d.rows*TileSamples]
	for range c.iterations {
		for i, x := range c.state {
			w[i] = x - 2*clip(x, by)
		}
		d.residue(c.atoms, w, v)
		linalg.Gemm(false, false, d.rows, TileSamples, d.rows, 1, d.inverse, d.rows, v, TileSamples, 0, u, TileSamples)
		linalg.Gemm(false, false, c.atoms, TileSamples, d.rows, 1, d.padded, d.ld, u, TileSamples, 1, w, TileSamples)
		for i, x := range c.state {
			c.state[i] = w[i] + clip(x, by)
		}
	}
	for i, x := range c.state {
		w[i] = soft(x, by)
	}
}
