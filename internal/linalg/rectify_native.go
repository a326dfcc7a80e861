//go:build native && cgo

package linalg

// #cgo noescape tessera_rectify
// #cgo nocallback tessera_rectify
// #cgo noescape tessera_keep_where
// #cgo nocallback tessera_keep_where
// #include "rectify_native.h"
import "C"

func rectify32(x []float32) {
	if len(x) > 0 {
		C.tessera_rectify(C.ptrdiff_t(len(x)), (*C.float)(&x[0]))
	}
}

func keepWhere32(y, x []float32) {
	if len(x) > 0 {
		C.tessera_keep_where(C.ptrdiff_t(len(x)), (*C.float)(&y[0]), (*C.float)(&x[0]))
	}
}
