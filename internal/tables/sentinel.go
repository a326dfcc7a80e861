package tables

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tessera/internal/imageio"
)

// Suspects says which columns that are used hold numbers that some programs write for
// missing ones, such as -999 or 1e20, far from all other numbers of the column: farther
// than these are from each other. "" = none.
func (c *Columns) Suspects(t *imageio.Table) string {
	f := &finder{t: t}
	if c.Names == nil {
		f.t = withoutNames(t)
	}
	var list []string
	for _, j := range append(append([]int(nil), c.Coordinates...), c.Value, c.Errors) {
		if j < 0 {
			continue
		}
		for _, sign := range []float64{1, -1} {
			if v, n := outermost(t, j, sign); n > 0 {
				list = append(list, fmt.Sprintf("%d of %s are %g, far from the others: if they are missing, write NA", n, f.call(j), v))
			}
		}
	}
	return strings.Join(list, "; ")
}

// outermost is the largest number of a column, of sign times the column, and how often it
// is there, if it looks like a mark of a missing number.
func outermost(t *imageio.Table, j int, sign float64) (value float64, count int) {
	first, second, last := math.Inf(-1), math.Inf(-1), math.Inf(1) // largest, next, smallest
	for i := range t.Rows {
		v := sign * t.Data[i*t.Cols+j]
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			continue
		case v > first:
			first, second, count = v, first, 0
		case v < first:
			second = max(second, v)
		}
		if v == first {
			count++
		}
		last = min(last, v)
	}
	if math.IsInf(second, 0) || !(first-second > second-last) || !looksMissing(first) {
		return 0, 0
	}
	return sign * first, count
}

// looksMissing tells whether a number has only nines in it, two or more, or is a power of
// ten from 1e19 on.
func looksMissing(v float64) bool {
	v = math.Abs(v)
	if v >= 1e19 {
		return math.Abs(math.Log10(v)-math.Round(math.Log10(v))) < 1e-6
	}
	digits := strings.ReplaceAll(strconv.FormatFloat(v, 'f', -1, 32), ".", "")
	return len(digits) >= 2 && strings.Trim(digits, "9") == ""
}
