package imageio

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// fieldKind is what a field of a text table holds.
type fieldKind uint8

const (
	isNumber fieldKind = iota
	isMissing
	isText
)

// missingMarks are what programs write where they have no number, in lower case.
var missingMarks = map[string]bool{
	"": true, "nan": true, "na": true, "n/a": true, "<na>": true, "#n/a": true, "null": true, "none": true, "nil": true, `\n`: true,
	"-": true, "--": true, "---": true, ".": true, "..": true, "...": true, "masked": true, "missing": true,
}

// decimals reads the numbers of one text table, and holds them to have one kind of decimal
// mark: a comma may be one where fields are not parted by commas.
type decimals struct {
	comma, point int // the first line with a decimal comma, with a decimal point; 0 = none
}

// longestNumber is more than the characters of any number that a program writes.
const longestNumber = 2000

// parse reads a field: 12, 1.5e3, 1.5D+03, 1,5 where commas may be decimal, a mark of a
// missing number (NaN), or text (NaN).
func (d *decimals) parse(field []byte, commas bool, line int) (float64, fieldKind, error) {
	if len(field) > longestNumber {
		return math.NaN(), isText, nil
	}
	v, err := strconv.ParseFloat(string(field), 64)
	if err == nil {
		if v != v {
			return v, isMissing, nil
		}
		if commas && bytes.IndexByte(field, '.') >= 0 {
			return v, isNumber, d.mark(field, line, &d.point, d.comma, "point", "comma")
		}
		return v, isNumber, nil
	}
	if len(field) > 64 {
		return math.NaN(), isText, nil
	}
	s := string(field)
	if missingMarks[strings.ToLower(s)] {
		return math.NaN(), isMissing, nil
	}
	s = strings.Replace(s, "\u2212", "-", 2) // the typographic minus
	if i := strings.IndexAny(s, "dD"); i > 0 {
		s = s[:i] + "e" + s[i+1:]
	}
	if commas && strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		s = strings.Replace(s, ",", ".", 1)
		if v, err := strconv.ParseFloat(s, 64); err == nil {
			return v, isNumber, d.mark(field, line, &d.comma, d.point, "comma", "point")
		}
	}
	if v, err := strconv.ParseFloat(s, 64); err == nil {
		return v, isNumber, nil
	}
	return math.NaN(), isText, nil
}

// mark notes the first line with a kind of decimal mark, and refuses the second kind.
func (d *decimals) mark(field []byte, line int, mine *int, other int, has, had string) error {
	if other > 0 {
		return fmt.Errorf("line %d: %q has a decimal %s, and line %d has a decimal %s: want one of them in the whole file", line, field, has, other, had)
	}
	if *mine == 0 {
		*mine = line
	}
	return nil
}

// splitName parts a heading into a name and the unit that stands in brackets behind it:
// "ra [deg]", "flux (mJy)".
func splitName(s string) (name, unit string) {
	s = strings.TrimSpace(s)
	for _, pair := range []string{"[]", "()"} {
		i := strings.IndexByte(s, pair[0])
		if i > 0 && s[len(s)-1] == pair[1] {
			return strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+1 : len(s)-1])
		}
	}
	return s, ""
}
