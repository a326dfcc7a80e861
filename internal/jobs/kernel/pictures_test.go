package kernel

import (
	"slices"
	"testing"
)

// In the picture of the cells a block holds about two observations on average, so that single ones can be seen; each observation is
// counted once, and where most pixels have one, a block is a pixel.
func TestBinned(t *testing.T) {
	for _, c := range []struct {
		shape []int
		every int // pixels for each observation
		side  int
	}{
		{[]int{64, 48}, 1, 1}, {[]int{64, 48}, 8, 4}, {[]int{60, 50}, 18, 5}, {[]int{64, 48}, 3072, 6},
	} {
		d := &sheet{grid: &grid{shape: c.shape}}
		count := make([]float64, c.shape[0]*c.shape[1])
		total := 0.0
		for i := 0; i < len(count); i += c.every {
			count[i] = 1
			total++
		}
		sums, side := d.binned(count)
		seen, pixels := 0, 0
		for i, v := range sums {
			if v > 0 {
				pixels++
			}
			if count[i] > 0 && v > 0 {
				seen++
			}
		}
		if side != c.side || float64(seen) != total {
			t.Errorf("%v, one in %d pixels: blocks of %d, want %d; %d of %g observations in blocks that have some", c.shape, c.every, side, c.side, seen, total)
		}
		if c.every == 1 && !slices.Equal(sums, count) {
			t.Error("pixels that all have an observation are added up")
		}
		if share := float64(pixels) / float64(len(count)); c.every > 1 && c.every < 100 && share < 0.4 {
			t.Errorf("%v, one in %d pixels: %.2g of the area is drawn as empty", c.shape, c.every, 1-share)
		}
	}
}
