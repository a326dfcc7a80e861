//go:build native && cgo

package scdl

// #cgo CFLAGS: -O3
// #cgo noescape tessera_tile32
// #cgo nocallback tessera_tile32
// #cgo noescape tessera_tile64
// #cgo nocallback tessera_tile64
// #cgo noescape tessera_code32
// #cgo nocallback tessera_code32
// #cgo noescape tessera_code64
// #cgo nocallback tessera_code64
// #include "tile_native.h"
import "C"

import (
	"runtime"
	"unsafe"

	"tessera/internal/linalg"
)

// tile is tilePlain in one call of C.
func (t *tiles[T]) tile(state []T) {
	var pin runtime.Pinner
	defer pin.Unpin()
	a := C.tessera_tile{
		atoms: C.ptrdiff_t(t.atoms), form: C.int(t.form), high: t.high.native(&pin), low: t.low.native(&pin),
		c1: C.double(t.c1), c2: C.double(t.c2), c3: C.double(t.c3), soft1: C.double(t.soft1), soft2: C.double(t.soft2),
		dual1: C.double(t.dual1), dual2: C.double(t.dual2), dual3: C.double(t.dual3),
		state: address(&pin, state), work: address(&pin, t.work), residual: (*C.double)(address(&pin, t.residual)),
	}
	if t.errors {
		a.errors = 1
	}
	if linalg.SizeOf[T]() == 4 {
		C.tessera_tile32(&a)
	} else {
		C.tessera_tile64(&a)
	}
	for i, to := range []*float64{&t.sums.high, &t.sums.low, &t.sums.nonzeroHigh, &t.sums.nonzeroLow, &t.sums.stateErrorHigh, &t.sums.stateErrorLow} {
		*to += float64(a.sums[i])
	}
}

// code is codePlain in one call of C.
func (c *coder[T]) code() {
	var pin runtime.Pinner
	defer pin.Unpin()
	a := C.tessera_code{
		atoms: C.ptrdiff_t(c.atoms), iterations: C.int(c.iterations), side: c.side.native(&pin), threshold: C.double(c.threshold),
		state: address(&pin, c.state), codes: address(&pin, c.codes), work: address(&pin, c.work),
	}
	if linalg.SizeOf[T]() == 4 {
		C.tessera_code32(&a)
	} else {
		C.tessera_code64(&a)
	}
}

func (d *side[T]) native(pin *runtime.Pinner) C.tessera_side {
	return C.tessera_side{
		rows: C.ptrdiff_t(d.rows), ld: C.ptrdiff_t(d.ld), dictionary: address(pin, d.padded), inverse: address(pin, d.inverse),
		samples: address(pin, d.samples), gradient: (*C.double)(address(pin, d.gradient)), squares: (*C.double)(address(pin, d.squares)), c: C.double(d.c),
	}
}

// address of the first number of a slice, pinned; nil for an empty slice.
func address[E any](pin *runtime.Pinner, s []E) unsafe.Pointer {
	if len(s) == 0 {
		return nil
	}
	pin.Pin(&s[0])
	return unsafe.Pointer(&s[0])
}
