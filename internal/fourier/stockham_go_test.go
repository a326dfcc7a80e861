//go:build !native || !cgo

package fourier

import (
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// Every size up to 130 and some larger ones against the definition, several lines at once.
func TestLines(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	sizes := []int{169, 210, 251, 256, 360, 509}
	for n := 1; n <= 130; n++ {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		for _, lanes := range []int{1, 3} {
			x := make([]complex128, n*lanes)
			for i := range x {
				x[i] = complex(rng.NormFloat64(), rng.NormFloat64())
			}
			want := make([]complex128, len(x))
			for k := range n {
				for i := range n {
					for j := range lanes {
						want[k*lanes+j] += x[i*lanes+j] * root(i*k, n)
					}
				}
			}
			newLines(n, lanes).transform(x)
			for i := range x {
				if e := cmplx.Abs(x[i] - want[i]); e > 1e-12 {
					t.Fatalf("%d numbers, %d lines: element %d is off by %g", n, lanes, i, e)
				}
			}
		}
	}
}
