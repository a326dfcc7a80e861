//go:build native && cgo

package linalg

// #cgo CFLAGS: -O3 -Wall -Wno-psabi
// #cgo LDFLAGS: -lm
// #cgo noescape tessera_dot
// #cgo nocallback tessera_dot
// #cgo noescape tessera_dot4
// #cgo nocallback tessera_dot4
// #cgo noescape tessera_axpy4
// #cgo nocallback tessera_axpy4
// #cgo noescape tessera_xpby
// #cgo nocallback tessera_xpby
// #cgo noescape tessera_cg_update
// #cgo nocallback tessera_cg_update
// #include "vector_native.h"
import "C"

func pointer(x []float64) *C.double { return (*C.double)(&x[0]) }

func dot(x, y []float64) float64 {
	return float64(C.tessera_dot(C.ptrdiff_t(len(x)), pointer(x), pointer(y)))
}

func multiDot(out []float64, v [][]float64, w []float64) {
	sums := make([]neumaier, len(v))
	var part [4]float64
	for lo := 0; lo < len(w); lo += block {
		n := min(block, len(w)-lo)
		j := 0
		for ; j+4 <= len(v); j += 4 {
			C.tessera_dot4(C.ptrdiff_t(n), pointer(w[lo:]), pointer(v[j][lo:]), pointer(v[j+1][lo:]),
				pointer(v[j+2][lo:]), pointer(v[j+3][lo:]), pointer(part[:]))
			for k, p := range part {
				sums[j+k].add(p)
			}
		}
		for ; j < len(v); j++ {
			sums[j].add(dot(v[j][lo:lo+n], w[lo:lo+n]))
		}
	}
	for j := range sums {
		out[j] = sums[j].value()
	}
}

func multiAxpy(w, coeffs []float64, v [][]float64) {
	for lo := 0; lo < len(w); lo += block {
		hi := min(lo+block, len(w))
		j := 0
		for ; j+4 <= len(v); j += 4 {
			C.tessera_axpy4(C.ptrdiff_t(hi-lo), pointer(w[lo:]), pointer(v[j][lo:]), pointer(v[j+1][lo:]),
				pointer(v[j+2][lo:]), pointer(v[j+3][lo:]),
				C.double(coeffs[j]), C.double(coeffs[j+1]), C.double(coeffs[j+2]), C.double(coeffs[j+3]))
		}
		for ; j < len(v); j++ {
			level1.Daxpy(hi-lo, coeffs[j], v[j][lo:], 1, w[lo:], 1)
		}
	}
}

func xpby(p, z []float64, beta float64) {
	C.tessera_xpby(C.ptrdiff_t(len(p)), pointer(p), pointer(z), C.double(beta))
}

func cgUpdate(x, r, p, q []float64, alpha float64) float64 {
	return float64(C.tessera_cg_update(C.ptrdiff_t(len(x)), pointer(x), pointer(r), pointer(p), pointer(q), C.double(alpha)))
}
