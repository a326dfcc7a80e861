package kernel

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/outliers"
	"tessera/internal/tables"
)

// columnOutliers is what was found far from all others in one column of the observations, or in a frame.
type columnOutliers struct {
	file   string
	column string // "" = of a frame
	text   string
	warn   string // what the run warns of beside that; "" = nothing
	report *lifecycle.Outliers
}

// outliersKey is the key of the config that says what happens to outliers.
const outliersKey = "observations.outliers"

// leaveMarks makes the values of a frame NaN that mark missing ones, and says what it found.
func (c *settings) leaveMarks(s *scattered, f *imageio.Frame) (string, error) {
	if c.Observations.Outliers == frames.OutliersKeep {
		return "", nil
	}
	search := frames.OutlierSearch{
		Plane: "channel", Planes: f.Channels, Rows: f.Rows, Cols: f.Cols, Box: imageio.Box{R1: f.Rows, C1: f.Cols}, Data: f.Data, Apart: true, Marks: true,
	}
	found, err := search.Find(nil)
	if err != nil {
		return "", err
	}
	if found.Nothing {
		return "", fmt.Errorf("%s: %s", c.Frame.Truth, frames.NothingBut(found.WholePlanes(&search), outliersKey))
	}
	if report := found.Report(&search, outliersKey, c.Observations.Outliers); report != nil {
		s.outliers = append(s.outliers, columnOutliers{file: c.Frame.Truth, report: report})
	}
	found.LeaveOut(&search, c.Observations.Outliers)
	return found.Text(&search, outliersKey, c.Observations.Outliers), nil
}

// judge looks for values of the observations that mark missing ones, in all columns that are used, and for others far
// from the rest in that of the values. It says which rows observations.outliers leaves out; the table stays as it is.
func (c *settings) judge(t *imageio.Table, columns *tables.Columns) (*tables.Judged, []columnOutliers, error) {
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
			return nil, nil, fmt.Errorf("%s: %s", name, frames.NothingBut(f.WholePlanes(&search), outliersKey))
		}
		for i := range f.Own {
			row := f.Own[i].Row
			judged.Told[row] = true
			judged.Out[row] = judged.Out[row] || f.Own[i].Taken(rule)
		}
		if report := f.Report(&search, outliersKey, rule); report != nil {
			found = append(found, columnOutliers{file: c.Observations.Path, column: name, text: f.Text(&search, outliersKey, rule), report: report})
		}
		if j == columns.Errors {
			continue
		}
		if far := judgeApart(t, &search, judged, rule, name); far != nil {
			far.file = c.Observations.Path
			found = append(found, *far)
		}
	}
	return judged, found, nil
}

// judgeApart finds numbers of a column far from all others of which the search has told nothing, as they are too many or
// coordinates; nil = none.
func judgeApart(t *imageio.Table, s *frames.OutlierSearch, judged *tables.Judged, rule frames.Outliers, name string) *columnOutliers {
	known := slices.Clone(s.Data)
	for i := range known {
		if judged.Told[i] {
			known[i] = math.NaN()
		}
	}
	g := outliers.Apart(known)
	if g == nil {
		return nil
	}
	n := len(g.Far)
	text := fmt.Sprintf("%d of %d numbers are far from all others, which are from %.6g to %.6g, such as %.6g in %s", n, len(known), g.Low, g.High, known[g.Far[0]], t.Where(g.Far[0]))
	o := &columnOutliers{column: name, report: &lifecycle.Outliers{Key: outliersKey, Asked: rule == frames.OutliersMissing}}
	if o.report.Asked {
		o.report.Missing = n
		text += fmt.Sprintf(": left out, as %s says", outliersKey)
	} else {
		o.report.Reported = n
		text += fmt.Sprintf(": taken as data; %s = %q leaves them out", outliersKey, frames.OutliersMissing)
	}
	for _, row := range g.Far {
		judged.Told[row], judged.Out[row] = true, judged.Out[row] || o.report.Asked
	}
	o.text, o.warn = text, text
	return o
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
func (s *scattered) warnOutliers(run *lifecycle.Run) (sum *lifecycle.Outliers) {
	for _, o := range s.outliers {
		o.report.Warn(run, strings.TrimSuffix(o.file+", "+o.column, ", "))
		if o.warn != "" {
			run.Warning(fmt.Sprintf("%s, %s: %s", o.file, o.column, o.warn))
		}
		sum = sum.Plus(o.report)
	}
	return sum
}
