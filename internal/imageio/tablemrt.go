package imageio

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// mrtMagic begins a machine-readable table of the journals of the AAS.
const mrtMagic = "Title:"

// mrt is the description that stands before the data of a machine-readable table (MRT): title,
// authors, the bytes of each column, notes. Lines of dashes part them.
//
// Source: AAS Journals, "Machine-readable tables", and the standards of the CDS, chapter 3.2.
type mrt struct {
	state   mrtState
	columns []mrtColumn
}

type mrtState int

const (
	mrtTitle   mrtState = iota // before "Byte-by-byte Description"
	mrtHead                    // the heading of the description
	mrtColumns                 // a line for each column
	mrtNotes                   // notes, until dashes
	mrtBetween                 // notes or data
	mrtData
)

// mrtColumn is a line of the description.
type mrtColumn struct {
	from, to   int // bytes of the line, half-open, from 0
	name, unit string
	null       string // what stands for a missing number, "" = blanks alone
}

// mrtLine is a line of the description: "  1-  4 F4.1  mag  Vmag  ?=-9.9 V magnitude".
var mrtLine = regexp.MustCompile(`^\s*(?:(\d+)\s*-\s*)?(\d+)\s+[AIFEDaifed]\d+(?:\.\d+)?\s+(\S+)\s+(\S+)\s*(?:[\[\]][^\[\]]*[\[\]]\s*)?(?:\?=(\S+))?`)

var errMRT = errors.New(`it begins with "Title:" as a machine-readable table (MRT) does, and has no description of its columns (Byte-by-byte Description of file) with data behind it`)

// take reads a line before the data. It returns false for the first line of data.
func (m *mrt) take(line []byte) bool {
	const most = 400 // bytes of a line that matter
	text := string(bytes.TrimRight(line[:min(len(line), most)], " \t"))
	dashes := len(text) >= 20 && strings.Trim(text, "-=") == ""
	switch m.state {
	case mrtTitle:
		if strings.HasPrefix(text, "Byte-by-byte") {
			m.state = mrtHead
		}
	case mrtHead:
		if strings.HasPrefix(strings.TrimSpace(text), "Bytes") {
			m.state = mrtColumns
		}
	case mrtColumns:
		if dashes && len(m.columns) > 0 {
			m.state = mrtBetween
		} else if !dashes && len(m.columns) < mostNames {
			m.column(text)
		}
	case mrtNotes:
		if dashes {
			m.state = mrtBetween
		}
	case mrtBetween:
		switch {
		case strings.HasPrefix(strings.TrimSpace(text), "Note"):
			m.state = mrtNotes
		case !dashes:
			m.state = mrtData
			return false
		}
	}
	return true
}

// column reads a line of the description; others go on with the explanation of a column.
func (m *mrt) column(text string) {
	f := mrtLine.FindStringSubmatch(text)
	if f == nil {
		return
	}
	to, err := strconv.Atoi(f[2])
	from := to
	if f[1] != "" {
		from, _ = strconv.Atoi(f[1])
	}
	if err != nil || from < 1 || to < from || to > longestLine {
		return
	}
	c := mrtColumn{from: from - 1, to: to, name: f[4], unit: f[3], null: f[5]}
	if strings.Trim(c.unit, "-") == "" {
		c.unit = ""
	}
	m.columns = append(m.columns, c)
}

// fields of a line of data, "" where a number is missing.
func (m *mrt) fields(line []byte) []string {
	list := make([]string, len(m.columns))
	for i, c := range m.columns {
		s := string(bytes.TrimSpace(line[min(c.from, len(line)):min(c.to, len(line))]))
		if s == c.null || c.null != "" && sameNumber(s, c.null) {
			s = ""
		}
		list[i] = s
	}
	return list
}

func sameNumber(a, b string) bool {
	x, e1 := strconv.ParseFloat(a, 64)
	y, e2 := strconv.ParseFloat(b, 64)
	return e1 == nil && e2 == nil && x == y
}

// headings are the names and units of the columns.
func (m *mrt) headings() (names, units []string) {
	for _, c := range m.columns {
		names, units = append(names, c.name), append(units, c.unit)
	}
	return names, units
}
