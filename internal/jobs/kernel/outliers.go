package kernel

import (
	"fmt"
	"strings"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/tables"
)

// columnOutliers is what was found far from all others in one column of the observations.
type columnOutliers struct {
	column string
	text   string
	report *lifecycle.Outliers
}

// judge looks for values of the observations that mark missing ones, in all columns that are used, and for others far
// from the rest in that of the values. It says which rows observations.outliers leaves out; the table stays as it is.
func (c *settings) judge(t *imageio.Table, columns *tables.Columns) (*tables.Judged, []columnOutliers, error) {
	const key = "observations.outliers"
	judged := &tables.Judged{Out: make([]bool, t.Rows), Told: make([]bool, t.Rows)}
	rule := c.Observations.Outliers
	if rule == frames.OutliersKeep {
		return judged, nil, nil
	}
	var found []columnOutliers
	for _, j := range append(append([]int(nil), columns.Coordinates...), columns.Value, columns.Errors) {
		if j < 0 {
			continue
		}
		name := fmt.Sprintf("column %d", j+1)
		if j < len(t.Names) && t.Names[j] != "" {
			name = "column " + t.Names[j]
		}
		search := frames.OutlierSearch{
			Planes: 1, Rows: t.Rows, Cols: 1, Box: imageio.Box{R1: t.Rows, C1: 1}, Data: tables.Column(t, j),
			Scattered: true, Where: t.Where, Marks: j != columns.Value, Positive: j == columns.Errors,
		}
		f, err := search.Find(nil)
		if err != nil {
			return nil, nil, err
		}
		if f.Nothing {
			return nil, nil, fmt.Errorf("%s: %s", name, frames.NothingBut(f.WholePlanes(&search), key))
		}
		for i := range f.Own {
			row := f.Own[i].Row
			judged.Told[row] = true
			judged.Out[row] = judged.Out[row] || f.Own[i].Taken(rule)
		}
		if report := f.Report(&search, key, rule); report != nil {
			found = append(found, columnOutliers{name, f.Text(&search, key, rule), report})
		}
	}
	return judged, found, nil
}

// outlierNote says what was found, column by column.
func outlierNote(found []columnOutliers) string {
	var list []string
	for _, o := range found {
		list = append(list, o.column+": "+o.text)
	}
	return strings.Join(list, "; ")
}

// warnOutliers warns of rows that were left out without being asked for, and adds up what was found; nil = nothing.
func (s *scattered) warnOutliers(run *lifecycle.Run, path string) (sum *lifecycle.Outliers) {
	for _, o := range s.outliers {
		o.report.Warn(run, path+", "+o.column)
		sum = sum.Plus(o.report)
	}
	return sum
}
