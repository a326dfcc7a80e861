package forward_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// The stretches of RoundTrip cover H x once, in order and in whole rows, and hold what Apply sets; dst is what Adjoint makes
// of the changed ones: for PSFs that are convolved directly and by Fourier transforms, and for frames of less and of more
// than one stretch.
func TestRoundTrip(t *testing.T) {
	for _, shape := range [][]int{{9, 7}, {80, 300}, {3, 9000}} {
		for _, size := range []int{1, 5, 21} {
			for _, border := range borders {
				for _, n := range []int{1, 3} {
					err := ranks.Launch(t.Context(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
						frame, err := halo.Decompose(shape, n)
						if err != nil {
							return err
						}
						psf, err := lopsided(size, size)
						if err != nil {
							return err
						}
						h, err := forward.NewBlur(comm, frame, 2, psf, border)
						if err != nil {
							return err
						}
						m, _ := h.Dims()
						row := frame.Owned(comm.Rank()).Shape()[1]
						x, y, want, got := make([]float64, m), make([]float64, m), make([]float64, m), make([]float64, m)
						for i := range x {
							x[i] = math.Sin(float64(i * i))
						}
						if err := h.Apply(y, x); err != nil {
							return err
						}
						at, stretches := 0, 0
						err = h.RoundTrip(got, x, func(part []float64, first int) {
							to := first + len(part)
							if first != at || len(part) == 0 || len(part)%row != 0 || first < m/2 && to > m/2 || !slices.Equal(part, y[first:to]) {
								t.Errorf("%v, PSF of %d, %v: a stretch from %d to %d after %d", shape, size, border, first, to, at)
							}
							for i := range part {
								part[i] *= 2
								y[first+i] *= 2
							}
							at = to
							stretches++
						})
						if err != nil {
							return err
						}
						if large := shape[0]*shape[1] > 20000 && size < 19; at != m || large && n == 1 && stretches <= 2 {
							t.Errorf("%v, PSF of %d: %d stretches, up to %d of %d", shape, size, stretches, at, m)
						}
						if err := h.Adjoint(want, y); err != nil {
							return err
						}
						if !slices.Equal(got, want) {
							t.Errorf("%v, PSF of %d, %v: not what Adjoint makes of the stretches", shape, size, border)
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
