package linalg

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestLowRank(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testLowRank[float32](t, 2e-5) })
	t.Run("float64", func(t *testing.T) { testLowRank[float64](t, 1e-13) })
}

func testLowRank[T Float](t *testing.T, tolerance float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func(n int) []T {
		a := make([]T, n)
		for i := range a {
			a[i] = T(rng.NormFloat64())
		}
		return a
	}
	for _, size := range [][4]int{{0, 5, 5, 3}, {1, 1, 1, 1}, {3, 7, 5, 9}, {4, 64, 36, 10}, {13, 100, 61, 20}} {
		r, m, n, table := size[0], size[1], size[2], size[3]
		rows := make([]int32, r)
		for i := range rows {
			rows[i] = int32(rng.IntN(table))
		}
		c, u, x, v, z := random(r*r), random(table*m), random(m), random(table*n), random(n)
		want := make([]float64, n)
		scale := 1.0
		for j := range z {
			want[j] = float64(z[j])
			for i := range r {
				for k := range r {
					ux := 0.0
					for l := range m {
						ux += float64(u[int(rows[k])*m+l]) * float64(x[l])
					}
					want[j] += float64(v[int(rows[i])*n+j]) * float64(c[i*r+k]) * ux
				}
			}
			scale = math.Max(scale, math.Abs(want[j]))
		}
		LowRank(rows, c, u, x, v, z, make([]T, 2*r))
		for j := range z {
			if !(math.Abs(float64(z[j])-want[j]) <= tolerance*scale) {
				t.Fatalf("rank %d: z[%d] = %g, want %g", r, j, z[j], want[j])
			}
		}
	}
}
