package psf

import (
	"math"
	"slices"
	"testing"

	"tessera/internal/linalg"
)

func testSteps[T linalg.Float](t *testing.T) {
	for _, n := range []int{1, 7, 8, 40, 1681} {
		s := smallStack(uint64(n), 1, 45, 3, false).Data
		take := func(k int) []T { return narrow[T](s[k*7 : k*7+n]) }
		x, g, u, d, w := take(0), take(1), take(2), take(3), take(4)
		for i := range w {
			w[i] = T(math.Abs(float64(w[i])))
		}
		for _, anySign := range []bool{false, true} {
			x1, x2, b1, b2 := slices.Clone(x), slices.Clone(x), make([]T, n), make([]T, n)
			primal(x1, g, u, b1, 0.9, 0.8, anySign)
			primalPlain(x2, g, u, b2, 0.9, 0.8, anySign)
			same(t, "primal", x1, x2)
			same(t, "bar", b1, b2)
		}
		for _, limits := range [][]T{w, {0.03}} {
			if n == 1 {
				limits = limits[:1]
			}
			u1, u2 := slices.Clone(u), slices.Clone(u)
			dual(u1, d, limits, 0.5, 0.8)
			dualPlain(u2, d, limits, 0.5, 0.8)
			same(t, "dual", u1, u2)
			if a, b := weightedAbs(d, limits), weightedAbsPlain(d, limits); math.Abs(a-b) > 1e-12*b {
				t.Errorf("sum of w|d|: %g, plain %g", a, b)
			}
		}
		u1, u2 := make([]T, n), make([]T, n)
		blend(u1, x, g, 0.3, -0.7)
		blendPlain(u2, x, g, 0.3, -0.7)
		same(t, "blend", u1, u2)
	}
}

func same[T linalg.Float](t *testing.T, what string, a, b []T) {
	t.Helper()
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > 3e-7 {
			t.Fatalf("%s: %g, plain %g", what, a[i], b[i])
		}
	}
}

func TestSteps(t *testing.T) {
	testSteps[float32](t)
	testSteps[float64](t)
}
