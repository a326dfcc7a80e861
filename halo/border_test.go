package halo

import "testing"

func TestBorderSource(t *testing.T) {
	for _, border := range []Border{Zero, Reflect, Periodic} {
		for n := 1; n <= 6; n++ {
			for i := -5 * n; i <= 6*n; i++ {
				want, exists := sourceOf(i, n, border)
				if !exists {
					want = -1
				}
				if got := border.Source(i, n); got != want {
					t.Errorf("%v, %d cells: Source(%d) is %d, want %d", border, n, i, got, want)
				}
			}
		}
	}
}
