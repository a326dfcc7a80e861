package imageio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// table tells whether the unit is a table.
func (u *unit) table() bool {
	return (u.extension == "BINTABLE" || u.extension == "TABLE") && len(u.axes) == 2 && u.bitpix == 8 && u.tiles == nil && u.damaged == nil
}

// findTable walks the file to the first table with numbers in it, or to the one wanted.
func findTable(r io.ReaderAt, size int64, want string) (*records, error) {
	var seen []string
	for u, err := range units(r, size) {
		if err != nil {
			return nil, err
		}
		if u.called(want) && u.table() {
			t, err := openFITSTable(r, u)
			if err == nil && len(t.list) > 0 && want == "" {
				t.others = otherTables(r, size, u.index)
			}
			if err != nil || len(t.list) > 0 {
				return t, err
			}
			if want != "" {
				return nil, fmt.Errorf("the table %s has no column of single numbers", u.describe())
			}
		}
		seen = append(seen, u.listed())
	}
	what := "no table with numbers in this FITS file"
	if want != "" {
		what = fmt.Sprintf("no table [%s] in this FITS file", shortened(want))
	}
	return nil, fmt.Errorf("%s; it has %s", what, Listed(seen))
}

// otherTables lists the tables of a file but for one.
func otherTables(r io.ReaderAt, size int64, but int) []string {
	var list []string
	for u, err := range units(r, size) {
		if err != nil {
			break
		}
		if u.table() && u.index != but {
			list = append(list, u.label())
		}
	}
	return list
}

func openFITSTable(r io.ReaderAt, u *unit) (*records, error) {
	t := &records{r: r, base: u.data, width: u.axes[0], rows: u.axes[1], format: "fits", part: "FITS table " + u.listed()}
	fields, err := u.fields()
	if err != nil {
		return nil, err
	}
	read := u.binaryField
	if u.extension == "TABLE" {
		read = u.textField
		t.part = "FITS ASCII table " + u.listed()
	}
	end := 0 // of the columns so far, bytes into the row
	for i := 1; i <= fields; i++ {
		f, err := read(i, &end)
		if err != nil {
			return nil, fmt.Errorf("FITS table: %w", err)
		}
		key := strconv.Itoa(i)
		for name, into := range map[string]*float64{"TSCAL": &f.scale, "TZERO": &f.zero, "TNULL": &f.null} {
			card, ok := u.header.card(name + key)
			if !ok || f.decode == nil && f.text == nil || name == "TNULL" && f.text != nil {
				continue
			}
			if *into, err = card.number(); err != nil {
				return nil, err
			}
		}
		var ok bool
		if f.name, ok = u.header.Get("TTYPE" + key); !ok {
			f.name = "col" + key
		}
		f.unit, _ = u.header.Get("TUNIT" + key)
		if f.decode == nil && f.text == nil {
			t.passed = append(t.passed, f.name)
			continue
		}
		t.list = append(t.list, f)
	}
	return t, nil
}

// fields is TFIELDS.
func (u *unit) fields() (int, error) {
	c, ok := u.header.card("TFIELDS")
	if !ok {
		return 0, errors.New("FITS table without TFIELDS")
	}
	n, err := c.integer()
	if err != nil {
		return 0, err
	}
	if n < 0 || n > 999 {
		return 0, fmt.Errorf("FITS table: TFIELDS = %d, want 0 to 999", n)
	}
	return int(n), nil
}

// binaryField reads TFORMn of a binary table. Columns of text, bits or arrays have no
// decoder.
func (u *unit) binaryField(i int, end *int) (recordField, error) {
	f := recordField{offset: *end, scale: 1, null: math.NaN()}
	form, ok := u.header.Get("TFORM" + strconv.Itoa(i))
	if !ok {
		return f, fmt.Errorf("without TFORM%d", i)
	}
	form = strings.ToUpper(form)
	digits := strings.IndexFunc(form, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		return f, fmt.Errorf("TFORM%d = %q", i, form)
	}
	repeat := 1
	if digits > 0 {
		var err error
		if repeat, err = strconv.Atoi(form[:digits]); err != nil || repeat > u.axes[0]*8 {
			return f, fmt.Errorf("TFORM%d = %q does not fit into rows of %d bytes", i, form, u.axes[0])
		}
	}
	bits := 0
	switch form[digits] {
	case 'D':
		bits, f.decode = 64, decodeF64(true)
	case 'E':
		bits, f.decode = 32, decodeF32(true)
	case 'K':
		bits, f.decode = 64, decodeInt(8, true, true)
	case 'J':
		bits, f.decode = 32, decodeInt(4, true, true)
	case 'I':
		bits, f.decode = 16, decodeInt(2, true, true)
	case 'B':
		bits, f.decode = 8, decodeInt(1, false, true)
	case 'A', 'L':
		bits = 8
	case 'X':
		bits = 1
	case 'C', 'P':
		bits = 64
	case 'M', 'Q':
		bits = 128
	default:
		return f, fmt.Errorf("TFORM%d = %q", i, form)
	}
	if repeat != 1 {
		f.decode = nil
	}
	f.size = (repeat*bits + 7) / 8
	if *end += f.size; *end > u.axes[0] {
		return f, fmt.Errorf("columns of more than the %d bytes of a row", u.axes[0])
	}
	return f, nil
}

// textField reads TBCOLn and TFORMn (Aw, Iw, Fw.d, Ew.d, Dw.d) of an ASCII table. An empty
// field is missing, and so is TNULLn.
func (u *unit) textField(i int, end *int) (recordField, error) {
	f := recordField{scale: 1, null: math.NaN()}
	key := strconv.Itoa(i)
	form, ok := u.header.Get("TFORM" + key)
	if !ok || form == "" {
		return f, fmt.Errorf("without TFORM%d", i)
	}
	width, places, _ := strings.Cut(form[1:], ".")
	var err error
	if f.size, err = strconv.Atoi(width); err != nil || f.size < 1 || f.size > u.axes[0] {
		return f, fmt.Errorf("TFORM%d = %q, want a width within the rows of %d characters", i, form, u.axes[0])
	}
	begin, ok := u.header.card("TBCOL" + key)
	if !ok {
		return f, fmt.Errorf("without TBCOL%d", i)
	}
	at, err := begin.integer()
	if err != nil {
		return f, err
	}
	if at < 1 || at-1 > int64(u.axes[0]-f.size) {
		return f, fmt.Errorf("TBCOL%d = %d and TFORM%d = %q do not fit into rows of %d characters", i, at, i, form, u.axes[0])
	}
	f.offset = int(at - 1)
	*end = max(*end, f.offset+f.size)
	implied := 0 // digits behind a decimal point that is not written
	switch form[0] {
	case 'A', 'a':
		return f, nil
	case 'I', 'i':
	case 'F', 'f', 'E', 'e', 'D', 'd':
		if implied, err = strconv.Atoi(places); err != nil && places != "" || implied < 0 || implied > 300 {
			return f, fmt.Errorf("TFORM%d = %q", i, form)
		}
	default:
		return f, fmt.Errorf("TFORM%d = %q, want A, I, F, E or D", i, form)
	}
	null, hasNull := u.header.Get("TNULL" + key)
	f.text = func(b []byte) (float64, error) {
		s := strings.TrimSpace(string(b))
		if s == "" || strings.Trim(s, "\x00") == "" || hasNull && s == strings.TrimSpace(null) {
			return math.NaN(), nil
		}
		number := strings.Map(func(r rune) rune {
			switch r {
			case 'D', 'd':
				return 'e'
			case ' ':
				return -1
			}
			return r
		}, s)
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is not a number", s)
		}
		if implied > 0 && !strings.ContainsAny(number, ".eE") {
			v /= math.Pow(10, float64(implied))
		}
		return v, nil
	}
	return f, nil
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
