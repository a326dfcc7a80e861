//go:build !native || !cgo

package scdl

import "tessera/internal/linalg"

func pull[T linalg.Float](r, y, y3, p, w []T, sign, c, c3 T) { pullPlain(r, y, y3, p, w, sign, c, c3) }

func update[T linalg.Float](p, q, y1, y2, y3, wh, wl []T, k [7]T) (high, low float64) {
	return updatePlain(p, q, y1, y2, y3, wh, wl, k)
}

func squares[T linalg.Float](rows []float64, codes []T, columns int) {
	squaresPlain(rows, codes, columns)
}
