package report

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"

	"tessera/internal/imageio"
)

// A dot is a pixel of the PNG file of a figure. Images are placed on whole dots, so that each
// of their pixels is a whole number of dots, or an average of whole pixels one dot.
const (
	dpi = 200
	dot = vg.Inch / dpi
)

// Formats of figures.
const (
	PNG = "png"
	SVG = "svg"
	PDF = "pdf"
)

// Formats are all that there are.
func Formats() []string { return []string{PNG, SVG, PDF} }

// Usual are those in which a figure is drawn unless others are asked for.
func Usual() []string { return []string{PNG, SVG} }

// Names are the names of the files that figures may have: of each one for every format.
func Names(figures ...string) (files []string) {
	for _, f := range figures {
		for _, format := range Formats() {
			files = append(files, f+"."+format)
		}
	}
	return files
}

// figure is a drawing of known size. Places are in dots, rightwards and downwards from its
// upper left corner.
type figure struct {
	title, about  string   // what it shows, for programs that read no drawings
	width, height int      // dots
	parts         []part   // in the order in which they are drawn
	texts         [][2]int // left and right end of each text
	pad           int      // dots that are added on either side, so that all texts lie inside
}

// part draws one thing; at is the point of the canvas at a place.
type part func(c draw.Canvas, at func(x, y int) vg.Point)

func (f *figure) add(p part) { f.parts = append(f.parts, p) }

// fit widens the figure on both sides, so that its middle stays there, until every text has some white beside it.
func (f *figure) fit() {
	const white = margin / 3
	f.pad = 0
	for _, t := range f.texts {
		f.pad = max(f.pad, white-t[0], t[1]+white-f.width)
	}
}

func (f *figure) draw(to vg.CanvasSizer) {
	c := draw.New(to)
	at := func(x, y int) vg.Point { return vg.Point{X: dots(x + f.pad), Y: dots(f.height - y)} }
	for _, p := range f.parts {
		p(c, at)
	}
}

func dots(n int) vg.Length { return vg.Length(n) * dot }

// inDots is a length in dots, rounded up.
func inDots(l vg.Length) int {
	n := int(l / dot)
	if dots(n) < l-1e-6 {
		n++
	}
	return n
}

var errEmpty = errors.New("nothing to draw")

// write draws a figure into a file for each format, path.png and so on; without formats into the
// usual ones.
func (f *figure) write(path string, formats []string) error {
	if len(formats) == 0 {
		formats = Usual()
	}
	f.fit()
	w, h := dots(f.width+2*f.pad), dots(f.height)
	for _, format := range formats {
		var file func(io.Writer) error
		switch format {
		case PNG:
			pixels := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dpi))
			f.draw(pixels)
			file = func(w io.Writer) error { return writePNG(w, pixels.Image()) }
		case SVG:
			vectors := vgsvg.New(w, h)
			f.draw(vectors)
			var text bytes.Buffer
			if _, err := vectors.WriteTo(&text); err != nil {
				return fmt.Errorf("report: %s.svg: %w", path, err)
			}
			file = func(w io.Writer) error {
				_, err := w.Write(f.describe(text.Bytes()))
				return err
			}
		case PDF:
			page := pdf{vgpdf.New(w, h)}
			f.draw(page)
			file = func(w io.Writer) error {
				_, err := page.WriteTo(w)
				return err
			}
		default:
			return fmt.Errorf("report: %s: no format %q of figures: want %s, %s or %s", path, format, PNG, SVG, PDF)
		}
		if err := imageio.WriteAtomic(path+"."+format, file); err != nil {
			return err
		}
	}
	return nil
}

// writePNG writes a PNG file that says how large its pixels are (chunk pHYs, pixels a metre).
func writePNG(w io.Writer, img image.Image) error {
	const header = 8 + 4 + 4 + 13 + 4 // of the file, with the chunk IHDR
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(&b, img); err != nil {
		return err
	}
	metre := binary.BigEndian.AppendUint32(nil, uint32(dpi*10000/254))
	chunk := append([]byte("pHYs"), metre...)
	chunk = append(append(chunk, metre...), 1)
	sized := binary.BigEndian.AppendUint32(nil, uint32(len(chunk)-4))
	sized = binary.BigEndian.AppendUint32(append(sized, chunk...), crc32.ChecksumIEEE(chunk))
	for _, bytes := range [][]byte{b.Bytes()[:header], sized, b.Bytes()[header:]} {
		if _, err := w.Write(bytes); err != nil {
			return err
		}
	}
	return nil
}

// describe adds to an SVG file its title and description, other fonts where those of the
// program are missing, and that pixels of images are to stay sharp.
func (f *figure) describe(svg []byte) []byte {
	var about bytes.Buffer
	about.WriteString("<title>")
	xml.EscapeText(&about, []byte(f.title))
	about.WriteString("</title>\n<desc>")
	xml.EscapeText(&about, []byte(f.about))
	about.WriteString("</desc>\n")
	const end = `xmlns:xlink="http://www.w3.org/1999/xlink">` + "\n"
	svg = bytes.Replace(svg, []byte(end), append([]byte(end), about.Bytes()...), 1)
	svg = bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans, Arial, Helvetica, sans-serif;"))
	svg = bytes.ReplaceAll(svg, []byte("data:image/jpg;"), []byte("data:image/png;"))
	return bytes.ReplaceAll(svg, []byte("<image "), []byte(`<image style="image-rendering:pixelated" `))
}
