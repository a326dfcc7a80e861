package report

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"strconv"

	"golang.org/x/image/font"

	"tessera/internal/imageio"
)

// Map is a picture of an array of one channel whose values a reader can tell: lines of text
// above it, and below it a scale of greys with numbers. Values up to Low are black, values
// from High on are white, those between in proportion.
type Map struct {
	Frame     *imageio.Frame
	Lines     []string // quantity, unit and what else is to be said
	Low, High float64  // Low < High
	Clipped   bool     // there are values above High
}

const (
	mapSmallest = 480 // pixels: a smaller frame is enlarged by a whole factor as long as it stays within
	scaleHeight = 14
	scaleTicks  = 5
	mapMargin   = 6
)

// Write draws the map into a PNG file, one pixel of the frame as one pixel or more of the
// picture.
func (m *Map) Write(path string) error {
	img, err := m.draw()
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	return imageio.WriteAtomic(path, func(w io.Writer) error { return png.Encode(w, img) })
}

func (m *Map) draw() (image.Image, error) {
	f := m.Frame
	if f == nil || f.Channels != 1 || f.Rows < 1 || f.Cols < 1 || len(f.Data) != f.Rows*f.Cols {
		return nil, errEmpty
	}
	if !(m.Low < m.High) {
		return nil, fmt.Errorf("a scale from %g to %g", m.Low, m.High)
	}
	face, err := newFace()
	if err != nil {
		return nil, err
	}
	zoom := max(1, mapSmallest/max(f.Rows, f.Cols))
	wide, tall := f.Cols*zoom, f.Rows*zoom
	width := max(wide, mapSmallest)
	for _, line := range m.Lines {
		width = max(width, font.MeasureString(face, line).Ceil())
	}
	top := mapMargin + lineHeight*len(m.Lines)
	scale := top + mapMargin + tall + mapMargin
	out := image.NewRGBA(image.Rect(0, 0, width+2*mapMargin, scale+scaleHeight+lineHeight+mapMargin))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	for k, line := range m.Lines {
		write(out, face, line, mapMargin, mapMargin+lineHeight*k+lineHeight*3/4)
	}
	stretch := imageio.Linear(m.Low, m.High)
	paint(out, f, stretch, mapMargin, top+mapMargin, zoom)
	span := max(wide, mapSmallest) // of the scale
	for x := range span {
		v := m.Low + (m.High-m.Low)*float64(x)/float64(span-1)
		r, g, b := stretch.Colour(v, v, v)
		for y := range scaleHeight {
			out.SetRGBA(mapMargin+x, scale+y, color.RGBA{r, g, b, 255})
		}
	}
	frameOf(out, image.Rect(mapMargin, scale, mapMargin+span, scale+scaleHeight))
	for k := range scaleTicks {
		share := float64(k) / (scaleTicks - 1)
		text := strconv.FormatFloat(m.Low+(m.High-m.Low)*share, 'g', 3, 64)
		if k == scaleTicks-1 && m.Clipped {
			text += " or more"
		}
		long := font.MeasureString(face, text).Ceil()
		x := mapMargin + int(share*float64(span-1)) - int(share*float64(long))
		write(out, face, text, x, scale+scaleHeight+lineHeight*3/4+2)
	}
	return out, nil
}

// frameOf draws a thin grey frame, so that the white end of a scale can be seen.
func frameOf(to *image.RGBA, r image.Rectangle) {
	grey := color.RGBA{128, 128, 128, 255}
	for x := r.Min.X; x < r.Max.X; x++ {
		to.SetRGBA(x, r.Min.Y, grey)
		to.SetRGBA(x, r.Max.Y-1, grey)
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		to.SetRGBA(r.Min.X, y, grey)
		to.SetRGBA(r.Max.X-1, y, grey)
	}
}
