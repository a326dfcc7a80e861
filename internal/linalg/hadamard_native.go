//go:build native && cgo

package linalg

// #cgo noescape tessera_hadamard2
// #cgo nocallback tessera_hadamard2
// #cgo noescape tessera_hadamard4
// #cgo nocallback tessera_hadamard4
// #cgo noescape tessera_add_rectified
// #cgo nocallback tessera_add_rectified
// #include "hadamard_native.h"
import "C"

func float(x []float32) *C.float { return (*C.float)(&x[0]) }

func hadamard2(rectify bool, a, b []float32) {
	if len(a) > 0 {
		C.tessera_hadamard2(C.bool(rectify), C.ptrdiff_t(len(a)), float(a), float(b))
	}
}

func hadamard4(rectify bool, a, b, c, d []float32) {
	if len(a) > 0 {
		C.tessera_hadamard4(C.bool(rectify), C.ptrdiff_t(len(a)), float(a), float(b), float(c), float(d))
	}
}

func addRectified(y, w, x []float32) {
	C.tessera_add_rectified(C.ptrdiff_t(len(w)), C.ptrdiff_t(len(y)), float(y), float(w), float(x))
}
