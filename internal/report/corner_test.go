package report

import (
	"math"
	"testing"

	"gonum.org/v1/plot/plotter"
)

// The legend goes where no line is.
func TestFreeCorner(t *testing.T) {
	for _, c := range []struct {
		name      string
		line      plotter.XYs
		top, left bool
	}{
		{"falling", plotter.XYs{{X: 0, Y: 1}, {X: 1, Y: 0}}, true, false},
		{"rising", plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}}, true, true},
		{"a roof", plotter.XYs{{X: 0, Y: 0}, {X: 0.1, Y: 1}, {X: 0.9, Y: 1}, {X: 1, Y: 0.2}}, false, false},
		{"nothing", nil, true, false},
	} {
		box := limits{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
		box.add(c.line)
		if top, left := freeCorner([]plotter.XYs{c.line}, box); top != c.top || left != c.left {
			t.Errorf("%s: top %v, left %v, want %v, %v", c.name, top, left, c.top, c.left)
		}
	}
}
