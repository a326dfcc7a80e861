package training

import (
	"context"
	"fmt"
	"math"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/outliers"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// Data is the section [data]: true pictures to learn from.
type Data struct {
	Truth      string `toml:"truth"`      // a stack, (count, rows, cols); "" = simulated cells
	Validation int    `toml:"validation"` // the last pictures, which are not learned from
}

// Cells is the section [simulate]: the cells that are simulated where no file is named.
type Cells struct {
	Count int `toml:"count"` // pictures, those of the validation included
	Rows  int `toml:"rows"`
	Cols  int `toml:"cols"`
}

// Output is the section [output].
type Output struct {
	Dir      string       `toml:"dir"`
	Formats  config.Words `toml:"formats"` // of figures: png, svg, pdf
	Pictures bool         `toml:"pictures"`
}

// Pictures are the true pictures of a job.
type Pictures struct {
	Data
	Cells
	Seed uint64 // of the simulated ones
}

// Check records in f what is wrong with the sections.
func (p Pictures) Check(f *config.File) {
	const most, side = 1 << 20, 1 << 13
	f.Want(p.Validation >= 0, "data.validation", "0 pictures or more")
	f.Want(p.Count > p.Validation && p.Count <= most, "simulate.count", "more pictures than data.validation = %d, and at most %d", p.Validation, most)
	f.Want(p.Rows >= 8 && p.Rows <= side, "simulate.rows", "8 to %d pixels", side)
	f.Want(p.Cols >= 8 && p.Cols <= side, "simulate.cols", "8 to %d pixels", side)
}

// CheckFiles records in f what the header of the file shows to be wrong, and returns the number
// of pictures and their size; ok tells whether these are known.
func (p Pictures) CheckFiles(f *config.File) (count, rows, cols int, ok bool) {
	count, rows, cols, err := p.Shape()
	if err != nil {
		f.Fail("data.truth", "%v", err)
		return 0, 0, 0, false
	}
	f.Want(p.Truth == "" || count > p.Validation, "data.validation", "fewer than the %d pictures of %s", count, p.Truth)
	return count, rows, cols, true
}

// Shape is the number of pictures, those of the validation included, and their size in pixels.
func (p Pictures) Shape() (count, rows, cols int, err error) {
	if p.Truth == "" {
		return p.Count, p.Rows, p.Cols, nil
	}
	a, err := imageio.StatStack(p.Truth)
	if err != nil {
		return 0, 0, 0, err
	}
	if len(a.Shape) == 2 {
		return 0, 0, 0, fmt.Errorf("%s: an array of shape %v, want pictures of one size: (count, rows, cols), or one FITS extension for each", p.Truth, a.Shape)
	}
	if err := a.Pictures(); err != nil {
		return 0, 0, 0, fmt.Errorf("%s: %w", p.Truth, err)
	}
	return a.Count, a.Rows, a.Cols, nil
}

// SharedShape is Shape as rank 0 reads it. Collective.
func (p Pictures) SharedShape(comm ranks.Comm) (count, rows, cols int, err error) {
	if err := ranks.OnRoot(comm, func() (err error) { count, rows, cols, err = p.Shape(); return err }); err != nil {
		return 0, 0, 0, err
	}
	return count, rows, cols, ranks.Share(comm, &count, &rows, &cols)
}

// Draw is the pictures lo <= k < hi of rows x cols pixels, which are read or simulated.
func (p Pictures) Draw(ctx context.Context, lo, hi, rows, cols int) (list [][]float64, err error) {
	if p.Truth == "" {
		for k := lo; k < hi && ctx.Err() == nil; k++ {
			list = append(list, simulate.Cells{Seed: p.Seed, Rows: rows, Cols: cols}.Draw(k))
		}
		return list, ctx.Err()
	}
	s, err := imageio.ReadStack(p.Truth, lo, hi)
	if err != nil {
		return nil, err
	}
	n := rows * cols
	others := outliers.Scale{Most: math.Inf(-1)} // values that do not look like marks of missing ones
	for _, v := range s.Data {
		if v-v == 0 && !outliers.LooksHuge(v) {
			others.Most = max(others.Most, math.Abs(v))
		}
	}
	for i, v := range s.Data {
		what := fmt.Sprintf("%.6g", v)
		if outliers.LooksHuge(v) && others.IsMark(v) {
			what += ", which marks a missing value"
		} else if v-v == 0 {
			continue
		}
		return nil, fmt.Errorf("%s: picture %d: the value at row %d, column %d is %s; a true picture must be finite everywhere", p.Truth, lo+i/n, i%n/cols, i%cols, what)
	}
	for k := range hi - lo {
		list = append(list, s.Data[k*n:(k+1)*n])
	}
	return list, ctx.Err()
}

// Scale is the largest absolute value on all ranks, by which pictures are divided, from the
// largest of this rank. Collective.
func (p Pictures) Scale(comm ranks.Comm, mine float64) (float64, error) {
	top := []float64{mine}
	if err := comm.Allreduce(top, top, ranks.Max); err != nil {
		return 0, err
	}
	if top[0] == 0 {
		return 0, fmt.Errorf("%s: all pictures to learn from are zero", p.Truth)
	}
	return top[0], nil
}

// Axes says what the axes of a stack of pictures are.
func Axes(count, rows, cols int) string {
	return fmt.Sprintf("%d pictures of %d rows x %d columns", count, rows, cols)
}

// took is what was taken from the file.
func (p Pictures) took(count, rows, cols int, scale float64) lifecycle.Input {
	return lifecycle.Input{
		File: p.Truth, Axes: Axes(count, rows, cols),
		Missing: "no value missing", Units: fmt.Sprintf("largest value %.6g", scale),
	}
}
