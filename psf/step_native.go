//go:build native && cgo

package psf

// #cgo CFLAGS: -O3
// #cgo noescape tessera_primal32
// #cgo nocallback tessera_primal32
// #cgo noescape tessera_primal64
// #cgo nocallback tessera_primal64
// #cgo noescape tessera_dual32
// #cgo nocallback tessera_dual32
// #cgo noescape tessera_dual64
// #cgo nocallback tessera_dual64
// #cgo noescape tessera_blend32
// #cgo nocallback tessera_blend32
// #cgo noescape tessera_blend64
// #cgo nocallback tessera_blend64
// #cgo noescape tessera_weighted_abs32
// #cgo nocallback tessera_weighted_abs32
// #cgo noescape tessera_weighted_abs64
// #cgo nocallback tessera_weighted_abs64
// #include "step_native.h"
import "C"

import "tessera/internal/linalg"

func primal[T linalg.Float](x, g, t, bar []T, tau, rho T, anySign bool) {
	sign := C.int(0)
	if anySign {
		sign = 1
	}
	switch x := any(x).(type) {
	case []float32:
		C.tessera_primal32(C.ptrdiff_t(len(x)), (*C.float)(&x[0]), (*C.float)(&any(g).([]float32)[0]), (*C.float)(&any(t).([]float32)[0]),
			(*C.float)(&any(bar).([]float32)[0]), C.float(tau), C.float(rho), sign)
	case []float64:
		C.tessera_primal64(C.ptrdiff_t(len(x)), (*C.double)(&x[0]), (*C.double)(&any(g).([]float64)[0]), (*C.double)(&any(t).([]float64)[0]),
			(*C.double)(&any(bar).([]float64)[0]), C.double(tau), C.double(rho), sign)
	}
}

func dual[T linalg.Float](u, d, w []T, sigma, rho T) {
	step := stepOf(w)
	switch u := any(u).(type) {
	case []float32:
		C.tessera_dual32(C.ptrdiff_t(len(u)), (*C.float)(&u[0]), (*C.float)(&any(d).([]float32)[0]), (*C.float)(&any(w).([]float32)[0]), step,
			C.float(sigma), C.float(rho))
	case []float64:
		C.tessera_dual64(C.ptrdiff_t(len(u)), (*C.double)(&u[0]), (*C.double)(&any(d).([]float64)[0]), (*C.double)(&any(w).([]float64)[0]), step,
			C.double(sigma), C.double(rho))
	}
}

func blend[T linalg.Float](dst, x, y []T, a, b T) {
	switch dst := any(dst).(type) {
	case []float32:
		C.tessera_blend32(C.ptrdiff_t(len(dst)), (*C.float)(&dst[0]), (*C.float)(&any(x).([]float32)[0]), (*C.float)(&any(y).([]float32)[0]), C.float(a), C.float(b))
	case []float64:
		C.tessera_blend64(C.ptrdiff_t(len(dst)), (*C.double)(&dst[0]), (*C.double)(&any(x).([]float64)[0]), (*C.double)(&any(y).([]float64)[0]), C.double(a), C.double(b))
	}
}

// stepOf is 0 for one number for all, 1 for one for each.
func stepOf[T linalg.Float](w []T) C.ptrdiff_t {
	if len(w) > 1 {
		return 1
	}
	return 0
}

func weightedAbs[T linalg.Float](d, w []T) float64 {
	switch d := any(d).(type) {
	case []float32:
		return float64(C.tessera_weighted_abs32(C.ptrdiff_t(len(d)), (*C.float)(&d[0]), (*C.float)(&any(w).([]float32)[0]), stepOf(w)))
	case []float64:
		return float64(C.tessera_weighted_abs64(C.ptrdiff_t(len(d)), (*C.double)(&d[0]), (*C.double)(&any(w).([]float64)[0]), stepOf(w)))
	}
	panic("unreachable: Float has two types")
}
