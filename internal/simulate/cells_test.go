package simulate

import (
	"math"
	"slices"
	"testing"
)

// Pictures of cells lie in [0, 1], have a dark background and bright nuclei, differ from each
// other and are the same whenever they are drawn.
func TestCells(t *testing.T) {
	c := Cells{Seed: 3, Rows: 96, Cols: 128}
	a, b := c.Draw(0), c.Draw(1)
	if slices.Equal(a, b) || !slices.Equal(a, c.Draw(0)) || slices.Equal(a, Cells{Seed: 4, Rows: 96, Cols: 128}.Draw(0)) {
		t.Error("pictures depend on something else than seed and number, or not on these")
	}
	sorted := slices.Sorted(slices.Values(a))
	if sorted[0] < 0 || sorted[len(sorted)-1] > 1 || sorted[len(sorted)/10] > 0.1 || sorted[len(sorted)*9/10] < 0.3 {
		t.Errorf("values from %g by %g and %g to %g", sorted[0], sorted[len(sorted)/10], sorted[len(sorted)*9/10], sorted[len(sorted)-1])
	}
	steep := 0.0
	for i := 1; i < len(a); i++ {
		if i%128 > 0 {
			steep = max(steep, math.Abs(a[i]-a[i-1]))
		}
	}
	if steep < 0.05 || steep > 0.6 {
		t.Errorf("the steepest step is %g", steep)
	}
}
