//go:build native && cgo

package linalg

// #cgo noescape tessera_low_rank32
// #cgo nocallback tessera_low_rank32
// #cgo noescape tessera_low_rank64
// #cgo nocallback tessera_low_rank64
// #include "lowrank_native.h"
import "C"

func lowRank[T Float](rows []int32, c, u, x, v, z, work []T) {
	r, m, n := C.ptrdiff_t(len(rows)), C.ptrdiff_t(len(x)), C.ptrdiff_t(len(z))
	list := (*C.int32_t)(&rows[0])
	switch c := any(c).(type) {
	case []float32:
		at := func(s []T) *C.float { return (*C.float)(&any(s).([]float32)[0]) }
		C.tessera_low_rank32(r, list, (*C.float)(&c[0]), m, at(u), at(x), n, at(v), at(z), at(work))
	case []float64:
		at := func(s []T) *C.double { return (*C.double)(&any(s).([]float64)[0]) }
		C.tessera_low_rank64(r, list, (*C.double)(&c[0]), m, at(u), at(x), n, at(v), at(z), at(work))
	}
}
