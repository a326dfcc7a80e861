package tables

import (
	"slices"
	"strings"
)

// roles are what the names of the free columns may mean.
type roles struct {
	groups map[string]*[3]int // columns of the coordinates of a group, -1 = none
	alone  []int              // coordinates of one dimension
	either []int              // coordinates or values
	values []int
	errors []int
}

// byName finds the columns by their names.
func (f *finder) byName() (*Columns, error) {
	r, err := f.roles()
	if err != nil {
		return nil, err
	}
	pair, err := f.pair(r)
	if err != nil {
		return nil, err
	}
	c := &Columns{Value: -1, Errors: -1}
	if pair != "" {
		err = f.inPlane(r, pair, c)
	} else {
		err = f.onLine(r, c)
	}
	if err != nil {
		return nil, err
	}
	if d := f.want.Dim; d != 0 && d != len(c.Coordinates) {
		return nil, f.fail("%s = %d, and the names tell of %d coordinates", f.want.DimKey, d, len(c.Coordinates))
	}
	return c, f.errors(r, c)
}

func (f *finder) roles() (*roles, error) {
	r := &roles{groups: map[string]*[3]int{}}
	for _, j := range f.free {
		name := f.t.Names[j]
		a, isAxis := axisOf(name)
		_, kind := errorsOf(name)
		if isAxis {
			g := r.groups[a.group]
			if g == nil {
				g = &[3]int{-1, -1, -1}
				r.groups[a.group] = g
			}
			if g[a.index] >= 0 {
				return nil, f.fail("columns %s and %s are the same coordinate", f.call(g[a.index]), f.call(j))
			}
			g[a.index] = j
		}
		switch p := plain(name); {
		case kind != None:
			r.errors = append(r.errors, j)
		case has(alone, p):
			r.alone = append(r.alone, j)
		case has(either, p):
			r.either = append(r.either, j)
		case isValue(name):
			r.values = append(r.values, j)
		}
	}
	return r, nil
}

// pair is the group whose first two coordinates are there, "" = none. What is left of other
// groups becomes coordinates of one dimension.
func (f *finder) pair(r *roles) (string, error) {
	var pairs, halves []string
	for _, g := range groups {
		have := r.groups[g.name]
		switch {
		case have == nil || f.want.Pixels && !g.pixels:
		case have[0] >= 0 && have[1] >= 0:
			pairs = append(pairs, g.name)
		default:
			halves = append(halves, g.name)
		}
	}
	switch {
	case len(pairs) > 1:
		return "", f.fail("coordinates of two kinds, %s and %s: which of them?", pairs[0], pairs[1])
	case len(pairs) == 1:
		have := r.groups[pairs[0]]
		r.values = slices.DeleteFunc(r.values, func(j int) bool { return j == have[0] || j == have[1] })
		return pairs[0], nil
	case f.want.Pixels:
		return "", f.fail("want columns row and col, or x (the column) and y (the row)")
	}
	for _, name := range halves {
		for i, j := range r.groups[name] {
			if j >= 0 && i < 2 && !isValue(f.t.Names[j]) && !(name == "plane" && i == 1) {
				r.alone = append(r.alone, j)
			}
		}
	}
	return "", nil
}

// inPlane decides where there are two coordinates of one group.
func (f *finder) inPlane(r *roles, pair string, c *Columns) error {
	have := r.groups[pair]
	c.Coordinates = []int{have[0], have[1]}
	others := slices.Concat(r.alone, r.either, f.halves(r, pair))
	if len(r.values) == 0 && len(r.either) == 0 && pair == "plane" && !f.want.Pixels && f.want.Dim < 2 {
		if len(others)+f.unknown(r, have) > 0 {
			return f.fail("which is the value?")
		}
		c.Coordinates, c.Value = have[:1:1], have[1] // y over x
		return nil
	}
	if len(r.values) == 0 {
		if len(r.either) != 1 {
			return f.fail("which is the value?")
		}
		c.Value = r.either[0]
		others = r.alone
	} else {
		var err error
		if c.Value, err = f.value(r.values, c.Coordinates); err != nil {
			return err
		}
	}
	third := have[2]
	if third == c.Value {
		third = -1
	}
	others = slices.DeleteFunc(others, func(j int) bool { return j == third })
	switch {
	case f.want.Pixels || f.want.Dim == 2:
	case third >= 0 && len(others) == 0:
		c.Coordinates = append(c.Coordinates, third)
	case f.want.Dim == 3 && third < 0 && len(others) == 1:
		c.Coordinates = append(c.Coordinates, others[0])
	case len(others) > 0:
		return f.fail("is %s a third coordinate? Set %s to 2 if it is not, to 3 if it is", f.call(others[0]), f.want.DimKey)
	}
	return nil
}

// onLine decides where there is one coordinate.
func (f *finder) onLine(r *roles, c *Columns) error {
	if g := r.groups["plane"]; g != nil && g[1] >= 0 && len(r.values) == 0 && len(r.either) == 0 {
		r.values = []int{g[1]} // y over t
	}
	coordinates, values := r.alone, r.values
	switch {
	case len(coordinates) == 0 && len(r.either) == 1:
		coordinates = r.either
	case len(values) == 0 && len(r.either) == 1:
		values = r.either
	case len(r.either) > 0:
		return f.fail("is %s a coordinate or the value?", f.call(r.either[0]))
	}
	if len(coordinates) != 1 || len(values) == 0 {
		return f.fail("which are coordinates, value and standard deviation?")
	}
	c.Coordinates = coordinates[:1:1]
	var err error
	c.Value, err = f.value(values, c.Coordinates)
	return err
}

// halves are coordinates of other groups than the one of a pair, whose partner is not there. Of
// pixels they mean nothing.
func (f *finder) halves(r *roles, pair string) []int {
	var list []int
	for _, g := range groups {
		if g.name == pair || r.groups[g.name] == nil || f.want.Pixels {
			continue
		}
		for _, j := range r.groups[g.name][:2] {
			if j >= 0 && !isValue(f.t.Names[j]) {
				list = append(list, j)
			}
		}
	}
	return list
}

// unknown counts the columns about which nothing is known, but for two of a plane.
func (f *finder) unknown(r *roles, have *[3]int) int {
	n := 0
	for _, j := range f.free {
		if j != have[0] && j != have[1] && !slices.Contains(r.errors, j) {
			n++
		}
	}
	return n
}

// value chooses among columns that may be the value: the one that is called so, or the only
// one whose whole name is a known one, if it is a part of the names of the others.
func (f *finder) value(list, coordinates []int) (int, error) {
	if len(list) == 1 {
		return list[0], nil
	}
	for _, sure := range []func(string) bool{
		func(name string) bool { return name == "value" },
		func(name string) bool { return has(values, name) },
	} {
		var found []int
		for _, j := range list {
			if sure(plain(f.t.Names[j])) {
				found = append(found, j)
			}
		}
		if len(found) != 1 {
			continue
		}
		name := plain(f.t.Names[found[0]])
		if name == "value" || !slices.ContainsFunc(list, func(j int) bool { return !strings.Contains(plain(f.t.Names[j]), name) }) {
			return found[0], nil
		}
	}
	f.shown = append(slices.Clone(coordinates), list[0])
	return 0, f.fail("is %s or %s the value?", f.call(list[0]), f.call(list[1]))
}

// errors chooses the errors of the value: those that bear its name, or else those that bear
// none, or else those of no other column.
func (f *finder) errors(r *roles, c *Columns) error {
	value := plain(f.t.Names[c.Value])
	isColumn := func(of string) bool {
		return slices.ContainsFunc(f.t.Names, func(name string) bool { return strings.EqualFold(plain(name), of) })
	}
	for _, fits := range []func(of string) bool{
		func(of string) bool { return of == value },
		func(of string) bool { return of == "" },
		func(of string) bool { return !isColumn(of) && (of == "y" || isValue(of) || has(either, of)) },
	} {
		var found []int
		for _, j := range r.errors {
			if of, _ := errorsOf(f.t.Names[j]); fits(of) {
				found = append(found, j)
			}
		}
		switch len(found) {
		case 0:
			continue
		case 1:
			c.Errors = found[0]
			_, c.Kind = errorsOf(f.t.Names[c.Errors])
			return nil
		}
		return f.fail("do %s or %s hold the errors of %s?", f.call(found[0]), f.call(found[1]), f.call(c.Value))
	}
	return nil
}
