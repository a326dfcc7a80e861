package report

import (
	"math"
	"path/filepath"
	"testing"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
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
		if top, left, _ := (&curves{[]plotter.XYs{c.line}, box}).freeCorner([4]float64{0, 1, 0, 1}, 0.4, 0.25); top != c.top || left != c.left {
			t.Errorf("%s: top %v, left %v, want %v, %v", c.name, top, left, c.top, c.left)
		}
	}
}

// tableOfPlots are plots whose lines lie in many places.
func tableOfPlots() map[string]*Plot {
	var x, wave, flat, roof []float64
	for i := range 40 {
		v := float64(i) / 39
		x, wave = append(x, v), append(wave, math.Sin(60*v))
		flat, roof = append(flat, 3), append(roof, math.Abs(v-0.5))
	}
	return map[string]*Plot{
		"wave":       {Series: []Series{{Name: "a name that is rather long", X: x, Y: wave}}},
		"flat":       {Series: []Series{{Name: "flat", X: x, Y: flat, Points: true}}},
		"roof":       {Series: []Series{{Name: "roof", X: x, Y: roof}, {Name: "chosen: lambda = 0.0007845", X: []float64{0.3}, Dashed: true}}},
		"cross":      {Series: []Series{{Name: "rising", X: x, Y: x}, {Name: "falling", X: []float64{0, 1}, Y: []float64{1, 0}}, {Name: "level", Y: []float64{0.5}}}},
		"logarithms": {LogX: true, LogY: true, Series: []Series{{Name: "power", X: []float64{1e-4, 1, 1e4}, Y: []float64{5, 1, 5}}, {Name: "chosen", X: []float64{0.01}}, {Name: "level", Y: []float64{20}}}},
		"one point":  {LogY: true, Series: []Series{{Name: "gap", X: []float64{20}, Y: []float64{9e-4}, Points: true}, {Name: "tolerance", Y: []float64{1e-3}, Dashed: true}}},
	}
}

// No line of a plot goes through its legend.
func TestLegendIsFree(t *testing.T) {
	for name, p := range tableOfPlots() {
		p.Title, p.X, p.Y = "Title", "x (unit)", "y (unit)"
		pl, lines, err := p.build()
		if err != nil {
			t.Fatal(err)
		}
		c := draw.New(vgimg.NewWith(vgimg.UseWH(dots(plotWidth), dots(plotHeight)), vgimg.UseDPI(dpi)))
		lines.placeLegend(pl, c)
		data, words := pl.DataCanvas(c), pl.Legend.Rectangle(c)
		wide := float64((words.Max.X - words.Min.X) / (data.Max.X - data.Min.X))
		high := float64((words.Max.Y - words.Min.Y) / (data.Max.Y - data.Min.Y))
		for i, line := range lines.lines {
			for k, at := range line {
				before := line[max(k-1, 0)]
				for step := range 100 {
					x := before.X + float64(step)/99*(at.X-before.X)
					y := before.Y + float64(step)/99*(at.Y-before.Y)
					x, y = (x-pl.X.Min)/(pl.X.Max-pl.X.Min), (y-pl.Y.Min)/(pl.Y.Max-pl.Y.Min)
					if !pl.Legend.Left {
						x = 1 - x
					}
					if pl.Legend.Top {
						y = 1 - y
					}
					if x < wide && y < high {
						t.Fatalf("%s: line %d goes through the legend at %.3g, %.3g of %.3g x %.3g", name, i, x, y, wide, high)
					}
				}
			}
		}
	}
}

// A curve of one point has a mark and no line in its legend, and what it is compared with is a line over the whole width.
func TestLevel(t *testing.T) {
	p := tableOfPlots()["one point"]
	p.Title, p.X, p.Y = "Title", "x (unit)", "y (unit)"
	path := filepath.Join(t.TempDir(), "p")
	if err := p.Write(path); err != nil {
		t.Fatal(err)
	}
	level, _, _ := count(t, read(t, path+".png"), palette[1])
	curve, _, _ := count(t, read(t, path+".png"), palette[0])
	if level < 1500 || curve < 50 || curve > 600 {
		t.Errorf("%d dots of the level, want a line; %d dots of the curve, want two marks", level, curve)
	}
}
