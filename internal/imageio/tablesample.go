package imageio

import (
	"fmt"
	"io"
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
	rows, err := openRows(r, size, unit)
	if err != nil {
		return nil, 0, err
	}
	if rows == nil {
		return sampleCSV(r, size, most)
	}
	t := rows.table()
	total, cols, err := rows.size()
	if err != nil {
		return nil, 0, err
	}
	t.Cols = cols
	return t, total, t.sample(total, most, func(i int) ([]float64, error) {
		return rows.read(Box{i, i + 1, 0, cols})
	})
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
func sampleCSV(r io.ReaderAt, size int64, most int) (*Table, int, error) {
	c := newCSVLines(r, size)
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
		if err := t.take(c, func(v float64) { t.Data = append(t.Data, v) }); err != nil {
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
	c.describe(t)
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

// TableNames are the names of the columns of a table, nil if it has none. Of text the lines up
// to the first one of numbers are read.
func TableNames(path string) (names []string, err error) {
	_, err = withTable(path, func(r io.ReaderAt, size int64, unit string) (*Table, error) {
		rows, err := openRows(r, size, unit)
		switch {
		case err != nil:
			return nil, err
		case rows != nil:
			names = rows.table().Names
			return &Table{}, nil
		}
		c := newCSVLines(r, size)
		if !c.next() && c.err == nil {
			c.err = errNoNumbers
		}
		names = c.head.names
		return &Table{}, c.err
	})
	return names, err
}
