package tv

import (
	"context"
	"testing"

	"tessera/forward"
	"tessera/ranks"
)

// The residual in one pass is that of Apply, the data and the weights, bit for bit, for every scene, and for weights of
// every channel.
func TestResidualOf(t *testing.T) {
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
					got, want := make([]float64, len(p.Data)), make([]float64, len(p.Data))
					if err := f.residualOf(got, x); err != nil {
						return err
					}
					if err := f.apply(want, x); err != nil {
						return err
					}
					for i, v := range want {
						d := 0.0
						if w := f.w.At(i); w != 0 {
							d = w * (v - f.y[i])
						}
						if got[i] != d {
							t.Errorf("%s, %d ranks, weights of each channel %v: value %d is %v, want %v", name, n, repeated, i, got[i], d)
							break
						}
					}
				}
				return nil
			})
		}
	}
}
