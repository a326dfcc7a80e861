//go:build native && cgo

package linalg

// #cgo pkg-config: openblas
// #cgo noescape cblas_sgemm
// #cgo nocallback cblas_sgemm
// #cgo noescape cblas_dgemm
// #cgo nocallback cblas_dgemm
// #include <cblas.h>
// #include <stddef.h>
//
// // LAPACK as Fortran knows it: each character argument has a hidden length.
// extern void dpotrf_(const char *, const blasint *, double *, const blasint *, blasint *, size_t);
// extern void dpotri_(const char *, const blasint *, double *, const blasint *, blasint *, size_t);
// extern void dpbtrf_(const char *, const blasint *, const blasint *, double *, const blasint *, blasint *, size_t);
// extern void dpbtrs_(const char *, const blasint *, const blasint *, const blasint *, const double *, const blasint *,
//                     double *, const blasint *, blasint *, size_t);
//
// // Fortran is column-major: its upper triangle is our lower one. That a matrix
// // is not positive definite is read off the diagonal, as for the other back end.
// static void potrf(blasint n, double *a, blasint lda)
// {
// 	blasint info;
// 	dpotrf_("U", &n, a, &lda, &info, 1);
// }
//
// static void potri(blasint n, double *a, blasint lda)
// {
// 	blasint info;
// 	dpotri_("U", &n, a, &lda, &info, 1);
// }
//
// static void pbtrf(blasint n, blasint bw, double *band)
// {
// 	blasint ld = bw + 1, info;
// 	dpbtrf_("U", &n, &bw, band, &ld, &info, 1);
// }
//
// static void pbtrs(blasint n, blasint bw, const double *band, double *x)
// {
// 	blasint ld = bw + 1, one = 1, info;
// 	dpbtrs_("U", &n, &bw, &one, band, &ld, x, &n, &info, 1);
// }
import "C"

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
)

func backendName() string {
	return strings.TrimSpace(C.GoString(C.openblas_get_config())) + ", " + C.GoString(C.openblas_get_corename()) + " kernels"
}

// callers admits goroutines to OpenBLAS. The library keeps one work buffer per
// call in progress out of a fixed pool and ends the process when the pool is
// empty, and a goroutine inside C holds a thread of its own: without a limit
// 64 ranks in one process would take 64 buffers to share two cores.
var callers = sync.OnceValue(func() chan struct{} {
	C.openblas_set_num_threads(1)
	return make(chan struct{}, min(runtime.GOMAXPROCS(0), bufferCount(C.GoString(C.openblas_get_config()))))
})

// bufferCount is the number of calls that an OpenBLAS of this configuration
// serves at once: two for each of MAX_THREADS, at least 50.
func bufferCount(config string) int {
	_, rest, _ := strings.Cut(config, "MAX_THREADS=")
	var threads int
	_, _ = fmt.Sscanf(rest, "%d", &threads) // zero if it does not say
	return max(50, 2*threads)
}

func transpose(t bool) C.enum_CBLAS_TRANSPOSE {
	if t {
		return C.CblasTrans
	}
	return C.CblasNoTrans
}

func gemm32(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	gate := callers()
	gate <- struct{}{}
	C.cblas_sgemm(C.CblasRowMajor, transpose(transA), transpose(transB), C.blasint(m), C.blasint(n), C.blasint(k),
		C.float(alpha), (*C.float)(&a[0]), C.blasint(lda), (*C.float)(&b[0]), C.blasint(ldb),
		C.float(beta), (*C.float)(&c[0]), C.blasint(ldc))
	<-gate
}

func gemm64(transA, transB bool, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	gate := callers()
	gate <- struct{}{}
	C.cblas_dgemm(C.CblasRowMajor, transpose(transA), transpose(transB), C.blasint(m), C.blasint(n), C.blasint(k),
		C.double(alpha), (*C.double)(&a[0]), C.blasint(lda), (*C.double)(&b[0]), C.blasint(ldb),
		C.double(beta), (*C.double)(&c[0]), C.blasint(ldc))
	<-gate
}

func trsm32(trans bool, n, nrhs int, l []float32, lda int, b []float32, ldb int) {
	gate := callers()
	gate <- struct{}{}
	C.cblas_strsm(C.CblasRowMajor, C.CblasLeft, C.CblasLower, transpose(trans), C.CblasNonUnit, C.blasint(n), C.blasint(nrhs),
		1, (*C.float)(&l[0]), C.blasint(lda), (*C.float)(&b[0]), C.blasint(ldb))
	<-gate
}

func trsm64(trans bool, n, nrhs int, l []float64, lda int, b []float64, ldb int) {
	gate := callers()
	gate <- struct{}{}
	C.cblas_dtrsm(C.CblasRowMajor, C.CblasLeft, C.CblasLower, transpose(trans), C.CblasNonUnit, C.blasint(n), C.blasint(nrhs),
		1, (*C.double)(&l[0]), C.blasint(lda), (*C.double)(&b[0]), C.blasint(ldb))
	<-gate
}

func potrf64(n int, a []float64, lda int) {
	gate := callers()
	gate <- struct{}{}
	C.potrf(C.blasint(n), (*C.double)(&a[0]), C.blasint(lda))
	<-gate
}

func potri64(n int, a []float64, lda int) {
	gate := callers()
	gate <- struct{}{}
	C.potri(C.blasint(n), (*C.double)(&a[0]), C.blasint(lda))
	<-gate
}

// pbtrf factors a band of rows A[i, i-bw .. i] in place.
func pbtrf(n, bw int, band []float64) {
	gate := callers()
	gate <- struct{}{}
	C.pbtrf(C.blasint(n), C.blasint(bw), (*C.double)(&band[0]))
	<-gate
}

func pbtrs(n, bw int, band, x []float64) {
	gate := callers()
	gate <- struct{}{}
	C.pbtrs(C.blasint(n), C.blasint(bw), (*C.double)(&band[0]), (*C.double)(&x[0]))
	<-gate
}
