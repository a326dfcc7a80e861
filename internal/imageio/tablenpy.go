package imageio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// npyRows is an npy array of one or two axes, rows x columns, as a table without names.
type npyRows struct{ arrayMatrix }

func (n *npyRows) table() *Table { return &Table{Format: "npy", Part: "npy array"} }

// openNpyTable opens an array of numbers or of records.
func openNpyTable(r io.ReaderAt, size int64) (tableRows, error) {
	h, err := parseNpyRecords(r, size)
	if err != nil {
		return nil, err
	}
	if h.fields != nil {
		return asRows(h.records(r))
	}
	rows, cols := 0, 1
	switch {
	case len(h.shape) == 1:
		rows = h.shape[0]
	case len(h.shape) == 2 && h.shape[1] > 0:
		rows, cols = h.shape[0], h.shape[1]
	default:
		return nil, fmt.Errorf("shape %s, want rows x columns", shapeString(h.shape))
	}
	return &npyRows{arrayMatrix{layout{planes: 1, rows: rows, cols: cols}, h.elements(r), h.fortran && len(h.shape) == 2}}, nil
}

// records makes a table of an array of records.
func (h *npyHeader) records(r io.ReaderAt) (*records, error) {
	if len(h.shape) != 1 {
		return nil, fmt.Errorf("records of shape %s, want one axis", shapeString(h.shape))
	}
	t := &records{r: r, base: h.offset, width: h.size, rows: h.shape[0], format: "npy", part: "npy records"}
	for _, f := range h.fields {
		if f.decode == nil {
			if f.name != "" {
				t.passed = append(t.passed, f.name)
			}
			continue
		}
		t.list = append(t.list, f)
	}
	if len(t.list) == 0 {
		return nil, errors.New("records without a field of single numbers")
	}
	return t, nil
}

// memoryRows is a table whose numbers are in memory.
type memoryRows struct{ t *Table }

func (m *memoryRows) size() (rows, cols int, err error) { return m.t.Rows, m.t.Cols, nil }

func (m *memoryRows) table() *Table {
	out := *m.t
	out.Data = nil
	return &out
}

func (m *memoryRows) read(b Box) ([]float64, error) {
	if err := b.in(m.t.Rows, m.t.Cols); err != nil {
		return nil, err
	}
	if b.R0 == 0 && b.R1 == m.t.Rows && b.C0 == 0 && b.C1 == m.t.Cols {
		return m.t.Data, nil
	}
	var data []float64
	for i := b.R0; i < b.R1; i++ {
		data = append(data, m.t.Data[i*m.t.Cols+b.C0:i*m.t.Cols+b.C1]...)
	}
	return data, nil
}

// openNpzTable makes a table of the one array in an npz file, or of its arrays of one axis,
// each of which is a column.
func openNpzTable(r io.ReaderAt, size int64) (tableRows, error) {
	t := &Table{Format: "npy", Part: "npz, an array a column"}
	packed, err := openNpz(r, size, parseNpyRecords)
	if err != nil {
		return nil, err
	}
	var columns [][]float64
	var others []string
	for i := range packed {
		p := &packed[i]
		if len(p.header.shape) != 1 || p.header.fields != nil {
			others = append(others, fmt.Sprintf("%s %s", shortened(p.name), shapeString(p.header.shape)))
			continue
		}
		if n := p.header.shape[0]; len(t.Names) > 0 && n != t.Rows {
			return nil, fmt.Errorf("npz with arrays of different lengths, %s of %d numbers and %s of %d: want equal ones, the columns", shortened(t.Names[0]), t.Rows, shortened(p.name), n)
		}
		t.Names, t.Rows = append(t.Names, p.name), p.header.shape[0]
	}
	if len(packed) == 1 && len(others) == 1 {
		if whole := packed[0].table(); whole != nil {
			return &memoryRows{whole}, nil
		}
	}
	for i := range packed {
		if p := &packed[i]; len(p.header.shape) == 1 && p.header.fields == nil {
			var a Array
			if err := p.unpack(&a); err != nil {
				return nil, err
			}
			columns = append(columns, a.Data)
		}
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf("npz with the arrays %s: want arrays of one axis, the columns, or one array of rows x columns", Listed(others))
	}
	t.Cols, t.Passed = len(columns), others
	t.Data = make([]float64, t.Rows*t.Cols)
	for j, c := range columns {
		for i, v := range c {
			t.Data[i*t.Cols+j] = v
		}
	}
	return &memoryRows{t}, nil
}

// table is the array as a table of rows x columns; nil if it is none.
func (p *packedArray) table() *Table {
	var t *Table
	if p.verify() != nil {
		return nil
	}
	_ = p.open(func(data io.Reader) error {
		b, err := io.ReadAll(io.LimitReader(data, p.length))
		if err != nil {
			return err
		}
		rows, err := openNpyTable(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return err
		}
		whole := rows.table()
		whole.Rows, whole.Cols, _ = rows.size()
		whole.Part = fmt.Sprintf("npz, array %s", shortened(p.name))
		if whole.Data, err = rows.read(Box{0, whole.Rows, 0, whole.Cols}); err == nil {
			t = whole
		}
		return err
	})
	return t
}

// recordType is the size of one field of an npy record, and its decoder where it is a
// number; text, times and bytes have none.
func recordType(descr string) (size int, decode decoder, err error) {
	h := npyHeader{descr: descr}
	if err := h.resolveType(); err == nil {
		return h.size, h.decode, nil
	}
	var n int
	if len(descr) < 2 {
		return 0, nil, fmt.Errorf("type %q", descr)
	}
	code := descr[1]
	if _, err := fmt.Sscanf(descr[2:], "%d", &n); err != nil || n < 0 || n > math.MaxInt32 {
		return 0, nil, fmt.Errorf("type %q", descr)
	}
	switch code {
	case 'U':
		n *= 4
	case 'S', 'a', 'V', 'M', 'm', 'c', 'f', 'i', 'u', 'b':
	default:
		return 0, nil, fmt.Errorf("type %q holds no numbers", descr)
	}
	return n, nil, nil
}
