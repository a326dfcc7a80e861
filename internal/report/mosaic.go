package report

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"

	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"tessera/internal/imageio"
)

// Mosaic is a labelled table of small images of one size.
type Mosaic struct {
	Columns []string // heading of each column
	Rows    []MosaicRow
	Blocks  int // number of blocks beside each other into which the rows are divided; 0: 1
}

// MosaicRow is one row of a mosaic.
type MosaicRow struct {
	Label   []string          // lines of text left of the images
	Frames  []*imageio.Frame  // one for each column; nil: an empty cell
	Stretch []imageio.Stretch // one for each frame
}

const (
	mosaicWidth = 1300 // pixels, about
	cellGap     = 4
	blockGap    = 24
	textSize    = 15.0
	lineHeight  = 19
)

// Write draws the mosaic into a PNG file. Images are enlarged by a whole factor, without
// smoothing, so that every pixel is visible.
func (m *Mosaic) Write(path string) error {
	img, err := m.draw()
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	return imageio.WriteAtomic(path, func(w io.Writer) error { return png.Encode(w, img) })
}

func (m *Mosaic) draw() (image.Image, error) {
	side, tall, err := m.size()
	if err != nil {
		return nil, err
	}
	face, err := newFace()
	if err != nil {
		return nil, err
	}
	blocks := min(max(1, m.Blocks), len(m.Rows))
	perBlock := (len(m.Rows) + blocks - 1) / blocks
	labelled := 0
	for _, r := range m.Rows {
		for _, line := range r.Label {
			labelled = max(labelled, font.MeasureString(face, line).Ceil()+8)
		}
	}
	columns := len(m.Columns)
	scale := max(1, (mosaicWidth/blocks-labelled-blockGap)/(columns*side))
	w, h := side*scale, tall*scale
	block := labelled + columns*(w+cellGap)
	top := lineHeight + 8
	out := image.NewRGBA(image.Rect(0, 0, blocks*block+(blocks-1)*blockGap+cellGap, top+perBlock*(h+cellGap)))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	for b := range blocks {
		x0 := b * (block + blockGap)
		for c, name := range m.Columns {
			x := x0 + labelled + c*(w+cellGap)
			write(out, face, name, x+(w-font.MeasureString(face, name).Ceil())/2, lineHeight)
		}
		for i := range perBlock {
			if b*perBlock+i >= len(m.Rows) {
				break
			}
			r := m.Rows[b*perBlock+i]
			y := top + i*(h+cellGap)
			for k, line := range r.Label {
				write(out, face, line, x0+4, y+h/2+lineHeight*k-lineHeight*(len(r.Label)-1)/2+lineHeight/4)
			}
			for c, f := range r.Frames {
				if f != nil {
					paint(out, f, r.Stretch[c], x0+labelled+c*(w+cellGap), y, scale)
				}
			}
		}
	}
	return out, nil
}

// size is that of all frames.
func (m *Mosaic) size() (cols, rows int, err error) {
	for i, r := range m.Rows {
		if len(r.Frames) != len(m.Columns) || len(r.Stretch) != len(m.Columns) {
			return 0, 0, fmt.Errorf("row %d has %d frames and %d stretches for %d columns", i, len(r.Frames), len(r.Stretch), len(m.Columns))
		}
		for _, f := range r.Frames {
			if f == nil {
				continue
			}
			if rows == 0 {
				cols, rows = f.Cols, f.Rows
			}
			if f.Cols != cols || f.Rows != rows || len(f.Data) != f.Channels*rows*cols || f.Channels < 1 {
				return 0, 0, fmt.Errorf("row %d: a frame of %d x %d x %d, the first is %d x %d", i, f.Channels, f.Rows, f.Cols, rows, cols)
			}
		}
	}
	if rows == 0 {
		return 0, 0, errEmpty
	}
	return cols, rows, nil
}

// paint enlarges one frame onto the sheet.
func paint(to *image.RGBA, f *imageio.Frame, s imageio.Stretch, x0, y0, scale int) {
	n := f.Rows * f.Cols
	for i := range n {
		r := f.Data[i]
		g, b := r, r
		if f.Channels == 3 {
			g, b = f.Data[n+i], f.Data[2*n+i]
		}
		cr, cg, cb := s.Colour(r, g, b)
		x, y := x0+i%f.Cols*scale, y0+i/f.Cols*scale
		draw.Draw(to, image.Rect(x, y, x+scale, y+scale), image.NewUniform(color.RGBA{cr, cg, cb, 255}), image.Point{}, draw.Src)
	}
}

func newFace() (font.Face, error) {
	f, err := opentype.Parse(liberationsansregular.TTF)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: textSize, DPI: 72, Hinting: font.HintingFull})
}

func write(to *image.RGBA, face font.Face, text string, x, y int) {
	d := font.Drawer{Dst: to, Src: image.Black, Face: face, Dot: fixed.P(x, y)}
	d.DrawString(text)
}
