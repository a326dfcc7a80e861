//go:build native && cgo

package image

import (
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/tikhonov/image/internal/oracle"
)

// thorough: see thorough_go_test.go.
const thorough = true

// The default method on a frame of 1024 x 1024 pixels in three channels against the
// spectral solutions.
func TestLargeFrame(t *testing.T) {
	if testing.Short() {
		t.Skip("three million unknowns, twice")
	}
	t.Parallel()
	for n, border := range map[int]halo.Border{2: halo.Periodic, 7: halo.Reflect} {
		f := randomFrame(3, 1024, 1024, 1)
		f.PSF = oracle.Gaussian5(t)
		o := Options{Border: border, Lambda: 1e-2, Overlap: 4}
		want := f.spectral(o)
		x, res, err := f.run(t, n, o)
		if err != nil {
			t.Fatal(err)
		}
		if d := oracle.Relative(x, want); d > 1e-8 || d > res.ErrorBound || res.ErrorBound > 1e-8 {
			t.Errorf("%v, %d ranks: error %.3g, bound %.3g", border, n, d, res.ErrorBound)
		}
	}
}

// 8 x 8 subdomains of 32 x 32 pixels; the columns that the kernels tell apart.
func TestIterationCounts256(t *testing.T) {
	if testing.Short() {
		t.Skip("solves with tiles of 1600 pixels")
	}
	t.Parallel()
	box, err := forward.Box(5)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []table{
		{name: "Gaussian, identity", kernel: oracle.Gaussian5(t),
			want: [2][8]int{{82, 8, 0, 12, 0, 7, 0, 0}, {0, 5, 0, 10, 0, 5, 0, 0}}},
		{name: "box, identity", kernel: box,
			want: [2][8]int{{0, 24, 0, 0, 0, 15, 0, 19}, {0, 16, 0, 0, 0, 12, 0, 18}}},
	} {
		t.Run(r.name, func(t *testing.T) {
			r.n, r.tile, r.q, r.lambda = 256, 32, forward.Identity, 1e-2
			r.check(t)
		})
	}
}

// The measurements of TestVaryingField on 1024 x 1024 pixels, with 225 stars, and beside the other borders on 512 x 512 pixels, with 49.
func TestVaryingField1024(t *testing.T) {
	if testing.Short() {
		t.Skip("four solves of a million unknowns, eight of a quarter of it")
	}
	for _, c := range []struct {
		border      halo.Border
		side, stars int
	}{{halo.Zero, 512, 7}, {halo.Reflect, 1024, 15}, {halo.Periodic, 512, 7}} {
		t.Run(c.border.String(), func(t *testing.T) { measureField(t, telescope, c.side, 2, c.stars, c.border).check(t) })
	}
}

// Solves of a field of 1024 x 1024 pixels to 1e-8 take at most 45 iterations on 1 and on 16 ranks, and of 512 x 512 pixels on 1 and on 4 beside
// the other borders.
func TestVaryingIterations1024(t *testing.T) {
	if testing.Short() {
		t.Skip("solves of a million unknowns")
	}
	checkVaryingIterations(t, halo.Reflect, 1024, 31, []int{1, 16}, []bool{true})
	for _, border := range []halo.Border{halo.Zero, halo.Periodic} {
		checkVaryingIterations(t, border, 512, 31, []int{1, 4}, []bool{true})
	}
}
