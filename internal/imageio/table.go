package imageio

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
)

// Table is rows of numbers with named columns, such as scattered observations.
type Table struct {
	Names  []string // of the columns; nil if the file has none
	Rows   int
	Cols   int
	Data   []float64 // Rows x Cols, row-major; NaN = missing
	Format string    // "csv", "npy" or "fits"
	lines  []int     // CSV: the line of each row
}

// Where is the place of a row in the file, for messages.
func (t *Table) Where(row int) string {
	if t.lines != nil {
		return fmt.Sprintf("line %d", t.lines[row])
	}
	return fmt.Sprintf("row %d", row)
}

// Column is the index of a column, from 0, given its name in upper or lower case or its
// number, counted from 1; -1 if there is no such column.
func (t *Table) Column(name string) int {
	if i := slices.IndexFunc(t.Names, func(s string) bool { return strings.EqualFold(s, name) }); i >= 0 {
		return i
	}
	var n int
	if _, err := fmt.Sscanf(name, "%d", &n); err == nil && fmt.Sprint(n) == name && n >= 1 && n <= t.Cols {
		return n - 1
	}
	return -1
}

// ReadTable reads a table of numbers from CSV (separated by commas, semicolons, tabs or
// blanks; lines that start with # are comments; a first line without numbers names the
// columns), npy (rows x columns) or FITS: the first table extension, or the one that
// path[NAME] names. The first bytes of a file decide its format, not its name.
func ReadTable(path string) (*Table, error) {
	name, unit := resolve(path)
	f, size, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := readTable(f, size, unit)
	if err != nil {
		return nil, fmt.Errorf("imageio: %s: %w", path, err)
	}
	return t, nil
}

func readTable(r io.ReaderAt, size int64, unit string) (*Table, error) {
	var start [len(fitsMagic)]byte
	n, _ := r.ReadAt(start[:], 0)
	switch {
	case string(start[:n]) == fitsMagic:
		return readFITSTable(r, size, unit)
	case strings.HasPrefix(string(start[:n]), npyMagic):
		return readNpyTable(r, size)
	}
	return readCSV(io.NewSectionReader(r, 0, size))
}

func readNpyTable(r io.ReaderAt, size int64) (*Table, error) {
	h, err := parseNpyHeader(r, size)
	if err != nil {
		return nil, err
	}
	if len(h.shape) != 2 || h.shape[1] == 0 {
		return nil, fmt.Errorf("shape %s, want rows x columns", shapeString(h.shape))
	}
	a, err := h.readRows(r, 0, h.shape[0])
	if err != nil {
		return nil, err
	}
	return &Table{Rows: h.shape[0], Cols: h.shape[1], Data: a.Data, Format: "npy"}, nil
}

// WriteTable writes a table in the format of the path's extension: .csv, .npy
// (without names), .fits or .fit.
func WriteTable(path string, t *Table) error {
	if len(t.Data) != t.Rows*t.Cols || t.Names != nil && len(t.Names) != t.Cols {
		return fmt.Errorf("imageio: writing %s: %d numbers and %d names for %d rows of %d", path, len(t.Data), len(t.Names), t.Rows, t.Cols)
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npy":
		return WriteNpy(path, []int{t.Rows, t.Cols}, t.Data)
	case ".csv":
		return WriteAtomic(path, t.writeCSV)
	case ".fits", ".fit":
		return WriteAtomic(path, t.writeFITS)
	}
	return fmt.Errorf("imageio: %s: a table ends in .csv, .npy or .fits", path)
}

// describe prints the columns, each with the range of its values.
func (t *Table) describe(w io.Writer) {
	fmt.Fprintf(w, "  format\t%s, table\n  shape\t%d rows of %d columns\n", t.Format, t.Rows, t.Cols)
	for j := range t.Cols {
		name := fmt.Sprintf("column %d", j+1)
		if t.Names != nil {
			name = t.Names[j]
		}
		lo, hi, missing := math.Inf(1), math.Inf(-1), 0
		for i := range t.Rows {
			v := t.Data[i*t.Cols+j]
			if math.IsNaN(v) {
				missing++
				continue
			}
			lo, hi = min(lo, v), max(hi, v)
		}
		fmt.Fprintf(w, "  %s\t%.6g to %.6g, %d missing\n", name, lo, hi, missing)
	}
}
