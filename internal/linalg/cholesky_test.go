package linalg

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// spdMatrix returns B B' + n I for a random B, n x n at leading dimension lda,
// with NaN above the diagonal, where nobody may look.
func spdMatrix[T Float](rng *rand.Rand, n, lda int) []T {
	b := randomSlice[float64](rng, n*n)
	a := make([]T, n*lda)
	for i := range n {
		for j := range n {
			var s float64
			for k := range n {
				s += b[i*n+k] * b[j*n+k]
			}
			if i == j {
				s += float64(n)
			}
			if j <= i {
				a[i*lda+j] = T(s)
			} else {
				a[i*lda+j] = T(math.NaN())
			}
		}
	}
	return a
}

func TestCholesky(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 17, 64, 65, 130} {
		for _, lda := range []int{max(1, n), n + 3} {
			t.Run(fmt.Sprintf("float32/n=%d/lda=%d", n, lda), func(t *testing.T) { testCholesky[float32](t, n, lda) })
			t.Run(fmt.Sprintf("float64/n=%d/lda=%d", n, lda), func(t *testing.T) { testCholesky[float64](t, n, lda) })
		}
	}
}

func testCholesky[T Float](t *testing.T, n, lda int) {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(lda)))
	a := spdMatrix[T](rng, n, lda)
	full := func(i, j int) float64 { return float64(a[max(i, j)*lda+min(i, j)]) }
	// The condition number of B B' + n I is about 5.
	tolerance := 20 * float64(n+1) * epsilon[T]()

	l := append([]T(nil), a...)
	if err := Potrf(n, l, lda); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for j := range n {
			if j > i {
				if !math.IsNaN(float64(l[i*lda+j])) {
					t.Fatalf("Potrf wrote above the diagonal at %d,%d", i, j)
				}
				continue
			}
			var s float64
			for k := range j + 1 {
				s += float64(l[i*lda+k]) * float64(l[j*lda+k])
			}
			if d := math.Abs(s - full(i, j)); d > tolerance*float64(n) {
				t.Fatalf("(L L')[%d,%d] = %g, want %g", i, j, s, full(i, j))
			}
		}
	}

	inv := append([]T(nil), a...)
	if err := SPDInverse(n, inv, lda); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for j := range n {
			if inv[i*lda+j] != inv[j*lda+i] {
				t.Fatalf("inverse is not symmetric at %d,%d", i, j)
			}
			var s float64
			for k := range n {
				s += full(i, k) * float64(inv[k*lda+j])
			}
			if i == j {
				s--
			}
			if math.Abs(s) > tolerance {
				t.Fatalf("(A A^-1 - I)[%d,%d] = %g", i, j, s)
			}
		}
	}

	for _, nrhs := range []int{0, 1, 3} {
		ldb := nrhs + 1
		x := randomSlice[T](rng, n*ldb)
		b := make([]T, n*ldb)
		for i := range n {
			for c := range ldb {
				if c == nrhs {
					b[i*ldb+c] = 42
					continue
				}
				var s float64
				for k := range n {
					s += full(i, k) * float64(x[k*ldb+c])
				}
				b[i*ldb+c] = T(s)
			}
		}
		CholeskySolve(n, l, lda, nrhs, b, ldb)
		for i := range n {
			if b[i*ldb+nrhs] != 42 {
				t.Fatalf("padding of B overwritten in row %d", i)
			}
			for c := range nrhs {
				if d := math.Abs(float64(b[i*ldb+c] - x[i*ldb+c])); d > 10*tolerance {
					t.Fatalf("nrhs %d: x[%d,%d] = %g, want %g", nrhs, i, c, b[i*ldb+c], x[i*ldb+c])
				}
			}
		}
	}
}

func TestNotPositiveDefinite(t *testing.T) {
	const n = 150 // beyond the block size of either back end
	for _, value := range []float64{-1, 0, math.NaN(), math.Inf(1)} {
		for _, pivot := range []int{0, 5, 149} {
			t.Run(fmt.Sprintf("%g at %d", value, pivot), func(t *testing.T) {
				a := make([]float64, n*n)
				for i := range n {
					a[i*n+i] = 2
				}
				a[pivot*n+pivot] = value
				narrow := make([]float32, n*n)
				for i, v := range a {
					narrow[i] = float32(v)
				}
				for name, err := range map[string]error{
					"Potrf":              Potrf(n, append([]float64(nil), a...), n),
					"SPDInverse":         SPDInverse(n, a, n),
					"Potrf float32":      Potrf(n, append([]float32(nil), narrow...), n),
					"SPDInverse float32": SPDInverse(n, narrow, n),
				} {
					var e *NotPositiveDefiniteError
					if !errors.As(err, &e) {
						t.Fatalf("%s: error %v", name, err)
					}
					if e.Pivot != pivot || e.System != -1 {
						t.Errorf("%s: %v, want pivot %d", name, err, pivot)
					}
				}
			})
		}
	}
}

// A matrix whose diagonal is positive and whose pivot is found negative only
// in the course of the factorisation: A = L D L' with one negative D.
func TestIndefinitePivot(t *testing.T) {
	const n = 130
	rng := rand.New(rand.NewPCG(11, 12))
	for _, pivot := range []int{1, 40, 129} {
		l := make([]float64, n*n)
		for i := range n {
			for j := range i {
				l[i*n+j] = rng.Float64() / 4
			}
			l[i*n+i] = 1
		}
		a := make([]float64, n*n)
		for i := range n {
			for j := range n {
				for k := range min(i, j) + 1 {
					d := 1.0
					if k == pivot {
						d = -1e-3
					}
					a[i*n+j] += l[i*n+k] * d * l[j*n+k]
				}
			}
		}
		if a[pivot*n+pivot] <= 0 {
			t.Fatalf("the diagonal already gives pivot %d away", pivot)
		}
		var e *NotPositiveDefiniteError
		if err := Potrf(n, a, n); !errors.As(err, &e) || e.Pivot != pivot || math.Abs(e.Value+1e-3) > 1e-9 {
			t.Errorf("error %v, want pivot %d of -0.001", err, pivot)
		}
	}
}

func BenchmarkSPDInverse576(b *testing.B) {
	const n = 576
	rng := rand.New(rand.NewPCG(1, 2))
	a := spdMatrix[float64](rng, n, n)
	work := make([]float64, n*n)
	for b.Loop() {
		copy(work, a)
		if err := SPDInverse(n, work, n); err != nil {
			b.Fatal(err)
		}
	}
}
