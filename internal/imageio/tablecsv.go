package imageio

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// longestLine is that of 10 million samples, one a column; what is longer is hardly text.
const longestLine = 256 << 20

// csvLines walks over the lines of a CSV file that hold numbers: separated by commas,
// semicolons, tabs or blanks, whichever of them, in this order, the first line with
// anything on it contains. One line is in memory at a time.
type csvLines struct {
	scanner   *bufio.Scanner
	separator byte     // ' ' = any blanks
	names     []string // of the columns, from a first line that does not begin with a number
	cols      int      // fields of every line; 0 before the first
	number    int      // of the line in hand
	line      []byte   // it, without blanks around
	quoted    []string // its fields, if there are quotes in it
	err       error
}

func newCSVLines(r io.Reader) *csvLines {
	c := &csvLines{scanner: bufio.NewScanner(r)}
	c.scanner.Buffer(make([]byte, bufferBytes), longestLine)
	return c
}

// next goes to the next line of numbers and holds the number of its fields against
// that of the first. It returns false at the end and after an error, which is in c.err.
func (c *csvLines) next() bool {
	for c.err == nil && c.scanner.Scan() {
		c.number++
		c.line = c.scanner.Bytes()
		if c.number == 1 {
			c.line = bytes.TrimPrefix(c.line, []byte("\ufeff"))
		}
		c.line = bytes.TrimSpace(c.line)
		if len(c.line) == 0 || c.line[0] == '#' {
			continue
		}
		first := c.cols == 0
		if first {
			c.separator = separatorOf(c.line)
		}
		n, err := c.count()
		if err != nil {
			c.err = fmt.Errorf("line %d: %w", c.number, err)
			return false
		}
		if first {
			c.cols = n
			if c.heading() {
				continue
			}
		}
		if n != c.cols {
			c.err = fmt.Errorf("line %d: %d fields, where the first line has %d", c.number, n, c.cols)
			return false
		}
		return true
	}
	if err := c.scanner.Err(); c.err == nil && err != nil {
		c.err = err
		if errors.Is(err, bufio.ErrTooLong) {
			c.err = fmt.Errorf("line %d is longer than %d MiB: not a table", c.number+1, longestLine>>20)
		}
	}
	return false
}

func separatorOf(line []byte) byte {
	for _, c := range []byte(",;\t") {
		if bytes.IndexByte(line, c) >= 0 {
			return c
		}
	}
	return ' '
}

// count is the number of fields of the line.
func (c *csvLines) count() (int, error) {
	c.quoted = nil
	if c.separator == ' ' {
		n := 0
		for rest := c.line; len(rest) > 0; n++ {
			_, rest = c.cut(rest)
		}
		return n, nil
	}
	if bytes.IndexByte(c.line, '"') < 0 {
		return bytes.Count(c.line, []byte{c.separator}) + 1, nil
	}
	r := csv.NewReader(bytes.NewReader(c.line))
	r.Comma, r.TrimLeadingSpace = rune(c.separator), true
	var err error
	if c.quoted, err = r.Read(); err != nil {
		return 0, errors.New("quotes that do not match")
	}
	for i := range c.quoted {
		c.quoted[i] = strings.TrimSpace(c.quoted[i])
	}
	return len(c.quoted), nil
}

// cut takes the first field off what is left of a line.
func (c *csvLines) cut(rest []byte) (field, after []byte) {
	if c.separator == ' ' {
		i := bytes.IndexFunc(rest, unicode.IsSpace)
		if i < 0 {
			return rest, nil
		}
		return rest[:i], bytes.TrimLeftFunc(rest[i:], unicode.IsSpace)
	}
	i := bytes.IndexByte(rest, c.separator)
	if i < 0 {
		return bytes.TrimSpace(rest), nil
	}
	return bytes.TrimSpace(rest[:i]), rest[i+1:]
}

// heading takes the names of the columns if the line begins with no number.
func (c *csvLines) heading() bool {
	first, _ := c.cut(c.line)
	if c.quoted != nil {
		first = []byte(c.quoted[0])
	}
	if _, err := parseField(string(first)); err == nil {
		return false
	}
	c.names = c.quoted
	for rest := c.line; len(c.names) < c.cols; {
		first, rest = c.cut(rest)
		c.names = append(c.names, string(first))
	}
	return true
}

// numbers appends the fields lo <= i < hi of the line to dst; the others need not be
// numbers.
func (c *csvLines) numbers(dst []float64, lo, hi int) ([]float64, error) {
	var field []byte
	rest := c.line
	for i := range hi {
		if c.quoted != nil {
			field = []byte(c.quoted[i])
		} else {
			field, rest = c.cut(rest)
		}
		if i < lo {
			continue
		}
		v, err := parseField(string(field))
		if err != nil {
			return nil, fmt.Errorf("line %d, column %d: %q is not a number", c.number, i+1, field)
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// parseField reads a number; an empty field and "nan" are missing ones.
func parseField(f string) (float64, error) {
	if f == "" {
		return math.NaN(), nil
	}
	return strconv.ParseFloat(f, 64)
}

var errNoNumbers = errors.New("no numbers in it")

func readCSV(r io.Reader) (*Table, error) {
	c := newCSVLines(r)
	t := &Table{Format: "csv"}
	for c.next() {
		var err error
		if t.Data, err = c.numbers(t.Data, 0, c.cols); err != nil {
			return nil, err
		}
		t.Rows++
		t.lines = append(t.lines, c.number)
	}
	if c.err == nil && t.Rows == 0 {
		c.err = errNoNumbers
	}
	if c.err != nil {
		return nil, c.err
	}
	t.Names, t.Cols = c.names, c.cols
	return t, nil
}

func (t *Table) writeCSV(w io.Writer) error {
	b := bufio.NewWriter(w)
	if t.Names != nil {
		b.WriteString(strings.Join(t.Names, ",") + "\n")
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
