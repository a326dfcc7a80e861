//go:build native && cgo

package fourier

// #cgo noescape tessera_mixture_load
// #cgo nocallback tessera_mixture_load
// #cgo noescape tessera_mixture_store
// #cgo nocallback tessera_mixture_store
// #cgo noescape tessera_mixture_spectrum
// #cgo nocallback tessera_mixture_spectrum
// #cgo noescape tessera_mixture_term
// #cgo nocallback tessera_mixture_term
// #cgo noescape tessera_mixture_end
// #cgo nocallback tessera_mixture_end
// #cgo noescape tessera_mixture_begin
// #cgo nocallback tessera_mixture_begin
// #cgo noescape tessera_mixture_back
// #cgo nocallback tessera_mixture_back
// #include <stdlib.h>
// #include "mixture_native.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

// mixtureTransform keeps its arrays in C's memory, aligned as FFTW wants them.
type mixtureTransform struct {
	c     *C.struct_tessera_mixture
	space *MixtureSpace
}

// mixtureSpace is C's memory for images; nil = none yet.
type mixtureSpace struct{ held *mixtureHeld }

type mixtureHeld struct {
	p       unsafe.Pointer
	numbers int
}

func newMixtureTransform(rows, cols int, space *MixtureSpace) *mixtureTransform {
	blocks := (cols/2 + 1 + C.TESSERA_LANES - 1) / C.TESSERA_LANES
	c := (*C.struct_tessera_mixture)(C.calloc(1, C.sizeof_struct_tessera_mixture))
	c.rows, c.cols, c.blocks = C.ptrdiff_t(rows), C.ptrdiff_t(cols), C.ptrdiff_t(blocks)
	c.line, c.half = mixtureMemory(cols), mixtureMemory(2*blocks*C.TESSERA_LANES*C.TESSERA_ROWS)
	c.block, c.spare, c.sum = mixtureMemory(2*rows*C.TESSERA_LANES), mixtureMemory(2*rows*C.TESSERA_LANES), mixtureMemory(2*rows*C.TESSERA_LANES)
	planner.Lock()
	defer planner.Unlock()
	if C.tessera_mixture_plan(c) == 0 {
		panic(fmt.Sprintf("fourier: FFTW has no plan for %d x %d", rows, cols))
	}
	return &mixtureTransform{c: c, space: space}
}

// mixtureMemory is that of n numbers, which are 0.
func mixtureMemory(n int) unsafe.Pointer {
	bytes := (8*n + blockBytes - 1) / blockBytes * blockBytes
	p := C.aligned_alloc(blockBytes, C.size_t(bytes))
	if p == nil {
		panic(fmt.Sprintf("fourier: no memory for a spectrum of %d bytes", bytes))
	}
	clear(unsafe.Slice((*byte)(p), bytes))
	return p
}

// own frees the C memory when m is no longer in use.
func (m *Mixture) own() {
	runtime.AddCleanup(m, func(c *C.struct_tessera_mixture) {
		planner.Lock()
		defer planner.Unlock()
		C.tessera_mixture_destroy(c)
		for _, p := range []unsafe.Pointer{c.line, c.half, c.block, c.spare, c.sum, unsafe.Pointer(c)} {
			C.free(p)
		}
	}, m.transform.c)
}

// length is that of a spectrum.
func (t *mixtureTransform) length() int { return int(t.c.rows * t.c.blocks * C.TESSERA_LANES) }

// reserve makes memory for so many images. What was in it is lost.
func (t *mixtureTransform) reserve(images int) {
	s, numbers := t.space, 2*images*t.length()
	if s.held == nil {
		s.held = &mixtureHeld{}
		runtime.AddCleanup(s, func(h *mixtureHeld) { C.free(h.p) }, s.held)
	}
	if numbers > s.held.numbers {
		C.free(s.held.p)
		*s.held = mixtureHeld{mixtureMemory(numbers), numbers}
	}
	t.c.images = s.held.p
}

func (w *Window) mixture() C.struct_tessera_mixture_window {
	return C.struct_tessera_mixture_window{
		stride: C.ptrdiff_t(w.Stride), row: C.ptrdiff_t(w.Row), col: C.ptrdiff_t(w.Col), rows: C.ptrdiff_t(w.Rows), cols: C.ptrdiff_t(w.Cols),
	}
}

func spectrum0(h []complex128) *C.double { return (*C.double)(unsafe.Pointer(&h[0])) }

func (t *mixtureTransform) spectrum(image []float64) []complex128 {
	t.reserve(1)
	w := Window{Data: image, Stride: int(t.c.cols), Rows: int(t.c.rows), Cols: int(t.c.cols)}
	C.tessera_mixture_load(t.c, 0, w.mixture(), w.first(), nil)
	h := make([]complex128, t.length())
	C.tessera_mixture_spectrum(t.c, spectrum0(h), C.double(1/(float64(t.c.rows)*float64(t.c.cols))))
	return h
}

func (t *mixtureTransform) spread(dst, src Window, columns [][]float64, terms []MixtureTerm) {
	t.reserve(len(columns))
	for k, c := range columns {
		C.tessera_mixture_load(t.c, C.ptrdiff_t(k), src.mixture(), src.first(), (*C.double)(&c[0]))
	}
	for b := range t.c.blocks {
		for k, term := range terms {
			C.tessera_mixture_term(t.c, b, C.ptrdiff_t(term.Column), C.ptrdiff_t(src.Rows), (*C.double)(&term.Rows[0]),
				spectrum0(term.Spectrum), isFirst(k == 0))
		}
		C.tessera_mixture_end(t.c, b)
	}
	C.tessera_mixture_store(t.c, 0, dst.mixture(), dst.first(), nil)
}

func (t *mixtureTransform) collect(dst, src Window, columns [][]float64, terms []MixtureTerm) {
	t.reserve(len(columns))
	C.tessera_mixture_load(t.c, 0, src.mixture(), src.first(), nil)
	seen := make([]bool, len(columns))
	for b := range t.c.blocks {
		clear(seen)
		C.tessera_mixture_begin(t.c, b)
		for _, term := range terms {
			C.tessera_mixture_back(t.c, b, C.ptrdiff_t(term.Column), C.ptrdiff_t(dst.Rows), (*C.double)(&term.Rows[0]),
				spectrum0(term.Spectrum), isFirst(!seen[term.Column]))
			seen[term.Column] = true
		}
	}
	for k, c := range columns {
		if seen[k] {
			C.tessera_mixture_store(t.c, C.ptrdiff_t(k), dst.mixture(), dst.first(), (*C.double)(&c[0]))
		}
	}
}

func isFirst(yes bool) C.int {
	if yes {
		return 1
	}
	return 0
}
