package psf

import (
	"fmt"
	"math"
	"slices"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/outliers"
	"tessera/ranks"
)

// missing counts the pixels that are not observed, by the first reason that holds.
type missing struct {
	nan, masked, zero int // NaN or infinite; 0 or NaN in the mask; weight 0
	maskedInAll       int // 0 or NaN in the mask, NaN or not in the stack
	blank             int // stamps without an observed pixel
}

// markedPlace is the error of a value that marks a missing one where none may be missing; first is the number of the first of
// the images, side x side, of which i counts the pixels.
func markedPlace(path, what string, i, first, side int, v float64, mend string) error {
	n := side * side
	return fmt.Errorf("%s: %s %d: row %d, column %d is %.6g, which marks a missing value; %s", path, what, first+i/n, i%n/side, i%side, v, mend)
}

// leaveOut looks for values of the stamps that are no light, and takes out what stack.outliers
// says and what the mask covers. Collective; the error is the same on all ranks.
func (c *settings) leaveOut(comm ranks.Comm, s *stamps) error {
	mask := s.masked
	s.masked = nil
	for i, v := range s.Data {
		if math.IsInf(v, 0) {
			s.Data[i] = math.NaN() // missing, as in frames
		}
	}
	if c.Stack.Outliers != frames.OutliersKeep {
		search := frames.OutlierSearch{
			Plane: "stamp", Planes: s.Total, First: s.First, Rows: s.Side, Cols: s.Side, Box: imageio.Box{R1: s.Side, C1: s.Side}, Data: s.Data,
			Absent: func(i int) bool {
				return mask != nil && !(mask[i] < 0 || mask[i] > 0) || s.Weights != nil && !(s.Weights[i] > 0)
			},
		}
		found, err := search.Find(comm)
		if err != nil {
			return err
		}
		if found.Nothing {
			return fmt.Errorf("%s: %s", c.Stack.Path, frames.NothingBut(found.WholePlanes(&search), "stack.outliers"))
		}
		s.found = found.Report(&search, "stack.outliers", c.Stack.Outliers)
		s.outliers = found.Text(&search, "stack.outliers", c.Stack.Outliers)
		found.LeaveOut(&search, c.Stack.Outliers)
	}
	if err := c.leaveMarks(comm, s); err != nil {
		return err
	}
	s.apply(mask)
	if err := c.weighHeavy(comm, s); err != nil {
		return err
	}
	return c.leaveTruth(comm, s)
}

// leaveTruth makes the true values NaN that mark missing ones. Collective; the error is the same on all ranks.
func (c *settings) leaveTruth(comm ranks.Comm, s *stamps) error {
	if c.Stack.Truth == "" || c.Stack.Outliers == frames.OutliersKeep {
		return nil
	}
	search := frames.OutlierSearch{
		Plane: "stamp", Planes: s.Total, First: s.First, Rows: s.Side, Cols: s.Side, Box: imageio.Box{R1: s.Side, C1: s.Side}, Data: s.truth, Marks: true,
	}
	found, err := search.Find(comm)
	if err != nil {
		return err
	}
	if found.Nothing {
		return fmt.Errorf("%s: %s", c.Stack.Truth, frames.NothingBut(found.WholePlanes(&search), "stack.outliers"))
	}
	s.truthText = found.Text(&search, "stack.outliers", c.Stack.Outliers)
	found.LeaveOut(&search, c.Stack.Outliers)
	return nil
}

// leaveMarks makes the weights NaN that mark missing ones. Collective; the error is the same on all ranks.
func (c *settings) leaveMarks(comm ranks.Comm, s *stamps) error {
	if c.Stack.Weights == "" {
		return nil
	}
	search := frames.OutlierSearch{
		Plane: "stamp", Planes: s.Total, First: s.First, Rows: s.Side, Cols: s.Side, Box: imageio.Box{R1: s.Side, C1: s.Side}, Data: s.Weights,
		Marks: true, Positive: true,
	}
	if c.Stack.Outliers == frames.OutliersKeep {
		var err error
		for i, v := range s.Weights {
			if n := s.Side * s.Side; v < 0 && outliers.Looks(v) {
				err = fmt.Errorf("%s: stamp %d: weight %.6g at row %d, column %d: want 0 or more; it often marks a missing pixel: if it does, write 0 or NaN in its place, or stack.outliers = %q",
					c.Stack.Weights, s.First+i/n, v, i%n/s.Side, i%s.Side, frames.OutliersReport)
				break
			}
		}
		return ranks.AgreeError(comm, err)
	}
	found, err := search.Find(comm)
	if err != nil {
		return err
	}
	if found.Nothing {
		return fmt.Errorf("%s: %s", c.Stack.Weights, frames.NothingBut(found.WholePlanes(&search), "stack.outliers"))
	}
	s.weightsFound = found.Report(&search, "stack.outliers", c.Stack.Outliers)
	s.weightsText = found.Text(&search, "stack.outliers", c.Stack.Outliers)
	found.LeaveOut(&search, c.Stack.Outliers)
	return nil
}

// heavyWeight is how many times the median of all weights a weight may be without a word.
const heavyWeight = 1000

// weighHeavy notes stamps with weights far above all others: the step of all stamps follows the largest weight, so that a few wrong ones
// keep every stamp from converging. Collective.
func (c *settings) weighHeavy(comm ranks.Comm, s *stamps) error {
	if c.Stack.Weights == "" {
		return nil
	}
	n := s.Side * s.Side
	list := make([]float64, 2*s.Total) // of each stamp the median of the weights above 0, and the largest one
	for i := range s.Count() {
		var w []float64
		for _, v := range s.Weights[i*n : (i+1)*n] {
			if v > 0 {
				w = append(w, v)
			}
		}
		if slices.Sort(w); len(w) > 0 {
			list[2*(s.First+i)], list[2*(s.First+i)+1] = w[len(w)/2], w[len(w)-1]
		}
	}
	if err := comm.Allreduce(list, list, ranks.Sum); err != nil {
		return err
	}
	var medians []float64
	for i := range s.Total {
		if v := list[2*i]; v > 0 {
			medians = append(medians, v)
		}
	}
	if len(medians) == 0 {
		return nil
	}
	slices.Sort(medians)
	median := medians[len(medians)/2]
	heavy, first, most := 0, 0, 0.0
	for i := range s.Total {
		if v := list[2*i+1]; v > heavyWeight*median {
			if heavy++; heavy == 1 {
				first, most = i, v
			}
		}
	}
	if heavy > 0 {
		s.weightsHeavy = fmt.Sprintf("%s: stamps with weights of more than %d times the median of all stamps, %.4g: %d, the first is stamp %d with %.6g; the step of all stamps follows the largest weight, and none of them may converge: where such a number marks a bad pixel, write 0 or NaN in its place",
			c.Stack.Weights, heavyWeight, median, heavy, first, most)
	}
	return nil
}

// apply sets the weights of masked pixels, and of those whose weight is NaN, to 0 and
// counts what is missing. nil = no mask.
func (s *stamps) apply(mask []float64) {
	n := s.Side * s.Side
	observed := false
	for i, v := range s.Data {
		masked := mask != nil && (mask[i] == 0 || math.IsNaN(mask[i]))
		if s.Weights != nil && (masked || math.IsNaN(s.Weights[i])) {
			s.Weights[i] = 0
		}
		if masked {
			s.missing.maskedInAll++
		}
		switch {
		case math.IsNaN(v):
			s.missing.nan++
		case masked:
			s.missing.masked++
		case s.Weights != nil && s.Weights[i] == 0:
			s.missing.zero++
		default:
			observed = true
		}
		if (i+1)%n == 0 {
			if !observed {
				s.missing.blank++
			}
			observed = false
		}
	}
}

// countMissing adds up what is missing over the ranks, and refuses a mask that is probably
// the wrong way round. Collective; the error is the same on all ranks.
func (c *settings) countMissing(comm ranks.Comm, s *stamps) error {
	m := &s.missing
	sums := []float64{float64(m.nan), float64(m.masked), float64(m.zero), float64(m.maskedInAll), float64(m.blank)}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	*m = missing{int(sums[0]), int(sums[1]), int(sums[2]), int(sums[3]), int(sums[4])}
	all := s.Total * s.Side * s.Side
	if c.Stack.Mask != "" && !c.Stack.MaskMajority && 2*m.maskedInAll > all {
		return fmt.Errorf("%s: %d of its %d pixels are 0, and 0 means masked; if it marks bad pixels with other numbers, write the mask as 1.0 * (mask == 0), and if so many are masked, set stack.mask_majority = true",
			c.Stack.Mask, m.maskedInAll, all)
	}
	return nil
}
