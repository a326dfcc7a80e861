package report

import (
	"image"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg/draw"

	"tessera/internal/imageio"
)

// use is what a figure shows on a scale.
type use struct {
	which        string // the images; "" = all of them
	more         string // what of several channels
	colours      bool   // a scale for each of red, green and blue
	below, above bool   // there are values beyond its ends
	hole         bool   // there are missing values
}

// look adds an image.
func (u *use) look(f *imageio.Frame, s imageio.Stretch) {
	for i := range f.Rows * f.Cols {
		v := mean(f, i)
		u.below, u.above, u.hole = u.below || v < s.Black, u.above || v > s.White, u.hole || math.IsNaN(v)
	}
}

// Lengths in dots.
const (
	barHeight = 22
	barLength = 5 * dpi     // at most
	barCell   = 5 * dpi / 2 // for text of 10 points, at least
)

// bars adds the colour bars of scales from y on, beside each other where there is room. It returns
// the place below them, and whether values are missing.
func (f *figure) bars(scales []Scale, style text.Style, y int, seen func(k int) use) (below int, hole bool) {
	line, width := lineOf(style), f.width-2*margin
	across := min(len(scales), max(1, width*10/int(barCell*style.Font.Size)))
	rows := (len(scales) + across - 1) / across
	across = (len(scales) + rows - 1) / rows // as many in each row
	cell := width / across
	length := min(cell-2*line, barLength)
	below = y
	for k := range scales {
		if k > 0 && k%across == 0 {
			y = below + line/2
		}
		u := seen(k)
		middle := margin + k%across*cell + cell/2
		below, hole = max(below, f.bar(&scales[k], style, middle-length/2, middle+length/2, y, &u)), hole || u.hole
	}
	return below, hole
}

// bar adds a colour bar between two places and returns the place below its text. Where values lie
// beyond an end, that end is a point.
func (f *figure) bar(s *Scale, style text.Style, x0, x1, y int, u *use) int {
	x0, x1 = x0+barHeight, x1-barHeight // the points
	strip := image.NewRGBA(image.Rect(0, 0, x1-x0, barHeight))
	for x := range x1 - x0 {
		shade := s.colour((float64(x) + 0.5) / float64(x1-x0))
		for line := range barHeight {
			one := shade
			if u.colours { // three strips, one channel in each
				one = color.RGBA{A: 255}
				switch line * 3 / barHeight {
				case 0:
					one.R = shade.R
				case 1:
					one.G = shade.G
				default:
					one.B = shade.B
				}
			}
			strip.SetRGBA(x, line, one)
		}
	}
	f.image(x0, y, strip)
	end, middle := y+barHeight, y+barHeight/2
	outline := [][2]int{{x0, y}, {x1, y}, {x1, end}, {x0, end}, {x0, y}}
	if u.above {
		f.area(s.colour(1), [2]int{x1, y}, [2]int{x1 + barHeight, middle}, [2]int{x1, end})
		outline = slices.Insert(outline, 2, [2]int{x1 + barHeight, middle})
	}
	if u.below {
		f.area(s.colour(0), [2]int{x0, y}, [2]int{x0 - barHeight, middle}, [2]int{x0, end})
		outline = slices.Insert(outline, len(outline)-1, [2]int{x0 - barHeight, middle})
	}
	f.line(color.Black, 0.7, outline...)
	ticks := s.ticks()
	for i := range ticks {
		ticks[i].Value *= float64(x1 - x0)
	}
	for _, t := range fewer(ticks, func(t plot.Tick) int { return widest(style, t.Label+"0") }) {
		x := x0 + int(t.Value+0.5)
		f.line(color.Black, 0.7, [2]int{x, end}, [2]int{x, end + tickLength})
		f.text(style, x, end+tickLength+3, t.Label)
	}
	words := s.Label + u.more + ", " + s.Stretch.Describe()
	if u.which != "" {
		words = u.which + " " + words
	}
	return f.lines(style, (x0+x1)/2, end+tickLength+lineOf(style)+5, wrap(style, words, x1-x0+2*barHeight))
}

// key adds what missing values and lines look like, from y on, and returns the place below. Lines may have
// several colours, on images of different scales.
func (f *figure) key(style text.Style, x, y int, hole bool, lines string, shades []color.RGBA) int {
	const side = 30
	if !hole && lines == "" {
		return y
	}
	style.XAlign, style.YAlign = draw.XLeft, draw.YCenter
	y += lineOf(style)
	if hole {
		const words = "no value"
		f.area(missing, [2]int{x, y - side/2}, [2]int{x + side, y - side/2}, [2]int{x + side, y + side/2}, [2]int{x, y + side/2})
		f.text(style, x+side+10, y, words)
		x += side + 60 + widest(style, words)
	}
	if lines != "" {
		for i, shade := range shades {
			f.line(shade, 1.2, [2]int{x + 2*side*i/len(shades), y}, [2]int{x + 2*side*(i+1)/len(shades), y})
		}
		f.text(style, x+2*side+10, y, lines)
	}
	return y + side/2
}

// fewer leaves out ticks, every second first, until each has the room that it needs. Values and
// room are in dots.
func fewer(ticks []plot.Tick, room func(plot.Tick) int) []plot.Tick {
	for len(ticks) > 2 {
		free, zero := true, 0
		for i, t := range ticks {
			if i > 0 && 2*math.Abs(t.Value-ticks[i-1].Value) < float64(room(t)+room(ticks[i-1])) {
				free = false
			}
			if t.Label == "0" {
				zero = i
			}
		}
		if free {
			break
		}
		var half []plot.Tick
		for i := zero % 2; i < len(ticks); i += 2 {
			half = append(half, ticks[i])
		}
		ticks = half
	}
	return ticks
}
