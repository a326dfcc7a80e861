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
// not positive, are left out.
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
	pl, err := p.build()
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	f := &figure{title: p.Title, about: p.Y + " against " + p.X, width: plotWidth, height: plotHeight}
	f.add(func(c draw.Canvas, _ func(x, y int) vg.Point) {
		pl.Draw(draw.Crop(c, plotMargin, -plotMargin, plotMargin, -plotMargin))
	})
	return f.write(path, formats)
}

func (p *Plot) build() (*plot.Plot, error) {
	if p.Title == "" || p.X == "" || p.Y == "" {
		return nil, fmt.Errorf("title %q, axes %q and %q: want a title, and for each axis its quantity and unit", p.Title, p.X, p.Y)
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
	box := limits{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
	var lines []plotter.XYs
	for i, s := range p.Series {
		if len(s.X) != len(s.Y) {
			return nil, fmt.Errorf("series %q has %d x and %d y", s.Name, len(s.X), len(s.Y))
		}
		points := p.points(s)
		if len(points) == 0 {
			continue
		}
		box.add(points)
		lines = append(lines, points)
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = palette[i%len(palette)], 1.6
		if s.Dashed {
			line.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		pl.Add(line)
		thumbs := []plot.Thumbnailer{line}
		if s.Points || len(points) == 1 {
			marks.Color, marks.Shape, marks.Radius = line.Color, draw.CircleGlyph{}, 2.5
			pl.Add(marks)
			thumbs = append(thumbs, marks)
		}
		if s.Name != "" {
			pl.Legend.Add(s.Name, thumbs...)
		}
	}
	pl.Legend.TextStyle.Font.Size, pl.Legend.Padding = 10, 2
	pl.Legend.Top, pl.Legend.Left = freeCorner(lines, box)
	pl.Legend.XOffs, pl.Legend.YOffs = -6, 4
	if pl.Legend.Left {
		pl.Legend.XOffs = 6
	}
	if pl.Legend.Top {
		pl.Legend.YOffs = -4
	}
	axis(&pl.X, p.LogX, box.x0, box.x1, 0)
	axis(&pl.Y, p.LogY, box.y0, box.y1, 0.06)
	return pl, nil
}

// freeCorner is the corner in which the least of the lines lies, the upper right one where
// several are alike.
func freeCorner(lines []plotter.XYs, box limits) (top, left bool) {
	const wide, high, steps = 0.4, 0.25, 64 // of the plot; points looked at on a piece of a line
	var taken [2][2]int                     // top, left
	for _, line := range lines {
		for i, next := range line[min(1, len(line)):] {
			for k := range steps {
				t := float64(k) / steps
				x := (line[i].X + t*(next.X-line[i].X) - box.x0) / (box.x1 - box.x0)
				y := (line[i].Y + t*(next.Y-line[i].Y) - box.y0) / (box.y1 - box.y0)
				if (x < wide || x > 1-wide) && (y < high || y > 1-high) {
					taken[bit(y > 1-high)][bit(x < wide)]++
				}
			}
		}
	}
	top, least := true, taken[1][0]
	for _, c := range [][2]int{{1, 1}, {0, 0}, {0, 1}} {
		if n := taken[c[0]][c[1]]; n < least {
			top, left, least = c[0] == 1, c[1] == 1, n
		}
	}
	return top, left
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
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
		if p.LogX {
			x = math.Log10(x)
		}
		if p.LogY {
			y = math.Log10(y)
		}
		out = append(out, plotter.XY{X: x, Y: y})
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
