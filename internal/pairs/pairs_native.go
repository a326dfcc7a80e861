//go:build native && cgo

package pairs

// #cgo CFLAGS: -O3 -Wall -Wno-psabi
// #cgo LDFLAGS: -lm
// #cgo noescape tessera_ascend
// #cgo nocallback tessera_ascend
// #cgo noescape tessera_relax
// #cgo nocallback tessera_relax
// #cgo noescape tessera_extrapolate
// #cgo nocallback tessera_extrapolate
// #cgo noescape tessera_residual
// #cgo nocallback tessera_residual
// #cgo noescape tessera_pairs
// #cgo nocallback tessera_pairs
// #cgo noescape tessera_add
// #cgo nocallback tessera_add
// #include "pairs_native.h"
import "C"

import (
	"runtime"
	"unsafe"
)

func pointer(x []float64) *C.double {
	if len(x) == 0 {
		return nil
	}
	return (*C.double)(&x[0])
}

// c is the box in C; its arrays stay where they are until the pins are taken away.
func (b *Box) c(pin *runtime.Pinner) C.struct_tessera_box {
	list := func(a []int) *C.ptrdiff_t {
		pin.Pin(&a[0])
		return (*C.ptrdiff_t)(unsafe.Pointer(&a[0]))
	}
	pin.Pin(&b.sums[0])
	return C.struct_tessera_box{
		lines: C.ptrdiff_t(len(b.Own)), length: C.ptrdiff_t(b.Length), axes: C.ptrdiff_t(len(b.Strides)),
		own: list(b.Own), ext: list(b.Ext), strides: list(b.Strides), sums: pointer(b.sums),
	}
}

func (b *Box) step(ext, s, g []float64, gamma float64) {
	var pin runtime.Pinner
	defer pin.Unpin()
	C.tessera_step(b.c(&pin), pointer(ext), pointer(s), pointer(g), C.double(gamma))
}

func extrapolate(s, x, before []float64, mu float64) {
	C.tessera_extrapolate(C.ptrdiff_t(len(s)), pointer(s), pointer(x), pointer(before), C.double(mu))
}

func (b *Box) shrink(x, s, ext []float64, mu, reach float64, l Limits) float64 {
	var pin runtime.Pinner
	defer pin.Unpin()
	return float64(C.tessera_shrink(b.c(&pin), pointer(x), pointer(s), pointer(ext), C.double(mu), C.double(reach),
		C.double(l.Lower), C.double(l.Upper), l.c()))
}

// c is 1 where there are limits.
func (l Limits) c() C.int {
	if l.none() {
		return 0
	}
	return 1
}

func (b *Box) edge(ext, s, g []float64, gamma float64) {
	if len(b.Strides) != 2 {
		b.step(ext, s, g, gamma)
		return
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	C.tessera_edge(b.c(&pin), pointer(ext), pointer(s), pointer(g), C.double(gamma))
}

func (b *Box) advance(x, s, g, ext []float64, gamma, mu, reach float64, l Limits) float64 {
	if len(b.Strides) != 2 {
		return b.shrink(x, s, ext, mu, reach, l)
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	return float64(C.tessera_advance(b.c(&pin), pointer(x), pointer(s), pointer(g), pointer(ext), C.double(gamma), C.double(mu),
		C.double(reach), C.double(l.Lower), C.double(l.Upper), l.c()))
}

func (b *Box) descend(x, ext, g, p []float64, apart int, tau, theta float64, l Limits) {
	var pin runtime.Pinner
	defer pin.Unpin()
	C.tessera_descend(b.c(&pin), pointer(x), pointer(ext), pointer(g), pointer(p), C.ptrdiff_t(apart), C.double(tau),
		C.double(theta), C.double(l.Lower), C.double(l.Upper))
}

func ascend(p, ext []float64, stride int, sigma, radius float64) {
	C.tessera_ascend(C.ptrdiff_t(len(p)-stride), pointer(p), pointer(ext), C.ptrdiff_t(stride), C.double(sigma), C.double(radius))
}

func (b *Box) ascendTogether(p, ext []float64, apart int, sigma, radius float64) {
	var pin runtime.Pinner
	defer pin.Unpin()
	C.tessera_ascend_together(b.c(&pin), C.ptrdiff_t(b.Plane-b.Strides[0]), pointer(p), C.ptrdiff_t(apart), pointer(ext), C.double(sigma), C.double(radius))
}

func relax(t, ext []float64, stride int, alpha, radius float64) {
	C.tessera_relax(C.ptrdiff_t(len(t)-stride), pointer(t), pointer(ext), C.ptrdiff_t(stride), C.double(alpha), C.double(radius))
}

func (b *Box) reflected(out, t, ext []float64, apart int, keep, scale, radius float64) {
	var pin runtime.Pinner
	defer pin.Unpin()
	C.tessera_reflected(b.c(&pin), pointer(out), pointer(t), pointer(ext), C.ptrdiff_t(apart), C.double(keep), C.double(scale), C.double(radius))
}

func residual(r, a, y, w []float64) {
	C.tessera_residual(C.ptrdiff_t(len(r)), pointer(r), pointer(a), pointer(y), pointer(w))
}

func (b *Box) learned(out, ext, g []float64, moments [][]float64, l *Layer) {
	b.learnedBy(lineNative, addNative, out, ext, g, moments, l)
}

func lineNative(p *pairsOf, plus, minus []float64, at, from, to int) {
	var g []float64
	if p.g != nil {
		g = p.g[at:]
	}
	a, d := p.averages, p.differences
	grids := [6]float64{a.low, a.inverse, a.last, d.low, d.inverse, d.last}
	C.tessera_pairs(C.ptrdiff_t(len(plus)), pointer(plus), pointer(minus), pointer(p.ext[at:]), pointer(g), C.ptrdiff_t(p.stride),
		C.double(p.scale), pointer(a.pieces), pointer(d.pieces), pointer(grids[:]), pointer(p.sums), pointer(p.changes),
		C.ptrdiff_t(from), C.ptrdiff_t(to))
}

func addNative(out, a, plus, minus []float64) {
	C.tessera_add(C.ptrdiff_t(len(out)), pointer(out), pointer(a), pointer(plus), pointer(minus))
}
