package linalg

import (
	"errors"
	"math/cmplx"
	"testing"

	"tessera/internal/random"
)

// A^-1 x times A is x, for matrices of several sizes; a matrix that is not positive definite is refused with the row.
func TestHermitian(t *testing.T) {
	r := random.New(3)
	at := uint64(0)
	number := func() complex128 {
		at += 2
		return complex(r.Normal(at), r.Normal(at+1))
	}
	for _, n := range []int{1, 2, 5, 23} {
		b := make([]complex128, n*n)
		for i := range b {
			b[i] = number()
		}
		a := make([]complex128, n*n) // B B^H + I
		for i := range n {
			for j := range n {
				for k := range n {
					a[i*n+j] += b[i*n+k] * cmplx.Conj(b[j*n+k])
				}
			}
			a[i*n+i]++
		}
		l := append([]complex128(nil), a...)
		for i := range n {
			for j := i + 1; j < n; j++ {
				l[i*n+j] = cmplx.NaN() // not read
			}
		}
		if err := HermitianFactor(n, l); err != nil {
			t.Fatal(err)
		}
		for _, first := range []int{0, n / 2} {
			x := make([]complex128, n)
			for i := first; i < n; i++ {
				x[i] = number()
			}
			z := append([]complex128(nil), x...)
			HermitianSolve(n, l, z, first)
			for i := range n {
				sum := -x[i]
				for j := range n {
					sum += a[i*n+j] * z[j]
				}
				if cmplx.Abs(sum) > 1e-11*float64(n) {
					t.Errorf("%d x %d, from element %d on: element %d of A A^-1 x is off by %g", n, n, first, i, cmplx.Abs(sum))
				}
			}
		}
	}
	bad := new(NotPositiveDefiniteError)
	if err := HermitianFactor(2, []complex128{1, 0, 2i, 1}); !errors.As(err, &bad) || bad.Pivot != 1 {
		t.Errorf("error %v, want one of pivot 1", err)
	}
}
