package imageio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// fitsColumn is one column of a binary table that holds numbers.
type fitsColumn struct {
	name        string
	offset      int // bytes into the row
	size        int
	decode      decoder
	scale, zero float64
	null        float64 // TNULL; NaN: none
}

// fitsTable is an opened binary table (BINTABLE) with its columns of single numbers.
type fitsTable struct {
	r     io.ReaderAt
	unit  *unit
	width int // bytes a row
	rows  int
	list  []fitsColumn
}

func openFITSTable(r io.ReaderAt, u *unit) (*fitsTable, error) {
	list, err := u.columns()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("the table %s has no column of single numbers", u.describe())
	}
	return &fitsTable{r: r, unit: u, width: u.axes[0], rows: u.axes[1], list: list}, nil
}

func (t *fitsTable) size() (rows, cols int, err error) { return t.rows, len(t.list), nil }

// read gets a part of the numbers. A row has at most 999 columns and is read whole.
func (t *fitsTable) read(b Box) ([]float64, error) {
	if err := b.in(t.rows, len(t.list)); err != nil {
		return nil, err
	}
	n, cols := b.R1-b.R0, b.C1-b.C0
	data := make([]float64, n*cols)
	buf := make([]byte, min(n, max(1, bufferBytes/t.width))*t.width)
	var v [1]float64
	for at := 0; at < n; {
		k := min(n-at, len(buf)/t.width)
		raw := buf[:k*t.width]
		if got, err := t.r.ReadAt(raw, t.unit.data+int64(b.R0+at)*int64(t.width)); got < len(raw) {
			return nil, fmt.Errorf("data end after %d of %d bytes: %w", got, len(raw), err)
		}
		for i := range k {
			for j, c := range t.list[b.C0:b.C1] {
				c.decode(v[:], raw[i*t.width+c.offset:][:c.size])
				x := c.zero + c.scale*v[0]
				if v[0] == c.null {
					x = math.NaN()
				}
				data[(at+i)*cols+j] = x
			}
		}
		at += k
	}
	return data, nil
}

func readFITSTable(r io.ReaderAt, size int64, want string) (*Table, error) {
	u, err := findTable(r, size, want)
	if err != nil {
		return nil, err
	}
	f, err := openFITSTable(r, u)
	if err != nil {
		return nil, err
	}
	t := &Table{Rows: f.rows, Cols: len(f.list), Format: "fits"}
	for _, c := range f.list {
		t.Names = append(t.Names, c.name)
	}
	t.Data, err = f.read(Box{0, t.Rows, 0, t.Cols})
	return t, err
}

// table tells whether the unit is a table of numbers.
func (u *unit) table() bool {
	return u.extension == "BINTABLE" && len(u.axes) == 2 && u.bitpix == 8 && u.tiles == nil && u.damaged == nil
}

// findTable walks the file to the first binary table, or the one wanted.
func findTable(r io.ReaderAt, size int64, want string) (*unit, error) {
	var seen []string
	for u, err := range units(r, size) {
		if err != nil {
			return nil, err
		}
		if u.called(want) && u.table() {
			return u, nil
		}
		seen = append(seen, u.listed())
	}
	return nil, fmt.Errorf("no binary table in this FITS file; it has %s", strings.Join(seen, ", "))
}

// columns reads TFORMn and what goes with it; columns of text, bits or arrays are
// passed over.
func (u *unit) columns() ([]fitsColumn, error) {
	c, ok := u.header.card("TFIELDS")
	if !ok {
		return nil, fmt.Errorf("FITS table without TFIELDS")
	}
	fields, err := c.integer()
	if err != nil {
		return nil, err
	}
	if fields < 0 || fields > 999 {
		return nil, fmt.Errorf("FITS table: TFIELDS = %d, want 0 to 999", fields)
	}
	var list []fitsColumn
	offset := 0
	for i := 1; i <= int(fields); i++ {
		key := strconv.Itoa(i)
		form, ok := u.header.Get("TFORM" + key)
		if !ok {
			return nil, fmt.Errorf("FITS table without TFORM%d", i)
		}
		form = strings.ToUpper(form)
		digits := strings.IndexFunc(form, func(r rune) bool { return r < '0' || r > '9' })
		if digits < 0 {
			return nil, fmt.Errorf("FITS table: TFORM%d = %q", i, form)
		}
		repeat := 1
		if digits > 0 {
			if repeat, err = strconv.Atoi(form[:digits]); err != nil || repeat > u.axes[0]*8 {
				return nil, fmt.Errorf("FITS table: TFORM%d = %q does not fit into rows of %d bytes", i, form, u.axes[0])
			}
		}
		col := fitsColumn{offset: offset, scale: 1, null: math.NaN()}
		bits := 0
		switch form[digits] {
		case 'D':
			bits, col.decode = 64, decodeF64(true)
		case 'E':
			bits, col.decode = 32, decodeF32(true)
		case 'K':
			bits, col.decode = 64, decodeInt(8, true, true)
		case 'J':
			bits, col.decode = 32, decodeInt(4, true, true)
		case 'I':
			bits, col.decode = 16, decodeInt(2, true, true)
		case 'B':
			bits, col.decode = 8, decodeInt(1, false, true)
		case 'A', 'L':
			bits = 8
		case 'X':
			bits = 1
		case 'C', 'P':
			bits = 64
		case 'M', 'Q':
			bits = 128
		default:
			return nil, fmt.Errorf("FITS table: TFORM%d = %q", i, form)
		}
		bytes := (repeat*bits + 7) / 8
		if offset += bytes; offset > u.axes[0] {
			return nil, fmt.Errorf("FITS table: columns of more than the %d bytes of a row", u.axes[0])
		}
		if col.decode == nil || repeat != 1 {
			continue
		}
		col.size = bytes
		for name, into := range map[string]*float64{"TSCAL": &col.scale, "TZERO": &col.zero, "TNULL": &col.null} {
			if card, ok := u.header.card(name + key); ok {
				if *into, err = card.number(); err != nil {
					return nil, err
				}
			}
		}
		if col.name, ok = u.header.Get("TTYPE" + key); !ok {
			col.name = "col" + key
		}
		list = append(list, col)
	}
	return list, nil
}

// writeFITS writes an empty primary unit and one binary table of doubles.
func (t *Table) writeFITS(w io.Writer) error {
	var head strings.Builder
	put := func(key, value string) { fmt.Fprintf(&head, "%-80s", fmt.Sprintf("%-8s= %20s", key, value)) }
	text := func(key, value string) { fmt.Fprintf(&head, "%-80s", fmt.Sprintf("%-8s= '%-8s'", key, value)) }
	end := func() {
		fmt.Fprintf(&head, "%-80s", "END")
		head.WriteString(strings.Repeat(" ", (blockBytes-head.Len()%blockBytes)%blockBytes))
	}
	put("SIMPLE", "T")
	put("BITPIX", "8")
	put("NAXIS", "0")
	put("EXTEND", "T")
	end()
	text("XTENSION", "BINTABLE")
	put("BITPIX", "8")
	put("NAXIS", "2")
	put("NAXIS1", strconv.Itoa(8*t.Cols))
	put("NAXIS2", strconv.Itoa(t.Rows))
	put("PCOUNT", "0")
	put("GCOUNT", "1")
	put("TFIELDS", strconv.Itoa(t.Cols))
	for i := range t.Cols {
		name := "col" + strconv.Itoa(i+1)
		if t.Names != nil {
			name = t.Names[i]
		}
		text("TTYPE"+strconv.Itoa(i+1), strings.ReplaceAll(name, "'", "''"))
		text("TFORM"+strconv.Itoa(i+1), "1D")
	}
	end()
	if _, err := io.WriteString(w, head.String()); err != nil {
		return err
	}
	row := make([]byte, 8*t.Cols)
	for i := range t.Rows {
		for j, v := range t.Data[i*t.Cols : (i+1)*t.Cols] {
			binary.BigEndian.PutUint64(row[8*j:], math.Float64bits(v))
		}
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	_, err := w.Write(make([]byte, (blockBytes-8*t.Cols*t.Rows%blockBytes)%blockBytes))
	return err
}
