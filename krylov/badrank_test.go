package krylov

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tessera/ranks"
)

// A wrong length or control on one rank only is the same error on every rank, for all
// methods; ranks that wait for each other fail the test.
func TestBadInputOnOneRank(t *testing.T) {
	s := &system{m: chain(24, gauss5(), nil, 1e-2, true), b: random(rand.New(rand.NewPCG(1, 15)), 24)}
	for name, f := range methods(strips(24, 4, 1)) {
		for what, c := range map[string]struct {
			spoil func(x *[]float64, c *Control)
			want  string
		}{
			"short start":    {func(x *[]float64, _ *Control) { *x = (*x)[1:] }, "krylov: a start of"},
			"tolerance":      {func(_ *[]float64, c *Control) { c.Tolerance = math.NaN() }, "tolerance NaN"},
			"bound":          {func(_ *[]float64, c *Control) { c.LambdaMin = -1 }, "a bound of the spectrum of -1"},
			"iterations":     {func(_ *[]float64, c *Control) { c.MaxIterations = -1 }, "-1 iterations"},
			"Krylov vectors": {func(_ *[]float64, c *Control) { c.Restart = -1 }, "-1 Krylov vectors"},
		} {
			for _, n := range []int{2, 3, 4} {
				for _, who := range []int{0, n - 1} {
					errs := make([]error, n)
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute) // ends what hangs
					err := ranks.Launch(ctx, ranks.Options{Ranks: n, Sync: true}, func(ctx context.Context, comm ranks.Comm) error {
						r, control := s.on(comm), Control{LambdaMin: 1e-2}
						x := make([]float64, r.Len())
						if comm.Rank() == who {
							c.spoil(&x, &control)
						}
						_, errs[comm.Rank()] = f(ctx, r, x, control)
						return nil
					})
					cancel()
					if err != nil {
						t.Errorf("%s, %s on rank %d of %d: %v", name, what, who, n, err)
					}
					for r, err := range errs {
						if err == nil || !strings.Contains(err.Error(), c.want) || err.Error() != errs[0].Error() {
							t.Errorf("%s, %s on rank %d of %d: rank %d ends with %v, want %q", name, what, who, n, r, err, c.want)
						}
					}
				}
			}
		}
	}
}

// Same finds the first rank that gives something else.
func TestSame(t *testing.T) {
	type pair struct {
		A float64
		B []int
	}
	for _, n := range []int{1, 2, 5} {
		for other := range n {
			err := ranks.Launch(t.Context(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
				v := pair{0.1, []int{1, 2}}
				if err := Same(comm, "test: the pairs", v, comm.Size()); err != nil {
					t.Errorf("%d ranks, all alike: %v", n, err)
				}
				if comm.Rank() >= other {
					v.A = math.Nextafter(0.1, 1)
				}
				err := Same(comm, "test: the pairs", v)
				if other == 0 && err != nil || other > 0 && (err == nil || !strings.Contains(err.Error(), "test: the pairs of rank "+string(rune('0'+other)))) {
					t.Errorf("%d ranks, another from rank %d on: %v", n, other, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}
