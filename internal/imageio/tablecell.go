package imageio

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// mostCell is the largest number of values that ReadCell reads.
const mostCell = 1 << 27

// ReadCell reads the first row of a column of arrays of a FITS binary table, of single or double
// precision. The unit is named by its EXTNAME. The shape is that of TDIMn, the slowest axis first, or
// one axis. The header is the whole one of the table.
func ReadCell(path, unit, column string) (shape []int, values []float64, header Header, err error) {
	r, size, err := open(path)
	if err != nil {
		return nil, nil, nil, err
	}
	defer r.Close()
	shape, values, header, err = readCell(r, size, unit, column)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("imageio: %s: %w", path, err)
	}
	return shape, values, header, nil
}

func readCell(r io.ReaderAt, size int64, name, column string) ([]int, []float64, Header, error) {
	var u *unit
	var seen []string
	for next, err := range units(r, size) {
		if err != nil {
			return nil, nil, nil, err
		}
		if next.name() == name && next.table() && next.extension == "BINTABLE" {
			u = next
			break
		}
		seen = append(seen, next.listed())
	}
	if u == nil {
		return nil, nil, nil, fmt.Errorf("no binary table [%s] in this FITS file; it has %s", name, Listed(seen))
	}
	fields, err := u.fields()
	if err != nil {
		return nil, nil, nil, err
	}
	if u.axes[1] < 1 {
		return nil, nil, nil, fmt.Errorf("the table [%s] has no rows", name)
	}
	end := 0
	var columns []string
	for i := 1; i <= fields; i++ {
		f, err := u.binaryField(i, &end)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("FITS table: %w", err)
		}
		title, _ := u.header.Get("TTYPE" + strconv.Itoa(i))
		columns = append(columns, title)
		if !strings.EqualFold(title, column) {
			continue
		}
		values, err := u.cell(r, i, f)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("column %s of the table [%s]: %w", column, name, err)
		}
		shape, err := u.cellShape(i, len(values))
		return shape, values, u.header, err
	}
	return nil, nil, nil, fmt.Errorf("the table [%s] has no column %s; it has %s", name, column, Listed(columns))
}

// cell decodes the field of the first row.
func (u *unit) cell(r io.ReaderAt, i int, f recordField) ([]float64, error) {
	form, _ := u.header.Get("TFORM" + strconv.Itoa(i))
	form = strings.ToUpper(form)
	width, decode := 0, decoder(nil)
	switch digits := strings.TrimLeft(form, "0123456789"); {
	case strings.HasPrefix(digits, "E"):
		width, decode = 4, decodeF32(true)
	case strings.HasPrefix(digits, "D"):
		width, decode = 8, decodeF64(true)
	default:
		return nil, fmt.Errorf("TFORM%d = %q, want numbers of single or double precision (E or D)", i, form)
	}
	n := f.size / width
	if n < 1 || n > mostCell {
		return nil, fmt.Errorf("%d values, want 1 to %d", n, mostCell)
	}
	raw := make([]byte, f.size)
	if _, err := r.ReadAt(raw, u.data+int64(f.offset)); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	values := make([]float64, n)
	decode(values, raw)
	return values, nil
}

// cellShape is TDIMn of a field of n values.
func (u *unit) cellShape(i, n int) ([]int, error) {
	text, ok := u.header.Get("TDIM" + strconv.Itoa(i))
	if !ok {
		return []int{n}, nil
	}
	var shape []int
	total := 1
	for part := range strings.SplitSeq(strings.Trim(strings.TrimSpace(text), "()"), ",") {
		k, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || k < 1 || k > n {
			return nil, fmt.Errorf("TDIM%d = %q, want sizes with the product %d", i, text, n)
		}
		shape = append([]int{k}, shape...)
		total *= k
	}
	if total != n {
		return nil, fmt.Errorf("TDIM%d = %q, want sizes with the product %d", i, text, n)
	}
	return shape, nil
}
