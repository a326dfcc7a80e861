package imageio

import (
	"fmt"
	"io"
	"math"
)

// recordField is a number at a fixed place of every record.
type recordField struct {
	name, unit  string
	offset      int // bytes into the record
	size        int
	decode      decoder
	text        func([]byte) (float64, error) // instead of decode, of a field of text
	scale, zero float64
	null        float64 // the stored number that means missing; NaN: none
}

// records is a table of records of equal length: a FITS table, or an npy file of records.
type records struct {
	r      io.ReaderAt
	base   int64 // byte offset of the first record
	width  int   // bytes a record
	rows   int
	list   []recordField
	passed []string // names of the other fields
	format string
	part   string
	others []string // other tables of the file
}

func (t *records) size() (rows, cols int, err error) { return t.rows, len(t.list), nil }

func (t *records) table() *Table {
	out := &Table{Format: t.format, Part: t.part, Passed: t.passed, Others: t.others}
	if len(t.others) > 0 {
		out.Part += "; left out: " + Listed(t.others)
	}
	units := false
	for _, c := range t.list {
		out.Names, out.Units = append(out.Names, c.name), append(out.Units, c.unit)
		units = units || c.unit != ""
	}
	if !units {
		out.Units = nil
	}
	return out
}

// read gets a part of the numbers. Records are read whole.
func (t *records) read(b Box) ([]float64, error) {
	if err := b.in(t.rows, len(t.list)); err != nil {
		return nil, err
	}
	n, cols := b.R1-b.R0, b.C1-b.C0
	count, err := product([]int{n, cols})
	if err == nil {
		err = room(int64(count))
	}
	if err != nil {
		return nil, err
	}
	if t.texts(b) && !cheap(t.r, int64(n)*int64(cols), int64(t.rows)*int64(t.width)) {
		if err := t.numbers(b, nil); err != nil {
			return nil, err
		}
	}
	data := make([]float64, n*cols)
	return data, t.numbers(b, data)
}

// texts tells whether numbers of the part are written as text, which may be no number.
func (t *records) texts(b Box) bool {
	for _, c := range t.list[b.C0:b.C1] {
		if c.text != nil {
			return true
		}
	}
	return false
}

// numbers decodes a part into data, or, where that is nil, only finds what is wrong.
func (t *records) numbers(b Box, data []float64) error {
	n, cols := b.R1-b.R0, b.C1-b.C0
	buf := make([]byte, min(n, max(1, bufferBytes/t.width))*t.width)
	var v [1]float64
	for at := 0; at < n; {
		k := min(n-at, len(buf)/t.width)
		raw := buf[:k*t.width]
		if got, err := t.r.ReadAt(raw, t.base+int64(b.R0+at)*int64(t.width)); got < len(raw) {
			return fmt.Errorf("data end after %d of %d bytes: %w", got, len(raw), err)
		}
		for i := range k {
			for j, c := range t.list[b.C0:b.C1] {
				field := raw[i*t.width+c.offset:][:c.size]
				if c.text != nil {
					var err error
					if v[0], err = c.text(field); err != nil {
						return fmt.Errorf("row %d, column %q: %w", b.R0+at+i, c.name, err)
					}
				} else {
					c.decode(v[:], field)
				}
				x := c.zero + c.scale*v[0]
				if v[0] == c.null {
					x = math.NaN()
				}
				if data != nil {
					data[(at+i)*cols+j] = x
				}
			}
		}
		at += k
	}
	return nil
}
