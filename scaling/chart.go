package scaling

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Layout of every chart, in user units of the SVG.
const (
	chartWidth, chartHeight = 464.0, 310.0
	plotLeft, plotRight     = 50.0, 346.0
	plotTop, plotBottom     = 48.0, 264.0
	labelGap                = 14.0
)

// chart is a figure of values against the number of ranks.
type chart struct {
	id, title, what string  // what: description for screen readers
	y               string  // label of the vertical axis: quantity and unit
	log             bool    // the vertical axis is logarithmic; the horizontal one always is
	atLeast         float64 // end of the vertical axis at least
	percent         bool    // fractions are shown in per cent
	series          []series
	level           float64 // a horizontal line to compare with; 0 = none
	levelName       string
	cores, over     int // numbers of ranks from over on are more than cores; 0 = none
}

// series is a line with marks.
type series struct {
	name   string // label at its end
	class  string // of the style: s1 (main), s2, s3, s4, quiet
	shape  int
	thin   bool
	dashed bool
	bare   bool // no marks
	wide   bool // drawn over the whole width, through its first point
	points []dot
}

type dot struct {
	ranks          int
	value          float64
	low, high      float64 // of an interval; NaN = none
	hollow         bool
	tip            string
	data           attributes // data-... of the mark
	label          string     // beside the mark
	x, y, yLo, yHi float64
}

// draw is the figure as SVG.
func (c *chart) draw() string {
	x, y, ticks := c.scales()
	s := picture(c.id, c.title, c.what, chartWidth, chartHeight)
	s.text(0, 15, "title", c.title)
	if c.over > 0 {
		at := plotLeft
		if before := c.before(); before > 0 {
			at = x.at(math.Sqrt(float64(before) * float64(c.over)))
		}
		s.leaf("rect", "x", at, "y", plotTop-8, "width", plotRight-at+8, "height", plotBottom-plotTop+8, "class", "over")
		s.text(plotRight+6, plotTop-12, "small end", "oversubscribed: > "+count(c.cores, "core", "cores"))
	}
	unit := 1.0
	if c.percent {
		unit = 100
	}
	for _, t := range ticks {
		s.line(plotLeft, y.at(t), plotRight+8, y.at(t), "grid")
		s.text(plotLeft-6, y.at(t)+4, "tick end", tickLabel(math.Round(t*unit*1e9)/1e9))
	}
	s.text(0, 34, "axis", c.y)
	s.line(plotLeft, plotBottom, plotRight+8, plotBottom, "base")
	c.rankTicks(s, x)
	s.text((plotLeft+plotRight)/2, plotBottom+36, "axis middle", "number of ranks p")
	if c.level > 0 {
		s.line(plotLeft, y.at(c.level), plotRight+8, y.at(c.level), "ideal")
	}
	for _, line := range c.series {
		line.draw(s, x, y)
	}
	c.labels(s, x, y)
	s.end()
	return s.b.String()
}

// prune removes marks without a value, and series without marks.
func (c *chart) prune() {
	for i := range c.series {
		c.series[i].points = slices.DeleteFunc(c.series[i].points, func(d dot) bool {
			return !known(d.value) || d.value < 0 || d.ranks < 1 || c.log && d.value == 0
		})
	}
	c.series = slices.DeleteFunc(c.series, func(s series) bool { return len(s.points) == 0 })
}

// scales are the axes, which enclose all values.
func (c *chart) scales() (x, y scale, ticks []float64) {
	low, high := math.Inf(1), c.atLeast
	first, last := math.Inf(1), 1.0
	for _, s := range c.series {
		for _, d := range s.points {
			first, last = min(first, float64(d.ranks)), max(last, float64(d.ranks))
			for _, v := range []float64{d.value, d.low, d.high} {
				if known(v) && (v > 0 || !c.log) {
					low, high = min(low, v), max(high, v)
				}
			}
		}
	}
	if c.level > 0 {
		low, high = min(low, c.level), max(high, c.level)
	}
	if c.log && high > 0 && !math.IsInf(low, 0) {
		ticks = logTicks(low, high)
	} else {
		ticks = linearTicks(high)
	}
	x = scale{first, last, plotLeft + 12, plotRight - 4, true}
	y = scale{ticks[0], ticks[len(ticks)-1], plotBottom, plotTop, c.log}
	return x, y, ticks
}

// ranks are all numbers of ranks of the chart, rising.
func (c *chart) ranks() []int {
	var ranks []int
	for _, s := range c.series {
		for _, d := range s.points {
			ranks = append(ranks, d.ranks)
		}
	}
	slices.Sort(ranks)
	return slices.Compact(ranks)
}

// before is the largest number of ranks that is not oversubscribed.
func (c *chart) before() int {
	most := 0
	for _, r := range c.ranks() {
		if r < c.over {
			most = r
		}
	}
	return most
}

func (c *chart) rankTicks(s *svg, x scale) {
	free := math.Inf(-1)
	for _, r := range c.ranks() {
		at, label := x.at(float64(r)), strconv.Itoa(r)
		s.line(at, plotBottom, at, plotBottom+4, "base")
		if half := 3.5 * float64(len(label)); at-half > free {
			s.text(at, plotBottom+18, "tick middle", label)
			free = at + half + 4
		}
	}
}

func (l *series) draw(s *svg, x, y scale) {
	class := l.class
	if l.thin {
		class += " thin"
	}
	if l.dashed {
		class += " dashed"
	}
	var path strings.Builder
	for i := range l.points {
		d := &l.points[i]
		d.x, d.y = x.at(float64(d.ranks)), y.at(d.value)
		fmt.Fprintf(&path, "%s%s %s", map[bool]string{true: "M", false: "L"}[i == 0], units(d.x), units(d.y))
	}
	switch {
	case l.wide:
		s.line(plotLeft, l.points[0].y, plotRight+8, l.points[0].y, "line "+class)
	case len(l.points) > 1:
		s.leaf("path", "d", path.String(), "class", "line "+class)
	}
	if l.bare {
		return
	}
	for _, d := range l.points {
		if known(d.low) && known(d.high) {
			s.line(d.x, y.at(d.low), d.x, y.at(d.high), "bar "+class)
			s.line(d.x-4, y.at(d.low), d.x+4, y.at(d.low), "bar "+class)
			s.line(d.x-4, y.at(d.high), d.x+4, y.at(d.high), "bar "+class)
		}
	}
	for _, d := range l.points {
		mark := "mark " + class
		if d.hollow {
			mark += " hollow"
		}
		s.marker(l.shape, d.x, d.y, mark, d.tip, append(attributes{"data-series", l.name, "data-ranks", d.ranks}, d.data...))
		if d.label != "" {
			s.text(d.x, max(d.y-9, plotTop-14), "small middle", d.label)
		}
	}
}

// labels writes the names at the ends of the lines, moved apart where they would overlap.
func (c *chart) labels(s *svg, x, y scale) {
	type label struct {
		at, x       float64
		name, class string
	}
	var all []label
	for _, l := range c.series {
		end := l.points[len(l.points)-1]
		all = append(all, label{y.at(end.value), x.at(float64(end.ranks)), l.name, "label " + l.class})
	}
	if c.level > 0 {
		all = append(all, label{y.at(c.level), plotRight, c.levelName, "label quiet"})
	}
	slices.SortStableFunc(all, func(a, b label) int { return cmp.Compare(a.at, b.at) })
	places := make([]float64, len(all))
	for i := range all {
		places[i] = all[i].at
	}
	for i, at := range spread(places, labelGap, plotTop-8, plotBottom) {
		if all[i].x < plotRight-20 || math.Abs(at-all[i].at) > labelGap/2 {
			s.line(min(all[i].x+7, plotRight+4), all[i].at, plotRight+12, at, "leader")
		}
		s.words("text", shortened(all[i].name, 16), "x", plotRight+14, "y", at+4, "class", all[i].class)
	}
}

// shortened cuts words to a number of characters.
func shortened(words string, most int) string {
	if r := []rune(words); len(r) > most {
		return strings.TrimSpace(string(r[:most-1])) + "…"
	}
	return words
}
