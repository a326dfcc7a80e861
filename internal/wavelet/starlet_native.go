//go:build native && cgo

package wavelet

// #cgo CFLAGS: -O3
// #cgo noescape tessera_starlet_forward32
// #cgo nocallback tessera_starlet_forward32
// #cgo noescape tessera_starlet_forward64
// #cgo nocallback tessera_starlet_forward64
// #cgo noescape tessera_starlet_adjoint32
// #cgo nocallback tessera_starlet_adjoint32
// #cgo noescape tessera_starlet_adjoint64
// #cgo nocallback tessera_starlet_adjoint64
// #include "starlet_native.h"
import "C"

import "tessera/internal/linalg"

func (s shape) c() C.struct_tessera_starlet {
	c := C.struct_tessera_starlet{
		side: C.ptrdiff_t(s.side), scales: C.ptrdiff_t(s.scales), radius: C.ptrdiff_t(s.radius),
		margin: C.ptrdiff_t(s.margin()), width: C.ptrdiff_t(s.width()), stride: C.ptrdiff_t(s.stride()),
		h0: C.double(s.taps[0]), h1: C.double(s.taps[1]), h2: C.double(s.taps[2]),
	}
	if s.periodic {
		c.periodic = 1
	}
	return c
}

func forward[T linalg.Float](s shape, work, bands, x []T) {
	switch x := any(x).(type) {
	case []float32:
		C.tessera_starlet_forward32(s.c(), (*C.float)(&any(work).([]float32)[0]), (*C.float)(&any(bands).([]float32)[0]), (*C.float)(&x[0]))
	case []float64:
		C.tessera_starlet_forward64(s.c(), (*C.double)(&any(work).([]float64)[0]), (*C.double)(&any(bands).([]float64)[0]), (*C.double)(&x[0]))
	}
}

func adjoint[T linalg.Float](s shape, work, x, bands []T) {
	switch x := any(x).(type) {
	case []float32:
		C.tessera_starlet_adjoint32(s.c(), (*C.float)(&any(work).([]float32)[0]), (*C.float)(&x[0]), (*C.float)(&any(bands).([]float32)[0]))
	case []float64:
		C.tessera_starlet_adjoint64(s.c(), (*C.double)(&any(work).([]float64)[0]), (*C.double)(&x[0]), (*C.double)(&any(bands).([]float64)[0]))
	}
}
