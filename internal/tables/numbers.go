package tables

import (
	"slices"

	"tessera/internal/imageio"
)

// Index finds the column that has one of the names, or the only column of a table. A table
// of one row is such a column too. It returns the numbers, and the name of the column.
func Index(t *imageio.Table, names ...string) (numbers []float64, name string, err error) {
	f := newFinder(t, Want{})
	if t.Cols == 1 || t.Rows == 1 && t.Names == nil {
		for j := range t.Cols {
			if n, where := t.Text(j); n > 0 {
				return nil, "", &Error{where}
			}
		}
		if t.Cols == 1 && t.Names != nil {
			name = t.Names[0]
		}
		return t.Data, name, nil
	}
	var found []int
	for j := range t.Names {
		if slices.Contains(names, plain(t.Names[j])) {
			found = append(found, j)
		}
	}
	if len(found) == 0 && len(f.free) == 1 && t.Names != nil && !known(t.Names[f.free[0]]) && len(t.Passed) == 0 {
		found = f.free // all others number the rows or hold text
	}
	if len(found) != 1 {
		return nil, "", f.fail("want one column, or one called %s", names[0])
	}
	j := found[0]
	if n, where := t.Text(j); n > 0 {
		return nil, "", f.fail("column %s: %s", f.call(j), where)
	}
	if i, ok := unordered(t, j); ok {
		return nil, "", f.fail("the rows are not in the order of column %s: sort them by it", f.call(i))
	}
	return Column(t, j), t.Names[j], nil
}

// unordered finds a column that numbers the rows, each once, in another order than theirs.
func unordered(t *imageio.Table, but int) (column int, ok bool) {
	for j, name := range t.Names {
		if j == but || !(isNumbering(name) || plain(name) == "stamp") {
			continue
		}
		v := Column(t, j)
		sorted := slices.Clone(v)
		slices.Sort(sorted)
		for i := range sorted {
			if sorted[i] != sorted[0]+float64(i) { // not one number each
				sorted = nil
				break
			}
		}
		if sorted != nil && !slices.Equal(v, sorted) {
			return j, true
		}
	}
	return 0, false
}

// Column is one column of a table.
func Column(t *imageio.Table, j int) []float64 {
	out := make([]float64, t.Rows)
	for i := range out {
		out[i] = t.Data[i*t.Cols+j]
	}
	return out
}
