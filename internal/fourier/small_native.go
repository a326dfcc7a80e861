//go:build native && cgo

package fourier

// #cgo CFLAGS: -O3
// #cgo noescape tessera_small_apply32
// #cgo nocallback tessera_small_apply32
// #cgo noescape tessera_small_apply64
// #cgo nocallback tessera_small_apply64
// #cgo noescape tessera_small_gradient32
// #cgo nocallback tessera_small_gradient32
// #cgo noescape tessera_small_gradient64
// #cgo nocallback tessera_small_gradient64
// #cgo noescape tessera_small_misfit32
// #cgo nocallback tessera_small_misfit32
// #cgo noescape tessera_small_misfit64
// #cgo nocallback tessera_small_misfit64
// #include "small_native.h"
import "C"

import "tessera/internal/linalg"

func (d dims) c() C.struct_tessera_dims {
	return C.struct_tessera_dims{
		side: C.ptrdiff_t(d.side), m: C.ptrdiff_t(d.m), k: C.ptrdiff_t(d.k), kp: C.ptrdiff_t(d.kp), jp: C.ptrdiff_t(d.jp),
	}
}

// float0 and double0 point to the first element, of none to nothing.
func float0[T linalg.Float](x []T) *C.float {
	if len(x) == 0 {
		return nil
	}
	return (*C.float)(&any(x).([]float32)[0])
}

func double0[T linalg.Float](x []T) *C.double {
	if len(x) == 0 {
		return nil
	}
	return (*C.double)(&any(x).([]float64)[0])
}

func applySmall[T linalg.Float](d dims, tables, work []T, filter Filter[T], transpose bool, dst, src []T) {
	back := C.int(0)
	if transpose {
		back = 1
	}
	if _, single := any(dst).([]float32); single {
		C.tessera_small_apply32(d.c(), float0(tables), float0(work), float0([]T(filter)), back, float0(dst), float0(src))
	} else {
		C.tessera_small_apply64(d.c(), double0(tables), double0(work), double0([]T(filter)), back, double0(dst), double0(src))
	}
}

func gradientSmall[T linalg.Float](d dims, tables, work []T, filter Filter[T], dst, x, y, w []T) {
	if _, single := any(dst).([]float32); single {
		C.tessera_small_gradient32(d.c(), float0(tables), float0(work), float0([]T(filter)), float0(dst), float0(x), float0(y), float0(w))
	} else {
		C.tessera_small_gradient64(d.c(), double0(tables), double0(work), double0([]T(filter)), double0(dst), double0(x), double0(y), double0(w))
	}
}

func misfitSmall[T linalg.Float](d dims, tables, work []T, filter Filter[T], x, y, w []T) float64 {
	if _, single := any(x).([]float32); single {
		return float64(C.tessera_small_misfit32(d.c(), float0(tables), float0(work), float0([]T(filter)), float0(x), float0(y), float0(w)))
	}
	return float64(C.tessera_small_misfit64(d.c(), double0(tables), double0(work), double0([]T(filter)), double0(x), double0(y), double0(w)))
}
