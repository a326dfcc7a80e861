//go:build native && cgo

package fourier

// #cgo pkg-config: fftw3
// #cgo CFLAGS: -O2 -Wall
// #cgo noescape forward
// #cgo nocallback forward
// #cgo noescape inverse
// #cgo nocallback inverse
// #include <fftw3.h>
//
// struct plans {
// 	fftw_plan rows, columns, columns_back, rows_back;
// };
//
// static const char *version(void) { return fftw_version; }
//
// // A real transform along the rows into work, then a complex one along the
// // columns out of it, and the way back. FFTW_ESTIMATE decides by counting and
// // leaves the arrays alone. What it decided for other sizes is forgotten first:
// // a plan must not depend on what was planned before.
// static struct plans make_plans(int rows, int cols, double *image, fftw_complex *work, fftw_complex *spectrum)
// {
// 	int h = cols / 2 + 1;
// 	struct plans p;
// 	fftw_forget_wisdom();
// 	p.rows = fftw_plan_many_dft_r2c(1, &cols, rows, image, 0, 1, cols, work, 0, 1, h, FFTW_ESTIMATE);
// 	p.columns = fftw_plan_many_dft(1, &rows, h, work, 0, h, 1, spectrum, 0, h, 1, FFTW_FORWARD, FFTW_ESTIMATE);
// 	p.columns_back = fftw_plan_many_dft(1, &rows, h, spectrum, 0, h, 1, work, 0, h, 1, FFTW_BACKWARD, FFTW_ESTIMATE);
// 	p.rows_back = fftw_plan_many_dft_c2r(1, &cols, rows, work, 0, 1, h, image, 0, 1, cols, FFTW_ESTIMATE);
// 	return p;
// }
//
// static void destroy_plans(struct plans p)
// {
// 	fftw_destroy_plan(p.rows);
// 	fftw_destroy_plan(p.columns);
// 	fftw_destroy_plan(p.columns_back);
// 	fftw_destroy_plan(p.rows_back);
// }
//
// static void forward(struct plans p, double *src, fftw_complex *work, fftw_complex *dst)
// {
// 	fftw_execute_dft_r2c(p.rows, src, work);
// 	fftw_execute_dft(p.columns, work, dst);
// }
//
// static void inverse(struct plans p, fftw_complex *src, fftw_complex *work, double *dst)
// {
// 	fftw_execute_dft(p.columns_back, src, work);
// 	fftw_execute_dft_c2r(p.rows_back, work, dst);
// }
import "C"

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// Backend says which implementation this binary has, for a report to a user.
func Backend() string { return C.GoString(C.version()) }

// planner guards FFTW's planner, which is one for the process and not safe to
// use from several threads. Executing a plan is.
var planner sync.Mutex

// realTransform is the unnormalised pair of transforms of one size.
//
// Plans are estimated, not measured: a measured plan depends on the timings of
// the moment, so that two runs, or two ranks, would differ in the last bits,
// and costs 0.1 to 0.3 s a size. Two one-dimensional plans through a work
// array recover part of the difference: 64 x 64 9.0 us (two-dimensional
// estimated 13.1, measured 7.8), 144 x 144 46 us (75, 47), 264 x 264 327 us
// (360, 247). They also leave the input of the inverse alone, which FFTW's own
// two-dimensional transform destroys.
type realTransform struct {
	rows, cols int
	plans      *plans
	work       []complex128 // rows x (cols/2+1)

	// Stand-ins for arrays of callers that are not aligned as planned, made
	// when first needed. Plans for any alignment take twice the time.
	image    []float64
	spectrum []complex128
}

type plans struct{ c C.struct_plans }

func newRealTransform(rows, cols int) realTransform {
	h := cols/2 + 1
	t := realTransform{rows: rows, cols: cols, plans: new(plans), work: alignedComplex(rows * h)}
	image, spectrum := alignedReal(rows*cols), alignedComplex(rows*h)

	planner.Lock()
	defer planner.Unlock()
	c := C.make_plans(C.int(rows), C.int(cols), real0(image), complex0(t.work), complex0(spectrum))
	if c.rows == nil || c.columns == nil || c.columns_back == nil || c.rows_back == nil {
		panic(fmt.Sprintf("fourier: FFTW has no plan for %d x %d", rows, cols))
	}
	t.plans.c = c
	runtime.AddCleanup(t.plans, func(c C.struct_plans) {
		planner.Lock()
		defer planner.Unlock()
		C.destroy_plans(c)
	}, c)
	return t
}

func (t *realTransform) clone() realTransform {
	return realTransform{rows: t.rows, cols: t.cols, plans: t.plans, work: alignedComplex(len(t.work))}
}

func (t *realTransform) forward(dst []complex128, src []float64) {
	if !aligned(unsafe.Pointer(&src[0])) {
		copy(t.imageBuffer(), src)
		src = t.image
	}
	to := dst
	if !aligned(unsafe.Pointer(&dst[0])) {
		to = t.spectrumBuffer()
	}
	C.forward(t.plans.c, real0(src), complex0(t.work), complex0(to))
	runtime.KeepAlive(t.plans)
	if &to[0] != &dst[0] {
		copy(dst, to)
	}
}

func (t *realTransform) inverse(dst []float64, src []complex128) {
	if !aligned(unsafe.Pointer(&src[0])) {
		copy(t.spectrumBuffer(), src)
		src = t.spectrum
	}
	to := dst
	if !aligned(unsafe.Pointer(&dst[0])) {
		to = t.imageBuffer()
	}
	C.inverse(t.plans.c, complex0(src), complex0(t.work), real0(to))
	runtime.KeepAlive(t.plans)
	if &to[0] != &dst[0] {
		copy(dst, to)
	}
}

func (t *realTransform) imageBuffer() []float64 {
	if t.image == nil {
		t.image = alignedReal(t.rows * t.cols)
	}
	return t.image
}

func (t *realTransform) spectrumBuffer() []complex128 {
	if t.spectrum == nil {
		t.spectrum = alignedComplex(len(t.work))
	}
	return t.spectrum
}

// alignment in bytes that FFTW's vector instructions ask for, or a multiple.
const alignment = 64

func aligned(p unsafe.Pointer) bool { return C.fftw_alignment_of((*C.double)(p)) == 0 }

func alignedReal(n int) []float64 {
	x := make([]float64, n+alignment/8)
	skip := -uintptr(unsafe.Pointer(&x[0])) % alignment / 8
	return x[skip:][:n:n]
}

func alignedComplex(n int) []complex128 {
	x := alignedReal(2 * n)
	return unsafe.Slice((*complex128)(unsafe.Pointer(&x[0])), n)
}

func real0(x []float64) *C.double { return (*C.double)(&x[0]) }

func complex0(x []complex128) *C.fftw_complex { return (*C.fftw_complex)(unsafe.Pointer(&x[0])) }
