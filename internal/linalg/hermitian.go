package linalg

import "math"

// HermitianFactor overwrites the lower triangle of the n x n Hermitian matrix a, row-major, with its Cholesky
// factor L, A = L L^H, whose diagonal is real. The strictly upper triangle is neither read nor written. It is meant
// for matrices of at most about a hundred rows. Cost: n^3/3 complex multiply-adds.
func HermitianFactor(n int, a []complex128) error {
	checkMatrix("HermitianFactor", n, n, len(a), n)
	for i := range n {
		row := a[i*n:][:i+1]
		for j := range i + 1 {
			other := a[j*n:][:j+1]
			sum := row[j]
			for k := range j {
				sum -= row[k] * complex(real(other[k]), -imag(other[k]))
			}
			if i > j {
				row[j] = sum / complex(real(other[j]), 0)
				continue
			}
			if v := real(sum); !(v > 0) || math.IsInf(v, 0) {
				return &NotPositiveDefiniteError{System: -1, Pivot: i, Value: v}
			}
			row[i] = complex(math.Sqrt(real(sum)), 0)
		}
	}
	return nil
}

// HermitianSolve overwrites x with A^-1 x, from the factor that HermitianFactor left in l. Elements of x before
// first are 0.
func HermitianSolve(n int, l, x []complex128, first int) {
	checkMatrix("HermitianSolve", n, n, len(l), n)
	for i := first; i < n; i++ {
		row := l[i*n:][:i+1]
		sum := x[i]
		for k := first; k < i; k++ {
			sum -= row[k] * x[k]
		}
		x[i] = sum / complex(real(row[i]), 0)
	}
	for i := n - 1; i >= 0; i-- {
		row := l[i*n:][:i+1]
		v := x[i] / complex(real(row[i]), 0)
		x[i] = v
		for k := range i {
			x[k] -= complex(real(row[k]), -imag(row[k])) * v
		}
	}
}
