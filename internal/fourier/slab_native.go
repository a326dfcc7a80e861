//go:build native && cgo

package fourier

// #cgo noescape tessera_slab_load
// #cgo nocallback tessera_slab_load
// #cgo noescape tessera_slab_store
// #cgo nocallback tessera_slab_store
// #cgo noescape tessera_slab_filter
// #cgo nocallback tessera_slab_filter
// #cgo noescape tessera_slab_line
// #cgo nocallback tessera_slab_line
// #cgo noescape tessera_slab_column
// #cgo nocallback tessera_slab_column
// #include <stdlib.h>
// #include "slab_native.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

// slabTransform keeps its arrays in C's memory, aligned as FFTW wants them, which Go
// pointers in a C struct could not be.
type slabTransform struct {
	c        *C.struct_tessera_slab
	partRows []int64
}

func newSlabTransform(s *Slab) slabTransform {
	c := (*C.struct_tessera_slab)(C.calloc(1, C.sizeof_struct_tessera_slab))
	blocks := s.blockOf[len(s.blockOf)-1]
	c.rows, c.cols, c.half = C.ptrdiff_t(s.rows), C.ptrdiff_t(s.cols), C.ptrdiff_t(s.cols/2+1)
	c.own_rows, c.blocks = C.ptrdiff_t(s.ownRows()), C.ptrdiff_t(blocks)
	c.own_blocks, c.columns = C.ptrdiff_t(s.ownBlocks()), C.ptrdiff_t(s.columns())
	c.part, c.first_block = C.ptrdiff_t(s.part), C.ptrdiff_t(s.blockOf[s.part])
	c.basis = C.int(s.basis)
	c.place, c.row_place = inC[C.int32_t](s.cols), inC[C.int32_t](s.rows)
	fill(c.place, s.cols, func(j int) C.int32_t { return C.int32_t(s.place(j)) })
	fill(c.row_place, s.rows, func(i int) C.int32_t {
		if s.basis == Cosines {
			i = reordered(i, s.rows)
		}
		return C.int32_t(i)
	})
	numbers := func(x []float64) *C.double {
		p := inC[C.double](len(x))
		fill(p, len(x), func(i int) C.double { return C.double(x[i]) })
		return p
	}
	c.row_turn, c.column_turn = numbers(turns(s.cols)), numbers(turns(s.rows))
	c.down, c.row_weight = numbers(s.angles(s.rows)), numbers(s.rowWeights())
	var across, weights []float64
	for b := range s.ownBlocks() {
		a, w := s.lanes(s.blockOf[s.part] + b)
		across, weights = append(across, a...), append(weights, w...)
	}
	c.across, c.lane_weight = numbers(across), numbers(weights)
	c.line = inC[C.double](s.cols + 2)
	c.spectrum = inC[C.double](max(blocks*slabLanes, s.cols+2))
	c.column = inC[C.double](s.rows * slabLanes)

	planner.Lock()
	defer planner.Unlock()
	if C.tessera_slab_plan(c) == 0 {
		panic(fmt.Sprintf("fourier: FFTW has no plan for %d x %d", s.rows, s.cols))
	}
	t := slabTransform{c: c}
	for r := range len(s.rowOf) - 1 {
		t.partRows = append(t.partRows, int64(s.rowOf[r+1]-s.rowOf[r]))
	}
	return t
}

// firstSine is where the first number of a line of sines stands.
func (s *Slab) firstSine() int { return 0 }

// inC is an array of zeros in C's memory.
func inC[T any](n int) *T {
	var one T
	bytes := (max(n, 1)*int(unsafe.Sizeof(one)) + blockBytes - 1) / blockBytes * blockBytes
	p := C.aligned_alloc(blockBytes, C.size_t(bytes))
	if p == nil {
		panic(fmt.Sprintf("fourier: no memory for a transform's %d bytes", bytes))
	}
	clear(unsafe.Slice((*byte)(p), bytes))
	return (*T)(p)
}

func fill[T any](p *T, n int, f func(i int) T) {
	x := unsafe.Slice(p, n)
	for i := range x {
		x[i] = f(i)
	}
}

// own frees the C memory when s is no longer in use.
func (s *Slab) own() {
	runtime.AddCleanup(s, func(c *C.struct_tessera_slab) {
		planner.Lock()
		defer planner.Unlock()
		C.tessera_slab_destroy(c)
		for _, p := range []unsafe.Pointer{
			unsafe.Pointer(c.place), unsafe.Pointer(c.row_place), unsafe.Pointer(c.row_turn), unsafe.Pointer(c.column_turn),
			unsafe.Pointer(c.down), unsafe.Pointer(c.across), unsafe.Pointer(c.row_weight), unsafe.Pointer(c.lane_weight),
			unsafe.Pointer(c.line), unsafe.Pointer(c.spectrum), unsafe.Pointer(c.column), unsafe.Pointer(c),
		} {
			C.free(p)
		}
	}, s.transform.c)
}

// pixels are the arrays of at, nil for all pixels. The first place of none is not read.
func (p *Pixels) c() (start *C.int64_t, place *C.int32_t) {
	if p == nil {
		return nil, nil
	}
	if len(p.place) > 0 {
		place = (*C.int32_t)(&p.place[0])
	}
	return (*C.int64_t)(&p.start[0]), place
}

func (t *slabTransform) load(sent, own, src []float64, at *Pixels) {
	start, place := at.c()
	C.tessera_slab_load(t.c, double0(sent), double0(own), double0(src), start, place)
}

func (t *slabTransform) store(dst, sent, own []float64, at *Pixels, scale float64) {
	start, place := at.c()
	C.tessera_slab_store(t.c, double0(dst), double0(sent), double0(own), start, place, C.double(scale))
}

func (t *slabTransform) filter(received, own []float64, f *Symbol) Sums {
	symbol := C.struct_tessera_symbol{
		h: double0(f.H), weight: C.double(f.Weight), lambda: C.double(f.Lambda), order: C.int(f.Order), action: C.int(f.Action),
	}
	var sums [3]float64
	C.tessera_slab_filter(t.c, double0(received), double0(own), (*C.int64_t)(&t.partRows[0]), C.ptrdiff_t(len(t.partRows)), symbol, double0(sums[:]))
	return Sums{sums[0], sums[1], sums[2]}
}

func (t *slabTransform) line(dst, src []float64) {
	C.tessera_slab_line(t.c, double0(dst), double0(src))
}

func (t *slabTransform) column(x []float64) { C.tessera_slab_column(t.c, double0(x)) }
