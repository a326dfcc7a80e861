package imageio

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// errNoImages: a FITS file has no column of images.
var errNoImages = errors.New("no column of images")

// imageColumn is a column of a binary table that holds an image in each row, such as VIGNET
// of a SExtractor catalogue.
type imageColumn struct {
	name        string
	offset      int // bytes into the row
	rows, cols  int // of an image
	size        int // bytes of an element
	typ         string
	decode      decoder
	scale, zero float64
	null        float64 // TNULL; NaN: none
	floor       float64 // smaller values are missing; -Inf: none
}

// outsideVignet: SExtractor writes -1e30 to pixels of VIGNET that are outside of the frame
// or masked.
const outsideVignet = -1e29

// tableStack opens a column of images: the one called want or in the unit called so; with
// want "" VIGNET, or the only one of the file.
func tableStack(r io.ReaderAt, size int64, want string) (*stackSource, error) {
	var table, primary *unit
	var found []imageColumn
	var names []string
	for u, err := range units(r, size) {
		if err != nil {
			return nil, err
		}
		if u.index == 0 {
			primary = u
		}
		if !u.table() {
			continue
		}
		list, err := u.imageColumns()
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if want != "" && !u.called(want) && !strings.EqualFold(c.name, want) {
				continue
			}
			if table == nil || table.index == u.index {
				table, found = u, append(found, c)
			}
			names = append(names, c.name)
		}
	}
	if len(found) == 0 {
		return nil, errNoImages
	}
	at := 0
	if len(names) > 1 {
		if at = indexOfVignet(found); at < 0 {
			return nil, unclear("has %d columns of images: %s; choose one by its name, as in FILE.fits[%s]", len(names), Listed(names), shortened(names[0]))
		}
	}
	c := found[at]
	s := &stackSource{Stack: Stack{
		Count: table.axes[1], Rows: c.rows, Cols: c.cols, Format: "fits", Type: c.typ, Header: primary.header.descriptive(),
		Part: fmt.Sprintf("column %s of %s, a row for each image", c.name, table.label()),
	}}
	s.images = func(lo, hi int, to []float64) error { return c.read(r, table, lo, to) }
	return s, nil
}

func indexOfVignet(list []imageColumn) int {
	for i, c := range list {
		if strings.EqualFold(c.name, "VIGNET") {
			return i
		}
	}
	return -1
}

// read decodes the images of the rows from lo on.
func (c *imageColumn) read(r io.ReaderAt, u *unit, lo int, to []float64) error {
	n := c.rows * c.cols
	raw := make([]byte, n*c.size)
	for i := 0; i < len(to); i += n {
		at := u.data + int64(lo+i/n)*int64(u.axes[0]) + int64(c.offset)
		if got, err := r.ReadAt(raw, at); got < len(raw) {
			return fmt.Errorf("data end after %d of %d bytes: %w", got, len(raw), err)
		}
		image := to[i : i+n]
		c.decode(image, raw)
		for j, v := range image {
			switch {
			case v == c.null || v <= c.floor:
				image[j] = math.NaN()
			case c.scale != 1 || c.zero != 0:
				image[j] = c.zero + c.scale*v
			}
		}
	}
	return nil
}

// imageColumns are the columns with two axes: by TDIMn, or by their name VIGNET and a
// square number of elements.
func (u *unit) imageColumns() ([]imageColumn, error) {
	card, ok := u.header.card("TFIELDS")
	if !ok {
		return nil, nil
	}
	fields, err := card.integer()
	if err != nil || fields < 0 || fields > 999 {
		return nil, fmt.Errorf("FITS table: TFIELDS = %s, want 0 to 999", card.Value())
	}
	var list []imageColumn
	offset := 0
	for i := 1; i <= int(fields); i++ {
		key := strconv.Itoa(i)
		form, _ := u.header.Get("TFORM" + key)
		repeat, code, err := tableForm(form)
		if err != nil || repeat > 8*u.axes[0] {
			return nil, fmt.Errorf("FITS table: TFORM%d = %q in rows of %d bytes", i, form, u.axes[0])
		}
		c := imageColumn{offset: offset, scale: 1, null: math.NaN(), floor: math.Inf(-1)}
		bits := formBits[code]
		if offset += (repeat*bits + 7) / 8; bits == 0 || offset > u.axes[0] {
			return nil, fmt.Errorf("FITS table: TFORM%d = %q in rows of %d bytes", i, form, u.axes[0])
		}
		if c.name, ok = u.header.Get("TTYPE" + key); !ok {
			c.name = "col" + key
		}
		dim, _ := u.header.Get("TDIM" + key)
		c.rows, c.cols = imageAxes(dim, repeat, strings.EqualFold(c.name, "VIGNET"))
		c.size = bits / 8
		switch code {
		case 'D':
			c.typ, c.decode = "float64", decodeF64(true)
		case 'E':
			c.typ, c.decode = "float32", decodeF32(true)
		case 'K', 'J', 'I':
			c.typ, c.decode = "int"+strconv.Itoa(bits), decodeInt(c.size, true, true)
		case 'B':
			c.typ, c.decode = "uint8", decodeInt(1, false, true)
		}
		if c.decode == nil || c.rows == 0 {
			continue
		}
		if strings.EqualFold(c.name, "VIGNET") {
			c.floor = outsideVignet
		}
		for name, into := range map[string]*float64{"TSCAL": &c.scale, "TZERO": &c.zero, "TNULL": &c.null} {
			if card, ok := u.header.card(name + key); ok {
				if *into, err = card.number(); err != nil {
					return nil, err
				}
			}
		}
		list = append(list, c)
	}
	return list, nil
}

// formBits are the bits of an element of a column by the letter of TFORMn.
var formBits = map[byte]int{'D': 64, 'E': 32, 'K': 64, 'J': 32, 'I': 16, 'B': 8, 'A': 8, 'L': 8, 'X': 1, 'C': 64, 'P': 64, 'M': 128, 'Q': 128}

// tableForm takes TFORMn apart: "1681E" is 1681 elements of type E.
func tableForm(form string) (repeat int, code byte, err error) {
	form = strings.ToUpper(strings.TrimSpace(form))
	digits := strings.IndexFunc(form, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		return 0, 0, fmt.Errorf("TFORM %q", form)
	}
	repeat = 1
	if digits > 0 {
		repeat, err = strconv.Atoi(form[:digits])
	}
	return repeat, form[digits], err
}

// imageAxes are the rows and columns of an image of so many elements; 0 if it is none.
// TDIMn has the fastest axis first.
func imageAxes(dim string, elements int, square bool) (rows, cols int) {
	inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(dim), "("), ")")
	if a, b, ok := strings.Cut(inner, ","); ok {
		cols, e1 := strconv.Atoi(strings.TrimSpace(a))
		rows, e2 := strconv.Atoi(strings.TrimSpace(b))
		if e1 == nil && e2 == nil && rows > 0 && cols > 0 && rows <= elements && cols <= elements && rows*cols == elements {
			return rows, cols
		}
		return 0, 0
	}
	if side := int(math.Round(math.Sqrt(float64(elements)))); square && elements > 1 && side*side == elements {
		return side, side
	}
	return 0, 0
}
