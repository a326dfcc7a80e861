package halo

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestGrid(t *testing.T) {
	tests := []struct {
		ranks int
		shape []int
		want  []int
	}{
		{1, []int{10}, []int{1}},
		{7, []int{10}, []int{7}},
		{4, []int{1024, 1024}, []int{2, 2}},
		{2, []int{1024, 1024}, []int{2, 1}}, // of two equal ones the one with long rows
		{6, []int{1024, 1024}, []int{3, 2}},
		{6, []int{600, 900}, []int{2, 3}},
		{8, []int{100, 1600}, []int{1, 8}},
		{7, []int{1024, 1024}, []int{7, 1}},
		{16, []int{9, 13}, []int{4, 4}},
		{12, []int{3, 100}, []int{1, 12}},
		{12, []int{100, 3}, []int{12, 1}},
		{9, []int{3, 3}, []int{3, 3}},
		{8, []int{64, 64, 64}, []int{2, 2, 2}},
		{64, []int{1, 64, 64}, []int{1, 8, 8}},
		{4096, []int{1024, 1024}, []int{64, 64}},
	}
	for _, test := range tests {
		got, err := Grid(test.ranks, test.shape)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%d ranks on %v: %v, %v, want %v", test.ranks, test.shape, got, err, test.want)
		}
	}
}

func TestGridErrors(t *testing.T) {
	tests := []struct {
		ranks int
		shape []int
		want  string
	}{
		{7, []int{3, 3}, "halo: no grid of 7 ranks fits into 3x3 cells"},
		{10, []int{3, 3}, "halo: 10 ranks for 3x3 = 9 cells: each rank needs at least one"},
		{0, []int{3}, "halo: 0 ranks, want at least 1"},
		{2, nil, "halo: domain of 0 dimensions, want 1 to 3"},
		{2, []int{2, 2, 2, 2}, "halo: domain of 4 dimensions, want 1 to 3"},
		{2, []int{4, 0}, "halo: domain of 4x0 cells: axis 1 has none"},
		{2, []int{1 << 40, 1 << 40}, "halo: domain of 1099511627776x1099511627776 cells: too many to count"},
	}
	for _, test := range tests {
		if _, err := Grid(test.ranks, test.shape); fmt.Sprint(err) != test.want {
			t.Errorf("%d ranks on %v: %v, want %s", test.ranks, test.shape, err, test.want)
		}
		// If there are enough cells, only the grid is impossible.
		if _, err := Decompose(test.shape, test.ranks); test.ranks != 7 && fmt.Sprint(err) != test.want {
			t.Errorf("Decompose: %d ranks on %v: %v, want %s", test.ranks, test.shape, err, test.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, test := range []struct{ n, parts int }{{10, 3}, {7, 7}, {1, 1}, {3, 5}, {1024, 7}} {
		next, most, least := 0, 0, test.n
		for i := range test.parts {
			lo, hi := Split(test.n, test.parts, i)
			if lo != next {
				t.Errorf("%v: part %d starts at %d, want %d", test, i, lo, next)
			}
			if i > 0 && hi-lo > least {
				t.Errorf("%v: part %d has %d cells, more than an earlier one", test, i, hi-lo)
			}
			next, most, least = hi, max(most, hi-lo), min(least, hi-lo)
		}
		if next != test.n || most-least > 1 {
			t.Errorf("%v: ends at %d, parts of %d to %d cells", test, next, least, most)
		}
	}
}

// anyShape draws a domain of 1 to 3 axes, thin ones included.
func anyShape(t *rapid.T) []int {
	return rapid.SliceOfN(rapid.IntRange(1, 9), 1, 3).Draw(t, "shape")
}

func TestDecompose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := anyShape(t)
		n := rapid.IntRange(1, whole(shape).Size()).Draw(t, "ranks")
		d, err := Decompose(shape, n)
		if err != nil {
			t.Fatal(err)
		}
		checkTiling(t, d, n)
		for r := range n {
			if d.Owned(r).Empty() {
				t.Fatalf("rank %d of %d on %v owns nothing", r, n, shape)
			}
		}
		if g := d.GridShape(); g != nil {
			at := 0
			cells(whole(g), func(r int, i []int) {
				for k := range g {
					lo, hi := Split(shape[k], g[k], i[k])
					if b := d.Owned(r); b.Lo[k] != lo || b.Hi[k] != hi {
						t.Fatalf("rank %d at %v of the grid %v owns %v", r, i, g, b)
					}
				}
				at++
			})
			if at != n {
				t.Fatalf("grid %v for %d ranks", g, n)
			}
		}
		// A grid is used only if it cuts at most twice as many faces as bisection.
		if g, err := Grid(n, shape); err == nil {
			_, cut := bisect(whole(shape), n, nil, 0)
			if (d.GridShape() != nil) != (gridCut(g, shape) <= 2*cut) {
				t.Fatalf("%d ranks on %v: grid %v cuts %v, bisection %v, but the grid is %v",
					n, shape, g, gridCut(g, shape), cut, d.GridShape())
			}
		}
	})
}

// checkTiling checks that the n boxes own every cell exactly once.
func checkTiling(t rapid.TB, d *Decomposition, n int) {
	if d.Ranks() != n {
		t.Fatalf("%d ranks, want %d", d.Ranks(), n)
	}
	boxes := make([]Box, n)
	for r := range boxes {
		boxes[r] = d.Owned(r)
	}
	for i, m := range Count(d.Domain(), boxes) {
		if m != 1 {
			t.Fatalf("cell %d of %v has %d owners in %v", i, d.Domain(), m, boxes)
		}
	}
}

// For a prime number of ranks the only grids are rows of strips.
func TestPrimesAreBricks(t *testing.T) {
	tests := []struct {
		ranks int
		grid  []int // nil: bisection
		most  float64
	}{
		{2, []int{2, 1}, 1}, {3, []int{3, 1}, 2}, {5, []int{5, 1}, 4}, {7, []int{7, 1}, 6},
		{13, nil, 6}, {31, nil, 10}, {127, nil, 22}, {4093, nil, 130},
	}
	for _, test := range tests {
		d, err := Decompose([]int{1024, 1024}, test.ranks)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.GridShape(), test.grid) {
			t.Errorf("%d ranks: grid %v, want %v", test.ranks, d.GridShape(), test.grid)
		}
		// With a halo of 1 each cut face of a cell gives a ring cell on both sides.
		tr, err := d.Traffic([]int{1, 0}, Zero)
		if err != nil {
			t.Fatal(err)
		}
		tc, err := d.Traffic([]int{0, 1}, Zero)
		if err != nil {
			t.Fatal(err)
		}
		if cut := float64(tr.Cells+tc.Cells) / 2 / 1024; cut > test.most {
			t.Errorf("%d ranks cut the frame through %.2f sides, want at most %v", test.ranks, cut, test.most)
		}
		if mean := 1024 * 1024 / float64(test.ranks); float64(tr.MaxOwned) > 1.15*mean+1 {
			t.Errorf("%d ranks: the largest owns %d cells, the mean is %.0f", test.ranks, tr.MaxOwned, mean)
		}
	}
}

func TestFromBoxes(t *testing.T) {
	tests := []struct {
		name  string
		shape []int
		owned []Box
		want  string // "" = accepted
	}{
		{"bricks", []int{4, 4}, []Box{box(0, 0, 2, 4), box(2, 0, 4, 1), box(2, 1, 4, 4)}, ""},
		{"an idle rank", []int{4}, []Box{box(0, 4), box(2, 2)}, ""},
		{"one cell", []int{1}, []Box{box(0, 1)}, ""},
		{"none", []int{4}, nil, "halo: no boxes to cover 4 cells"},
		{"overlap", []int{4, 4}, []Box{box(0, 0, 2, 4), box(1, 1, 4, 4)}, "halo: ranks 0 and 1 both own [1,2)x[1,4)"},
		{"gap", []int{4, 4}, []Box{box(0, 0, 2, 4), box(2, 0, 4, 2)}, "halo: the boxes cover 12 of 16 cells; no rank owns cell [2 2]"},
		{"gap at the end", []int{2, 3}, []Box{box(0, 0, 1, 3), box(1, 0, 2, 2)}, "halo: the boxes cover 5 of 6 cells; no rank owns cell [1 2]"},
		{"outside", []int{4}, []Box{box(0, 3), box(3, 5)}, "halo: rank 1 owns [3,5), which reaches out of the domain [0,4)"},
		{"axes", []int{4}, []Box{box(0, 0, 4, 4)}, "halo: the box of rank 0 has corners of 2 and 2 dimensions, the domain 1"},
		{"shape", []int{4, -1}, []Box{box(0, 0, 4, 4)}, "halo: domain of 4x-1 cells: axis 1 has none"},
	}
	for _, test := range tests {
		_, err := FromBoxes(test.shape, test.owned)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// anyTiling draws a tiling by random cuts; some ranks own no cell.
func anyTiling(t *rapid.T, shape []int) *Decomposition {
	var cut func(b Box, n int) []Box
	cut = func(b Box, n int) []Box {
		k := rapid.IntRange(0, len(shape)-1).Draw(t, "axis")
		if n == 1 {
			return []Box{b}
		}
		at := rapid.IntRange(b.Lo[k], b.Hi[k]).Draw(t, "cut")
		first := rapid.IntRange(1, n-1).Draw(t, "parts")
		low, high := b.Grow(nil), b.Grow(nil)
		low.Hi[k], high.Lo[k] = at, at
		return append(cut(low, first), cut(high, n-first)...)
	}
	boxes := cut(whole(shape), rapid.IntRange(1, 12).Draw(t, "ranks"))
	boxes = rapid.Permutation(boxes).Draw(t, "order")
	d, err := FromBoxes(shape, boxes)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := anyShape(t)
		d := anyTiling(t, shape)
		b := anyBox(t, len(shape), "query").Intersect(whole(shape))
		var want []int
		for r := range d.Ranks() {
			if !d.Owned(r).Intersect(b).Empty() {
				want = append(want, r)
			}
		}
		if got := d.index.meeting(b); !slices.Equal(got, want) {
			t.Fatalf("%v meets %v, want %v", b, got, want)
		}
	})
}
