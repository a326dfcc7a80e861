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

func TestCollectErrors(t *testing.T) {
	d, err := Decompose([]int{4, 4}, 2)
	if err != nil {
		t.Fatal(err)
	}
	three, err := Decompose([]int{4, 4}, 3)
	if err != nil {
		t.Fatal(err)
	}
	launch(t, 2, func(comm ranks.Comm) error {
		if comm.Rank() == 1 {
			return nil
		}
		gather := func(d *Decomposition, root, values, planes int) error {
			_, err := d.GatherTo(comm, root, make([]float64, values), planes)
			return err
		}
		scatter := func(d *Decomposition, root, values, planes int) error {
			_, err := d.ScatterFrom(comm, root, make([]float64, values), planes)
			return err
		}
		return wantErrors(map[string]error{
			"halo: GatherTo: 0 planes, want at least 1":                           gather(d, 0, 0, 0),
			"halo: GatherTo: 3 boxes for 2 ranks":                                 gather(three, 0, 8, 1),
			"halo: GatherTo: root 2 of 2 ranks":                                   gather(d, 2, 8, 1),
			"halo: GatherTo on rank 0: owned array of 7 values, want 1 x 2x4 = 8": gather(d, 0, 7, 1),
			"halo: ScatterFrom: -1 planes, want at least 1":                       scatter(d, 0, 16, -1),
			"halo: ScatterFrom: 3 boxes for 2 ranks":                              scatter(three, 0, 16, 1),
			"halo: ScatterFrom: root -1 of 2 ranks":                               scatter(d, -1, 16, 1),
			"halo: ScatterFrom on rank 0: array of 16 values, want 3 x 4x4 = 48":  scatter(d, 0, 16, 3),
		})
	})
}
