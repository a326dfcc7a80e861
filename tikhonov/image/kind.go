package image

import (
	"fmt"

	"tessera/internal/linalg"
)

// kind is the factor that all tiles of one geometry share: the inverse of the
// local matrix with one nominal weight everywhere, as dense matrices because a
// product with them runs at the speed of the processor, not of memory.
type kind[T linalg.Float] struct {
	pattern          *pattern
	before           [2]int // extended rows and columns before the owned ones
	ownRows, ownCols int
	nominal          float64
	tiles            int // that want it

	inverse    []T   // m x m
	restricted []T   // owned x m: its rows at owned pixels
	columns    [][]T // inverse times h_q for data pixel q, nil until asked for
	ownColumns [][]T // their elements at owned pixels
}

// size is the number of unknowns of an extended tile.
func (k *kind[T]) size() int { return k.pattern.rows * k.pattern.cols }

// factor inverts the nominal matrix.
func (k *kind[T]) factor(lambda float64) error {
	m := k.size()
	a := k.pattern.dense(lambda, k.nominal)
	if err := linalg.SPDInverse(m, a, m); err != nil {
		return fmt.Errorf("image: local matrix of a %d x %d tile: %w", k.pattern.rows, k.pattern.cols, err)
	}
	k.inverse = make([]T, m*m)
	for i, v := range a {
		k.inverse[i] = T(v)
	}
	k.restricted = make([]T, 0, k.ownRows*k.ownCols*m)
	for i := range k.ownRows {
		at := (k.before[0]+i)*k.pattern.cols + k.before[1]
		k.restricted = append(k.restricted, k.inverse[at*m:(at+k.ownCols)*m]...)
	}
	k.columns = make([][]T, len(k.pattern.data))
	k.ownColumns = make([][]T, len(k.pattern.data))
	return nil
}

// column is M^-1 h_q, computed when first asked for.
func (k *kind[T]) column(q int) []T {
	if c := k.columns[q]; c != nil {
		return c
	}
	m := k.size()
	c := make([]T, m)
	for _, e := range k.pattern.data[q] {
		linalg.AxpyOf(T(e.value), k.inverse[e.at*m:(e.at+1)*m], c)
	}
	own := make([]T, 0, k.ownRows*k.ownCols)
	for i := range k.ownRows {
		at := (k.before[0]+i)*k.pattern.cols + k.before[1]
		own = append(own, c[at:at+k.ownCols]...)
	}
	k.columns[q], k.ownColumns[q] = c, own
	return c
}

// correction makes the nominal inverse exact for a tile some of whose data pixels
// have less than the nominal weight (Woodbury): with D = diag(nominal - w_q) over
// those pixels and U their columns h_q,
//
//	(M - U D U')^-1 = M^-1 + M^-1 U (D^-1 - U'M^-1 U)^-1 U'M^-1.
type correction[T linalg.Float] struct {
	pixels []int // q
	middle []T   // the inverse in the middle, len(pixels)^2
}

func (k *kind[T]) correct(pixels []int, weight func(q int) float64) (correction[T], error) {
	n := len(pixels)
	if n == 0 {
		return correction[T]{}, nil
	}
	s := make([]float64, n*n)
	for i, q := range pixels {
		for j, p := range pixels[:i+1] {
			column := k.column(p)
			dot := 0.0
			for _, e := range k.pattern.data[q] {
				dot += e.value * float64(column[e.at])
			}
			s[i*n+j] = -dot
		}
		s[i*n+i] += 1 / (k.nominal - weight(q))
	}
	if err := linalg.SPDInverse(n, s, n); err != nil {
		return correction[T]{}, err
	}
	c := correction[T]{pixels: pixels, middle: make([]T, n*n)}
	for i, v := range s {
		c.middle[i] = T(v)
	}
	return c, nil
}

// apply adds the correction for the right-hand side x (extended tile) to z, which
// covers the owned pixels or, if whole, the extended tile. work: 2 len(pixels).
func (c *correction[T]) apply(k *kind[T], z, x, work []T, whole bool) {
	n := len(c.pixels)
	a, b := work[:n], work[n:2*n]
	for i, q := range c.pixels {
		a[i] = linalg.DotOf(k.columns[q], x)
	}
	for i := range b {
		b[i] = linalg.DotOf(c.middle[i*n:(i+1)*n], a)
	}
	columns := k.ownColumns
	if whole {
		columns = k.columns
	}
	for i, q := range c.pixels {
		linalg.AxpyOf(b[i], columns[q], z)
	}
}

// bytes held by the factor.
func (k *kind[T]) bytes() int64 {
	n := len(k.inverse) + len(k.restricted)
	for i, c := range k.columns {
		n += len(c) + len(k.ownColumns[i])
	}
	return int64(n) * int64(linalg.SizeOf[T]())
}
