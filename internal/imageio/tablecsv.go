package imageio

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// readCSV reads numbers separated by commas, semicolons, tabs or blanks: whichever
// of them, in this order, the first line with anything on it contains.
func readCSV(r io.Reader) (*Table, error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	t := &Table{Format: "csv"}
	separator := rune(0)
	number, first := 0, true
	for s.Scan() {
		number++
		line := s.Text()
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if first {
			separator = separatorOf(line)
		}
		fields, err := split(line, separator)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if first {
			first = false
			t.Cols = len(fields)
			if _, err := parseField(fields[0]); err != nil && fields[0] != "" {
				t.Names = fields
				continue
			}
		}
		if len(fields) != t.Cols {
			return nil, fmt.Errorf("line %d: %d fields, where the first line has %d", number, len(fields), t.Cols)
		}
		for i, f := range fields {
			v, err := parseField(f)
			if err != nil {
				return nil, fmt.Errorf("line %d, column %d: %q is not a number", number, i+1, f)
			}
			t.Data = append(t.Data, v)
		}
		t.Rows++
		t.lines = append(t.lines, number)
	}
	if err := s.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return nil, fmt.Errorf("line %d is longer than 1 MiB: not a table", number+1)
		}
		return nil, err
	}
	if t.Rows == 0 {
		return nil, errors.New("no numbers in it")
	}
	return t, nil
}

func separatorOf(line string) rune {
	for _, c := range ",;\t" {
		if strings.ContainsRune(line, c) {
			return c
		}
	}
	return ' '
}

func split(line string, separator rune) ([]string, error) {
	if separator == ' ' {
		return strings.Fields(line), nil
	}
	fields := strings.Split(line, string(separator))
	if strings.ContainsRune(line, '"') {
		c := csv.NewReader(strings.NewReader(line))
		c.Comma, c.TrimLeadingSpace = separator, true
		var err error
		if fields, err = c.Read(); err != nil {
			return nil, fmt.Errorf("quotes that do not match")
		}
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields, nil
}

// parseField reads a number; an empty field and "nan" are missing ones.
func parseField(f string) (float64, error) {
	if f == "" {
		return math.NaN(), nil
	}
	return strconv.ParseFloat(f, 64)
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
