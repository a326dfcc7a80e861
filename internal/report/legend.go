package report

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// curves are the lines of a plot in the coordinates of its axes, and the box around them.
type curves struct {
	lines []plotter.XYs
	box   limits
}

// Lengths around a legend, in points.
const (
	legendGap vg.Length = 6 // between the legend and the edges of the plot
	markRoom  vg.Length = 5 // between the legend and a line
)

// placeLegend puts the legend of a plot that is drawn on c into a corner where no line is. Where there is
// none, the axis of y is made longer, so that the legend lies above all lines.
func (l *curves) placeLegend(pl *plot.Plot, c draw.Canvas) {
	legend := &pl.Legend
	legend.TextStyle.Font.Size, legend.Padding = 10, 2
	axes := [4]float64{pl.X.Min, pl.X.Max, pl.Y.Min, pl.Y.Max}
	data, words := pl.DataCanvas(c), legend.Rectangle(c)
	wide := float64((words.Max.X - words.Min.X + legendGap + markRoom) / (data.Max.X - data.Min.X))
	high := float64((words.Max.Y - words.Min.Y + legendGap + markRoom) / (data.Max.Y - data.Min.Y))
	var taken int
	legend.Top, legend.Left, taken = l.freeCorner(axes, wide, high)
	if taken > 0 && high < 0.5 {
		top := l.box.y0 + (l.box.y1-l.box.y0)/(1-high)
		legend.Top, legend.Left = true, false
		pl.Y.Max = max(pl.Y.Max, top)
	}
	legend.XOffs, legend.YOffs = -legendGap, 4
	if legend.Left {
		legend.XOffs = legendGap
	}
	if legend.Top {
		legend.YOffs = -4
	}
}

// freeCorner is the corner of so much of the width and of the height of a plot in which the least of the lines
// lies, the upper right one where several are alike, and how much of them lies there. axes are the ends of x and of y.
func (l *curves) freeCorner(axes [4]float64, wide, high float64) (top, left bool, least int) {
	const steps = 64    // points looked at on a piece of a line
	var taken [2][2]int // top, left
	look := func(x, y float64) {
		x, y = (x-axes[0])/(axes[1]-axes[0]), (y-axes[2])/(axes[3]-axes[2])
		for t := range 2 {
			for s := range 2 {
				if (t == 0 && y < high || t == 1 && y > 1-high) && (s == 0 && x > 1-wide || s == 1 && x < wide) {
					taken[t][s]++
				}
			}
		}
	}
	for _, line := range l.lines {
		for i, p := range line {
			look(p.X, p.Y)
			if i == 0 {
				continue
			}
			for k := 1; k < steps; k++ {
				t := float64(k) / steps
				look(p.X+t*(line[i-1].X-p.X), p.Y+t*(line[i-1].Y-p.Y))
			}
		}
	}
	least = math.MaxInt
	for _, c := range [][2]int{{1, 0}, {1, 1}, {0, 0}, {0, 1}} {
		if n := taken[c[0]][c[1]]; n < least {
			top, left, least = c[0] == 1, c[1] == 1, n
		}
	}
	return top, left, least
}
