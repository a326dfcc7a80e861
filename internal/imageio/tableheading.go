package imageio

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// csvHeading is what stands before the data of a text table.
type csvHeading struct {
	names     []string // of the columns; nil = none
	units     []string // of the columns, "" = not said; nil = none
	commented bool     // the names come from a comment
	begun     bool     // a line that is no comment was seen
	open      bool     // lines of units or of dashes may follow

	mrt      *mrt              // of a machine-readable table; nil = none
	bars     [][]string        // lines parted by bars: names, types, units, marks of missing numbers
	stops    []int             // where the bars stand, bytes from the beginning of the line
	declared map[string]string // units by name, from comments such as "- {name: ra, unit: deg}"
	last     []byte            // the last comment before the first line
	numbered map[int]string    // comments such as "# 2 X_IMAGE Position along x [pixel]"
	unitOf   map[int]string    // of the numbered columns
}

// comment keeps a comment that may name the columns.
func (h *csvHeading) comment(line []byte) {
	text := bytes.TrimSpace(bytes.TrimLeft(line, "#%!/"))
	if len(text) == 0 {
		return
	}
	if rest, ok := strings.CutPrefix(string(text), "- {name: "); ok {
		name, rest, _ := strings.Cut(strings.TrimSuffix(rest, "}"), ", ")
		if unit, ok := strings.CutPrefix(rest, "unit: "); ok {
			if h.declared == nil {
				h.declared = map[string]string{}
			}
			h.declared[name], _, _ = strings.Cut(unit, ", ")
		}
	}
	h.last = append(h.last[:0], text...)
	fields := strings.Fields(string(text))
	if n, err := strconv.Atoi(fields[0]); err == nil && len(fields) > 1 && n >= 1 && n <= 10000 {
		if h.numbered == nil {
			h.numbered, h.unitOf = map[int]string{}, map[int]string{}
		}
		h.numbered[n] = fields[1]
		_, h.unitOf[n] = splitName(string(text))
	}
}

// preamble takes what stands before the heading of some programs: "sep=;" of a spreadsheet,
// and the lines of an IPAC table that begin with \ or |. A line between bars with a number in
// it is data.
func (h *csvHeading) preamble(line, whole []byte) bool {
	switch {
	case h.mrt != nil:
		return h.mrt.take(whole)
	case !h.begun && bytes.HasPrefix(line, []byte(mrtMagic)):
		h.mrt = &mrt{}
		return true
	case len(line) == 5 && bytes.EqualFold(line[:4], []byte("sep=")), line[0] == '\\':
		return true
	case line[0] == '|' && line[len(line)-1] == '|' && len(line) > 2:
		fields := strings.Split(string(line[1:len(line)-1]), "|")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
			if _, err := strconv.ParseFloat(fields[i], 64); err == nil && len(h.bars) > 0 {
				return false
			}
		}
		if h.bars == nil {
			for i, c := range whole {
				if c == '|' {
					h.stops = append(h.stops, i)
				}
			}
		}
		h.bars = append(h.bars, fields)
		return true
	}
	return false
}

// begin looks at the first line with anything on it: true if it is data. A heading has text
// in it and no number. A line with both is a heading if the next one has a number where
// this one has text.
func (c *csvLines) begin() (data bool, err error) {
	if m := c.head.mrt; m != nil {
		c.head.names, c.head.units = m.headings()
		return true, nil
	}
	kinds := c.kinds()
	texts, numbers := tally(kinds, isText), tally(kinds, isNumber)
	heading := texts > 0 && numbers == 0
	if heading && c.cols > mostNames {
		return false, fmt.Errorf("line %d: %w", c.number, errManyNames)
	}
	if texts > 0 && numbers > 0 {
		first := heldLine{bytes.Clone(c.line), c.number}
		if c.advance() {
			second := heldLine{bytes.Clone(c.line), c.number}
			if n, err := c.count(); err == nil && n == c.cols {
				below := c.kinds()
				for i, k := range kinds {
					heading = heading || k == isText && below[i] == isNumber
				}
			}
			c.held = &second
		}
		c.line, c.number = first.line, first.number
	}
	if !heading {
		c.head.fromComments(c.cols, c.separator)
		return true, c.err
	}
	c.head.open = true
	c.head.take(c.fields())
	return false, c.err
}

// kinds are those of the fields of the line, of the first mostNames at most.
func (c *csvLines) kinds() []fieldKind {
	most := min(c.cols, mostNames)
	kinds := make([]fieldKind, 0, most)
	var any decimals // a heading says nothing about decimal marks
	c.each(most, func(i int, field []byte) error {
		_, kind, _ := any.parse(field, c.separator != ',', c.number)
		any = decimals{}
		kinds = append(kinds, kind)
		return nil
	})
	return kinds
}

// fields are those of the line.
func (c *csvLines) fields() []string {
	list := make([]string, 0, c.cols)
	c.each(c.cols, func(i int, field []byte) error {
		list = append(list, string(field))
		return nil
	})
	return list
}

func tally(kinds []fieldKind, k fieldKind) int {
	n := 0
	for _, x := range kinds {
		if x == k {
			n++
		}
	}
	return n
}

// beneath tells whether the line belongs to the heading above it: one of dashes, or one of
// units, which has text and no number and no mark of a missing one.
func (c *csvLines) beneath() bool {
	if n, err := c.count(); err != nil || n != c.cols || n > mostNames {
		return false
	}
	kinds := c.kinds()
	if tally(kinds, isNumber) > 0 {
		return false
	}
	fields := c.fields()
	dashes, long, marks := true, false, false
	for i, f := range fields {
		dashes = dashes && strings.Trim(f, "-=+|") == ""
		long = long || len(f) > 2
		marks = marks || kinds[i] == isMissing && f != "" && strings.Trim(f, "-") != ""
	}
	if dashes && long {
		return true
	}
	if marks || c.cols < 2 || tally(kinds, isText) == 0 || c.head.units != nil {
		return false
	}
	types := true // of an rdb table: 10N, S
	for _, f := range fields {
		types = types && strings.Trim(f, "0123456789") != "" && strings.Trim(strings.TrimLeft(f, "0123456789"), "NSM") == ""
	}
	if !types {
		c.head.units = fields
	}
	return true
}

// take makes names, and units in brackets, of the fields of a heading.
func (h *csvHeading) take(fields []string) {
	units := make([]string, len(fields))
	some := false
	for i, f := range fields {
		fields[i], units[i] = splitName(f)
		if u := h.declared[fields[i]]; u != "" {
			units[i] = u
		}
		some = some || units[i] != ""
	}
	h.names = fields
	if some {
		h.units = units
	}
}

// fromComments takes the names from comments: from numbered ones, or from the last one if
// it has as many fields as the data, and all of them are text.
func (h *csvHeading) fromComments(cols int, separator byte) {
	if len(h.numbered) > 0 && h.numbered[cols] != "" {
		h.commented = true
		for n := 1; n <= cols; n++ {
			h.names, h.units = append(h.names, h.numbered[n]), append(h.units, h.unitOf[n])
		}
		return
	}
	if len(h.bars) > 0 && len(h.bars[0]) == cols {
		h.names = h.bars[0]
		if separator != '|' && len(h.bars) > 2 && len(h.bars[2]) == cols {
			h.units = h.bars[2]
		}
		return
	}
	if len(h.last) == 0 {
		return
	}
	for _, by := range []byte{separator, separatorOf(h.last), ' '} {
		c := csvLines{line: h.last, separator: by}
		n, err := c.count()
		if err != nil || n != cols || n > mostNames {
			continue
		}
		c.cols = n
		kinds := c.kinds()
		if tally(kinds, isNumber) > 0 || tally(kinds, isText) == 0 {
			continue
		}
		h.commented = true
		h.take(c.fields())
		return
	}
}
