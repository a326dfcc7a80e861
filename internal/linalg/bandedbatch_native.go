//go:build native && cgo

package linalg

// #cgo noescape tessera_banded_factor32
// #cgo nocallback tessera_banded_factor32
// #cgo noescape tessera_banded_factor64
// #cgo nocallback tessera_banded_factor64
// #cgo noescape tessera_banded_solve32
// #cgo nocallback tessera_banded_solve32
// #cgo noescape tessera_banded_solve64
// #cgo nocallback tessera_banded_solve64
// #include "banded_native.h"
import "C"

const maxBandedRHS = C.TESSERA_MAX_RHS

func bandedLanes[T Float]() int {
	if _, ok := any(T(0)).(float32); ok {
		return C.TESSERA_LANES32
	}
	return C.TESSERA_LANES64
}

// factorBanded factors one group in place. If a pivot is not a positive number
// it returns its row, lane and value; otherwise row is -1.
func factorBanded[T Float](n, bw int, a []T) (row, lane int, pivot T) {
	var at C.ptrdiff_t
	switch a := any(a).(type) {
	case []float32:
		at = C.tessera_banded_factor32(C.ptrdiff_t(n), C.ptrdiff_t(bw), (*C.float)(&a[0]))
	case []float64:
		at = C.tessera_banded_factor64(C.ptrdiff_t(n), C.ptrdiff_t(bw), (*C.double)(&a[0]))
	}
	if at < 0 {
		return -1, 0, 0
	}
	lanes := bandedLanes[T]()
	row, lane = int(at)/lanes, int(at)%lanes
	return row, lane, a[(row*(bw+1)+bw)*lanes+lane]
}

func solveBanded[T Float](n, bw, nrhs int, a, x []T) {
	switch a := any(a).(type) {
	case []float32:
		x := any(x).([]float32)
		C.tessera_banded_solve32(C.ptrdiff_t(n), C.ptrdiff_t(bw), C.int(nrhs), (*C.float)(&a[0]), (*C.float)(&x[0]))
	case []float64:
		x := any(x).([]float64)
		C.tessera_banded_solve64(C.ptrdiff_t(n), C.ptrdiff_t(bw), C.int(nrhs), (*C.double)(&a[0]), (*C.double)(&x[0]))
	}
}
