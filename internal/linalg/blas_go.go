//go:build !native || !cgo

package linalg

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	lapack "gonum.org/v1/gonum/lapack/gonum"
)

var (
	goblas   gonum.Implementation
	golapack lapack.Implementation
)

func backendName() string { return "gonum (pure Go)" }

func transpose(t bool) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}

func gemm32(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	goblas.Sgemm(transpose(transA), transpose(transB), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func gemm64(transA, transB bool, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	goblas.Dgemm(transpose(transA), transpose(transB), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func trsm32(trans bool, n, nrhs int, l []float32, lda int, b []float32, ldb int) {
	goblas.Strsm(blas.Left, blas.Lower, transpose(trans), blas.NonUnit, n, nrhs, 1, l, lda, b, ldb)
}

func trsm64(trans bool, n, nrhs int, l []float64, lda int, b []float64, ldb int) {
	goblas.Dtrsm(blas.Left, blas.Lower, transpose(trans), blas.NonUnit, n, nrhs, 1, l, lda, b, ldb)
}

func potrf64(n int, a []float64, lda int) { golapack.Dpotrf(blas.Lower, n, a, lda) }

func potri64(n int, a []float64, lda int) { golapack.Dpotri(blas.Lower, n, a, lda) }

// pbtrf factors a band of rows A[i, i-bw .. i] in place.
func pbtrf(n, bw int, band []float64) { golapack.Dpbtrf(blas.Lower, n, bw, band, bw+1) }

func pbtrs(n, bw int, band, x []float64) {
	golapack.Dpbtrs(blas.Lower, n, bw, 1, band, bw+1, x, 1)
}
