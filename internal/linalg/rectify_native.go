//go:build native && cgo

package linalg

// #cgo noescape tessera_rectify
// #cgo nocallback tessera_rectify
// #cgo noescape tessera_rectified
// #cgo nocallback tessera_rectified
// #include "rectify_native.h"
import "C"

func rectify32(x []float32) {
	if len(x) > 0 {
		C.tessera_rectify(C.ptrdiff_t(len(x)), (*C.float)(&x[0]))
	}
}

func rectified32(g, x []float32) {
	if len(x) > 0 {
		C.tessera_rectified(C.ptrdiff_t(len(x)), (*C.float)(&g[0]), (*C.float)(&x[0]))
	}
}
