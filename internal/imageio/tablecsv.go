package imageio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// csvLines walks over the lines of a text table that hold fields; see ReadTable for what is
// understood. One line is in memory at a time.
type csvLines struct {
	text      textLines
	wide      bool // the text was UTF-16
	separator byte // ' ' = any blanks
	head      csvHeading
	begun     bool     // a line of data was seen
	cols      int      // fields of every line; 0 before the first
	number    int      // of the line in hand
	line      []byte   // it, without blanks around
	quoted    []string // its fields, if there are quotes in it
	decimals  decimals
	held      *heldLine // the line that comes next, already read
	err       error
}

// heldLine is a line that was read ahead.
type heldLine struct {
	line   []byte
	number int
}

// newCSVLines reads a text file of so many bytes.
func newCSVLines(r io.ReaderAt, size int64) *csvLines {
	c := &csvLines{}
	c.text.longest = longestLineOf(r)
	c.text.r, c.wide, c.err = plainText(io.NewSectionReader(r, 0, size))
	return c
}

// next goes to the next line of data and holds the number of its fields against that of the
// first. It returns false at the end and after an error, which is in c.err.
func (c *csvLines) next() bool {
	for c.advance() {
		n, err := c.count()
		if err != nil {
			c.err = fmt.Errorf("line %d: %w", c.number, err)
			return false
		}
		if c.cols == 0 {
			c.cols = n
			data, err := c.begin()
			if err != nil {
				c.err = err
				return false
			}
			if !data {
				continue
			}
			n, _ = c.count()
		} else if c.head.open {
			c.head.open = c.beneath()
			if c.head.open {
				continue
			}
		}
		switch {
		case n == c.cols+1 && c.emptyEnd():
			n--
		case n == c.cols+1 && !c.begun && c.head.names != nil && c.labelled():
			c.cols, c.head.names = n, append([]string{""}, c.head.names...)
			if c.head.units != nil {
				c.head.units = append([]string{""}, c.head.units...)
			}
		}
		c.begun = true
		if n != c.cols {
			c.err = fmt.Errorf("line %d: %d fields, where the first line has %d, parted by %s; lines that are no part of the table begin with #", c.number, n, c.cols, separatorName(c.separator))
			return false
		}
		return true
	}
	return false
}

// advance goes to the next line that is neither empty nor a comment.
func (c *csvLines) advance() bool {
	if h := c.held; c.err == nil && h != nil {
		c.line, c.number, c.held = h.line, h.number, nil
		return true
	}
	for c.err == nil {
		whole, err := c.text.next()
		c.number++
		if err != nil {
			switch {
			case err != io.EOF:
				c.err = fmt.Errorf("line %d: %w", c.number, err)
			case c.head.mrt != nil && c.head.mrt.state != mrtData:
				c.err = errMRT
			}
			return false
		}
		c.line = bytes.TrimSpace(whole)
		switch {
		case len(c.line) == 0 || isRule(c.line):
		case c.head.mrt != nil && c.head.mrt.state == mrtData:
			c.line = whole
			return true
		case isOneOf(c.line[0], "#%!") || bytes.HasPrefix(c.line, []byte("//")):
			if c.cols == 0 {
				c.head.comment(c.line)
			}
		case c.cols == 0 && c.head.preamble(c.line, whole):
			c.head.begun = true
		default:
			if c.cols == 0 {
				c.separator, c.head.begun = separatorOf(c.line), true
				if c.head.mrt != nil {
					c.separator = ' '
				}
			}
			switch c.separator {
			case ' ':
				if c.head.stops != nil || c.head.mrt != nil {
					c.line = whole // fields lie between the places of the bars
				}
			case '|':
				c.line = bytes.TrimSuffix(c.line[1:], []byte("|"))
			default: // fields at the ends may be empty
				c.line = bytes.Trim(whole, " ")
			}
			return true
		}
	}
	return false
}

// isRule tells whether a line only draws a frame around a table, with = or with + and -.
func isRule(line []byte) bool {
	switch line[0] {
	case '=':
		return len(bytes.Trim(line, "= ")) == 0
	case '+':
		return len(line) > 2 && len(bytes.Trim(line, "+-= ")) == 0
	}
	return false
}

// count is the number of fields of the line.
func (c *csvLines) count() (int, error) {
	c.quoted = nil
	if c.head.mrt != nil {
		c.quoted = c.head.mrt.fields(c.line)
		return len(c.quoted), nil
	}
	if s := c.head.stops; s != nil && c.separator == ' ' {
		for i := 1; i < len(s); i++ {
			field := c.line[min(s[i-1], len(c.line)):min(s[i], len(c.line))]
			if i == len(s)-1 {
				field = c.line[min(s[i-1], len(c.line)):] // the last may be longer
			} else if at := s[i]; at < len(c.line) && c.line[at] != ' ' && c.line[at-1] != ' ' {
				return 0, fmt.Errorf("text from character %d to %d, where the bars of the heading part the columns %d and %d: make the columns as wide as the numbers", at, at+1, i, i+1)
			}
			c.quoted = append(c.quoted, string(bytes.TrimSpace(field)))
		}
		return len(c.quoted), nil
	}
	if bytes.IndexByte(c.line, '"') >= 0 {
		var err error
		c.quoted, err = splitQuoted(c.line, c.separator)
		return len(c.quoted), err
	}
	if c.separator == ' ' {
		n := 0
		for rest := c.line; len(rest) > 0; n++ {
			_, rest = c.cut(rest)
		}
		return n, nil
	}
	return bytes.Count(c.line, []byte{c.separator}) + 1, nil
}

// splitQuoted parts a line in which fields may stand in quotes; two quotes inside are one.
func splitQuoted(line []byte, separator byte) ([]string, error) {
	blank := func(c byte) bool { return c == ' ' || c == '\t' && separator != '\t' }
	var list []string
	for i := 0; ; {
		for i < len(line) && blank(line[i]) {
			i++
		}
		var field []byte
		if i < len(line) && line[i] == '"' {
			closed := false
			for i++; i < len(line) && !closed; i++ {
				switch {
				case line[i] != '"':
					field = append(field, line[i])
				case i+1 < len(line) && line[i+1] == '"':
					field = append(field, '"')
					i++
				default:
					closed = true
				}
			}
			if !closed {
				return nil, errors.New("quotes that do not match")
			}
		}
		from := i
		for i < len(line) && !(line[i] == separator || separator == ' ' && blank(line[i])) {
			i++
		}
		if len(list) == mostNames {
			return nil, errManyNames
		}
		list = append(list, strings.TrimSpace(string(append(field, line[from:i]...))))
		for separator == ' ' && i < len(line) && blank(line[i]) {
			i++
		}
		if i >= len(line) {
			return list, nil
		}
		if separator != ' ' {
			i++ // over the separator
		}
	}
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

// each calls use with the fields of the line up to number hi.
func (c *csvLines) each(hi int, use func(i int, field []byte) error) error {
	var field []byte
	rest := c.line
	for i := range hi {
		if c.quoted != nil {
			field = []byte(c.quoted[i])
		} else {
			field, rest = c.cut(rest)
		}
		if err := use(i, field); err != nil {
			return err
		}
	}
	return nil
}

// labelled tells whether the line begins with a text: the name of the row, for which R
// writes no heading.
func (c *csvLines) labelled() bool {
	if c.line[0] == '"' {
		return true
	}
	first, _ := c.cut(c.line)
	_, kind, _ := new(decimals).parse(first, false, c.number)
	return kind == isText
}

// emptyEnd tells whether the last field of the line is empty.
func (c *csvLines) emptyEnd() bool {
	if c.quoted != nil {
		return c.quoted[len(c.quoted)-1] == ""
	}
	return c.separator != ' ' && len(c.line) > 0 && c.line[len(c.line)-1] == c.separator
}

// numbers calls use with the fields lo <= i < hi of the line; the others need not be numbers. A
// mark of a missing number is NaN.
func (c *csvLines) numbers(lo, hi int, use func(i int, v float64) error) error {
	return c.each(hi, func(i int, field []byte) error {
		if i < lo {
			return nil
		}
		v, kind, err := c.decimals.parse(field, c.separator != ',', c.number)
		if kind == isText {
			err = fmt.Errorf("line %d, column %d: %s is not a number", c.number, i+1, Quoted(string(field)))
		}
		if err == nil {
			err = use(i, v)
		}
		return err
	})
}

// mostNames is the most fields of a line that are kept as texts: in quotes, or as names of
// columns.
const mostNames = 1 << 18

var errManyNames = fmt.Errorf("more than %d names or fields in quotes: not a table", mostNames)

var errNoNumbers = errors.New("no numbers in it")

// readCSV goes over the text twice: first to find the number of rows and what is wrong with
// it, then, with memory for these rows alone, for the numbers.
func readCSV(r io.ReaderAt, size int64) (*Table, error) {
	c := newCSVLines(r, size)
	t := &Table{Format: "csv"}
	for c.next() {
		if err := t.take(c, func(float64) {}); err != nil {
			return nil, err
		}
		t.Rows++
	}
	if c.err == nil && t.Rows == 0 {
		c.err = errNoNumbers
	}
	if c.err != nil {
		return nil, c.err
	}
	if err := room(int64(t.Rows) * int64(c.cols)); err != nil {
		return nil, err
	}
	c.describe(t)
	t.texts = nil
	t.Data, t.lines = make([]float64, 0, t.Rows*t.Cols), make([]int, 0, t.Rows)
	again := newCSVLines(r, size)
	for again.next() {
		if err := t.take(again, func(v float64) { t.Data = append(t.Data, v) }); err != nil {
			return nil, err
		}
		t.lines = append(t.lines, again.number)
	}
	if again.err == nil && len(t.lines) != t.Rows {
		again.err = errors.New("changed while it was read")
	}
	return t, again.err
}

// take calls use with the numbers of a line, NaN where there is none, and counts the texts.
func (t *Table) take(c *csvLines, use func(float64)) error {
	return c.each(c.cols, func(i int, field []byte) error {
		v, kind, err := c.decimals.parse(field, c.separator != ',', c.number)
		if kind == isText {
			t.addText(i, c.number, field)
		}
		use(v)
		return err
	})
}

// describe says of the table what its heading said.
func (c *csvLines) describe(t *Table) {
	t.Names, t.Units, t.Commented, t.Cols = c.head.names, c.head.units, c.head.commented, c.cols
	t.Part = "text, fields parted by " + separatorName(c.separator)
	if c.head.mrt != nil {
		t.Part = "machine-readable table (MRT)"
	}
	if c.decimals.comma > 0 {
		t.Part += ", decimal commas"
	}
	if c.wide {
		t.Part += ", UTF-16"
	}
}
