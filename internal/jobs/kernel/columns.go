package kernel

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/tables"
	"tessera/tikhonov/kernel"
)

// want is what the job asks of a table of observations.
func (c *settings) want() tables.Want {
	o := &c.Observations
	return tables.Want{Key: "observations.columns", Columns: o.Columns, Dim: o.Dim, DimKey: "observations.dim", Pixels: c.Frame.Pixels}
}

// readObservations takes the columns of the table; a row without a finite place, value or
// standard deviation is an error that names it, or left out.
func (c *settings) readObservations(s *scattered) error {
	t, err := imageio.ReadTable(c.Observations.Path)
	if err != nil {
		return err
	}
	return c.take(s, t)
}

// take makes observations of the rows of a table.
func (c *settings) take(s *scattered, t *imageio.Table) error {
	path := c.Observations.Path
	columns, err := tables.Observations(t, c.want())
	if err != nil {
		return inFile(path, err)
	}
	judged, found, err := c.judge(t, columns)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	rows, err := tables.Take(t, columns, tables.Missing(c.Observations.Missing), "observations.missing", judged)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(rows.Y) == 0 {
		return fmt.Errorf("%s: no observations in it (%s)", path, rows.Text())
	}
	s.columns, s.outliers = columns, append(s.outliers, found...)
	said, err := columns.Convert(t, rows.X, c.angleUnits(nil))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s.units = columns.In
	s.value, s.unit = valueOf(t, columns.Value)
	s.raw = kernel.Observations{Dim: len(columns.Coordinates), X: rows.X, Y: rows.Y, Sigma: rows.Sigma}
	if columns.Kind == tables.Weight { // of an unknown unit: on average as without errors
		a := amplitudeOf(rows.Y, c.Kernel.Mean)
		for i := range s.raw.Sigma {
			s.raw.Sigma[i] *= a
		}
	}
	s.where = func(i int) string { return t.Where(rows.At[i]) }
	if c.Observations.Distance == greatCircle {
		line := ""
		if s.raw.Dim > 1 {
			line = exchanged(t, columns)
		}
		if err := c.checkDistance(s, line); err != nil {
			return inFile(path, err)
		}
	}
	note := columns.Note(t, c.Frame.Pixels)
	note = joined(note, outlierNote(found), said, c.angleNote(&s.raw, columns), c.radianNote(t, &s.raw, columns))
	s.inputs = append(s.inputs, lifecycle.Input{
		File: path, Part: t.Part, Axes: columns.Text(t), Missing: rows.Text(), Units: columns.Units(t), Note: note,
	})
	return c.checkPeriodic(s.raw.Dim)
}

// joined is the texts that are not "", one after the other.
func joined(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "; ")
}

// valueOf are name and unit of a column.
func valueOf(t *imageio.Table, j int) (name, unit string) {
	name, unit = "value", "unit of the file"
	if j >= 0 && j < len(t.Names) && t.Names[j] != "" {
		name = t.Names[j]
	}
	if j >= 0 && t.Unit(j) != "" {
		unit = t.Unit(j)
	}
	return name, unit
}

// inFile names the file of an error about its columns, which stays one.
func inFile(path string, err error) error {
	var e *tables.Error
	if errors.As(err, &e) {
		return &tables.Error{Text: path + ": " + e.Text}
	}
	return fmt.Errorf("%s: %w", path, err)
}

// readTruth finds out how large the frame of the pixels is, and what it is where the
// config names it.
func (c *settings) readTruth(s *scattered) error {
	if !c.Frame.Pixels {
		return nil
	}
	if c.Frame.Truth == "" {
		return c.placePixels(s, 0, 0)
	}
	f, err := c.readFrame(s)
	if err != nil {
		return err
	}
	s.frame = f
	return c.placePixels(s, f.Rows, f.Cols)
}

// largestFrame bounds the pixels of a frame that is as large as its observations reach.
const largestFrame = 1 << 27

// placePixels sizes the frame by rows and cols where these are not 0, else by the config
// or, where that says nothing, by the last pixel, and holds all observations to be in it.
func (c *settings) placePixels(s *scattered, rows, cols int) error {
	path := c.Observations.Path
	if s.raw.Dim != 2 {
		return fmt.Errorf("%s: pixels have a row and a column, these observations have %d coordinates", path, s.raw.Dim)
	}
	if rows == 0 {
		rows, cols = c.Frame.Rows, c.Frame.Cols
	}
	last, reach := [2]int{}, [2]float64{float64(rows), float64(cols)}
	for i := 0; i < len(s.raw.X); i += 2 {
		for k, v := range s.raw.X[i : i+2] {
			limit := reach[k]
			if limit == 0 {
				limit = 1 << 20
			}
			if v <= -0.5 || v >= limit-0.5 {
				of := ""
				if reach[k] > 0 {
					of = fmt.Sprintf(" of %d rows and %d columns", rows, cols)
				}
				return fmt.Errorf("%s: %s: the observation at row %v, column %v is outside of any frame%s; pixels count from 0, and a pixel without a place has to be left out",
					path, s.where(i/2), s.raw.X[i], s.raw.X[i+1], of)
			}
			if v > s.raw.X[2*last[k]+k] {
				last[k] = i / 2
			}
		}
	}
	s.rows, s.cols = rows, cols
	if rows == 0 {
		s.rows = int(math.Ceil(s.raw.X[2*last[0]])) + 1
	}
	if cols == 0 {
		s.cols = int(math.Ceil(s.raw.X[2*last[1]+1])) + 1
	}
	if s.rows*s.cols > largestFrame && (rows == 0 || cols == 0) {
		i := last[0]
		if s.cols > s.rows {
			i = last[1]
		}
		return fmt.Errorf("%s: %s: the observation at row %v, column %v makes a frame of %d x %d pixels; leave it out if it has no place, or set frame.rows and frame.cols",
			path, s.where(i), s.raw.X[2*i], s.raw.X[2*i+1], s.rows, s.cols)
	}
	return nil
}
