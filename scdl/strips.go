package scdl

import (
	"fmt"

	"tessera/halo"
	"tessera/ranks"
)

// Strips is a picture at both resolutions, cut into strips of rows: every rank owns
// consecutive low rows and the high rows that lie from them to the next rank's. Ranks
// beyond the number of low rows own nothing. Its methods are collective; pictures go in
// and come out as the rows that a rank owns, rows x cols.
type Strips struct {
	Grid
	Rows, Cols         int // of the low picture
	HighRows, HighCols int

	comm      ranks.Comm
	low, high resolution
}

// resolution is one of the two pictures: who owns which rows, and the exchange of those around them.
type resolution struct {
	rows, cols int
	lo, hi     int // rows of this rank
	cut        *halo.Decomposition
	plan       *halo.Plan
}

// NewStrips cuts a picture of rows x cols high pixels.
func NewStrips(comm ranks.Comm, g Grid, rows, cols int) (*Strips, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	s := &Strips{Grid: g, Rows: g.lowSide(rows), Cols: g.lowSide(cols), HighRows: rows, HighCols: cols, comm: comm}
	if s.Rows < g.Patch || s.Cols < g.Patch {
		return nil, fmt.Errorf("scdl: a picture of %d x %d low pixels is smaller than a patch of %d x %d", s.Rows, s.Cols, g.Patch, g.Patch)
	}
	size := comm.Size()
	bounds := make([]int, size+1)
	for q := range size {
		_, bounds[q+1] = halo.Split(s.Rows, size, q)
	}
	var err error
	if s.low, err = newResolution(comm, bounds, 1, s.Rows, s.Cols, max(g.Patch-1, bicubicReach)); err != nil {
		return nil, err
	}
	s.high, err = newResolution(comm, bounds, g.Scale, rows, cols, max(g.reach(), windowReach))
	return s, err
}

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

// Low says which rows of the low picture each rank owns.
func (s *Strips) Low() *halo.Decomposition { return s.low.cut }

// High says which rows of the high picture each rank owns.
func (s *Strips) High() *halo.Decomposition { return s.high.cut }

// around gets the rows around those that this rank owns, of several pictures in one
// message with each neighbour.
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

// total adds up a number for each row, in the order of the rows, so that
// the sum is the same on any number of ranks.
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

// Degrade is what the low camera sees of a high picture.
func (s *Strips) Degrade(x []float64) ([]float64, error) {
	around, err := s.high.around(s.comm, x)
	if err != nil {
		return nil, err
	}
	return s.degrade(around[0], s.low.lo, s.low.hi), nil
}

// Bicubic is a low picture on the high grid by cubic convolution.
func (s *Strips) Bicubic(y []float64) ([]float64, error) {
	around, err := s.low.around(s.comm, y)
	if err != nil {
		return nil, err
	}
	return s.bicubic(around[0], s.HighCols, s.high.lo, s.high.hi), nil
}
