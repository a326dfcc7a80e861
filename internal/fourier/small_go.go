//go:build !native || !cgo

package fourier

import "tessera/internal/linalg"

func applySmall[T linalg.Float](d dims, tables, work []T, filter Filter[T], transpose bool, dst, src []T) {
	applyPlain(d, tables, work, filter, transpose, dst, src)
}

func gradientSmall[T linalg.Float](d dims, tables, work []T, filter Filter[T], dst, x, y, w []T) {
	gradientPlain(d, tables, work, filter, dst, x, y, w)
}

func misfitSmall[T linalg.Float](d dims, tables, work []T, filter Filter[T], x, y, w []T) float64 {
	return misfitPlain(d, tables, work, filter, x, y, w)
}
