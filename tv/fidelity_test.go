package tv

import (
	"context"
	"testing"

	"tessera/forward"
	"tessera/ranks"
)

// The gradient in one pass is that of Apply, the data, the weights and Adjoint, bit for bit, for every scene, and for
// weights of every channel.
func TestGradient(t *testing.T) {
	for name, s := range scenes() {
		y, w := s.whole(t)
		for _, n := range []int{1, 3} {
			onRanks(t, n, func(comm ranks.Comm) error {
				p, err := s.problem(comm, y, w)
				if err != nil {
					return err
				}
				for _, repeated := range []bool{false, true} {
					if repeated {
						all := make(forward.Weights, len(p.Data))
						for i := range all {
							all[i] = p.Weights.At(i) * float64(1+i%3)
						}
						p.Weights = all
					}
					f, err := newFidelity(context.Background(), comm, p)
					if err != nil {
						return err
					}
					x := cut(p.Frame, comm, s.truth(), s.channels)
					r, got, want := make([]float64, len(p.Data)), make([]float64, len(x)), make([]float64, len(x))
					if err := f.gradient(got, x, r); err != nil {
						return err
					}
					if err := f.apply(r, x); err != nil {
						return err
					}
					for i, v := range r {
						if r[i] = 0; f.w.At(i) != 0 {
							r[i] = f.w.At(i) * (v - f.y[i])
						}
					}
					if err := f.adjoint(want, r); err != nil {
						return err
					}
					for i, v := range want {
						if got[i] != v {
							t.Errorf("%s, %d ranks, weights of each channel %v: value %d is %v, want %v", name, n, repeated, i, got[i], v)
							break
						}
					}
				}
				return nil
			})
		}
	}
}
