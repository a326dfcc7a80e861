package halo

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func box(corners ...int) Box {
	n := len(corners) / 2
	return Box{Lo: corners[:n], Hi: corners[n:]}
}

func TestBox(t *testing.T) {
	b := box(0, 64, 128, 128)
	if got, want := b.String(), "[0,128)x[64,128)"; got != want {
		t.Errorf("String: %s, want %s", got, want)
	}
	if got := b.Shape(); !slices.Equal(got, []int{128, 64}) {
		t.Errorf("Shape: %v", got)
	}
	if got := b.Grow([]int{2, 3}); !got.Equal(box(-2, 61, 130, 131)) {
		t.Errorf("Grow: %v", got)
	}
	if got := b.Shift([]int{2, -3}); !got.Equal(box(2, 61, 130, 125)) {
		t.Errorf("Shift: %v", got)
	}
	tests := []struct {
		name         string
		a, b         Box
		intersection Box
		contains     bool
	}{
		{"one axis", box(0, 5), box(3, 9), box(3, 5), false},
		{"inside", box(0, 0, 9, 9), box(2, 3, 4, 5), box(2, 3, 4, 5), true},
		{"itself", box(1, 1, 1, 2, 2, 2), box(1, 1, 1, 2, 2, 2), box(1, 1, 1, 2, 2, 2), true},
		{"touching", box(0, 5), box(5, 9), box(5, 5), false},
		{"an empty one", box(0, 0, 4, 4), box(7, 7, 7, 9), box(7, 7, 4, 4), true},
	}
	for _, test := range tests {
		if got := test.a.Intersect(test.b); !got.Equal(test.intersection) {
			t.Errorf("%s: %v, want %v", test.name, got, test.intersection)
		}
		if got := test.a.Contains(test.b); got != test.contains {
			t.Errorf("%s: contains: %v", test.name, got)
		}
	}
	for _, e := range []Box{{}, box(3, 3), box(0, 5, 4, 2)} {
		if !e.Empty() || e.Size() != 0 || !e.Grow(make([]int, len(e.Lo))).Empty() {
			t.Errorf("%v is not empty", e)
		}
		grown := slices.Repeat([]int{9}, len(e.Lo))
		if !e.Grow(grown).Empty() {
			t.Errorf("%v has grown to %v", e, e.Grow(grown))
		}
	}
}

// anyBox draws a box, sometimes empty, that lies in [-20, 20) on d axes.
func anyBox(t *rapid.T, d int, name string) Box {
	b := Box{Lo: make([]int, d), Hi: make([]int, d)}
	for k := range d {
		b.Lo[k] = rapid.IntRange(-8, 8).Draw(t, name+" lo")
		b.Hi[k] = b.Lo[k] + rapid.IntRange(0, 6).Draw(t, name+" length")
	}
	return b
}

func has(b Box, at []int) bool {
	for k := range at {
		if at[k] < b.Lo[k] || at[k] >= b.Hi[k] {
			return false
		}
	}
	return true
}

func TestBoxProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(1, 3).Draw(t, "axes")
		a, b := anyBox(t, d, "a"), anyBox(t, d, "b")
		common, inside, n := a.Intersect(b), true, 0
		cells(b, func(_ int, at []int) {
			n++
			inside = inside && has(a, at)
			if has(common, at) != has(a, at) {
				t.Fatalf("%v of %v and %v: cell %v", common, a, b, at)
			}
		})
		if n != b.Size() || (n == 0) != b.Empty() {
			t.Fatalf("%v: size %d, empty %v, %d cells", b, b.Size(), b.Empty(), n)
		}
		if a.Contains(b) != inside {
			t.Fatalf("%v contains %v: %v", a, b, a.Contains(b))
		}
		if common.Empty() {
			return
		}

		// The shell and the inner box tile the outer one.
		covered := Count(a, append(shell(a, common), common))
		for i, n := range covered {
			if n != 1 {
				t.Fatalf("shell of %v in %v covers value %d %d times", common, a, i, n)
			}
		}

		src := make([]float64, b.Size())
		for i := range src {
			src[i] = float64(i + 1)
		}
		dst := make([]float64, a.Size())
		CopyBox(dst, a, src, b, common)
		AddBox(dst, a, src, b, common)
		cells(a, func(i int, at []int) {
			want := 0.0
			if has(b, at) {
				want = 2 * float64(offset(b, at)+1)
			}
			if dst[i] != want {
				t.Fatalf("copy and add of %v from %v to %v: cell %v is %v, want %v", common, b, a, at, dst[i], want)
			}
		})
	})
}
