package imageio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Table is rows of numbers with named columns, such as scattered observations.
type Table struct {
	Names     []string // of the columns, "" = one without a name; nil if the file has none
	Units     []string // of the columns, "" = not said; nil if the file says none
	Commented bool     // the names come from a comment, which may have meant something else
	Rows      int
	Cols      int
	Data      []float64 // Rows x Cols, row-major; NaN = missing, or text
	Format    string    // "csv", "npy" or "fits"
	Part      string    // what was read, in words
	Others    []string  // FITS: the other tables of the file, which are not read, in words
	Passed    []string  // names of columns that are not in Data: texts and arrays

	lines []int          // CSV: the line of each row
	texts map[int]*texts // by column
}

// texts are the fields of a column that are neither numbers nor marks of missing ones.
type texts struct {
	count int
	line  int    // of the first
	first string // its beginning
}

func (t *Table) addText(column, line int, field []byte) {
	if t.texts == nil {
		t.texts = map[int]*texts{}
	}
	if t.texts[column] == nil {
		t.texts[column] = &texts{line: line, first: string(field[:min(len(field), 40)])}
	}
	t.texts[column].count++
}

// Text tells how many fields of a column hold text, and where the first is and what it
// says; 0 of a column of numbers.
func (t *Table) Text(column int) (count int, where string) {
	if x := t.texts[column]; x != nil {
		return x.count, fmt.Sprintf("line %d, column %d: %s is not a number", x.line, column+1, Quoted(string(x.first)))
	}
	return 0, ""
}

// FirstText is the beginning of the first field of a column that holds text.
func (t *Table) FirstText(column int) string {
	if x := t.texts[column]; x != nil {
		return x.first
	}
	return ""
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
	if i := slices.Index(t.Names, name); i >= 0 && name != "" {
		return i
	}
	if i := slices.IndexFunc(t.Names, func(s string) bool { return strings.EqualFold(s, name) }); i >= 0 && name != "" {
		return i
	}
	var n int
	if _, err := fmt.Sscanf(name, "%d", &n); err == nil && fmt.Sprint(n) == name && n >= 1 && n <= t.Cols {
		return n - 1
	}
	return -1
}

// Unit of a column, "" if the file does not say it.
func (t *Table) Unit(column int) string {
	if t.Units == nil {
		return ""
	}
	return t.Units[column]
}

// ReadTable reads a table of numbers. The first bytes of a file decide its format, not its
// name; any of them may be compressed with gzip.
//
//   - Text: UTF-8 or UTF-16, lines that end with \n, \r\n or \r, fields parted by tabs,
//     semicolons, commas, bars or blanks, or as in IPAC tables. Lines that start with # are comments. A first line
//     without numbers, or with text above numbers, names the columns, and so may the last
//     comment; a line of units and one of dashes may follow. Machine-readable tables (MRT) describe their columns. Numbers may have D exponents,
//     and decimal commas where commas do not part the fields.
//   - npy: rows x columns, one axis (one column), or records.
//   - npz: one such array, or arrays of one axis and equal length, which are columns.
//   - FITS: a binary or an ASCII table, the first with numbers in it, or path[NAME].
func ReadTable(path string) (*Table, error) {
	return withTable(path, readTable)
}

func withTable(path string, use func(r io.ReaderAt, size int64, unit string) (*Table, error)) (*Table, error) {
	name, unit := resolve(path)
	f, size, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := use(f, size, unit)
	if err != nil {
		return nil, fmt.Errorf("imageio: %s: %w", path, err)
	}
	if f.gzip {
		t.Part += ", gzip"
	}
	return t, nil
}

func readTable(r io.ReaderAt, size int64, unit string) (*Table, error) {
	rows, err := openRows(r, size, unit)
	if err != nil {
		return nil, err
	}
	if rows == nil {
		return readCSV(r, size)
	}
	t := rows.table()
	t.Rows, t.Cols, err = rows.size()
	if err != nil || t.Rows == 0 {
		return t, err
	}
	t.Data, err = rows.read(Box{0, t.Rows, 0, t.Cols})
	return t, err
}

// tableRows is a table in a file whose rows can be read alone.
type tableRows interface {
	matrix
	table() *Table // its names and so on, without numbers
}

var (
	_ tableRows = (*records)(nil)
	_ tableRows = (*npyRows)(nil)
	_ tableRows = (*memoryRows)(nil)
)

// openRows opens a table whose rows can be read alone; nil for text.
func openRows(r io.ReaderAt, size int64, unit string) (tableRows, error) {
	var start [recognised]byte
	n, _ := r.ReadAt(start[:], 0)
	head := start[:n]
	has := func(magic string) bool { return strings.HasPrefix(string(head), magic) }
	switch {
	case len(head) == 0:
		return nil, errors.New("the file is empty")
	case has(fitsMagic):
		return asRows(findTable(r, size, unit))
	case unit != "" && has(zipMagic):
		array, length, err := arrayOfNpz(r, size, unit)
		if err != nil {
			return nil, err
		}
		return openNpyTable(array, length)
	case unit != "":
		return nil, fmt.Errorf("[%s] selects an HDU of a FITS file or an array of an npz file, and this is neither", unit)
	case has(npyMagic):
		return openNpyTable(r, size)
	case has(zipMagic):
		if what := otherZip(r, size); what != "" {
			return nil, notATable(what)
		}
		return openNpzTable(r, size)
	}
	if what := otherFormat(head); what != "" {
		return nil, notATable(what)
	}
	if isBinary(head) {
		return nil, errBinary
	}
	return nil, nil
}

// asRows is nil where there is an error.
func asRows(t *records, err error) (tableRows, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
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

func (t *Table) writeCSV(w io.Writer) error {
	b := bufio.NewWriter(w)
	if t.Names != nil {
		for j, name := range t.Names {
			if j > 0 {
				b.WriteByte(',')
			}
			if strings.ContainsAny(name, ",;\t\"#%!") {
				name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
			}
			b.WriteString(name)
		}
		b.WriteByte('\n')
	}
	var line []byte
	for i := range t.Rows {
		line = line[:0]
		for j, v := range t.Data[i*t.Cols : (i+1)*t.Cols] {
			if j > 0 {
				line = append(line, ',')
			}
			line = strconv.AppendFloat(line, v, 'g', -1, 64)
		}
		b.Write(append(line, '\n'))
	}
	return b.Flush()
}
