package imageio

import (
	"fmt"
	"io"
	"math"
)

// describe prints the columns, each with its unit and the range of its values.
func (t *Table) describe(w io.Writer) {
	fmt.Fprintf(w, "  format\t%s, table: %s\n  shape\t%d rows of %d columns\n", t.Format, t.Part, t.Rows, t.Cols)
	if t.Commented {
		fmt.Fprintf(w, "  names\tfrom a comment\n")
	}
	const most = 100 // columns that are described
	for j := range t.Cols {
		if j == most {
			fmt.Fprintf(w, "  ...\tand %d more columns\n", t.Cols-most)
			break
		}
		name := fmt.Sprintf("column %d", j+1)
		switch {
		case t.Names != nil && t.Names[j] != "":
			name = shortened(t.Names[j])
		case t.Names != nil:
			name += ", without a name"
		}
		if u := t.Unit(j); u != "" {
			name += " [" + shortened(u) + "]"
		}
		lo, hi, missing := math.Inf(1), math.Inf(-1), 0
		for i := range t.Rows {
			v := t.Data[i*t.Cols+j]
			if math.IsNaN(v) {
				missing++
				continue
			}
			lo, hi = min(lo, v), max(hi, v)
		}
		texts, where := t.Text(j)
		switch {
		case texts > 0 && texts == missing && missing == t.Rows:
			fmt.Fprintf(w, "  %s\ttext\n", name)
		case texts > 0:
			fmt.Fprintf(w, "  %s\t%d texts, the first in %s; %d missing\n", name, texts, where, missing-texts)
		case missing == t.Rows:
			fmt.Fprintf(w, "  %s\tall missing\n", name)
		default:
			fmt.Fprintf(w, "  %s\t%.6g to %.6g, %d missing\n", name, lo, hi, missing)
		}
	}
	if len(t.Passed) > 0 {
		fmt.Fprintf(w, "  not numbers\t%s\n", Listed(t.Passed))
	}
}
