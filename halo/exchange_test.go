package halo

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tessera/ranks"
)

// exchangeCase is one decomposition with one halo.
type exchangeCase struct {
	d      *Decomposition
	width  []int
	border Border
	planes int
}

func (c exchangeCase) String() string {
	return fmt.Sprintf("%s cells, %d ranks, width %v, %v, %d planes",
		shapeString(c.d.shape), c.d.Ranks(), c.width, c.border, c.planes)
}

// check holds Scatter, Exchange, AddBack and Gather of every rank to the oracle.
func (c exchangeCase) check(t testing.TB, seed uint64) {
	t.Helper()
	d, planes := c.d, c.planes
	rng := rand.New(rand.NewPCG(seed, 1))
	full := integers(rng, planes*d.Domain().Size())
	added := make([][]float64, d.Ranks()) // what every rank adds back
	for r := range added {
		added[r] = integers(rng, planes*d.Owned(r).Grow(c.width).Size())
	}
	sums := addedBack(added, d, c.width, c.border, planes)

	launch(t, d.Ranks(), func(comm ranks.Comm) error {
		fail := func(what string, err error) error {
			if err == nil {
				return nil
			}
			return fmt.Errorf("%v: rank %d: %s: %w", c, comm.Rank(), what, err)
		}
		p, err := NewPlan(d, comm.Rank(), c.width, c.border)
		if err != nil {
			return fail("NewPlan", err)
		}
		owned := part(full, d.shape, p.Owned(), planes)
		ext := make([]float64, planes*p.Extended().Size())
		for i := range ext {
			ext[i] = 1e300 // whatever stays of it shows
		}
		p.Scatter(ext, owned, planes)
		if err := p.Exchange(comm, ext, planes); err != nil {
			return fail("Exchange", err)
		}
		if err := fail("Exchange", same(ext, extended(full, d.shape, p.Extended(), c.border, planes))); err != nil {
			return err
		}

		x := append([]float64(nil), added[comm.Rank()]...)
		if err := p.AddBack(comm, x, planes); err != nil {
			return fail("AddBack", err)
		}
		back := make([]float64, len(owned))
		p.Gather(back, x, planes)
		if err := fail("AddBack", same(back, part(sums, d.shape, p.Owned(), planes))); err != nil {
			return err
		}
		p.Scatter(x, make([]float64, len(owned)), planes)
		return fail("ring after AddBack", same(x, make([]float64, len(x))))
	})
}

var borders = []Border{Zero, Reflect, Periodic}

func TestExchange(t *testing.T) {
	tests := []struct {
		shape  []int
		widths [][]int
	}{
		{[]int{1}, [][]int{{0}, {1}, {5}}},
		{[]int{23}, [][]int{{0}, {1}, {2}, {5}, {30}}},
		{[]int{60}, [][]int{{9}}},
		{[]int{9, 13}, [][]int{{0, 0}, {1, 1}, {0, 2}, {4, 1}, {20, 15}}},
		{[]int{4, 4}, [][]int{{1, 1}, {3, 3}, {9, 9}}},
		{[]int{40, 48}, [][]int{{4, 4}}},
		{[]int{3, 5, 7}, [][]int{{0, 0, 0}, {1, 1, 1}, {2, 0, 3}, {4, 8, 3}}},
		{[]int{12, 10, 16}, [][]int{{2, 2, 2}}},
	}
	for _, test := range tests {
		for _, n := range []int{1, 2, 3, 4, 7, 16} {
			if n > whole(test.shape).Size() {
				continue
			}
			d, err := Decompose(test.shape, n)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range test.widths {
				for _, b := range borders {
					for _, planes := range []int{1, 3} {
						exchangeCase{d, w, b, planes}.check(t, 1)
					}
				}
			}
		}
	}
}
