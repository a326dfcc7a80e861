package report

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Series is one curve. Points that are not finite, and on a logarithmic axis those that are
// not positive, are left out. One Y without X is a level: a line over the whole width. One X
// without Y is a line from the least to the largest value that is drawn.
type Series struct {
	Name   string    // in the legend; "": not in the legend
	X, Y   []float64 // coordinates of the points
	Dashed bool      // a dashed line
	Points bool      // a mark at each point as well as the line
}

// Plot is a set of curves over one pair of axes.
type Plot struct {
	Title, X, Y string // of the plot, and labels of the axes with units
	LogX, LogY  bool   // logarithmic axes
	Series      []Series
}

// Size of a plot in dots.
const (
	plotWidth  = 6 * dpi
	plotHeight = 4 * dpi
)

// plotMargin is the white around a plot, in points.
const plotMargin vg.Length = 8

// palette is distinguishable for colour-blind readers (Okabe and Ito 2008).
var palette = []color.RGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255},
}

// Write draws the plot into path.png and path.svg, or into files of the given formats.
func (p *Plot) Write(path string, formats ...string) error {
	pl, lines, err := p.build()
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	f := &figure{title: p.Title, about: p.Y + " against " + p.X, width: plotWidth, height: plotHeight}
	f.add(func(c draw.Canvas, _ func(x, y int) vg.Point) {
		c = draw.Crop(c, plotMargin, -plotMargin, plotMargin, -plotMargin)
		lines.placeLegend(pl, c)
		pl.Draw(c)
	})
	return f.write(path, formats)
}

// build is the plot without the place of its legend, and its lines in the coordinates of the axes.
func (p *Plot) build() (*plot.Plot, *curves, error) {
	if p.Title == "" || p.X == "" || p.Y == "" {
		return nil, nil, fmt.Errorf("title %q, axes %q and %q: want a title, and for each axis its quantity and unit", p.Title, p.X, p.Y)
	}
	pl := plot.New()
	pl.BackgroundColor = color.White
	pl.Title.Text, pl.X.Label.Text, pl.Y.Label.Text = p.Title, p.X, p.Y
	const sans = "Sans"
	pl.Title.TextStyle.Font.Size, pl.Title.TextStyle.Font.Variant, pl.Title.Padding = 12, sans, 6
	pl.Legend.TextStyle.Font.Variant = sans
	for _, a := range []*plot.Axis{&pl.X, &pl.Y} {
		a.Label.TextStyle.Font.Size, a.Label.TextStyle.Font.Variant, a.Label.Padding = 11, sans, 3
		a.Tick.Label.Font.Size, a.Tick.Label.Font.Variant = 10, sans
		a.LineStyle.Width, a.Tick.LineStyle.Width = 0.7, 0.7
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{225}, color.Gray{225}
	pl.Add(grid)
	drawn := &curves{box: limits{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}}
	all := make([]plotter.XYs, len(p.Series))
	for i, s := range p.Series {
		if len(s.X) != len(s.Y) && !s.straight() {
			return nil, nil, fmt.Errorf("series %q has %d x and %d y", s.Name, len(s.X), len(s.Y))
		}
		if !s.straight() {
			all[i] = p.points(s)
			drawn.box.add(all[i])
		}
	}
	for i, s := range p.Series { // how high levels lie belongs to the range
		if len(s.X) == 0 && s.straight() && !bad(s.Y[0], p.LogY) {
			drawn.box.level(onAxis(s.Y[0], p.LogY))
			all[i] = plotter.XYs{} // its ends are known below
		}
	}
	axis(&pl.X, p.LogX, drawn.box.x0, drawn.box.x1, 0)
	axis(&pl.Y, p.LogY, drawn.box.y0, drawn.box.y1, 0.06)
	for i, s := range p.Series {
		points := all[i]
		switch {
		case points != nil && s.straight():
			y := onAxis(s.Y[0], p.LogY)
			points = plotter.XYs{{X: pl.X.Min, Y: y}, {X: pl.X.Max, Y: y}}
		case s.straight() && len(s.Y) == 0 && !bad(s.X[0], p.LogX) && drawn.box.y0 <= drawn.box.y1:
			x := onAxis(s.X[0], p.LogX)
			points = plotter.XYs{{X: x, Y: drawn.box.y0}, {X: x, Y: drawn.box.y1}}
		}
		if len(points) == 0 {
			continue
		}
		drawn.lines = append(drawn.lines, points)
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, nil, err
		}
		line.Color, line.Width = palette[i%len(palette)], 1.6
		if s.Dashed {
			line.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		var thumbs []plot.Thumbnailer
		if len(points) > 1 {
			pl.Add(line)
			thumbs = append(thumbs, line)
		}
		if s.Points || len(points) == 1 {
			marks.Color, marks.Shape, marks.Radius = line.Color, draw.CircleGlyph{}, 2.5
			pl.Add(marks)
			thumbs = append(thumbs, marks)
		}
		if s.Name != "" {
			pl.Legend.Add(s.Name, thumbs...)
		}
	}
	// Adding a line may have widened the axes to it.
	axis(&pl.X, p.LogX, drawn.box.x0, drawn.box.x1, 0)
	axis(&pl.Y, p.LogY, drawn.box.y0, drawn.box.y1, 0.06)
	return pl, drawn, nil
}

// straight: a level, or a line from the least to the largest value.
func (s *Series) straight() bool { return len(s.X)+len(s.Y) == 1 }

// onAxis is a value as the axis counts it.
func onAxis(v float64, logarithmic bool) float64 {
	if logarithmic {
		return math.Log10(v)
	}
	return v
}

// points are those of a series that can be drawn.
func (p *Plot) points(s Series) plotter.XYs {
	var out plotter.XYs
	for i, x := range s.X {
		y := s.Y[i]
		if bad(x, p.LogX) || bad(y, p.LogY) {
			continue
		}
		// A logarithmic axis is a linear one of logarithms: gonum's own leaves room
		// for its label in the wrong place.
		out = append(out, plotter.XY{X: onAxis(x, p.LogX), Y: onAxis(y, p.LogY)})
	}
	return out
}

func bad(v float64, logarithmic bool) bool {
	return math.IsNaN(v) || math.IsInf(v, 0) || logarithmic && v <= 0
}

// limits is the box of all that is drawn.
type limits struct{ x0, x1, y0, y1 float64 }

func (l *limits) add(points plotter.XYs) {
	for _, p := range points {
		l.x0, l.x1 = min(l.x0, p.X), max(l.x1, p.X)
		l.y0, l.y1 = min(l.y0, p.Y), max(l.y1, p.Y)
	}
}

// level adds a height.
func (l *limits) level(y float64) { l.y0, l.y1 = min(l.y0, y), max(l.y1, y) }

// axis sets range and ticks: [lo, hi], logarithms where the axis is logarithmic, with
// some room at both ends, and a range where there is none.
func axis(a *plot.Axis, logarithmic bool, lo, hi, room float64) {
	switch {
	case !(lo <= hi):
		lo, hi = 0, 1
	case logarithmic && hi-lo < 0.2:
		lo, hi = lo-0.1, hi+0.1
	case lo == hi:
		d := max(math.Abs(lo), 1) / 2
		lo, hi = lo-d, hi+d
	}
	a.Min, a.Max = lo-room*(hi-lo), hi+room*(hi-lo)
	a.Tick.Marker = plot.TickerFunc(linearTicks)
	if !logarithmic {
		return
	}
	a.Tick.Marker = plot.TickerFunc(func(lo, hi float64) []plot.Tick {
		ticks := logTicks(math.Pow(10, lo), math.Pow(10, hi))
		for i := range ticks {
			ticks[i].Value = math.Log10(ticks[i].Value)
		}
		return ticks
	})
}
