package report

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"tessera/internal/imageio"
)

// Panel is a figure of images of one size over the same axes: for example the observed, the
// restored and the true frame. Images that have a scale in common can be compared; every scale
// is shown as a colour bar.
type Panel struct {
	Title  string
	Notes  []string // sentences below the title: crop, orientation, parameters
	X, Y   Axis     // columns and rows
	Lower  bool     // row 0 is at the bottom; false: at the top
	Images []Image
	Scales []Scale
	Lines  string // what the lines between regions are; "" where no image has regions
}

// Axis are the coordinates along the columns or the rows of an image.
type Axis struct {
	Label    string  // quantity and unit
	From, To float64 // at the outer edges of the first and of the last pixel
}

// Pixels is the axis of pixels first to first+count-1; whole numbers are centres of pixels.
func Pixels(label string, first, count int) Axis {
	return Axis{label, float64(first) - 0.5, float64(first+count) - 0.5}
}

// Image is one image of a panel.
type Image struct {
	Title   string
	Frame   *imageio.Frame // one channel, three for colour, or more, of which the mean is drawn; NaN = missing
	Scale   int            // index in Panel.Scales
	Scatter bool           // the values are those of few places, and NaN lies between them: each is a disc with an outline
	Inset   int            // the middle is enlarged so many times in a corner; 0 = not
	Regions []int          // rows x cols: lines are drawn between pixels with different numbers; nil = none
}

// Lengths of a panel in dots.
const (
	wideImage   = 1000 // longest side of an image alone
	narrowImage = 640  // of one of several
	margin      = 24
	tickLength  = 9
)

// Write draws the panel into path.png and path.svg, or into files of the given formats.
func (p *Panel) Write(path string, formats ...string) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	return p.figure().write(path, formats)
}

func (p *Panel) check() error {
	if len(p.Images) == 0 || len(p.Scales) == 0 {
		return errEmpty
	}
	if p.Title == "" || p.X.Label == "" || p.Y.Label == "" {
		return fmt.Errorf("title %q, axes %q and %q: want a title, and for each axis its quantity and unit", p.Title, p.X.Label, p.Y.Label)
	}
	for _, a := range []Axis{p.X, p.Y} {
		if !(math.Abs(a.To-a.From) > 0) || math.IsInf(a.From, 0) || math.IsInf(a.To, 0) {
			return fmt.Errorf("axis %q from %g to %g: want two different finite numbers", a.Label, a.From, a.To)
		}
	}
	for i := range p.Scales {
		if err := p.Scales[i].check(); err != nil {
			return err
		}
	}
	first := p.Images[0].Frame
	for i, m := range p.Images {
		f := m.Frame
		switch {
		case f == nil || f.Rows < 1 || f.Cols < 1 || f.Channels < 1 || len(f.Data) != f.Channels*f.Rows*f.Cols:
			return fmt.Errorf("image %d: %w", i, errEmpty)
		case f.Rows != first.Rows || f.Cols != first.Cols:
			return fmt.Errorf("image %d is %d x %d, the first is %d x %d", i, f.Rows, f.Cols, first.Rows, first.Cols)
		case m.Scale < 0 || m.Scale >= len(p.Scales):
			return fmt.Errorf("image %d has scale %d of %d", i, m.Scale, len(p.Scales))
		case m.Title == "" && len(p.Images) > 1:
			return fmt.Errorf("image %d has no title", i)
		case m.Regions != nil && (len(m.Regions) != f.Rows*f.Cols || p.Lines == ""):
			return errors.New("lines between regions: want a region for each pixel, and in Panel.Lines what the lines are")
		}
	}
	return nil
}

// columns is into how many columns n images of a size are put: so that the figure is about half as
// wide again as high.
func columns(n, wide, high int) int {
	best, least := 1, math.Inf(1)
	for k := 1; k <= n; k++ {
		rows := (n + k - 1) / k
		miss := math.Abs(math.Log(float64(k*wide)/float64(rows*high)/1.5)) + 0.5*float64(k*rows-n)
		if miss < least-1e-9 {
			best, least = k, miss
		}
	}
	return best
}

// layout is where the images of a panel are, in dots.
type layout struct {
	style           text.Style
	shrink, enlarge int
	wide, high      int // of an image
	columns         int
	left, top       int // of the first image
	right, down     int // from one to the next
	last            int // images in the last row
}

// figure lays the panel out from the top to the bottom.
func (p *Panel) figure() *figure {
	rows, cols := p.Images[0].Frame.Rows, p.Images[0].Frame.Cols
	l := layout{style: sans(10)}
	limit := wideImage
	if len(p.Images) > 1 {
		limit = narrowImage
	}
	longest := max(rows, cols)
	l.shrink, l.enlarge = (longest+limit-1)/limit, max(1, limit/longest)
	l.wide, l.high = (cols+l.shrink-1)/l.shrink*l.enlarge, (rows+l.shrink-1)/l.shrink*l.enlarge
	l.columns = columns(len(p.Images), l.wide, l.high)
	if l.columns > 2 { // the figure is made smaller when it is printed
		l.style = sans(10 + 1.5*vg.Length(l.columns-2))
	}
	x, y := p.X.ticks(l.style, l.wide, false), p.Y.ticks(l.style, l.high, true)
	labelled := 0
	for _, t := range y {
		labelled = max(labelled, widest(l.style, t.Label))
	}
	line := lineOf(l.style)
	l.left = margin + line + labelled + tickLength + 16
	numbers := 0 // below two neighbours: the last and the first one
	for _, t := range x {
		numbers = max(numbers, widest(l.style, t.Label+"0"))
	}
	l.right = l.wide + max(line, numbers)
	l.down = l.high + 2*line
	l.last = (len(p.Images)-1)%l.columns + 1
	if l.last < l.columns { // the row above has numbers below it
		l.down += 2 * line
	}
	f := &figure{title: p.Title, about: strings.Join(p.Notes, " ")}
	grid := l.left + (l.columns-1)*l.right + l.wide
	f.width = max(grid+margin+line/2, 5*dpi)
	shift := (f.width - grid - margin - line/2) / 2
	l.left += shift

	title := l.style
	title.Font.Size *= 1.2
	at := f.lines(title, f.width/2, margin, wrap(title, p.Title, f.width-2*margin))
	at = f.lines(l.style, f.width/2, at, wrap(l.style, f.about, f.width-2*margin))
	l.top = at + line/2
	if len(p.Images) > 1 || p.Images[0].Title != "" {
		l.top += line
	}
	for i := range p.Images {
		p.place(f, &l, i, x, y)
	}
	at = l.top + (len(p.Images)-1)/l.columns*l.down + l.high + 3*line
	f.height = p.bars(f, &l, at) + margin
	return f
}

// place adds an image with its title, its axes and the lines between its regions.
func (p *Panel) place(f *figure, l *layout, i int, xTicks, yTicks []plot.Tick) {
	m := &p.Images[i]
	line := lineOf(l.style)
	x, y := l.left+i%l.columns*l.right, l.top+i/l.columns*l.down
	if name := p.name(i); name != "" {
		style := l.style
		style.YAlign = draw.YBottom
		f.text(style, x+l.wide/2, y-6, name)
	}
	stretch := p.Scales[m.Scale].Stretch
	img := raster(m.Frame, stretch, l.shrink, l.enlarge, p.Lower, m.Inset)
	if m.Scatter {
		scatter(img, bin(m.Frame, l.shrink), stretch, l.enlarge, p.Lower)
	}
	f.image(x, y, img)
	if m.Regions != nil {
		p.outline(f, l, m, x, y)
	}
	f.box(x, y, x+l.wide, y+l.high)
	bottom := y + l.high
	// Where the last row is not full, all images of the row above have numbers below them: the gaps are even.
	last := (len(p.Images) - 1) / l.columns
	lowest := i/l.columns == last || i/l.columns == last-1 && l.last < l.columns
	for _, t := range xTicks {
		at := x + int(t.Value+0.5)
		f.line(color.Black, 0.7, [2]int{at, bottom}, [2]int{at, bottom + tickLength})
		if lowest {
			f.text(l.style, at, bottom+tickLength+3, t.Label)
		}
	}
	if lowest {
		f.text(l.style, x+l.wide/2, bottom+tickLength+3+line, p.X.Label)
	}
	style := l.style
	style.XAlign, style.YAlign = draw.XRight, draw.YCenter
	labelled := 0
	for _, t := range yTicks {
		at := y + int(t.Value+0.5)
		if p.Lower {
			at = bottom - int(t.Value+0.5)
		}
		f.line(color.Black, 0.7, [2]int{x - tickLength, at}, [2]int{x, at})
		if i%l.columns == 0 {
			f.text(style, x-tickLength-5, at-4, t.Label)
			labelled = max(labelled, widest(l.style, t.Label))
		}
	}
	if i%l.columns == 0 {
		f.upright(l.style, x-tickLength-16-labelled, y+l.high/2, p.Y.Label)
	}
}

// name is the title of an image, with a letter where there are several.
func (p *Panel) name(i int) string {
	if len(p.Images) == 1 {
		return p.Images[0].Title
	}
	return letter(i) + " " + p.Images[i].Title
}

func letter(i int) string { return "(" + string(rune('a'+i)) + ")" }

// outline adds the lines between the regions of an image.
func (p *Panel) outline(f *figure, l *layout, m *Image, x, y int) {
	shade := lineColour(p.Scales[m.Scale].Stretch)
	along := func(c, r int) [2]int {
		c, r = c*l.enlarge/l.shrink, r*l.enlarge/l.shrink
		if p.Lower {
			r = l.high - r
		}
		return [2]int{x + c, y + r}
	}
	lines := borders(m.Regions, m.Frame.Rows, m.Frame.Cols)
	f.add(func(c draw.Canvas, at func(x, y int) vg.Point) {
		c.SetLineStyle(draw.LineStyle{Color: shade, Width: 0.9})
		var path vg.Path
		for _, b := range lines {
			from, to := along(b[0][0], b[0][1]), along(b[1][0], b[1][1])
			path.Move(at(from[0], from[1]))
			path.Line(at(to[0], to[1]))
		}
		if len(path) > 0 {
			c.Stroke(path)
		}
	})
}

// lineColour is that of lines on an image: one that is not on its scale.
func lineColour(s imageio.Stretch) color.RGBA {
	if s.Signed() {
		return color.RGBA{0, 0, 0, 255}
	}
	return palette[1]
}

// bars adds the colour bars from y on, and what the colour of missing values and the lines are. It
// returns the place below them.
func (p *Panel) bars(f *figure, l *layout, y int) int {
	y, hole := f.bars(p.Scales, l.style, y, p.seen)
	var shades []color.RGBA
	lines := ""
	for _, m := range p.Images {
		if m.Regions == nil {
			continue
		}
		lines = p.Lines
		if shade := lineColour(p.Scales[m.Scale].Stretch); !slices.Contains(shades, shade) {
			shades = append(shades, shade)
		}
	}
	return f.key(l.style, l.left, y, hole, lines, shades)
}

// seen tells which images have a scale, and what of them is on it.
func (p *Panel) seen(k int) (u use) {
	s := p.Scales[k].Stretch
	var names []string
	for i, m := range p.Images {
		if m.Scale != k {
			continue
		}
		names = append(names, letter(i))
		switch n := m.Frame.Channels; {
		case n == 3 && s.Softening == 0 && !s.Signed():
			u.more, u.colours = " of red, green and blue", true
		case n == 3 && !s.Signed():
			u.more = ", mean of red, green and blue, whose ratios are kept"
		case n > 1:
			u.more = fmt.Sprintf(", mean of %d channels", n)
		}
		u.look(m.Frame, s)
	}
	if len(p.Images) > 1 && len(p.Scales) > 1 {
		u.which = strings.Join(names, " ")
	}
	return u
}

// ticks are the numbers along an axis of so many dots; their Value is the distance from the first
// edge.
func (a Axis) ticks(style text.Style, length int, upright bool) []plot.Tick {
	list := linearTicks(min(a.From, a.To), max(a.From, a.To))
	for i := range list {
		list[i].Value = (list[i].Value - a.From) / (a.To - a.From) * float64(length)
	}
	return fewer(list, func(t plot.Tick) int {
		if upright {
			return lineOf(style)
		}
		return widest(style, t.Label) + widest(style, "0")
	})
}
