//go:build native && cgo

package stencil

// #cgo CFLAGS: -O3
// #include "normal.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// apply hands the plane to C in one call.
func (n *NormalOperator) apply(dst []float64, x, w Plane) {
	k := n.Kernel
	flip := k.Flipped()
	nr, nc := 2*k.RowRadius+1, 2*k.ColRadius+1
	offsets := make([]C.long, 2*nr*nc+nr+nc)
	var pin runtime.Pinner
	defer pin.Unpin()
	at := func(s []float64, i int) *C.double {
		if s == nil {
			return nil
		}
		pin.Pin(&s[0])
		return (*C.double)(unsafe.Pointer(&s[i]))
	}
	pin.Pin(&offsets[0])
	a := C.tess_normal{
		dst: at(dst, 0), x: at(x.Data, x.Origin), w: at(w.Data, w.Origin),
		ldx: C.long(x.Stride), ldw: C.long(w.Stride), rows: C.long(n.Rows), cols: C.long(n.Cols),
		ru: C.long(k.RowRadius), rv: C.long(k.ColRadius),
		h: at(k.Dense, 0), u: at(k.Rows, 0), v: at(k.Cols, 0), vflip: at(flip.Cols, 0),
		q: C.int(n.Q), lambda: C.double(n.Lambda),
		work: at(n.work, 0), offsets: &offsets[0],
	}
	for i, d := range n.Domain {
		a.domain[i] = C.long(d)
	}
	C.tess_apply_normal(&a)
}

func convolve(dst []float64, rows, cols int, x Plane, off []int, coef []float64) {
	if rows*cols == 0 {
		return
	}
	if len(off) == 0 {
		clear(dst[:rows*cols])
		return
	}
	C.tess_convolve((*C.double)(&dst[0]), C.long(rows), C.long(cols), (*C.double)(&x.Data[x.Origin]), C.long(x.Stride),
		(*C.long)(unsafe.Pointer(&off[0])), (*C.double)(&coef[0]), C.long(len(off)))
}
