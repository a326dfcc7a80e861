package tables

import (
	"fmt"
	"slices"

	"tessera/internal/imageio"
)

// Places finds the coordinates at which a fit of observations is evaluated: those that have
// the names of the coordinates of the observations.
func Places(t *imageio.Table, of *Columns, want Want) (*Columns, error) {
	d := len(of.Coordinates)
	want.Dim = d
	return newFinder(t, want).places(of)
}

// places is Places; f.list tells that there are no observations.
func (f *finder) places(of *Columns) (*Columns, error) {
	t, want, d := f.t, f.want, f.want.Dim
	f.bare = true
	c := &Columns{Value: -1, Errors: -1}
	if len(want.Columns) > 0 {
		at, err := f.lookUp()
		if err != nil {
			return nil, err
		}
		if len(at) != d {
			return nil, f.fail("%s names %d columns, want the %d coordinates that the observations have", want.Key, len(at), d)
		}
		c.Coordinates = at
		f.name(c)
		if c.Names == nil || of.Names == nil || !f.swapped(c, of) {
			f.finish(c)
			return c, nil
		}
		return nil, f.fail("%s has the coordinates in another order than the observations, which have %v", want.Key, of.Names)
	}
	if f.nameless() {
		switch {
		case t.Cols != d && f.list:
			return nil, f.fail("want two columns, the row and the column of a pixel, or names that say which these are: row and col, or x (the column) and y (the row)")
		case t.Cols != d:
			return nil, f.fail("want the %d coordinates that the observations have", d)
		}
		for k := range d {
			if n, where := t.Text(k); n > 0 {
				return nil, f.fail("text in a table without names: %s", where)
			}
			c.Coordinates = append(c.Coordinates, k)
		}
		f.name(c)
		f.finish(c)
		return c, nil
	}
	for k := range d {
		j, err := f.like(of, k)
		if err != nil {
			return nil, err
		}
		if n, where := t.Text(j); n > 0 {
			return nil, f.fail("coordinate %s: %s", f.call(j), where)
		}
		c.Coordinates = append(c.Coordinates, j)
	}
	f.name(c)
	f.finish(c)
	return c, nil
}

// like finds the column of coordinate k of the observations: one of the same name, or of
// the same meaning. Of observations without names, the coordinates are x, y, z or, of
// pixels, row and column.
func (f *finder) like(of *Columns, k int) (int, error) {
	var name string
	if of.Names != nil {
		name = of.Names[k]
	}
	for j, n := range f.t.Names {
		if name != "" && plain(n) == plain(name) {
			return j, nil
		}
	}
	accepts := func(a axis) bool {
		switch {
		case f.want.Pixels: // x is the column
			i := slices.IndexFunc(groups, func(g group) bool { return g.name == a.group })
			return groups[i].pixels && a.index < 2 && (a.index == k) == (a.group == "pixel")
		case of.Names == nil:
			return a.group == "plane" && a.index == k || a.group == "numbered" && a.index == k
		}
		b := of.axes[k]
		return b.group != "" && a.group == b.group && a.index == b.index
	}
	found := -1
	for j, n := range f.t.Names {
		if a, ok := axisOf(n); ok && accepts(a) {
			if found >= 0 {
				return 0, f.fail("is coordinate %d %s or %s?", k+1, f.call(found), f.call(j))
			}
			found = j
		}
	}
	switch {
	case found < 0 && f.list:
		return 0, f.fail("want columns row and col, or x (the column) and y (the row)")
	case found < 0:
		if name == "" {
			name = fmt.Sprint(k + 1)
		}
		return 0, f.fail("no column for the coordinate %s of the observations", name)
	}
	return found, nil
}

// swapped tells whether two coordinates have each other's names.
func (f *finder) swapped(c, of *Columns) bool {
	for k := range c.Coordinates {
		for i := range c.Coordinates {
			if i != k && plain(c.Names[k]) == plain(of.Names[i]) {
				return true
			}
		}
	}
	return false
}

// Pixels finds the row and the column of a list of pixels, stars or PSFs.
func Pixels(t *imageio.Table) (*Columns, error) {
	f := newFinder(t, Want{Pixels: true, Dim: 2})
	f.list = true
	return f.places(Plain(2))
}

// Plain is the columns of observations that come from no table: x, y, z or, of pixels, row
// and column.
func Plain(dim int) *Columns {
	return &Columns{Coordinates: []int{0, 1, 2}[:dim], Value: dim, Errors: -1}
}

// Named is the columns of observations whose coordinates have these names, in this order; of
// those without names it is Plain.
func Named(names []string, dim int, pixels bool) *Columns {
	c := Plain(dim)
	if len(names) != dim {
		return c
	}
	f := &finder{t: &imageio.Table{Names: names, Cols: dim}, want: Want{Pixels: pixels}}
	f.name(c)
	return c
}
