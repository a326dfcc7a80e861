package linalg

import (
	"fmt"
	"math"
)

// NotPositiveDefiniteError reports a matrix that has no Cholesky factor.
type NotPositiveDefiniteError struct {
	System int     // index in a batch; -1 for a single matrix
	Pivot  int     // row at which the factorisation broke down
	Value  float64 // what should have been a positive number there
}

func (e *NotPositiveDefiniteError) Error() string {
	if e.System >= 0 {
		return fmt.Sprintf("linalg: system %d is not positive definite: pivot %d is %g", e.System, e.Pivot, e.Value)
	}
	return fmt.Sprintf("linalg: matrix is not positive definite: pivot %d is %g", e.Pivot, e.Value)
}

// Potrf overwrites the lower triangle of the n x n matrix a with its Cholesky
// factor L, A = L L'. The strictly upper triangle is neither read nor written.
// A float32 matrix is factored in float64 and rounded once.
func Potrf[T Float](n int, a []T, lda int) error {
	checkMatrix("Potrf", n, n, len(a), lda)
	switch a := any(a).(type) {
	case []float64:
		return potrf(n, a, lda)
	case []float32:
		w := widenLower(n, a, lda)
		if err := potrf(n, w, n); err != nil {
			return err
		}
		for i := range n {
			for j := range i + 1 {
				a[i*lda+j] = float32(w[i*n+j])
			}
		}
	}
	return nil
}

// SPDInverse overwrites the n x n matrix a, of which the lower triangle is
// read, with its full inverse. A float32 matrix is inverted in float64 and
// rounded once. On an error the content of a is undefined.
func SPDInverse[T Float](n int, a []T, lda int) error {
	checkMatrix("SPDInverse", n, n, len(a), lda)
	switch a := any(a).(type) {
	case []float64:
		if err := inverse(n, a, lda); err != nil {
			return err
		}
		for i := range n {
			for j := range i {
				a[j*lda+i] = a[i*lda+j]
			}
		}
	case []float32:
		w := widenLower(n, a, lda)
		if err := inverse(n, w, n); err != nil {
			return err
		}
		for i := range n {
			for j := range i + 1 {
				v := float32(w[i*n+j])
				a[i*lda+j], a[j*lda+i] = v, v
			}
		}
	}
	return nil
}

// CholeskySolve solves L L' X = B in place of B, with the factor l of Potrf.
//
//	b: n x nrhs, leading dimension ldb
func CholeskySolve[T Float](n int, l []T, lda, nrhs int, b []T, ldb int) {
	checkMatrix("CholeskySolve L", n, n, len(l), lda)
	checkMatrix("CholeskySolve B", n, nrhs, len(b), ldb)
	if n == 0 || nrhs == 0 {
		return
	}
	switch l := any(l).(type) {
	case []float32:
		b := any(b).([]float32)
		trsm32(false, n, nrhs, l, lda, b, ldb)
		trsm32(true, n, nrhs, l, lda, b, ldb)
	case []float64:
		b := any(b).([]float64)
		trsm64(false, n, nrhs, l, lda, b, ldb)
		trsm64(true, n, nrhs, l, lda, b, ldb)
	}
}

// inverse leaves the lower triangle of the inverse in a.
func inverse(n int, a []float64, lda int) error {
	if err := potrf(n, a, lda); err != nil {
		return err
	}
	if n > 0 {
		potri64(n, a, lda)
	}
	return nil
}

func potrf(n int, a []float64, lda int) error {
	if n == 0 {
		return nil
	}
	potrf64(n, a, lda)
	return checkPivots(n, a, lda+1)
}

// checkPivots finds the first diagonal entry, n of them stride apart, that a
// Cholesky factor cannot have. LAPACK leaves the failing pivot in its place
// when it stops there, but lets a NaN or an infinity run through.
func checkPivots(n int, diag []float64, stride int) error {
	for i := range n {
		if d := diag[i*stride]; !(d > 0 && d <= math.MaxFloat64) {
			return &NotPositiveDefiniteError{System: -1, Pivot: i, Value: d}
		}
	}
	return nil
}

// widenLower copies the lower triangle of a into a new n x n matrix.
func widenLower(n int, a []float32, lda int) []float64 {
	w := make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			w[i*n+j] = float64(a[i*lda+j])
		}
	}
	return w
}
