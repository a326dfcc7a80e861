// Package linalg is the dense and banded linear algebra of the solvers: matrix
// products, inverses and factors of symmetric positive definite (SPD)
// matrices, batches of small banded systems, and the vector operations of the
// Krylov methods fused so that each touches memory once.
//
// Matrices are row-major: element (i, j) of an m x n matrix a with leading
// dimension lda >= n is a[i*lda+j]. Of a symmetric matrix the lower triangle
// is read. A band of half-width bw is n rows of bw+1 numbers, row i holding
// A[i, i-bw .. i], the diagonal last; numbers left of column 0 are ignored.
//
// There are two back ends, chosen when the program is built; [Backend] names the
// one in use. With build tag native (and cgo) it is OpenBLAS, found by pkg-config,
// and C loops, with AVX2 if the processor has it; otherwise gonum and plain Go.
// They agree to rounding, and one test suite is run on both. A given build on a given processor returns the same bits for the same
// arguments, on any number of goroutines.
//
// One rank is one core. OpenBLAS is held to one thread per call; all functions
// are safe to call from many goroutines at once on distinct outputs. OpenBLAS
// starts a thread for every core when the program is loaded, before any of it
// runs; OPENBLAS_NUM_THREADS=1 in the environment of a batch script with one
// process a core keeps it from that.
//
// Costs, in floating point operations: Gemm 2mnk; Potrf n^3/3, SPDInverse n^3,
// CholeskySolve 2n^2 per right-hand side; banded factor n*bw^2, banded solve
// 4n*bw, which is bound by reading the factor twice.
//
// A shape that does not fit is a mistake in the program and panics; a matrix
// that is not positive definite is a property of the data and is returned as a
// [NotPositiveDefiniteError].
//
// Sources: Golub and Van Loan, Matrix Computations, 4th ed., 4.2 and 4.3
// (Cholesky, banded Cholesky); Higham, Accuracy and Stability of Numerical
// Algorithms, 2nd ed., ch. 4 (summation).
package linalg
