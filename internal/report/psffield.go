package report

import (
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"tessera/internal/imageio"
)

// PSFField is a picture of a PSF that changes over a frame: a whisker plot, and stamps of the PSF at some places. Rows run
// upwards in both.
type PSFField struct {
	Title    string
	Whiskers []Whisker
	Stamps   [][]Stamp // rows of the table of stamps, the lowest first
}

// Whisker is the shape of a PSF at a place.
type Whisker struct {
	Row, Col    float64 // pixels
	FWHM        float64 // pixels
	Ellipticity float64 // 1 - b/a; NaN: only a point is drawn
	Angle       float64 // of the long axis, radians from the direction of columns towards that of rows
}

// Stamp is the PSF at a place.
type Stamp struct {
	Row, Col float64
	Frame    *imageio.Frame // one channel; nil: an empty cell
}

// The picture: the whisker plot at the left, stamps at the right, in dots of 1/150 inch.
const (
	fieldDPI     = 150
	fieldSide    = 780 // height of the picture, and width of either half
	fieldMargin  = 16
	whiskerShare = 0.8 // of the distance to the next place that the longest whisker takes
)

// Write draws the field into a PNG file.
func (p *PSFField) Write(path string) error {
	canvas, err := p.draw()
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	png := vgimg.PngCanvas{Canvas: canvas}
	return imageio.WriteAtomic(path, func(w io.Writer) error {
		_, err := png.WriteTo(w)
		return err
	})
}

func (p *PSFField) draw() (*vgimg.Canvas, error) {
	if len(p.Whiskers) == 0 {
		return nil, errEmpty
	}
	pl, err := p.whiskers()
	if err != nil {
		return nil, err
	}
	side := vg.Length(fieldSide) / fieldDPI * vg.Inch
	canvas := vgimg.NewWith(vgimg.UseWH(2*side, side), vgimg.UseDPI(fieldDPI))
	whole := draw.New(canvas)
	pl.Draw(draw.Crop(whole, 0, -side, 0, 0))
	p.stamps(draw.Crop(whole, side, 0, 0, 0))
	return canvas, nil
}

// whiskers is the plot of them.
func (p *PSFField) whiskers() (*plot.Plot, error) {
	longest, apart := 0.0, math.Inf(1)
	box := limits{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
	for i, w := range p.Whiskers {
		if w.Ellipticity > longest {
			longest = w.Ellipticity
		}
		for _, v := range p.Whiskers[:i] {
			if d := math.Hypot(w.Row-v.Row, w.Col-v.Col); d > 0 {
				apart = min(apart, d)
			}
		}
		box.add(plotter.XYs{{X: w.Col, Y: w.Row}})
	}
	if math.IsInf(apart, 1) {
		apart = 1
	}
	key := 0.01 // about the longest
	for _, k := range []float64{0.02, 0.05, 0.1, 0.2, 0.5} {
		if k <= longest {
			key = k
		}
	}
	scale := whiskerShare * apart / max(longest, key)
	pl, _, err := (&Plot{
		Title: fmt.Sprintf("%s\nellipticity (line at the lower left: %g) and FWHM in pixels", p.Title, key),
		X:     "column (pixels)", Y: "row (pixels)",
	}).build()
	if err != nil {
		return nil, err
	}
	pl.Title.TextStyle.Font.Size = 10
	add := func(row, col, length, angle float64, c color.Color) error {
		dx, dy := length/2*math.Cos(angle), length/2*math.Sin(angle)
		line, err := plotter.NewLine(plotter.XYs{{X: col - dx, Y: row - dy}, {X: col + dx, Y: row + dy}})
		if err != nil {
			return err
		}
		line.Color, line.Width = c, 1.4
		pl.Add(line)
		return nil
	}
	var places plotter.XYs
	for _, w := range p.Whiskers {
		place := plotter.XY{X: w.Col, Y: w.Row}
		places = append(places, place)
		text, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{place}, Labels: []string{fmt.Sprintf("%.2f", w.FWHM)}})
		if err != nil {
			return nil, err
		}
		style := &text.TextStyle[0]
		style.Font.Size, style.Font.Variant, style.Color = 6, "Sans", color.Gray{90}
		style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
		text.Offset = beside(w)
		pl.Add(text)
		if w.Ellipticity > 0 {
			if err := add(w.Row, w.Col, scale*w.Ellipticity, w.Angle, palette[0]); err != nil {
				return nil, err
			}
		}
	}
	points, err := plotter.NewScatter(places)
	if err != nil {
		return nil, err
	}
	points.Shape, points.Radius, points.Color = draw.CircleGlyph{}, 1.2, palette[0]
	pl.Add(points)
	// Both axes in the same scale, so that angles are as they are.
	room := 0.6 * apart
	half := max(box.x1-box.x0, box.y1-box.y0)/2 + room
	for axis, middle := range map[*plot.Axis]float64{&pl.X: (box.x0 + box.x1) / 2, &pl.Y: (box.y0 + box.y1) / 2} {
		axis.Min, axis.Max = middle-half, middle+half
		axis.Tick.Marker = plot.TickerFunc(linearTicks)
	}
	at := pl.X.Min + 0.02*2*half
	return pl, add(pl.Y.Min+0.03*2*half, at+scale*key/2, scale*key, 0, palette[1])
}

// The number at a whisker: half its width and height with the room to the whisker, in points.
const (
	halfNumber = 7.5
	halfHeight = 3
	fromLine   = 2.5
)

// beside is where the middle of the number of a whisker is from the place of the whisker: at the side of its line, so that this does not
// cross the number, below or to the right.
func beside(w Whisker) vg.Point {
	angle := w.Angle
	if !(w.Ellipticity > 0) {
		angle = 0
	}
	x, y := math.Sin(angle), -math.Cos(angle)
	if y > 0 {
		x, y = -x, -y
	}
	far := halfNumber*math.Abs(x) + halfHeight*math.Abs(y) + fromLine
	return vg.Point{X: vg.Length(far * x), Y: vg.Length(far * y)}
}

// stamps draws the table of stamps, each from 0 to its own peak with the square root as the scale; values below 0 are blue, in the
// same scale.
func (p *PSFField) stamps(c draw.Canvas) {
	if len(p.Stamps) == 0 {
		return
	}
	dot := vg.Inch / fieldDPI
	at := func(x, y int) vg.Point { // from the upper left corner
		return vg.Point{X: c.Min.X + vg.Length(x)*dot, Y: c.Max.Y - vg.Length(y)*dot}
	}
	style := sans(8)
	line := int(1.25 * style.Font.Size / dot)
	c.FillText(style, at(fieldSide/2, 2), "PSF, square-root scale from 0 to its peak, blue below 0; row, column: least value")
	across := 0
	for _, row := range p.Stamps {
		across = max(across, len(row))
	}
	cell := min((fieldSide-2*fieldMargin)/max(1, across), (fieldSide-fieldMargin-line-8)/len(p.Stamps))
	for i, row := range p.Stamps {
		for j, s := range row {
			x, y := fieldMargin+j*cell, line+8+(len(p.Stamps)-1-i)*cell
			if s.Frame == nil {
				continue
			}
			f := s.drawn()
			side := max(1, min((cell-8)/f.Cols, (cell-line-4)/f.Rows))
			low, high := at(x, y+side*f.Rows), at(x+side*f.Cols, y)
			c.DrawImage(vg.Rectangle{Min: low, Max: high}, f.picture(side))
			c.FillText(style, at(x+side*f.Cols/2, y+side*f.Rows+3), fmt.Sprintf("%.4g, %.4g: %.2g", s.Row, s.Col, slices.Min(s.Frame.Data)))
		}
	}
}

// rooted is an image of square roots, with the signs of the values.
type rooted struct{ *imageio.Frame }

// picture is the image with side x side dots for a pixel: grey from 0 to the largest value, and blue below 0.
func (f rooted) picture(side int) *image.RGBA {
	peak := slices.Max(f.Data)
	pic := raster(f.Frame, imageio.Linear(0, peak), 1, side, false, 0)
	for i, v := range f.Data {
		if !(v < 0 && peak > 0) {
			continue
		}
		t := min(1, -v/peak)
		blue := color.RGBA{R: uint8(60 * t), G: uint8(140 * t), B: uint8(255 * min(1, 1.5*t)), A: 255}
		for k := range side * side {
			pic.SetRGBA(i%f.Cols*side+k%side, i/f.Cols*side+k/side, blue)
		}
	}
	return pic
}

// drawn is the square root of the stamp, its rows upwards.
func (s *Stamp) drawn() rooted {
	f := &imageio.Frame{Channels: 1, Rows: s.Frame.Rows, Cols: s.Frame.Cols, Data: make([]float64, 0, len(s.Frame.Data))}
	for r := f.Rows - 1; r >= 0; r-- {
		for _, v := range s.Frame.Data[r*f.Cols : (r+1)*f.Cols] {
			f.Data = append(f.Data, math.Copysign(math.Sqrt(math.Abs(v)), v))
		}
	}
	return rooted{f}
}
