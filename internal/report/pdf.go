package report

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	vgfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// pdf is a canvas that becomes a PDF file of one page: lines and texts as vectors, with the fonts
// of these in it, and the pixels of images as they are. The same drawing gives the same bytes:
// there is no date in the file. Colours that are not opaque are drawn as they look on white.
//
// Source: ISO 32000-1:2008, sections 7.3 (objects), 8.4 to 8.9 (graphics), 9.6 (fonts).
type pdf struct {
	w, h   vg.Length
	page   bytes.Buffer
	fonts  []*pdfFont
	images []pdfImage
}

// pdfFont is a font that a page uses.
type pdfFont struct {
	name vgfont.Font // of any size
	face *sfnt.Font
}

// pdfImage has three bytes for each pixel.
type pdfImage struct {
	cols, rows int
	rgb        []byte
}

func newPDF(w, h vg.Length) *pdf {
	c := &pdf{w: w, h: h}
	vg.Initialize(c)
	return c
}

func (c *pdf) op(format string, args ...any) { fmt.Fprintf(&c.page, format+"\n", args...) }

// place is a length in points, in as few digits as matter in a figure.
func place(l vg.Length) string { return decimal(float64(l)) }

func decimal(v float64) string {
	text := strings.TrimRight(fmt.Sprintf("%.4f", v), "0")
	if text = strings.TrimSuffix(text, "."); text == "-0" {
		return "0"
	}
	return text
}

func (c *pdf) Size() (w, h vg.Length) { return c.w, c.h }

func (c *pdf) SetLineWidth(w vg.Length) { c.op("%s w", place(w)) }

func (c *pdf) SetLineDash(pattern []vg.Length, offset vg.Length) {
	var list []string
	for _, l := range pattern {
		list = append(list, place(l))
	}
	c.op("[%s] %s d", strings.Join(list, " "), place(offset))
}

func (c *pdf) SetColor(shade color.Color) {
	if shade == nil {
		shade = color.Black
	}
	r, g, b := onWhite(shade)
	rgb := decimal(float64(r)/255) + " " + decimal(float64(g)/255) + " " + decimal(float64(b)/255)
	c.op("%s RG %s rg", rgb, rgb)
}

// onWhite is how a colour looks on white.
func onWhite(shade color.Color) (r, g, b byte) {
	x, y, z, a := shade.RGBA()
	rest := 0xffff - a
	return byte((x + rest) >> 8), byte((y + rest) >> 8), byte((z + rest) >> 8)
}

func (c *pdf) matrix(m ...float64) {
	for _, v := range m {
		fmt.Fprintf(&c.page, "%s ", decimal(v))
	}
	c.op("cm")
}

func (c *pdf) Rotate(angle float64) {
	sin, cos := math.Sincos(angle)
	c.matrix(cos, sin, -sin, cos, 0, 0)
}

func (c *pdf) Translate(p vg.Point) { c.matrix(1, 0, 0, 1, float64(p.X), float64(p.Y)) }
func (c *pdf) Scale(x, y float64)   { c.matrix(x, 0, 0, y, 0, 0) }
func (c *pdf) Push()                { c.op("q") }
func (c *pdf) Pop()                 { c.op("Q") }
func (c *pdf) Stroke(path vg.Path)  { c.path(path, "S") }
func (c *pdf) Fill(path vg.Path)    { c.path(path, "f") }
func (c *pdf) to(p vg.Point) string { return place(p.X) + " " + place(p.Y) }
func (c *pdf) cubic(p ...vg.Point)  { c.op("%s %s %s c", c.to(p[0]), c.to(p[1]), c.to(p[2])) }

// path draws a path. Curves of one control point, and arcs, become cubic ones.
func (c *pdf) path(path vg.Path, draw string) {
	if len(path) == 0 {
		return
	}
	var at vg.Point
	for _, p := range path {
		switch p.Type {
		case vg.MoveComp:
			c.op("%s m", c.to(p.Pos))
			at = p.Pos
		case vg.LineComp:
			c.op("%s l", c.to(p.Pos))
			at = p.Pos
		case vg.ArcComp:
			at = c.arc(p)
		case vg.CurveComp:
			first, second := p.Control[0], p.Control[len(p.Control)-1]
			if len(p.Control) == 1 {
				q := p.Control[0]
				first = vg.Point{X: at.X + 2*(q.X-at.X)/3, Y: at.Y + 2*(q.Y-at.Y)/3}
				second = vg.Point{X: p.Pos.X + 2*(q.X-p.Pos.X)/3, Y: p.Pos.Y + 2*(q.Y-p.Pos.Y)/3}
			}
			c.cubic(first, second, p.Pos)
			at = p.Pos
		case vg.CloseComp:
			c.op("h")
		}
	}
	c.op("%s", draw)
}

// arc continues a path with an arc, in pieces of at most a quarter of a circle, and returns its end.
func (c *pdf) arc(p vg.PathComp) vg.Point {
	on := func(angle, turned float64) vg.Point { // the place at an angle, moved along the tangent
		sin, cos := math.Sincos(angle)
		return vg.Point{X: p.Pos.X + p.Radius*vg.Length(cos-turned*sin), Y: p.Pos.Y + p.Radius*vg.Length(sin+turned*cos)}
	}
	c.op("%s l", c.to(on(p.Start, 0)))
	pieces := max(1, int(math.Ceil(math.Abs(p.Angle)/(math.Pi/2)-1e-9)))
	step := p.Angle / float64(pieces)
	reach := 4.0 / 3 * math.Tan(step/4)
	for i := range pieces {
		a := p.Start + float64(i)*step
		c.cubic(on(a, reach), on(a+step, -reach), on(a+step, 0))
	}
	return on(p.Start+p.Angle, 0)
}

func (c *pdf) FillString(f vgfont.Face, at vg.Point, text string) {
	if f.Font.Size == 0 {
		return
	}
	c.op("BT /F%d %s Tf %s Td <%X> Tj ET", c.font(f), place(f.Font.Size), c.to(at), latin(text))
}

// font is the number of a font on the page.
func (c *pdf) font(f vgfont.Face) int {
	name := f.Font
	name.Size = 0
	for i, known := range c.fonts {
		if known.name == name {
			return i
		}
	}
	c.fonts = append(c.fonts, &pdfFont{name, f.Face})
	return len(c.fonts) - 1
}

// punctuation are the characters of Windows code page 1252 that Unicode has elsewhere.
var punctuation = map[rune]byte{'€': 0x80, '…': 0x85, '‘': 0x91, '’': 0x92, '“': 0x93, '”': 0x94, '•': 0x95, '–': 0x96, '—': 0x97, '−': '-'}

// latin is a text in that code page; what it does not have becomes a question mark.
func latin(text string) []byte {
	var out []byte
	for _, r := range text {
		b, known := punctuation[r]
		switch {
		case known:
			out = append(out, b)
		case r >= 0x20 && r < 0x7f || r >= 0xa0 && r <= 0xff:
			out = append(out, byte(r))
		default:
			out = append(out, '?')
		}
	}
	return out
}

// unicode is the character of a code of that page.
func unicode(code byte) rune {
	for r, b := range punctuation {
		if b == code && b >= 0x80 {
			return r
		}
	}
	return rune(code)
}

func (c *pdf) DrawImage(box vg.Rectangle, img image.Image) {
	b := img.Bounds()
	m := pdfImage{cols: b.Dx(), rows: b.Dy()}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, b := onWhite(img.At(x, y))
			m.rgb = append(m.rgb, r, g, b)
		}
	}
	size := box.Size()
	c.op("q %s 0 0 %s %s cm /I%d Do Q", place(size.X), place(size.Y), c.to(box.Min), len(c.images))
	c.images = append(c.images, m)
}

// write writes the file.
func (c *pdf) write(to io.Writer, title, about string) error {
	var file bytes.Buffer
	var starts []int
	object := func(format string, args ...any) int {
		starts = append(starts, file.Len())
		fmt.Fprintf(&file, "%d 0 obj\n", len(starts))
		fmt.Fprintf(&file, format, args...)
		file.WriteString("\nendobj\n")
		return len(starts)
	}
	stream := func(entries string, data []byte) int {
		var packed bytes.Buffer
		z := zlib.NewWriter(&packed)
		z.Write(data)
		z.Close()
		return object("<< %s /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", entries, packed.Len(), packed.Bytes())
	}
	file.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	const pages = 2 // the number of the second object
	object("<< /Type /Catalog /Pages %d 0 R >>", pages)
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 %s %s] >>", place(c.w), place(c.h))
	// What the page uses is behind it: contents, then the fonts, then the images.
	const content = 4
	var fonts, images strings.Builder
	for i := range c.fonts {
		fmt.Fprintf(&fonts, "/F%d %d 0 R ", i, content+1+3*i)
	}
	for i := range c.images {
		fmt.Fprintf(&images, "/I%d %d 0 R ", i, content+1+3*len(c.fonts)+i)
	}
	object("<< /Type /Page /Parent %d 0 R /Contents %d 0 R /Resources << /Font << %s>> /XObject << %s>> >> >>", pages, content, fonts.String(), images.String())
	stream("", c.page.Bytes())
	for _, f := range c.fonts {
		if err := f.write(len(starts), object, stream); err != nil {
			return err
		}
	}
	for _, m := range c.images {
		stream(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 /Interpolate false", m.cols, m.rows), m.rgb)
	}
	info := object("<< /Title <%X> /Subject <%X> /Producer (tessera) >>", latin(title), latin(about))
	index := file.Len()
	fmt.Fprintf(&file, "xref\n0 %d\n0000000000 65535 f \n", len(starts)+1)
	for _, at := range starts {
		fmt.Fprintf(&file, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&file, "trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(starts)+1, info, index)
	_, err := to.Write(file.Bytes())
	return err
}

// write adds the three objects of a font behind the others: the font, what describes it, and its file.
func (f *pdfFont) write(others int, object func(string, ...any) int, stream func(string, []byte) int) error {
	var file bytes.Buffer
	if _, err := f.face.WriteSourceTo(nil, &file); err != nil {
		return err
	}
	var buf sfnt.Buffer
	thousand := fixed.I(1000) // PDF has lengths of a font in thousandths of its size
	var widths strings.Builder
	for code := 32; code <= 255; code++ {
		glyph, err := f.face.GlyphIndex(&buf, unicode(byte(code)))
		if err != nil {
			return err
		}
		advance, err := f.face.GlyphAdvance(&buf, glyph, thousand, font.HintingNone)
		if err != nil {
			return err
		}
		fmt.Fprintf(&widths, "%d ", advance.Round())
	}
	m, err := f.face.Metrics(&buf, thousand, font.HintingNone)
	if err != nil {
		return err
	}
	box, err := f.face.Bounds(&buf, thousand, font.HintingNone)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(f.name.Name(), " ", "")
	object("<< /Type /Font /Subtype /TrueType /BaseFont /%s /Encoding /WinAnsiEncoding /FirstChar 32 /LastChar 255 /Widths [%s] /FontDescriptor %d 0 R >>", name, widths.String(), others+2)
	const nonsymbolic = 32
	object("<< /Type /FontDescriptor /FontName /%s /Flags %d /FontBBox [%d %d %d %d] /ItalicAngle 0 /Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %d 0 R >>",
		name, nonsymbolic, box.Min.X.Round(), -box.Max.Y.Round(), box.Max.X.Round(), -box.Min.Y.Round(), m.Ascent.Round(), -m.Descent.Round(), m.CapHeight.Round(), others+3)
	stream(fmt.Sprintf("/Length1 %d", file.Len()), file.Bytes())
	return nil
}
