package psfmodel

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/tables"
)

// onGrid sorts images at positions (row, col) into a grid. Each place of the grid must have one image.
func onGrid(positions [][2]float64, list [][]float64) (*Grid, [][]float64, error) {
	g := &Grid{}
	for _, p := range positions {
		g.Rows, g.Cols = append(g.Rows, p[0]), append(g.Cols, p[1])
	}
	for _, axis := range []*[]float64{&g.Rows, &g.Cols} {
		slices.Sort(*axis)
		*axis = slices.Compact(*axis)
	}
	sorted := make([][]float64, g.Images())
	for k, p := range positions {
		at := sort.SearchFloat64s(g.Rows, p[0])*len(g.Cols) + sort.SearchFloat64s(g.Cols, p[1])
		if sorted[at] != nil {
			return nil, nil, fmt.Errorf("two PSFs at row %g, column %g", p[0], p[1])
		}
		sorted[at] = list[k]
	}
	for at, image := range sorted {
		if image == nil {
			return nil, nil, fmt.Errorf("%d positions in %d rows and %d columns: a PSF is missing at row %g, column %g; want one at every place of a grid",
				len(positions), len(g.Rows), len(g.Cols), g.Rows[at/len(g.Cols)], g.Cols[at%len(g.Cols)])
		}
	}
	return g, sorted, nil
}

// readCube reads images and a table of their positions.
func readCube(path string, o Options) (*Model, error) {
	if o.Positions == "" {
		return nil, fmt.Errorf("a cube of PSFs needs a table of their positions with columns row and col, or x and y (psf_model.positions)")
	}
	s, err := readStack(path)
	if err != nil {
		return nil, err
	}
	positions, said, err := Places(o.Positions)
	if err != nil {
		return nil, err
	}
	if len(positions) != s.Count {
		return nil, fmt.Errorf("%s has %d positions, want one for each of %d images", o.Positions, len(positions), s.Count)
	}
	m := &Model{Format: Cube, Rows: s.Rows, Cols: s.Cols, Step: step(o.Oversampling, 1), Places: said}
	list := images(s)
	note, err := unitSums(list, s.Cols)
	if err != nil {
		return nil, err
	}
	if note != "" {
		m.Notes = append(m.Notes, note)
	}
	m.Law, m.Images, err = onGrid(positions, list)
	return m, err
}

// unequalSums is the relative difference of the sums of images from which on a note says it.
const unequalSums = 0.01

// unitSums divides each image by its sum, so that none counts more than another one between two places; note says how much the sums
// differed, "" = hardly.
func unitSums(list [][]float64, cols int) (note string, err error) {
	least, most := math.Inf(1), 0.0
	for k, image := range list {
		if err := known(k, image, cols); err != nil {
			return "", err
		}
		sum := 0.0
		for _, v := range image {
			sum += v
		}
		if !(sum > 0) || math.IsInf(sum, 0) {
			return "", fmt.Errorf("image %d sums to %g, want a finite number more than 0", k, sum)
		}
		for i := range image {
			image[i] /= sum
		}
		least, most = min(least, sum), max(most, sum)
	}
	if most > (1+unequalSums)*least {
		note = fmt.Sprintf("the images have sums of %.4g to %.4g: each is divided by its own before interpolation", least, most)
	}
	return note, nil
}

// A table of places has at most this many of them, and this many columns.
const (
	mostPlaces       = 100_000
	mostPlaceColumns = 1000
)

// Places reads a table of places in pixels from 0, as (row, col): columns row and col, x (the column) and y (the row), those of
// source finders, or two columns without names. said tells which column was taken for what.
func Places(path string) (positions [][2]float64, said string, err error) {
	t, count, err := imageio.SampleTable(path, 1) // its size, before memory is taken for it
	if err != nil {
		return nil, "", err
	}
	if count > mostPlaces || t.Cols > mostPlaceColumns {
		return nil, "", fmt.Errorf("%s: a table of %d rows and %d columns, want at most %d places and %d columns", path, count, t.Cols, mostPlaces, mostPlaceColumns)
	}
	if t, err = imageio.ReadTable(path); err != nil {
		return nil, "", err
	}
	c, err := tables.Pixels(t)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	rows, err := tables.Take(t, c, tables.Refuse, "", nil)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	for k := 0; k < len(rows.X); k += 2 {
		positions = append(positions, [2]float64{rows.X[k], rows.X[k+1]})
	}
	return positions, strings.TrimSuffix(fmt.Sprintf("%d places, %s", len(positions), c.Note(t, true)), ", "), nil
}
