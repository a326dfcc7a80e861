//go:build native && cgo

package stencil

// #cgo noescape tessera_shifted
// #cgo nocallback tessera_shifted
// #include "shifted_native.h"
import "C"

import "unsafe"

func shifted(dst, src []float32, runs Runs, shifts []int, weights []float32) {
	index := func(a []int) *C.ptrdiff_t { return (*C.ptrdiff_t)(unsafe.Pointer(&a[0])) }
	number := func(a []float32) *C.float { return (*C.float)(&a[0]) }
	C.tessera_shifted(number(dst), number(src), C.ptrdiff_t(len(runs.Starts)), index(runs.Starts), index(runs.Lengths),
		C.ptrdiff_t(len(shifts)), index(shifts), number(weights))
}
