package imageio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// StatMatrix reads the size of a matrix. A matrix is an npy file of two axes, a
// two-dimensional image or binary table of a FITS file (the first one, or that of
// path[NAME]), or a CSV file, which may have a line of names as in ReadTable. A CSV file is
// read once, a line at a time; lines with different numbers of fields are an error.
func StatMatrix(path string) (rows, cols int, err error) {
	err = withMatrix(path, func(m matrix) error {
		rows, cols, err = m.size()
		if err == nil && rows == 0 {
			err = errNoNumbers
		}
		return err
	})
	return rows, cols, err
}

// ReadMatrix reads the numbers of a matrix that are in box, row-major. All of them must be
// finite: the first that is missing, NaN or infinite is an error, which says where it is.
//
// Of npy files and FITS images it reads no other bytes, of FITS tables whole rows, and of
// CSV files the lines up to the last row of box. It needs memory for the result, a line of
// CSV and a buffer.
func ReadMatrix(path string, box Box) ([]float64, error) {
	var data []float64
	err := withMatrix(path, func(m matrix) error {
		var err error
		data, err = readPart(m, box)
		return err
	})
	return data, err
}

// matrix is an opened file with a matrix in it.
type matrix interface {
	size() (rows, cols int, err error)
	// read gets a part that is not empty, if it is in the matrix.
	read(Box) ([]float64, error)
}

var (
	_ matrix = (*arrayMatrix)(nil)
	_ matrix = (*records)(nil)
	_ matrix = (*csvMatrix)(nil)
)

func withMatrix(path string, use func(matrix) error) error {
	name, unit := resolve(path)
	f, size, err := open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := openMatrix(f, size, unit)
	if err == nil {
		err = use(m)
	}
	if err != nil {
		return fmt.Errorf("imageio: %s: %w", path, err)
	}
	return nil
}

// openMatrix recognises a file by its first bytes.
func openMatrix(r io.ReaderAt, size int64, unit string) (matrix, error) {
	var start [recognised]byte
	n, _ := r.ReadAt(start[:], 0)
	head := start[:n]
	switch {
	case n == 0:
		return nil, errors.New("the file is empty")
	case bytes.HasPrefix(head, []byte(fitsMagic)):
		return fitsMatrix(r, size, unit)
	case strings.HasPrefix(string(head), zipMagic):
		return npzMatrix(r, size, unit)
	case unit != "":
		return nil, fmt.Errorf("[%s] selects an HDU of a FITS file or an array of an npz file, and this is neither", shortened(unit))
	case strings.HasPrefix(string(head), npyMagic):
		return npyMatrix(r, size)
	case bytes.HasPrefix(head, []byte(pngMagic)), bytes.HasPrefix(head, []byte(jpegMagic)), isTIFF(head):
		return nil, errors.New("a picture, not a matrix")
	}
	if what := otherFormat(head); what != "" {
		return nil, fmt.Errorf("the file is %s, not a matrix that can be read: save it as npy, npz, FITS or CSV (text)%s", what, unpacking(what))
	}
	if isBinary(head) {
		return nil, errBinary
	}
	return &csvMatrix{r, size}, nil
}

// readPart reads a part of a matrix and holds its numbers to be finite.
func readPart(m matrix, b Box) ([]float64, error) {
	if b.R0 < 0 || b.R1 < b.R0 || b.C0 < 0 || b.C1 < b.C0 {
		return nil, fmt.Errorf("rows %d to %d and columns %d to %d of a matrix", b.R0, b.R1, b.C0, b.C1)
	}
	if b.R0 == b.R1 || b.C0 == b.C1 {
		return nil, nil
	}
	data, err := m.read(b)
	if err != nil {
		return nil, err
	}
	if i := notFinite(data); i >= 0 {
		w := b.C1 - b.C0
		return nil, fmt.Errorf("row %d, column %d, counted from 1: %g", b.R0+i/w+1, b.C0+i%w+1, data[i])
	}
	return data, nil
}

// in tells whether the box ends in a matrix of that size.
func (b Box) in(rows, cols int) error {
	if b.R1 > rows || b.C1 > cols {
		return fmt.Errorf("rows %d to %d and columns %d to %d of a matrix of %d x %d", b.R0, b.R1, b.C0, b.C1, rows, cols)
	}
	return nil
}

// notFinite is the place of the first number that is NaN or infinite, or -1.
func notFinite(x []float64) int {
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return i
		}
	}
	return -1
}

// arrayMatrix is an array of two axes in an npy or FITS file.
type arrayMatrix struct {
	layout
	elements numbers
	fortran  bool
}

func npyMatrix(r io.ReaderAt, size int64) (matrix, error) {
	h, err := parseNpyRecords(r, size)
	if err != nil {
		return nil, err
	}
	if h.fields != nil {
		return h.records(r)
	}
	if len(h.shape) != 2 || h.count == 0 {
		return nil, fmt.Errorf("shape %s, want rows x columns", shapeString(h.shape))
	}
	return &arrayMatrix{layout{planes: 1, rows: h.shape[0], cols: h.shape[1]}, h.elements(r), h.fortran}, nil
}

// npzMatrix is an array of an npz file, or, where all arrays have one axis, their columns.
func npzMatrix(r io.ReaderAt, size int64, name string) (matrix, error) {
	array, length, err := arrayOfNpz(r, size, name)
	if err == nil {
		return npyMatrix(array, length)
	}
	if name == "" {
		if t, e := openNpzTable(r, size); e == nil {
			return t, nil
		}
	}
	return nil, err
}

func (m *arrayMatrix) size() (rows, cols int, err error) { return m.rows, m.cols, nil }

func (m *arrayMatrix) read(b Box) ([]float64, error) {
	if err := b.in(m.rows, m.cols); err != nil {
		return nil, err
	}
	ax := m.axes(b, m.fortran)
	if err := m.elements.verify(ax); err != nil {
		return nil, err
	}
	n := (b.R1 - b.R0) * (b.C1 - b.C0)
	if err := room(int64(n)); err != nil {
		return nil, err
	}
	data := make([]float64, n)
	return data, m.elements.gather(data, ax)
}

// fitsMatrix opens the first unit that is a matrix, or the one wanted.
func fitsMatrix(r io.ReaderAt, size int64, want string) (matrix, error) {
	var seen []string
	for u, err := range units(r, size) {
		switch {
		case err != nil:
			return nil, err
		case u.called(want) && u.damaged != nil:
			return nil, u.damaged
		case u.called(want) && u.image() && len(u.axes) == 2:
			e, err := u.elements(r)
			return &arrayMatrix{layout{planes: 1, rows: u.axes[1], cols: u.axes[0]}, e, false}, err
		case u.called(want) && u.table():
			t, err := openFITSTable(r, u)
			if err == nil && len(t.list) == 0 {
				err = fmt.Errorf("the table %s has no column of single numbers", u.describe())
			}
			return t, err
		}
		seen = append(seen, u.listed())
	}
	what := "no image of two axes and no binary table"
	if want != "" {
		what += fmt.Sprintf(" called [%s]", shortened(want))
	}
	what += " in this FITS file"
	return nil, fmt.Errorf("%s; it has %s", what, Listed(seen))
}

// csvMatrix is numbers in lines of text.
type csvMatrix struct {
	r     io.ReaderAt
	bytes int64
}

func (m *csvMatrix) lines() *csvLines {
	return newCSVLines(m.r, m.bytes)
}

func (m *csvMatrix) size() (rows, cols int, err error) {
	c := m.lines()
	for c.next() {
		rows++
	}
	return rows, c.cols, c.err
}

func (m *csvMatrix) read(b Box) ([]float64, error) {
	n, err := product([]int{b.R1 - b.R0, b.C1 - b.C0})
	if err != nil {
		return nil, err
	}
	// A number takes two bytes with what separates it from the next; compressed text may
	// hold more, for which the slice grows.
	long := min(int64(n), (m.bytes+1)/2)
	if !cheap(m.r, long, m.bytes) {
		if err := m.numbers(b, func(float64) {}); err != nil {
			return nil, err
		}
	}
	data := make([]float64, 0, long)
	err = m.numbers(b, func(v float64) { data = append(data, v) })
	if err != nil {
		return nil, err
	}
	return data, nil
}

// numbers calls use with the numbers of a part, row by row.
func (m *csvMatrix) numbers(b Box, use func(float64)) error {
	c := m.lines()
	row := 0
	for ; row < b.R1 && c.next(); row++ {
		if row < b.R0 {
			continue
		}
		if b.C1 > c.cols {
			break
		}
		err := c.numbers(b.C0, b.C1, func(i int, v float64) error {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("line %d, column %d: %g", c.number, i+1, v)
			}
			use(v)
			return nil
		})
		if err != nil {
			return err
		}
	}
	switch {
	case c.err != nil:
		return c.err
	case c.cols == 0:
		return errNoNumbers
	case b.C1 > c.cols:
		return fmt.Errorf("columns %d to %d of a matrix of %d columns", b.C0, b.C1, c.cols)
	}
	return b.in(row, c.cols)
}
