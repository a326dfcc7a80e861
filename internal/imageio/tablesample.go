package imageio

import (
	"fmt"
	"io"
	"strings"
)

// SampleTable reads an even sample of the rows of a table, at most `most` of them, and
// counts all rows. The formats are those of ReadTable. Memory is that of the sample: of
// npy and FITS files no other rows are read; a CSV file is gone through once, a line at
// a time, and all its lines are held to have equal numbers of fields.
func SampleTable(path string, most int) (t *Table, rows int, err error) {
	name, unit := resolve(path)
	f, size, err := open(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	t, rows, err = sampleTable(f, size, unit, max(1, most))
	if err != nil {
		return nil, 0, fmt.Errorf("imageio: %s: %w", path, err)
	}
	return t, rows, nil
}

func sampleTable(r io.ReaderAt, size int64, unit string, most int) (*Table, int, error) {
	var start [len(fitsMagic)]byte
	n, _ := r.ReadAt(start[:], 0)
	switch {
	case string(start[:n]) == fitsMagic:
		u, err := findTable(r, size, unit)
		if err != nil {
			return nil, 0, err
		}
		f, err := openFITSTable(r, u)
		if err != nil {
			return nil, 0, err
		}
		t := &Table{Cols: len(f.list), Format: "fits"}
		for _, c := range f.list {
			t.Names = append(t.Names, c.name)
		}
		return t, f.rows, t.sample(f.rows, most, func(i int) ([]float64, error) {
			return f.read(Box{i, i + 1, 0, t.Cols})
		})
	case strings.HasPrefix(string(start[:n]), npyMagic):
		h, err := parseNpyHeader(r, size)
		if err != nil {
			return nil, 0, err
		}
		if len(h.shape) != 2 || h.shape[1] == 0 {
			return nil, 0, fmt.Errorf("shape %s, want rows x columns", shapeString(h.shape))
		}
		m := &arrayMatrix{layout{planes: 1, rows: h.shape[0], cols: h.shape[1]}, h.elements(r), h.fortran}
		t := &Table{Cols: h.shape[1], Format: "npy"}
		return t, m.rows, t.sample(m.rows, most, func(i int) ([]float64, error) {
			return m.read(Box{i, i + 1, 0, t.Cols})
		})
	}
	return sampleCSV(io.NewSectionReader(r, 0, size), most)
}

// sample reads rows that lie evenly among all of them.
func (t *Table) sample(rows, most int, read func(row int) ([]float64, error)) error {
	t.Rows = min(rows, most)
	for i := range t.Rows {
		row, err := read(int(float64(i) * float64(rows) / float64(t.Rows)))
		if err != nil {
			return err
		}
		t.Data = append(t.Data, row...)
	}
	return nil
}

// sampleCSV keeps every stride-th line, and doubles the stride when there are twice as
// many as are wanted.
func sampleCSV(r io.Reader, most int) (*Table, int, error) {
	c := newCSVLines(r)
	t := &Table{Format: "csv"}
	rows, stride := 0, 1
	for ; c.next(); rows++ {
		if rows%stride > 0 {
			continue
		}
		if t.Rows == 2*most {
			t.thin(c.cols)
			if stride *= 2; rows%stride > 0 {
				continue
			}
		}
		var err error
		if t.Data, err = c.numbers(t.Data, 0, c.cols); err != nil {
			return nil, 0, err
		}
		t.Rows++
		t.lines = append(t.lines, c.number)
	}
	if c.err == nil && rows == 0 {
		c.err = errNoNumbers
	}
	if c.err != nil {
		return nil, 0, c.err
	}
	t.Names, t.Cols = c.names, c.cols
	if t.Rows > most {
		t.thin(c.cols)
	}
	return t, rows, nil
}

// thin drops every second row.
func (t *Table) thin(cols int) {
	t.Rows = (t.Rows + 1) / 2
	for i := range t.Rows {
		copy(t.Data[i*cols:(i+1)*cols], t.Data[2*i*cols:])
		t.lines[i] = t.lines[2*i]
	}
	t.Data, t.lines = t.Data[:t.Rows*cols], t.lines[:t.Rows]
}
