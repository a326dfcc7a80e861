package halo

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

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

// check compares Scatter, Exchange, AddBack and Gather of every rank with the oracle.
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

// Exchange works for any tiling, with idle ranks, and any width, up to far beyond the domain.
func TestExchangeAnyTiling(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		shape := anyShape(rt)
		d := anyTiling(rt, shape)
		width := make([]int, len(shape))
		for k := range width {
			width[k] = rapid.IntRange(0, 2*shape[k]+3).Draw(rt, "width")
			if len(shape) == 3 {
				width[k] %= 5 // keeps the case small
			}
		}
		c := exchangeCase{d, width, rapid.SampledFrom(borders).Draw(rt, "border"), rapid.IntRange(1, 3).Draw(rt, "planes")}
		c.check(t, rapid.Uint64().Draw(rt, "seed"))
	})
}

// Both ranks of a pair compute their messages independently. They must name each other and
// list the same cells in the same order.
func TestPlansAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := anyShape(t)
		d := anyTiling(t, shape)
		width := make([]int, len(shape))
		for k := range width {
			width[k] = rapid.IntRange(0, shape[k]+2).Draw(t, "width")
		}
		border := rapid.SampledFrom(borders).Draw(t, "border")
		plans := make([]*Plan, d.Ranks())
		for r := range plans {
			var err error
			if plans[r], err = NewPlan(d, r, width, border); err != nil {
				t.Fatal(err)
			}
		}
		tr, err := d.Traffic(width, border)
		if err != nil {
			t.Fatal(err)
		}
		messages, sent, received := 0, 0, 0
		for r, p := range plans {
			if p.sendCells > tr.MaxSent || p.recvCells > tr.MaxReceived || len(p.peers) > tr.MaxNeighbours {
				t.Fatalf("rank %d sends %d, receives %d cells, %d neighbours: %+v", r, p.sendCells, p.recvCells, len(p.peers), tr)
			}
			messages += len(p.peers)
			sent += p.sendCells
			received += p.recvCells
			for _, q := range p.peers {
				i := slices.Index(plans[q.rank].Neighbours(), r)
				if i < 0 {
					t.Fatalf("rank %d names %d, which does not name it back", r, q.rank)
				}
				if back := plans[q.rank].peers[i]; back.recvCells != q.sendCells {
					t.Fatalf("rank %d sends %d cells to %d, which expects %d", r, q.sendCells, q.rank, back.recvCells)
				}
			}
		}
		if messages != tr.Messages || sent != tr.Cells || received != tr.Cells {
			t.Fatalf("%d messages, %d cells sent, %d received: %+v", messages, sent, received, tr)
		}
	})
}

// <Exchange x, y> = <x, AddBack y> over all extended arrays, for real numbers.
func TestAddBackIsTheTranspose(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 7, 16} {
		for _, border := range borders {
			d, err := Decompose([]int{11, 17}, n)
			if err != nil {
				t.Fatal(err)
			}
			left, right := make([]float64, n), make([]float64, n)
			launch(t, n, func(comm ranks.Comm) error {
				r := comm.Rank()
				p, err := NewPlan(d, r, []int{3, 5}, border)
				if err != nil {
					return err
				}
				const planes = 2
				rng := rand.New(rand.NewPCG(uint64(r), 7))
				x := make([]float64, planes*p.Extended().Size())
				y := make([]float64, len(x))
				for i := range x {
					x[i], y[i] = rng.NormFloat64(), rng.NormFloat64()
				}
				sx, sy := slices.Clone(x), slices.Clone(y)
				if err := p.Exchange(comm, sx, planes); err != nil {
					return err
				}
				if err := p.AddBack(comm, sy, planes); err != nil {
					return err
				}
				for i := range x {
					left[r] += sx[i] * y[i]
					right[r] += x[i] * sy[i]
				}
				return nil
			})
			var a, b float64
			for r := range n {
				a += left[r]
				b += right[r]
			}
			if math.Abs(a-b) > 1e-12*math.Abs(a) {
				t.Errorf("%d ranks, %v: %v and %v", n, border, a, b)
			}
		}
	}
}

// A plan can be used with different numbers of planes, and allocates only for more planes.
func TestExchangeReusesItsBuffers(t *testing.T) {
	d, err := Decompose([]int{20, 30}, 1)
	if err != nil {
		t.Fatal(err)
	}
	launch(t, 1, func(comm ranks.Comm) error {
		p, err := NewPlan(d, 0, []int{2, 2}, Periodic)
		if err != nil {
			return err
		}
		plane := p.Extended().Size()
		x := make([]float64, 3*plane)
		if n := testing.AllocsPerRun(20, func() {
			for planes := 3; planes > 0 && err == nil; planes-- {
				ext := x[:planes*plane]
				if err = p.Exchange(comm, ext, planes); err == nil {
					err = p.AddBack(comm, ext, planes)
				}
			}
		}); n != 0 {
			t.Errorf("%v allocations in three exchanges", n)
		}
		return err
	})
	d, err = Decompose([]int{20, 30}, 4)
	if err != nil {
		t.Fatal(err)
	}
	launch(t, 4, func(comm ranks.Comm) error {
		p, err := NewPlan(d, comm.Rank(), []int{2, 2}, Periodic)
		if err != nil {
			return err
		}
		var buffers [3]*float64
		for i, planes := range []int{3, 1, 3} {
			x := make([]float64, planes*p.Extended().Size())
			for j := range x {
				x[j] = float64(comm.Rank())
			}
			if err := p.Exchange(comm, x, planes); err != nil {
				return err
			}
			buffers[i] = &p.sendBuf[0]
		}
		if buffers[1] != buffers[0] || buffers[2] != buffers[0] {
			return fmt.Errorf("rank %d: a new buffer for no more planes", comm.Rank())
		}
		return nil
	})
}

func TestPlanErrors(t *testing.T) {
	d, err := Decompose([]int{8, 8}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		rank   int
		width  []int
		border Border
		want   string
	}{
		{2, []int{1, 1}, Zero, "halo: plan for rank 2 of 2"},
		{-1, []int{1, 1}, Zero, "halo: plan for rank -1 of 2"},
		{0, []int{1}, Zero, "halo: width of 1 axes for a domain of 2"},
		{0, []int{1, -2}, Zero, "halo: width -2 along axis 1, want at least 0"},
		{0, []int{1, 1}, 3, "halo: unknown border Border(3)"},
	} {
		if _, err := NewPlan(d, test.rank, test.width, test.border); fmt.Sprint(err) != test.want {
			t.Errorf("rank %d, width %v: %v, want %s", test.rank, test.width, err, test.want)
		}
		if test.rank != 0 {
			continue
		}
		if err := d.Describe(io.Discard, test.width, test.border, 1); fmt.Sprint(err) != test.want {
			t.Errorf("Describe: width %v: %v, want %s", test.width, err, test.want)
		}
	}
	if err := d.Describe(io.Discard, []int{1, 1}, Zero, 0); fmt.Sprint(err) != "halo: Describe: 0 planes, want at least 1" {
		t.Error(err)
	}

	p, err := NewPlan(d, 1, []int{1, 2}, Zero)
	if err != nil {
		t.Fatal(err)
	}
	ext, owned := make([]float64, 6*12), make([]float64, 4*8)
	launch(t, 2, func(comm ranks.Comm) error {
		if comm.Rank() == 1 {
			return wantErrors(map[string]error{
				"halo: Exchange on rank 1: extended array of 72 values, want 3 x 6x12 = 216": p.Exchange(comm, ext, 3),
				"halo: AddBack on rank 1: 0 planes, want at least 1":                         p.AddBack(comm, nil, 0),
				"halo: Scatter on rank 1: extended array of 71 values, want 1 x 6x12 = 72":   panicOf(func() { p.Scatter(ext[1:], owned, 1) }),
				"halo: Gather on rank 1: owned array of 31 values, want 1 x 4x8 = 32":        panicOf(func() { p.Gather(owned[1:], ext, 1) }),
			})
		}
		return wantErrors(map[string]error{
			"halo: Exchange: the plan is that of rank 1 of 2, the communicator rank 0 of 2": p.Exchange(comm, ext, 1),
		})
	})
}

func wantErrors(got map[string]error) error {
	for want, err := range got {
		if fmt.Sprint(err) != want {
			return fmt.Errorf("%v, want %s", err, want)
		}
	}
	return nil
}

func panicOf(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}
