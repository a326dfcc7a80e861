package forward_test

import (
	"context"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// H'H = I with a periodic border in 1, 2 and 3 dimensions; elsewhere the pixels at the
// border lose 1/(2 axes) for each border. The values are those of the definition.
func TestHaar(t *testing.T) {
	for _, shape := range [][]int{{12}, {9, 14}, {5, 6, 7}, {1, 2, 9}} {
		for _, border := range borders {
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(_ context.Context, comm ranks.Comm) error {
				frame, err := halo.Decompose(shape, 1)
				if err != nil {
					return err
				}
				h, err := forward.NewHaar(comm, frame, 1, border)
				if err != nil {
					return err
				}
				m, n := h.Dims()
				x, y, back := make([]float64, n), make([]float64, m), make([]float64, n)
				for i := range x {
					x[i] = math.Sin(float64(i*i)) + 1
				}
				if err := h.Apply(y, x); err != nil {
					return err
				}
				if err := h.Adjoint(back, y); err != nil {
					return err
				}
				axes, stride := len(shape), n
				s := 1 / (2 * math.Sqrt(float64(axes)))
				kept := make([]float64, n)
				for i := range kept {
					kept[i] = 1
				}
				for k, size := range shape {
					stride /= size
					for i := range x {
						at := i / stride % size
						next := i + stride
						if at == size-1 {
							next = i - at*stride
						}
						a, d := s*(x[i]+x[next]), s*(x[next]-x[i])
						if at == size-1 && border != halo.Periodic {
							a, d = 0, 0
							kept[i] -= 1 / float64(2*axes)
							kept[next] -= 1 / float64(2*axes)
						}
						if math.Abs(y[2*k*n+i]-a) > 1e-15 || math.Abs(y[(2*k+1)*n+i]-d) > 1e-15 {
							t.Fatalf("%v, %v: axis %d, pixel %d: %g and %g, want %g and %g", shape, border, k, i, y[2*k*n+i], y[(2*k+1)*n+i], a, d)
						}
					}
				}
				for i, v := range back {
					if math.Abs(v-kept[i]*x[i]) > 1e-14 {
						t.Fatalf("%v, %v: H'H x is %g at %d, want %g of %g", shape, border, v, i, kept[i], x[i])
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
