package linalg

import "fmt"

// Float is the element type of a matrix.
type Float interface{ float32 | float64 }

// Backend says which implementation this binary has, for a report to a user.
func Backend() string { return backendName() }

// Gemm computes C = alpha op(A) op(B) + beta C, where op(X) is X or its
// transpose.
//
//	op(A): m x k    op(B): k x n    C: m x n
//
// A is stored k x m if transA, and B n x k if transB. With beta = 0 the old
// content of C is not read. C must not overlap A or B.
func Gemm[T Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	if transA {
		checkMatrix("Gemm A", k, m, len(a), lda)
	} else {
		checkMatrix("Gemm A", m, k, len(a), lda)
	}
	if transB {
		checkMatrix("Gemm B", n, k, len(b), ldb)
	} else {
		checkMatrix("Gemm B", k, n, len(b), ldb)
	}
	checkMatrix("Gemm C", m, n, len(c), ldc)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 || alpha == 0 {
		scaleMatrix(m, n, beta, c, ldc)
		return
	}
	switch a := any(a).(type) {
	case []float32:
		gemm32(transA, transB, m, n, k, float32(alpha), a, lda, any(b).([]float32), ldb, float32(beta), any(c).([]float32), ldc)
	case []float64:
		gemm64(transA, transB, m, n, k, float64(alpha), a, lda, any(b).([]float64), ldb, float64(beta), any(c).([]float64), ldc)
	}
}

// scaleMatrix multiplies the m x n matrix c by beta; beta = 0 sets it to zero
// whatever it held, NaN included.
func scaleMatrix[T Float](m, n int, beta T, c []T, ldc int) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

// checkMatrix panics unless a slice of the given length holds rows x cols
// numbers at leading dimension ld.
func checkMatrix(what string, rows, cols, length, ld int) {
	if rows < 0 || cols < 0 {
		panic(fmt.Sprintf("linalg: %s: %d x %d matrix", what, rows, cols))
	}
	if ld < max(1, cols) {
		panic(fmt.Sprintf("linalg: %s: leading dimension %d of a %d x %d matrix", what, ld, rows, cols))
	}
	if rows > 0 && cols > 0 && length < (rows-1)*ld+cols {
		panic(fmt.Sprintf("linalg: %s: %d numbers, want %d for %d x %d at leading dimension %d",
			what, length, (rows-1)*ld+cols, rows, cols, ld))
	}
}
