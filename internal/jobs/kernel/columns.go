package kernel

import (
	"fmt"
	"math"
	"strings"

	"tessera/internal/imageio"
	"tessera/tikhonov/kernel"
)

// columns finds the coordinates, the value and the standard deviation (-1: none).
func (c *settings) columns(t *imageio.Table) (coordinates []int, rest [2]int, err error) {
	names := c.Observations.Columns
	dim := c.Observations.Dim
	if len(names) == 0 {
		return recognise(t, dim)
	}
	var at []int
	for _, name := range names {
		i := t.Column(name)
		if i < 0 {
			return nil, rest, columnsErrorf("no column %q in %s", name, describeColumns(t))
		}
		at = append(at, i)
	}
	if dim == 0 {
		dim = len(at) - 1
	}
	if dim < 1 || dim > 3 || len(at) < dim+1 || len(at) > dim+2 {
		return nil, rest, columnsErrorf("%d columns: want 1 to 3 coordinates, the value and, with observations.dim set, sigma", len(at))
	}
	rest = [2]int{at[dim], -1}
	if len(at) == dim+2 {
		rest[1] = at[dim+1]
	}
	return at[:dim], rest, nil
}

func describeColumns(t *imageio.Table) string {
	if t.Names == nil {
		return fmt.Sprintf("%d columns without names", t.Cols)
	}
	return strings.Join(t.Names, ", ")
}

// recognise guesses the columns: by well-known names where there are names,
// otherwise the coordinates first, then the value, then sigma.
func recognise(t *imageio.Table, dim int) (coordinates []int, rest [2]int, err error) {
	rest = [2]int{-1, -1}
	first := func(names ...string) int {
		for _, name := range names {
			if i := t.Column(name); i >= 0 && t.Names != nil {
				return i
			}
		}
		return -1
	}
	for _, set := range [][]string{{"row", "col"}, {"ra", "dec"}, {"x", "y", "z"}, {"x1", "x2", "x3"}} {
		var found []int
		for _, name := range set {
			if i := first(name); i >= 0 {
				found = append(found, i)
			}
		}
		if len(found) > len(coordinates) {
			coordinates = found
		}
	}
	rest[0], rest[1] = first("value", "data", "flux", "v"), first("sigma", "error", "std")
	if len(coordinates) > 0 && rest[0] >= 0 && (dim == 0 || dim == len(coordinates)) {
		return coordinates, rest, nil
	}
	if dim == 0 {
		dim = t.Cols - 1
	}
	if dim < 1 || dim > 3 || t.Cols < dim+1 || t.Cols > dim+2 {
		return nil, rest, columnsErrorf("%s: which are coordinates, value and sigma? Name them, or set observations.dim", describeColumns(t))
	}
	coordinates = nil
	for k := range dim {
		coordinates = append(coordinates, k)
	}
	rest = [2]int{dim, -1}
	if t.Cols == dim+2 {
		rest[1] = dim + 1
	}
	return coordinates, rest, nil
}

// readObservations takes the columns of the table; a row without a finite place,
// value or standard deviation is an error that names it.
func (c *settings) readObservations(s *scattered) error {
	path := c.Observations.Path
	t, err := imageio.ReadTable(path)
	if err != nil {
		return err
	}
	return c.take(s, t)
}

// take makes observations of the rows of a table.
func (c *settings) take(s *scattered, t *imageio.Table) error {
	path := c.Observations.Path
	coordinates, rest, err := c.columns(t)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if t.Rows == 0 {
		return fmt.Errorf("%s: no observations in it", path)
	}
	d := kernel.Observations{Dim: len(coordinates)}
	for i := range t.Rows {
		row := t.Data[i*t.Cols : (i+1)*t.Cols]
		for _, k := range append(append([]int(nil), coordinates...), rest[0]) {
			if math.IsNaN(row[k]) || math.IsInf(row[k], 0) {
				return fmt.Errorf("%s: %s, column %d: %v, want a finite number", path, t.Where(i), k+1, row[k])
			}
		}
		for _, k := range coordinates {
			d.X = append(d.X, row[k])
		}
		d.Y = append(d.Y, row[rest[0]])
		if k := rest[1]; k >= 0 {
			if !(row[k] > 0) || math.IsInf(row[k], 0) {
				return fmt.Errorf("%s: %s, column %d: sigma %v, want more than 0", path, t.Where(i), k+1, row[k])
			}
			d.Sigma = append(d.Sigma, row[k])
		}
	}
	s.data = d
	return nil
}

// readTruth finds out how large the frame of the pixels is, and what it is where the
// config names it.
func (c *settings) readTruth(s *scattered) error {
	if !c.Frame.Pixels {
		return nil
	}
	if err := c.placePixels(s); err != nil || c.Frame.Truth == "" {
		return err
	}
	f, err := imageio.ReadFrame(c.Frame.Truth)
	if err != nil {
		return err
	}
	s.frame = luminance(f)
	s.rows, s.cols = f.Rows, f.Cols
	return nil
}

// placePixels holds the places of the observations to be pixels, and sizes the frame
// by the config or, where it says nothing, by the last pixel.
func (c *settings) placePixels(s *scattered) error {
	if s.data.Dim != 2 {
		return fmt.Errorf("%s: pixels have a row and a column, these observations have %d coordinates", s.source, s.data.Dim)
	}
	s.rows, s.cols = c.Frame.Rows, c.Frame.Cols
	for i := 0; i < len(s.data.X); i += 2 {
		r, q := s.data.X[i], s.data.X[i+1]
		if r < 0 || q < 0 || r > 1<<20 || q > 1<<20 {
			return fmt.Errorf("%s: observation %d at row %v, column %v is outside of any frame", s.source, i/2, r, q)
		}
		if c.Frame.Rows == 0 {
			s.rows = max(s.rows, int(math.Ceil(r))+1)
		}
		if c.Frame.Cols == 0 {
			s.cols = max(s.cols, int(math.Ceil(q))+1)
		}
	}
	return nil
}
