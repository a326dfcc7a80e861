package image

import (
	"fmt"

	"tessera/internal/linalg"
	"tessera/tikhonov/image/internal/tiles"
)

// tileClass is the factor that all tiles of one class share: the inverse of the
// local matrix with one nominal weight everywhere, as dense matrices because a
// product with them runs at the speed of the processor, not of memory.
type tileClass[T linalg.Float] struct {
	pattern          *tiles.Pattern
	before           [2]int // extended rows and columns before the owned ones
	ownRows, ownCols int
	nominal          float64
	tiles            int // that use it

	inverse    []T     // m x m
	restricted []T     // owned x m: its rows at owned pixels
	row        []int32 // of data pixel q in the tables below, -1 until it is computed
	columns    []T     // rows of inverse times h_q, m long
	ownColumns []T     // their elements at owned pixels
}

// size is the number of unknowns of an extended tile.
func (k *tileClass[T]) size() int { return k.pattern.Rows * k.pattern.Cols }

// factor inverts the nominal matrix.
func (k *tileClass[T]) factor(lambda float64) error {
	m := k.size()
	a := k.pattern.Dense(lambda, k.nominal)
	if err := linalg.SPDInverse(m, a, m); err != nil {
		return fmt.Errorf("image: local matrix of a %d x %d tile: %w", k.pattern.Rows, k.pattern.Cols, err)
	}
	k.inverse = make([]T, m*m)
	for i, v := range a {
		k.inverse[i] = T(v)
	}
	k.restricted = make([]T, 0, k.ownRows*k.ownCols*m)
	for i := range k.ownRows {
		at := (k.before[0]+i)*k.pattern.Cols + k.before[1]
		k.restricted = append(k.restricted, k.inverse[at*m:(at+k.ownCols)*m]...)
	}
	k.row = make([]int32, len(k.pattern.Data))
	for q := range k.row {
		k.row[q] = -1
	}
	return nil
}

// column is the row of the tables that holds M^-1 h_q, computed at the first call.
func (k *tileClass[T]) column(q int) int32 {
	if k.row[q] >= 0 {
		return k.row[q]
	}
	m := k.size()
	k.row[q] = int32(len(k.columns) / m)
	c := make([]T, m)
	for _, e := range k.pattern.Data[q] {
		linalg.AxpyOf(T(e.Value), k.inverse[e.At*m:(e.At+1)*m], c)
	}
	k.columns = append(k.columns, c...)
	for i := range k.ownRows {
		at := (k.before[0]+i)*k.pattern.Cols + k.before[1]
		k.ownColumns = append(k.ownColumns, c[at:at+k.ownCols]...)
	}
	return k.row[q]
}

// correction makes the nominal inverse exact for a tile some of whose data pixels
// have less than the nominal weight (Woodbury): with D = diag(nominal - w_q) over
// those pixels and U their columns h_q,
//
//	(M - U D U')^-1 = M^-1 + M^-1 U (D^-1 - U'M^-1 U)^-1 U'M^-1.
type correction[T linalg.Float] struct {
	rows   []int32 // of the pixels q in the class's tables
	middle []T     // the inverse in the middle, len(rows)^2
}

func (k *tileClass[T]) correct(pixels []int, weight func(q int) float64) (correction[T], error) {
	n, m := len(pixels), k.size()
	if n == 0 {
		return correction[T]{}, nil
	}
	c := correction[T]{rows: make([]int32, n), middle: make([]T, n*n)}
	for i, q := range pixels {
		c.rows[i] = k.column(q)
	}
	s := make([]float64, n*n)
	for i, q := range pixels {
		for j, p := range c.rows[:i+1] {
			column := k.columns[int(p)*m:][:m]
			dot := 0.0
			for _, e := range k.pattern.Data[q] {
				dot += e.Value * float64(column[e.At])
			}
			s[i*n+j] = -dot
		}
		s[i*n+i] += 1 / (k.nominal - weight(q))
	}
	if err := linalg.SPDInverse(n, s, n); err != nil {
		return correction[T]{}, err
	}
	for i, v := range s {
		c.middle[i] = T(v)
	}
	return c, nil
}

// apply adds the correction for the right-hand side x (extended tile) to z, which
// covers the owned pixels or, if whole, the extended tile. work: 2 len(rows).
func (c *correction[T]) apply(k *tileClass[T], z, x, work []T, whole bool) {
	columns := k.ownColumns
	if whole {
		columns = k.columns
	}
	linalg.LowRank(c.rows, c.middle, k.columns, x, columns, z, work)
}

// bytes held by the factor.
func (k *tileClass[T]) bytes() int64 {
	n := len(k.inverse) + len(k.restricted) + len(k.columns) + len(k.ownColumns)
	return int64(n) * int64(linalg.SizeOf[T]())
}
