package train

import (
	"context"
	"math"
	"slices"
	"testing"

	"tessera/internal/random"
	"tessera/ranks"
)

// Gradients of very different sizes are added up to the same bits on any number of ranks, with all
// items in a batch and with some, on ranks with and without items; the sum is right to rounding.
func TestBitsOfAnyRanks(t *testing.T) {
	for _, of := range []struct{ items, batch int }{{1, 0}, {2, 0}, {3, 2}, {7, 0}, {24, 0}, {24, 5}, {33, 32}} {
		var want *Result
		for _, n := range []int{1, 2, 3, 4, 5, 7, 12} {
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
				r, err := Run(ctx, comm, &Problem{Start: []float64{1, 2, 3}, Items: of.items, Gradient: func(item int, theta, g []float64) (float64, error) {
					s := random.New(7, 7, uint64(item))
					for i := range g {
						g[i] += s.Normal(uint64(i)) * math.Exp(8*s.Normal(uint64(i+9))) * theta[i]
					}
					return g[0], nil
				}}, Options{Steps: 9, Batch: of.batch, Seed: 3})
				if err != nil {
					return err
				}
				if want == nil {
					want = r
				}
				if !slices.Equal(r.Theta, want.Theta) || !slices.Equal(r.Losses, want.Losses) {
					t.Errorf("%d items in batches of %d, rank %d of %d: %v, losses %v; on one rank %v, %v", of.items, of.batch, comm.Rank(), n, r.Theta, r.Losses, want.Theta, want.Losses)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The sum is that of all places, for every way to cut them into ranges of three ranks.
func TestSum(t *testing.T) {
	for _, places := range []int{1, 2, 6, 8, 11} {
		for a := range places + 1 {
			for b := a; b <= places; b++ {
				cuts := []int{0, a, b, places}
				err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(ctx context.Context, comm ranks.Comm) error {
					s := &sum{width: 2}
					for range 2 { // the second time in the memory of the first
						for place := cuts[comm.Rank()]; place < cuts[comm.Rank()+1]; place++ {
							v := s.vector()
							v[0], v[1] = float64(place+1), v[1]+1
							s.add(place, v)
						}
						got, err := s.total(comm, cuts[comm.Rank()], places, []float64{float64(comm.Rank())})
						if err != nil {
							return err
						}
						if want := []float64{float64(places * (places + 1) / 2), float64(places), 3}; !slices.Equal(got, want) {
							t.Errorf("%d places cut at %d and %d: %v, want %v", places, a, b, got, want)
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
