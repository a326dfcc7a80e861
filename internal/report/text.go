package report

import (
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// sans is the font of all figures, in points.
func sans(size vg.Length) text.Style {
	return text.Style{
		Color: color.Black, Font: font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		XAlign: draw.XCenter, YAlign: draw.YTop, Handler: plot.DefaultTextHandler,
	}
}

// lineOf is the height of a line of text, in dots.
func lineOf(s text.Style) int { return inDots(1.25 * s.Font.Size) }

// widest is the width of the widest of some texts, in dots.
func widest(s text.Style, texts ...string) int {
	w := vg.Length(0)
	for _, t := range texts {
		w = max(w, s.Width(t))
	}
	return inDots(w)
}

// wrap breaks a text between words, so that its lines are at most so many dots wide where that
// can be.
func wrap(s text.Style, t string, width int) (lines []string) {
	for _, word := range strings.Fields(t) {
		if n := len(lines); n > 0 && widest(s, lines[n-1]+" "+word) <= width {
			lines[n-1] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}

// text adds a line of text at a place.
func (f *figure) text(s text.Style, x, y int, t string) {
	left, width := x, widest(s, t)
	switch {
	case s.Rotation != 0: // upwards
		left, width = x-lineOf(s), lineOf(s)
	case s.XAlign == draw.XCenter:
		left -= width / 2
	case s.XAlign == draw.XRight:
		left -= width
	}
	f.texts = append(f.texts, [2]int{left, left + width})
	f.add(func(c draw.Canvas, at func(x, y int) vg.Point) { c.FillText(s, at(x, y), t) })
}

// lines adds lines of text below each other and returns the place below them.
func (f *figure) lines(s text.Style, x, y int, lines []string) int {
	for _, t := range lines {
		f.text(s, x, y, t)
		y += lineOf(s)
	}
	return y
}

// upright adds a line of text that runs upwards, its lower side at x and its middle at y.
func (f *figure) upright(s text.Style, x, y int, t string) {
	s.Rotation, s.XAlign, s.YAlign = math.Pi/2, draw.XCenter, draw.YBottom
	f.text(s, x, y, t)
}

// line adds a line through some places.
func (f *figure) line(shade color.Color, width vg.Length, places ...[2]int) {
	f.add(func(c draw.Canvas, at func(x, y int) vg.Point) {
		var points []vg.Point
		for _, p := range places {
			points = append(points, at(p[0], p[1]))
		}
		c.StrokeLines(draw.LineStyle{Color: shade, Width: width}, points)
	})
}

// area adds a filled polygon.
func (f *figure) area(shade color.Color, corners ...[2]int) {
	f.add(func(c draw.Canvas, at func(x, y int) vg.Point) {
		var points []vg.Point
		for _, p := range corners {
			points = append(points, at(p[0], p[1]))
		}
		c.FillPolygon(shade, points)
	})
}

// box adds the outline of a rectangle.
func (f *figure) box(x0, y0, x1, y1 int) {
	f.line(color.Black, 0.7, [2]int{x0, y0}, [2]int{x1, y0}, [2]int{x1, y1}, [2]int{x0, y1}, [2]int{x0, y0}, [2]int{x1, y0})
}
