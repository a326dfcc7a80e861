package forward_test

import (
	"context"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// The stretches of ApplyThen cover dst once, in order and in whole rows, and hold what Apply sets, which the caller may
// change: for PSFs that are convolved directly and by Fourier transforms, and for frames of less and of more than one
// stretch.
func TestApplyThen(t *testing.T) {
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
						x, want, got := make([]float64, m), make([]float64, m), make([]float64, m)
						for i := range x {
							x[i] = math.Sin(float64(i * i))
						}
						if err := h.Apply(want, x); err != nil {
							return err
						}
						at, stretches := 0, 0
						err = h.ApplyThen(got, x, func(from, to int) {
							if from != at || to <= from || (to-from)%row != 0 || from < m/2 && to > m/2 {
								t.Errorf("%v, PSF of %d: a stretch from %d to %d after %d", shape, size, from, to, at)
							}
							for i := from; i < to; i++ {
								got[i] *= 2
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
						for i, v := range want {
							if got[i] != 2*v {
								t.Errorf("%v, PSF of %d, %v: value %d is %v, want %v", shape, size, border, i, got[i], 2*v)
								break
							}
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
