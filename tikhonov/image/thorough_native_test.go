//go:build native && cgo

package image

import (
	"testing"

	"tessera/halo"
)

// thorough: see thorough_go_test.go.
const thorough = true

// The default method on a frame of 1024 x 1024 pixels in three channels against the
// spectral solutions.
func TestLargeFrame(t *testing.T) {
	if testing.Short() {
		t.Skip("three million unknowns, four times")
	}
	for _, border := range []halo.Border{halo.Periodic, halo.Reflect} {
		f := randomFrame(3, 1024, 1024, 1)
		f.kernel = gaussian5(t)
		o := Options{Border: border, Lambda: 1e-2, Overlap: 4}
		want := f.spectral(o)
		for _, n := range []int{2, 7} {
			x, res, err := f.run(t, n, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := relative(x, want); d > 1e-8 || d > res.ErrorBound || res.ErrorBound > 1e-8 {
				t.Errorf("%v, %d ranks: error %.3g, bound %.3g", border, n, d, res.ErrorBound)
			}
		}
	}
}
