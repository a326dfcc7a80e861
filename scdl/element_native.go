//go:build native && cgo

package scdl

// #cgo CFLAGS: -O3
// #cgo noescape tessera_pull32
// #cgo nocallback tessera_pull32
// #cgo noescape tessera_pull64
// #cgo nocallback tessera_pull64
// #cgo noescape tessera_update32
// #cgo nocallback tessera_update32
// #cgo noescape tessera_update64
// #cgo nocallback tessera_update64
// #cgo noescape tessera_squares32
// #cgo nocallback tessera_squares32
// #cgo noescape tessera_squares64
// #cgo nocallback tessera_squares64
// #include "element_native.h"
import "C"

import "tessera/internal/linalg"

func float0[T linalg.Float](x []T) *C.float   { return (*C.float)(&any(x).([]float32)[0]) }
func double0[T linalg.Float](x []T) *C.double { return (*C.double)(&any(x).([]float64)[0]) }

func single[T linalg.Float](x []T) bool {
	_, is := any(x).([]float32)
	return is
}

func pull[T linalg.Float](r, y, y3, p, w []T, sign, c, c3 T) {
	n := C.ptrdiff_t(len(r))
	if single(r) {
		C.tessera_pull32(n, float0(r), float0(y), float0(y3), float0(p), float0(w), C.float(sign), C.float(c), C.float(c3))
	} else {
		C.tessera_pull64(n, double0(r), double0(y), double0(y3), double0(p), double0(w), C.double(sign), C.double(c), C.double(c3))
	}
}

func update[T linalg.Float](p, q, y1, y2, y3, wh, wl []T, k [7]T) (high, low float64) {
	n := C.ptrdiff_t(len(p))
	var counts [2]float64
	at := (*C.double)(&counts[0])
	if single(p) {
		C.tessera_update32(n, float0(p), float0(q), float0(y1), float0(y2), float0(y3), float0(wh), float0(wl), float0(k[:]), at)
	} else {
		C.tessera_update64(n, double0(p), double0(q), double0(y1), double0(y2), double0(y3), double0(wh), double0(wl), double0(k[:]), at)
	}
	return counts[0], counts[1]
}

func squares[T linalg.Float](rows []float64, codes []T, columns int) {
	if single(codes) {
		C.tessera_squares32(C.ptrdiff_t(len(rows)), C.ptrdiff_t(columns), (*C.double)(&rows[0]), float0(codes))
	} else {
		C.tessera_squares64(C.ptrdiff_t(len(rows)), C.ptrdiff_t(columns), (*C.double)(&rows[0]), double0(codes))
	}
}
