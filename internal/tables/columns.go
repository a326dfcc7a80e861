package tables

import (
	"fmt"
	"slices"
	"strings"

	"tessera/internal/imageio"
)

// Error is a table whose columns are not clear, or not those that are asked for.
type Error struct{ Text string }

func (e *Error) Error() string { return e.Text }

// Want is what a job asks of a table.
type Want struct {
	Key     string   // of the config that names columns: "observations.columns"
	Columns []string // what that key says: names, or numbers counted from 1; empty = to be found
	Dim     int      // coordinates, 1 to 3; 0 = as the table has them
	DimKey  string   // of the config that says it; "" = none
	Pixels  bool     // the coordinates are the row and the column of a pixel
}

// Columns says which column of a table is what.
type Columns struct {
	Coordinates []int    // in the order of the coordinates: of pixels row, column
	Names       []string // of the coordinates; nil where the table has none
	Value       int      // -1 = not asked for
	Errors      int      // -1 = none
	Kind        Errors   // what they hold
	Unused      []string // names of the other columns
	In          []string // units of the coordinates after Convert, "" = not said; nil before it

	given  bool    // the config names the columns
	judged *Judged // what a search for outliers has found; nil = none was made

	axes []axis // of the coordinates; group "" where the name is not known
}

// finder decides about the columns of one table.
type finder struct {
	t     *imageio.Table
	want  Want
	bare  bool  // coordinates alone are asked for
	list  bool  // of pixels, without observations
	free  []int // columns of numbers that do not number the rows
	shown []int // columns of the line of the config that an error shows; nil = the first ones of numbers
}

// Observations finds coordinates, value and errors.
func Observations(t *imageio.Table, want Want) (*Columns, error) {
	f := newFinder(t, want)
	var c *Columns
	var err error
	switch {
	case len(want.Columns) > 0:
		c, err = f.named()
	case f.nameless():
		c, err = f.byPlace()
	default:
		if c, err = f.byName(); err == nil {
			err = f.strangers(c)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := f.order(c); err != nil {
		return nil, err
	}
	f.finish(c)
	return c, nil
}

func newFinder(t *imageio.Table, want Want) *finder {
	f := &finder{t: t, want: want}
	if f.nameless() && len(want.Columns) == 0 {
		f.t = withoutNames(t)
	}
	t = f.t
	for j := range t.Cols {
		n, _ := t.Text(j)
		if n == 0 && (t.Names == nil || !isNumbering(t.Names[j])) {
			f.free = append(f.free, j)
		}
	}
	return f
}

// nameless tells whether columns are taken by their place: there are no names, or they come
// from a comment in which no name is known.
func (f *finder) nameless() bool {
	if f.t.Names == nil {
		return true
	}
	if !f.t.Commented {
		return false
	}
	return !slices.ContainsFunc(f.t.Names, known)
}

// withoutNames is the table as one without names.
func withoutNames(t *imageio.Table) *imageio.Table {
	out := *t
	out.Names, out.Units = nil, nil
	return &out
}

func known(name string) bool {
	_, isAxis := axisOf(name)
	_, kind := errorsOf(name)
	return isAxis || kind != None || isValue(name) || has(alone, plain(name)) || has(either, plain(name))
}

// named takes the columns that the config names.
func (f *finder) named() (*Columns, error) {
	at, err := f.lookUp()
	if err != nil {
		return nil, err
	}
	dim, n := f.want.Dim, len(at)
	if dim == 0 {
		dim = n - 1
		if n > 2 && f.t.Names != nil {
			if _, kind := errorsOf(f.t.Names[at[n-1]]); kind != None {
				dim-- // the last one is named as errors
			}
		}
	}
	if dim < 1 || dim > 3 || n < dim+1 || n > dim+2 {
		return nil, f.fail("%s names %d columns: want 1 to 3 coordinates, the value and, with %s set, its standard deviation", f.want.Key, n, f.want.DimKey)
	}
	c := &Columns{Coordinates: at[:dim:dim], Value: at[dim], Errors: -1}
	if n == dim+2 {
		c.Errors, c.Kind = at[dim+1], Sigma
		if f.t.Names != nil {
			if _, kind := errorsOf(f.t.Names[c.Errors]); kind != None {
				c.Kind = kind
			}
		}
	}
	return c, nil
}

// lookUp finds the columns that the config names.
func (f *finder) lookUp() ([]int, error) {
	var at []int
	for _, name := range f.want.Columns {
		i := f.t.Column(name)
		if i < 0 {
			return nil, f.fail("%s: no column %q", f.want.Key, name)
		}
		if n, where := f.t.Text(i); n > 0 {
			return nil, f.fail("column %q, which %s names, holds %d texts: %s", name, f.want.Key, n, where)
		}
		if same := f.called(name); same > 1 {
			return nil, f.fail("%s: %d columns are called %q: give their numbers, counted from 1", f.want.Key, same, name)
		}
		if slices.Contains(at, i) {
			return nil, f.fail("%s names column %q twice", f.want.Key, name)
		}
		at = append(at, i)
	}
	return at, nil
}

// called counts the columns of a name.
func (f *finder) called(name string) int {
	n := 0
	for _, s := range f.t.Names {
		if s == name {
			n++
		}
	}
	return n
}

// byPlace takes the coordinates first, then the value, then its standard deviation.
func (f *finder) byPlace() (*Columns, error) {
	for j := range f.t.Cols {
		if n, where := f.t.Text(j); n > 0 {
			return nil, f.fail("text in a table without names: %s", where)
		}
	}
	dim, n := f.want.Dim, f.t.Cols
	if dim == 0 {
		dim = n - 1
	}
	if f.want.Pixels && f.want.Dim == 0 && n == 4 {
		dim = 2 // row, column, value and its standard deviation
	}
	if dim < 1 || dim > 3 || n < dim+1 || n > dim+2 {
		hint := ""
		if f.t.Rows <= 5 && n > 5 {
			hint = "; one observation a row is wanted: is the array transposed?"
		}
		return nil, f.fail("which are coordinates, value and standard deviation?%s", hint)
	}
	c := &Columns{Value: dim, Errors: -1}
	for k := range dim {
		c.Coordinates = append(c.Coordinates, k)
	}
	if n == dim+2 {
		c.Errors, c.Kind = dim+1, Sigma
	}
	return c, nil
}

// order brings the coordinates of pixels into the order row, column, and names all
// coordinates.
func (f *finder) order(c *Columns) error {
	f.name(c)
	if !f.want.Pixels {
		return nil
	}
	if len(c.Coordinates) != 2 {
		return f.fail("pixels have a row and a column, these observations have %d coordinates", len(c.Coordinates))
	}
	if c.Names == nil {
		return nil
	}
	a, b := c.axes[0], c.axes[1]
	switch {
	case a.group == "" || b.group == "" || len(f.want.Columns) > 0 && a.group != b.group: // as the config orders them
		return nil
	case a.group != b.group || !slices.ContainsFunc(groups, func(g group) bool { return g.name == a.group && g.pixels }):
		return f.fail("%s and %s are no row and column of a pixel", c.Names[0], c.Names[1])
	}
	if (a.index > b.index) == (a.group == "pixel") { // x is the column
		slices.Reverse(c.Coordinates)
		f.name(c)
	}
	return nil
}

// name fills the names and axes of the coordinates.
func (f *finder) name(c *Columns) {
	c.Names, c.axes = nil, nil
	for _, j := range c.Coordinates {
		var a axis
		if f.t.Names != nil {
			a, _ = axisOf(f.t.Names[j])
			c.Names = append(c.Names, f.t.Names[j])
		}
		if !f.want.Pixels {
			a.origin = 0
		}
		c.axes = append(c.axes, a)
	}
}

// finish lists the columns that are not used.
func (f *finder) finish(c *Columns) {
	for j := range f.t.Cols {
		if !slices.Contains(c.Coordinates, j) && j != c.Value && j != c.Errors {
			c.Unused = append(c.Unused, f.call(j))
		}
	}
	c.Unused = append(c.Unused, f.t.Passed...)
	c.given = len(f.want.Columns) > 0
}

// call is how messages name a column.
func (f *finder) call(j int) string {
	switch {
	case f.t.Names == nil:
		return fmt.Sprintf("column %d", j+1)
	case f.t.Names[j] == "":
		return fmt.Sprintf("column %d (without a name)", j+1)
	}
	return f.t.Names[j]
}

// fail is an error that lists the columns and shows the line that says which is which.
func (f *finder) fail(format string, args ...any) error {
	var list []string
	for j := range f.t.Cols {
		s := f.call(j)
		if n, _ := f.t.Text(j); n > 0 {
			s += " (text)"
		}
		list = append(list, s)
	}
	if len(list) > 24 {
		list = append(list[:20:20], fmt.Sprintf("and %d more", len(list)-20))
	}
	columns := "the columns are " + strings.Join(list, ", ")
	if f.t.Names == nil {
		columns = fmt.Sprintf("%d columns without names", f.t.Cols)
	}
	text := fmt.Sprintf(format, args...) + "; " + columns
	if where := f.textWhere(); where != "" && !strings.Contains(text, where) {
		text += "; " + where
	}
	if line := f.example(); line != "" {
		text += "; say which are which, as in " + line
	}
	if len(f.t.Others) > 0 {
		text += "; the file has other tables, " + imageio.Listed(f.t.Others) + ": choose one by its name or number, as in FILE.fits[NAME]"
	}
	return &Error{text}
}

// textWhere is where the first text stands in a column with a name that means numbers.
func (f *finder) textWhere() string {
	for j, name := range f.t.Names {
		if n, where := f.t.Text(j); n > 0 && known(name) && !isNumbering(name) {
			return where
		}
	}
	return ""
}

// example is the line of the config that would name the first columns of numbers.
func (f *finder) example() string {
	if f.want.Key == "" {
		return ""
	}
	n := f.want.Dim + 1
	switch {
	case f.bare:
		n = f.want.Dim
	case f.want.Dim == 0:
		n = 3
	}
	list := f.free
	if f.shown != nil {
		list, n = f.shown, len(f.shown)
	}
	if len(list) == 0 {
		return ""
	}
	var names []string
	for _, j := range list {
		if len(names) == n {
			break
		}
		if f.t.Names != nil && f.t.Names[j] != "" {
			names = append(names, f.t.Names[j])
		} else {
			names = append(names, fmt.Sprint(j+1))
		}
	}
	if strings.HasPrefix(f.want.Key, "-") { // of the command line
		list := strings.Join(names, ",")
		if strings.ContainsAny(list, " '\"$;&|<>()*?`\\") {
			list = "'" + strings.ReplaceAll(list, "'", `'\\''`) + "'"
		}
		return f.want.Key + " " + list
	}
	for i := range names {
		names[i] = fmt.Sprintf("%q", names[i])
	}
	return f.want.Key + " = [" + strings.Join(names, ", ") + "]"
}
