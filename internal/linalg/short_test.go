package linalg

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestDotOfAndAxpyOf(t *testing.T) {
	t.Run("float32", testDotOfAndAxpyOf[float32])
	t.Run("float64", testDotOfAndAxpyOf[float64])
	if SizeOf[float32]() != 4 || SizeOf[float64]() != 8 {
		t.Errorf("sizes %d and %d, want 4 and 8", SizeOf[float32](), SizeOf[float64]())
	}
	wantPanic(t, "DotOf: length 2, want 3", func() { DotOf(make([]float32, 3), make([]float32, 2)) })
	wantPanic(t, "AxpyOf: length 2, want 3", func() { AxpyOf(1, make([]float64, 3), make([]float64, 2)) })
}

func testDotOfAndAxpyOf[T Float](t *testing.T) {
	const alpha = 0.375 // exact in both types
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 70 {
		x, y := randomSlice[T](rng, n), randomSlice[T](rng, n)
		var want, bound float64
		for i := range x {
			want += float64(x[i]) * float64(y[i])
			bound += math.Abs(float64(x[i]) * float64(y[i]))
		}
		if got := float64(DotOf(x, y)); math.Abs(got-want) > float64(n)*epsilon[T]()*bound {
			t.Errorf("n=%d: DotOf = %g, want %g", n, got, want)
		}
		before := append([]T(nil), y...)
		AxpyOf(alpha, x, y)
		for i := range x {
			want := float64(before[i]) + alpha*float64(x[i])
			if math.Abs(float64(y[i])-want) > 4*epsilon[T]()*(math.Abs(float64(x[i]))+math.Abs(float64(before[i]))) {
				t.Fatalf("n=%d: AxpyOf[%d] = %g, want %g", n, i, y[i], want)
			}
		}
	}
}
