//go:build native && cgo

package fourier

// #cgo pkg-config: fftw3 fftw3f
// #cgo noescape tessera_spectral_load32
// #cgo nocallback tessera_spectral_load32
// #cgo noescape tessera_spectral_load64
// #cgo nocallback tessera_spectral_load64
// #cgo noescape tessera_spectral_multiply32
// #cgo nocallback tessera_spectral_multiply32
// #cgo noescape tessera_spectral_multiply64
// #cgo nocallback tessera_spectral_multiply64
// #cgo noescape tessera_spectral_convolve32
// #cgo nocallback tessera_spectral_convolve32
// #cgo noescape tessera_spectral_convolve64
// #cgo nocallback tessera_spectral_convolve64
// #cgo noescape tessera_spectral_weigh32
// #cgo nocallback tessera_spectral_weigh32
// #cgo noescape tessera_spectral_weigh64
// #cgo nocallback tessera_spectral_weigh64
// #cgo noescape tessera_spectral_store32
// #cgo nocallback tessera_spectral_store32
// #cgo noescape tessera_spectral_store64
// #cgo nocallback tessera_spectral_store64
// #include <stdlib.h>
// #include "spectral_native.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	"tessera/internal/linalg"
)

// spectralTransform keeps its arrays in C's memory, aligned as FFTW wants them, which Go
// pointers in a C struct could not be.
type spectralTransform[T linalg.Float] struct{ c *C.struct_tessera_spectral }

func newSpectralTransform[T linalg.Float](rows, cols, blocks, lanes int) spectralTransform[T] {
	size := linalg.SizeOf[T]()
	reserve := func(n int) unsafe.Pointer {
		bytes := (n*size + blockBytes - 1) / blockBytes * blockBytes
		p := C.aligned_alloc(blockBytes, C.size_t(bytes))
		if p == nil {
			panic(fmt.Sprintf("fourier: no memory for a spectrum of %d bytes", bytes))
		}
		clear(unsafe.Slice((*byte)(p), bytes))
		return p
	}
	c := (*C.struct_tessera_spectral)(C.calloc(1, C.sizeof_struct_tessera_spectral))
	c.rows, c.cols, c.blocks, c.lanes = C.ptrdiff_t(rows), C.ptrdiff_t(cols), C.ptrdiff_t(blocks), C.ptrdiff_t(lanes)
	c.line, c.half, c.spectrum = reserve(cols), reserve(2*blocks*lanes), reserve(2*rows*blocks*lanes)
	planner.Lock()
	defer planner.Unlock()
	ok := C.int(0)
	if size == 4 {
		ok = C.tessera_spectral_plan32(c)
	} else {
		ok = C.tessera_spectral_plan64(c)
	}
	if ok == 0 {
		panic(fmt.Sprintf("fourier: FFTW has no plan for %d x %d", rows, cols))
	}
	return spectralTransform[T]{c}
}

// own frees the C memory when s is no longer in use.
func (s *Spectral[T]) own() {
	runtime.AddCleanup(s, func(c *C.struct_tessera_spectral) {
		planner.Lock()
		defer planner.Unlock()
		if linalg.SizeOf[T]() == 4 {
			C.tessera_spectral_destroy32(c)
		} else {
			C.tessera_spectral_destroy64(c)
		}
		for _, p := range []unsafe.Pointer{c.line, c.half, c.spectrum, unsafe.Pointer(c)} {
			C.free(p)
		}
	}, s.transform.c)
}

func (w *Window) c() C.struct_tessera_window {
	return C.struct_tessera_window{
		stride: C.ptrdiff_t(w.Stride), row: C.ptrdiff_t(w.Row), col: C.ptrdiff_t(w.Col), rows: C.ptrdiff_t(w.Rows), cols: C.ptrdiff_t(w.Cols),
	}
}

// first is the window's first element, nil if it has none.
func (w *Window) first() *C.double {
	if w.Data == nil || w.Rows == 0 || w.Cols == 0 {
		return nil
	}
	return (*C.double)(&w.Data[w.Origin])
}

func (t spectralTransform[T]) load(src Window) {
	if linalg.SizeOf[T]() == 4 {
		C.tessera_spectral_load32(t.c, src.c(), src.first())
	} else {
		C.tessera_spectral_load64(t.c, src.c(), src.first())
	}
}

func (t spectralTransform[T]) multiply(symbol []T) {
	if linalg.SizeOf[T]() == 4 {
		C.tessera_spectral_multiply32(t.c, float0(symbol))
	} else {
		C.tessera_spectral_multiply64(t.c, double0(symbol))
	}
}

func (t spectralTransform[T]) convolve(h []T, conjugate bool) {
	flag := C.int(0)
	if conjugate {
		flag = 1
	}
	if linalg.SizeOf[T]() == 4 {
		C.tessera_spectral_convolve32(t.c, float0(h), flag)
	} else {
		C.tessera_spectral_convolve64(t.c, double0(h), flag)
	}
}

func (t spectralTransform[T]) weigh(weights Window) {
	if linalg.SizeOf[T]() == 4 {
		C.tessera_spectral_weigh32(t.c, weights.c(), weights.first())
	} else {
		C.tessera_spectral_weigh64(t.c, weights.c(), weights.first())
	}
}

func (t spectralTransform[T]) store(dst Window, scale T) {
	if linalg.SizeOf[T]() == 4 {
		C.tessera_spectral_store32(t.c, dst.c(), dst.first(), C.float(scale))
	} else {
		C.tessera_spectral_store64(t.c, dst.c(), dst.first(), C.double(scale))
	}
}
