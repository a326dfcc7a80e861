package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// epsilon is the unit roundoff of T.
func epsilon[T Float]() float64 {
	if _, ok := any(T(0)).(float32); ok {
		return 0x1p-24
	}
	return 0x1p-53
}

func randomSlice[T Float](rng *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(rng.NormFloat64())
	}
	return x
}

// naiveGemm is the definition, in float64. bound has sum |alpha a b| + |beta c|,
// of which the rounding error is a multiple.
func naiveGemm[T Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) (want, bound []float64) {
	at := func(x []T, ld int, trans bool, i, j int) float64 {
		if trans {
			i, j = j, i
		}
		return float64(x[i*ld+j])
	}
	want, bound = make([]float64, m*n), make([]float64, m*n)
	for i := range m {
		for j := range n {
			var s, abs float64
			for p := range k {
				t := float64(alpha) * at(a, lda, transA, i, p) * at(b, ldb, transB, p, j)
				s += t
				abs += math.Abs(t)
			}
			if beta != 0 {
				t := float64(beta) * float64(c[i*ldc+j])
				s += t
				abs += math.Abs(t)
			}
			want[i*n+j], bound[i*n+j] = s, abs
		}
	}
	return want, bound
}

func TestGemm(t *testing.T) {
	t.Run("float32", func(t *testing.T) { rapid.Check(t, testGemm[float32]) })
	t.Run("float64", func(t *testing.T) { rapid.Check(t, testGemm[float64]) })
}

func testGemm[T Float](t *rapid.T) {
	size := rapid.OneOf(rapid.IntRange(0, 9), rapid.IntRange(10, 150))
	m, n, k := size.Draw(t, "m"), size.Draw(t, "n"), size.Draw(t, "k")
	transA, transB := rapid.Bool().Draw(t, "transA"), rapid.Bool().Draw(t, "transB")
	factor := rapid.SampledFrom([]T{0, 1, -1, 0.5, 2})
	alpha, beta := factor.Draw(t, "alpha"), factor.Draw(t, "beta")
	padding := rapid.IntRange(0, 3)
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))

	operand := func(name string, rows, cols int, trans bool) ([]T, int) {
		if trans {
			rows, cols = cols, rows
		}
		ld := max(1, cols+padding.Draw(t, name))
		return randomSlice[T](rng, rows*ld), ld
	}
	a, lda := operand("pad A", m, k, transA)
	b, ldb := operand("pad B", k, n, transB)
	c, ldc := operand("pad C", m, n, false)
	if beta == 0 && len(c) > 0 {
		c[0] = T(math.NaN()) // must not be read
	}
	if len(c) > 0 && ldc > n {
		c[ldc-1] = 42 // padding must survive
	}
	want, bound := naiveGemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	Gemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)

	tolerance := float64(k+4) * epsilon[T]()
	for i := range m {
		for j := range n {
			got := float64(c[i*ldc+j])
			if d := math.Abs(got - want[i*n+j]); !(d <= tolerance*bound[i*n+j]) {
				t.Fatalf("C[%d,%d] = %g, want %g", i, j, got, want[i*n+j])
			}
		}
	}
	if len(c) > 0 && ldc > n && c[ldc-1] != 42 {
		t.Fatalf("padding of C overwritten with %g", c[ldc-1])
	}
}

// Many ranks in one process multiply at once; each must get the bits that it
// would get alone.
func TestGemmConcurrent(t *testing.T) {
	const m, n, k, callers, calls = 48, 64, 144, 64, 8
	rng := rand.New(rand.NewPCG(1, 2))
	a, b := randomSlice[float64](rng, m*k), randomSlice[float64](rng, n*k)
	want := make([]float64, m*n)
	Gemm(false, true, m, n, k, 1, a, k, b, k, 0, want, n)

	var wg sync.WaitGroup
	for g := range callers {
		wg.Go(func() {
			got := make([]float64, m*n)
			for range calls {
				Gemm(false, true, m, n, k, 1, a, k, b, k, 0, got, n)
				for i := range got {
					if got[i] != want[i] {
						t.Errorf("caller %d: element %d is %g, alone %g", g, i, got[i], want[i])
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestGemmShapeMistakes(t *testing.T) {
	x := make([]float64, 12)
	tests := []struct {
		name string
		call func()
		want string
	}{
		{"short A", func() { Gemm(false, false, 4, 2, 4, 1, x, 4, x, 2, 0, x, 2) }, "Gemm A: 12 numbers, want 16"},
		{"narrow B", func() { Gemm(false, false, 2, 3, 2, 1, x, 2, x, 2, 0, x, 3) }, "Gemm B: leading dimension 2"},
		{"short C", func() { Gemm(true, true, 4, 4, 3, 1, x, 4, x, 3, 0, x, 4) }, "Gemm C: 12 numbers, want 16"},
		{"negative", func() { Gemm(false, false, -1, 1, 1, 1, x, 1, x, 1, 0, x, 1) }, "Gemm A: -1 x 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { wantPanic(t, test.want, test.call) })
	}
}

func wantPanic(t *testing.T, want string, call func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
			t.Errorf("panic %q, want it to contain %q", got, want)
		}
	}()
	call()
}

// The product that the tile preconditioner spends its time on: 64 right-hand
// sides of 24 x 24 pixels times the 256 owned rows of a tile's inverse.
func BenchmarkGemm(b *testing.B) {
	b.Run("float32", benchmarkGemm[float32])
	b.Run("float64", benchmarkGemm[float64])
}

func benchmarkGemm[T Float](b *testing.B) {
	const m, n, k = 64, 256, 576
	rng := rand.New(rand.NewPCG(1, 2))
	x, g, y := randomSlice[T](rng, m*k), randomSlice[T](rng, n*k), make([]T, m*n)
	for b.Loop() {
		Gemm(false, true, m, n, k, 1, x, k, g, k, 0, y, n)
	}
	b.ReportMetric(2*m*n*k*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
