package tables

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/outliers"
)

// Suspects says which columns that are used hold numbers that some programs write for
// missing ones, such as -999 or 1e20, far from all other numbers of the column: farther
// than these are from each other; and which hold other numbers ten times as far away. "" = none.
func (c *Columns) Suspects(t *imageio.Table) string {
	f := &finder{t: t}
	if c.Names == nil {
		f.t = withoutNames(t)
	}
	var list []string
	marks := c.marks(t)
	for _, j := range append(append([]int(nil), c.Coordinates...), c.Value, c.Errors) {
		if j < 0 {
			continue
		}
		for _, sign := range []float64{1, -1} {
			told := 0.0
			if v, n := c.outermost(t, j, sign); n > 0 {
				mend := plural(n, "if it is missing, write NA", "if they are missing, write NA")
				if marks.holds(j, v) {
					mend = plural(n, "it is a missing number", "they are missing numbers")
				}
				list = append(list, fmt.Sprintf("%d of %s %s %.6g, far from the others: %s", n, f.call(j), plural(n, "is", "are"), v, mend))
				told = v
			}
			if v, n := c.apart(marks, t, j, sign); n > 0 && v != told {
				list = append(list, fmt.Sprintf("%d of %s %s far from the others, the outermost is %.6g: %s, write NA", n, f.call(j), plural(n, "is", "are"), v, plural(n, "if it is wrong", "if they are wrong")))
			}
		}
	}
	return strings.Join(list, "; ")
}

// plural is one of two texts, for one thing and for several.
func plural(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// counts tells whether row i says something that no search has said.
func (c *Columns) counts(i int) bool {
	return c.judged == nil || !c.judged.Out[i] && !c.judged.Told[i]
}

// marks are the columns of coordinates, values and errors, and how the numbers of each are spread that
// do not look like marks of missing ones. There are none of a table that a search has judged.
type marks struct {
	places  bool // coordinates alone, of which one may be -99
	columns []int
	scales  []outliers.Scale
}

func (c *Columns) marks(t *imageio.Table) *marks {
	m := &marks{places: c.Value < 0}
	if c.judged != nil {
		return m
	}
	for _, j := range append(append([]int(nil), c.Coordinates...), c.Value, c.Errors) {
		if j < 0 {
			continue
		}
		s := outliers.Scale{Most: math.Inf(-1), Least: math.Inf(1), Positive: j == c.Errors}
		var others []float64
		for i := range t.Rows {
			if v := t.Data[i*t.Cols+j]; v-v == 0 && !outliers.Looks(v) {
				s.Most, s.Least = max(s.Most, math.Abs(v)), min(s.Least, v)
				others = append(others, v)
			}
		}
		s.Measure(others)
		m.columns, m.scales = append(m.columns, j), append(m.scales, s)
	}
	return m
}

// holds tells whether a number of column j marks a missing one.
func (m *marks) holds(j int, v float64) bool {
	k := slices.Index(m.columns, j)
	return k >= 0 && (!m.places || outliers.LooksHuge(v)) && m.scales[k].IsMark(v)
}

// mark is a number that marks a missing one, in a column.
type mark struct {
	column int
	value  float64
}

// without is the row with NaN for marks, and the first of these.
func (m *marks) without(row []float64) (clean []float64, first *mark) {
	for _, j := range m.columns {
		if !m.holds(j, row[j]) {
			continue
		}
		if first == nil {
			first = &mark{j, row[j]}
			row = slices.Clone(row)
		}
		row[j] = math.NaN()
	}
	return row, first
}

// describe says what is missing in column j; the mark may be nil.
func (m *mark) describe(j int) string {
	if m != nil && m.column == j {
		return fmt.Sprintf("%.6g, which marks a missing number", m.value)
	}
	return "missing (NaN)"
}

// apart is how many numbers of a column, of sign times the column, lie farther from all
// others than ten times what those are from each other, and the outermost of them. That are
// at most one in a hundred; marks do not count.
func (c *Columns) apart(m *marks, t *imageio.Table, j int, sign float64) (value float64, count int) {
	var list []float64
	for i := range t.Rows {
		if v := t.Data[i*t.Cols+j]; v-v == 0 && c.counts(i) && !m.holds(j, v) {
			list = append(list, sign*v)
		}
	}
	slices.Sort(list)
	n := len(list)
	for k := 1; k <= n/100; k++ {
		if rest := list[n-k-1]/2 - list[0]/2; rest > 0 && list[n-k]/2-list[n-k-1]/2 > 10*rest {
			return sign * list[n-1], k
		}
	}
	return 0, 0
}

// outermost is the largest number of a column, of sign times the column, and how often it
// is there, if it looks like a mark of a missing number.
func (c *Columns) outermost(t *imageio.Table, j int, sign float64) (value float64, count int) {
	first, second, last := math.Inf(-1), math.Inf(-1), math.Inf(1) // largest, next, smallest
	for i := range t.Rows {
		v := sign * t.Data[i*t.Cols+j]
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0) || !c.counts(i):
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

// looksMissing tells whether a number has only nines in it, two or more, or is a large mark
// of a missing number.
func looksMissing(v float64) bool {
	v = math.Abs(v)
	if v >= 1e19 {
		return outliers.LooksHuge(v)
	}
	digits := strings.ReplaceAll(strconv.FormatFloat(v, 'f', -1, 32), ".", "")
	return len(digits) >= 2 && strings.Trim(digits, "9") == ""
}
