package imageio

import (
	"fmt"
	"io"
)

// ReadFields reads the fields of a table of text as they stand in the file, numbers and texts
// alike: the names of the columns, nil where there are none, and the rows, which are those of
// ReadTable. Of a table that is no text both are nil.
func ReadFields(path string) (names []string, rows [][]string, err error) {
	_, err = withTable(path, func(r io.ReaderAt, size int64, unit string) (*Table, error) {
		t, err := readTable(r, size, unit)
		if err != nil || t.Format != "csv" {
			return t, err
		}
		c := newCSVLines(r, size)
		for c.next() {
			var row []string
			err := c.each(c.cols, func(_ int, field []byte) error {
				row = append(row, string(field))
				return nil
			})
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		if c.err == nil && len(rows) != t.Rows {
			c.err = fmt.Errorf("%d rows, and then %d: it changed while it was read", t.Rows, len(rows))
		}
		names = t.Names
		return t, c.err
	})
	if err != nil {
		return nil, nil, err
	}
	return names, rows, nil
}
