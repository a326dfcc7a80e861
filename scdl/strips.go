package scdl

import (
	"fmt"

	"tessera/halo"
	"tessera/ranks"
)

// Strips divides a picture, at both resolutions, into strips of rows: every rank owns
// consecutive low rows, and the high rows from its first low row to that of the next
// rank. With more ranks than low rows the last ranks own nothing.
//
// A method that takes pictures takes and returns this rank's rows, rows x cols. Low and
// High are not collective; all other methods are, and an error, such as that of a picture
// of a wrong size on one rank, is the same on all ranks.
type Strips struct {
	Grid
	Rows, Cols         int // of the low picture, pixels
	HighRows, HighCols int // of the high picture, pixels

	comm      ranks.Comm
	low, high resolution
}

// resolution is the division of the low or of the high picture.
type resolution struct {
	rows, cols int // of the whole picture
	lo, hi     int // this rank owns the rows lo <= i < hi
	cut        *halo.Decomposition
	plan       *halo.Plan
}

// NewStrips divides a picture of rows x cols high pixels. Every rank passes the same
// arguments. Collective; an error is the same on all ranks.
func NewStrips(comm ranks.Comm, g Grid, rows, cols int) (*Strips, error) {
	s := &Strips{Grid: g, HighRows: rows, HighCols: cols, comm: comm}
	err := g.Check()
	if err == nil {
		s.Rows, s.Cols = g.lowSide(rows), g.lowSide(cols)
		err = g.CheckPicture(rows, cols)
	}
	err = ranks.AgreeSame(comm, "scdl: NewStrips", err, ranks.Same{Name: "rows", Value: float64(rows)}, ranks.Same{Name: "cols", Value: float64(cols)},
		ranks.Same{Name: "Scale", Value: float64(g.Scale)}, ranks.Same{Name: "Patch", Value: float64(g.Patch)}, ranks.Same{Name: "Blur", Value: g.Blur})
	if err != nil {
		return nil, err
	}
	size := comm.Size()
	bounds := make([]int, size+1)
	for q := range size {
		_, bounds[q+1] = halo.Split(s.Rows, size, q)
	}
	low, high := g.Reach()
	if s.low, err = newResolution(comm, bounds, 1, s.Rows, s.Cols, low); err == nil {
		s.high, err = newResolution(comm, bounds, g.Scale, rows, cols, high)
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	return s, nil
}

// newResolution divides a picture of rows x cols pixels at scale times the low bounds; width
// is how many rows around its own a rank will need.
func newResolution(comm ranks.Comm, bounds []int, scale, rows, cols, width int) (resolution, error) {
	d := resolution{rows: rows, cols: cols}
	var boxes []halo.Box
	for q := range len(bounds) - 1 {
		boxes = append(boxes, halo.Box{Lo: []int{min(rows, scale*bounds[q]), 0}, Hi: []int{min(rows, scale*bounds[q+1]), cols}})
	}
	mine := boxes[comm.Rank()]
	d.lo, d.hi = mine.Lo[0], mine.Hi[0]
	var err error
	if d.cut, err = halo.FromBoxes([]int{rows, cols}, boxes); err != nil {
		return d, err
	}
	d.plan, err = halo.NewPlan(d.cut, comm.Rank(), []int{width, 0}, halo.Zero)
	return d, err
}

// Low is the division of the low picture: a box of rows x cols for each rank.
func (s *Strips) Low() *halo.Decomposition { return s.low.cut }

// High is the division of the high picture: a box of rows x cols for each rank.
func (s *Strips) High() *halo.Decomposition { return s.high.cut }

// agree checks that pictures have the size of this rank's rows of d. Collective.
func (s *Strips) agree(d *resolution, pictures ...[]float64) error {
	var err error
	for _, x := range pictures {
		if n := (d.hi - d.lo) * d.cols; len(x) != n && err == nil {
			err = fmt.Errorf("scdl: %d pixels on rank %d, want %d, the rows %d to %d of %d columns", len(x), s.comm.Rank(), n, d.lo, d.hi, d.cols)
		}
	}
	return ranks.AgreeError(s.comm, err)
}

// around copies the rows around this rank's own from its neighbours, for several pictures
// in one message to each neighbour. Collective.
func (d *resolution) around(comm ranks.Comm, pictures ...[]float64) ([]lines, error) {
	n, plane := len(pictures), d.plan.Extended().Size()
	owned := make([]float64, 0, n*(d.hi-d.lo)*d.cols)
	for _, x := range pictures {
		owned = append(owned, x...)
	}
	ext := make([]float64, n*plane)
	d.plan.Scatter(ext, owned, n)
	if err := d.plan.Exchange(comm, ext, n); err != nil {
		return nil, err
	}
	out := make([]lines, n)
	for k := range out {
		out[k] = lines{first: d.plan.Extended().Lo[0], total: d.rows, cols: d.cols, data: ext[k*plane : (k+1)*plane]}
	}
	return out, nil
}

// total adds up a number for each row, in the order of the rows, so that the sum does not
// depend on the number of ranks. Collective.
func (d *resolution) total(comm ranks.Comm, mine []float64) (float64, error) {
	all := make([]float64, d.rows)
	copy(all[d.lo:], mine)
	if err := comm.Allreduce(all, all, ranks.Sum); err != nil {
		return 0, err
	}
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	return sum, nil
}

// Degrade is the low picture of a high picture x, see Grid. Collective.
func (s *Strips) Degrade(x []float64) ([]float64, error) {
	if err := s.agree(&s.high, x); err != nil {
		return nil, err
	}
	return s.toLow(x)
}

func (s *Strips) toLow(x []float64) ([]float64, error) {
	around, err := s.high.around(s.comm, x)
	if err != nil {
		return nil, err
	}
	return s.degrade(around[0], s.low.lo, s.low.hi), nil
}

// Bicubic is the low picture y interpolated to the high grid by cubic convolution.
// Collective.
func (s *Strips) Bicubic(y []float64) ([]float64, error) {
	if err := s.agree(&s.low, y); err != nil {
		return nil, err
	}
	return s.toHigh(y)
}

func (s *Strips) toHigh(y []float64) ([]float64, error) {
	around, err := s.low.around(s.comm, y)
	if err != nil {
		return nil, err
	}
	return s.bicubic(around[0], s.HighCols, s.high.lo, s.high.hi), nil
}
