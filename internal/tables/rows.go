package tables

import (
	"fmt"
	"math"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/outliers"
)

// Missing says what is done with rows that have a missing number.
type Missing string

const (
	Refuse Missing = "refuse" // they are an error that names the first
	Skip   Missing = "skip"   // they are left out
)

// Rows are the numbers of a table that a job takes.
type Rows struct {
	X     []float64 // rows x coordinates
	Y     []float64 // values; nil = not asked for
	Sigma []float64 // standard deviations; nil = none; of relative weights those of a mean weight of 1
	At    []int     // the row of the table of each

	dropped [5]int // rows without a coordinate, a value, an error; with a weight of 0; that the search for outliers has left out
}

// Judged says which rows of a table a search for outliers has looked at.
type Judged struct {
	Out  []bool // that are left out
	Told []bool // that hold an outlier, of which the search says more
}

// Take gets the numbers of the columns. Coordinates and values have to be finite, errors
// more than 0; a weight or an inverse variance of 0 is a missing value, and left out. key
// is the key of the config that says what missing is, for the message. Numbers such as 1e30
// that mark missing ones, far from all others, are missing, unless a search has judged the rows, whatever missing says; nil = none has.
func Take(t *imageio.Table, c *Columns, missing Missing, key string, judged *Judged) (*Rows, error) {
	r := &Rows{}
	c.judged = judged
	marks := c.marks(t)
	for i := range t.Rows {
		if judged != nil && judged.Out[i] {
			r.dropped[4]++
			continue
		}
		row, mark := marks.without(t.Data[i*t.Cols : (i+1)*t.Cols])
		reason, err := c.check(t, i, row)
		if err != nil {
			return nil, err
		}
		if reason >= 0 {
			if missing != Skip && reason < 3 {
				j := c.Value
				switch reason {
				case 0:
					for _, k := range c.Coordinates {
						if math.IsNaN(row[k]) {
							j = k
							break
						}
					}
				case 2:
					j = c.Errors
				}
				hint := ""
				if key != "" {
					hint = fmt.Sprintf(`, or leave such rows out with %s = "skip"`, key)
				}
				return nil, fmt.Errorf("%s, column %d%s: %s: want a number%s", t.Where(i), j+1, bracketed(t, j), mark.describe(j), hint)
			}
			r.dropped[reason]++
			continue
		}
		for k, j := range c.Coordinates {
			r.X = append(r.X, row[j]-c.axes[k].origin)
		}
		if c.Value >= 0 {
			r.Y = append(r.Y, row[c.Value])
		}
		if c.Errors >= 0 {
			r.Sigma = append(r.Sigma, c.Kind.sigma(row[c.Errors]))
		}
		r.At = append(r.At, i)
	}
	if c.Kind == Weight && len(r.Sigma) > 0 {
		mean := 0.0
		for _, i := range r.At {
			mean += t.Data[i*t.Cols+c.Errors] / float64(len(r.At))
		}
		for k := range r.Sigma {
			r.Sigma[k] *= math.Sqrt(mean)
		}
	}
	return r, nil
}

// check finds why a row is left out (an index of Rows.dropped; -1 = it is not), or what is
// wrong with it.
func (c *Columns) check(t *imageio.Table, i int, row []float64) (int, error) {
	reason := -1
	look := func(j, why int) error {
		if math.IsInf(row[j], 0) {
			return fmt.Errorf("%s, column %d%s: %v, want a finite number", t.Where(i), j+1, bracketed(t, j), row[j])
		}
		if math.IsNaN(row[j]) && reason < 0 {
			reason = why
		}
		return nil
	}
	for _, j := range c.Coordinates {
		if err := look(j, 0); err != nil {
			return -1, err
		}
	}
	if c.Value >= 0 {
		if err := look(c.Value, 1); err != nil {
			return -1, err
		}
	}
	if c.Errors < 0 {
		return reason, nil
	}
	if err := look(c.Errors, 2); err != nil {
		return -1, err
	}
	e := row[c.Errors]
	switch {
	case reason >= 0:
	case e == 0 && (c.Kind == Inverse || c.Kind == Weight):
		return 3, nil
	case !(e > 0) || math.IsInf(c.Kind.sigma(e), 0) || c.Kind.sigma(e) == 0:
		hint := ""
		if outliers.Looks(e) && e < 0 {
			hint = ": it often marks a missing number: if it does, write NA in its place"
		}
		return -1, fmt.Errorf("%s, column %d%s: sigma %v, want more than 0%s", t.Where(i), c.Errors+1, bracketed(t, c.Errors), e, hint)
	}
	return reason, nil
}

// sigma is the standard deviation that a number in a column of errors means.
func (e Errors) sigma(v float64) float64 {
	switch e {
	case Variance:
		return math.Sqrt(v)
	case Inverse, Weight:
		return 1 / math.Sqrt(v)
	}
	return v
}

// bracketed is the name of a column in brackets, "" where there is none.
func bracketed(t *imageio.Table, j int) string {
	if t.Names == nil || t.Names[j] == "" {
		return ""
	}
	return " (" + t.Names[j] + ")"
}

// Text says how many rows were left out, and why.
func (r *Rows) Text() string {
	var list []string
	for k, n := range r.dropped {
		if n > 0 {
			list = append(list, fmt.Sprintf("%d %s left out, %s", n, plural(n, "row", "rows"),
				[...]string{"a coordinate is missing", "the value is missing", "the error is missing", "the weight is 0", "by the rule for outliers"}[k]))
		}
	}
	if len(list) == 0 {
		return "none missing"
	}
	return strings.Join(list, "; ")
}
