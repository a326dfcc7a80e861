package halo

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tessera/ranks"
)

func TestGatherAndScatter(t *testing.T) {
	idle, err := FromBoxes([]int{3, 4}, []Box{box(0, 0, 3, 2), box(1, 1, 1, 1), box(0, 2, 3, 4)})
	if err != nil {
		t.Fatal(err)
	}
	cases := []*Decomposition{idle}
	for _, shape := range [][]int{{16}, {6, 7}, {4, 5, 6}} {
		for _, n := range []int{1, 2, 3, 4, 7, 16} {
			d, err := Decompose(shape, n)
			if err != nil {
				t.Fatal(err)
			}
			cases = append(cases, d)
		}
	}
	for _, d := range cases {
		for _, planes := range []int{1, 3} {
			root := d.Ranks() / 2
			full := integers(rand.New(rand.NewPCG(1, 2)), planes*d.Domain().Size())
			launch(t, d.Ranks(), func(comm ranks.Comm) error {
				var mine []float64
				if comm.Rank() == root {
					mine = full
				}
				owned, err := d.ScatterFrom(comm, root, mine, planes)
				if err != nil {
					return err
				}
				if err := same(owned, part(full, d.shape, d.Owned(comm.Rank()), planes)); err != nil {
					return fmt.Errorf("%v on %d ranks: scattered to rank %d: %w", d.shape, d.Ranks(), comm.Rank(), err)
				}
				got, err := d.GatherTo(comm, root, owned, planes)
				if err != nil {
					return err
				}
				if comm.Rank() != root {
					return same(got, nil)
				}
				return same(got, full)
			})
		}
	}
}
