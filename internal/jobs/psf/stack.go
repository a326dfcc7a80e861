package psf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/outliers"
	"tessera/internal/tables"
	"tessera/psf"
	"tessera/ranks"
)

// stamps is this rank's part of the input.
type stamps struct {
	psf.Stack
	truth      []float64 // shape of Data; nil if not known
	start      []float64 // shape of Data, with psf.start = "given"; else nil
	source     string
	format     string         // of the file, on rank 0: "npy" or "fits"
	header     imageio.Header // of a FITS file, on rank 0
	evenSide   int            // of the PSFs in their file; 0 if it is odd
	number     []int          // of the PSF of each stamp, in the file or in the field
	normalised int            // PSFs that did not sum to 1; those that all ranks have count on rank 0 alone
	missing    missing
	masked     []float64 // mask, until it is applied; shape of Data, nil = none
	outliers   string    // what was found far from all others
	found      *lifecycle.Outliers

	weightsText  string // what was found in the weights
	truthText    string // and in the true stamps
	weightsFound *lifecycle.Outliers
}

// missing counts the pixels that are not observed, by the first reason that holds.
type missing struct {
	nan, masked, zero int // NaN; 0 or NaN in the mask; weight 0
	maskedInAll       int // 0 or NaN in the mask, NaN or not in the stack
	blank             int // stamps without an observed pixel
}

// read gets this rank's stamps. Collective; the error is the same on all ranks.
func (c *settings) read(ctx context.Context, comm ranks.Comm) (*stamps, error) {
	e, err := c.extent(comm.Size())
	bytes := 0.0
	if err == nil {
		bytes = c.memory(e, comm.Size())
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	mend := "simulate.count"
	if c.Stack.Path != "" {
		mend = "the number of stamps in " + c.Stack.Path
	}
	if err := lifecycle.CheckRoom(comm, bytes, mend); err != nil {
		return nil, err
	}
	var s *stamps
	if c.Stack.Path == "" {
		s, err = c.simulate(ctx, comm)
	} else {
		s, err = c.readStamps(ctx, comm)
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	if c.Stack.Path != "" {
		if err := c.leaveOut(comm, s); err != nil {
			return nil, err
		}
		if err := ranks.AgreeError(comm, inFile(c.Stack.Path, s.Check())); err != nil {
			return nil, err
		}
	}
	return s, c.countMissing(comm, s)
}

// readStamps reads the files; every rank reads its own stamps of each. Collective, but
// the error may be that of one rank.
func (c *settings) readStamps(ctx context.Context, comm ranks.Comm) (*stamps, error) {
	s := &stamps{source: c.Stack.Path}
	var total, side, psfs, psfSide int
	err := ranks.OnRoot(comm, func() error {
		st, err := imageio.StatStack(c.Stack.Path)
		if err != nil {
			return err
		}
		p, err := imageio.StatStack(c.PSF.Path)
		if err != nil {
			return err
		}
		// A file may have changed since it was checked.
		if err := st.Square(); err != nil {
			return fmt.Errorf("%s %w", c.Stack.Path, err)
		}
		if err := p.Square(); err != nil {
			return fmt.Errorf("%s %w", c.PSF.Path, err)
		}
		if st.Count == 0 || p.Count == 0 {
			return fmt.Errorf("%s and %s: %d stamps and %d PSFs", c.Stack.Path, c.PSF.Path, st.Count, p.Count)
		}
		s.format, s.header = st.Format, st.Header
		total, side, psfs, psfSide = st.Count, st.Rows, p.Count, p.Rows
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := ranks.Share(comm, &total, &side, &psfs, &psfSide); err != nil {
		return nil, err
	}
	index, err := c.index(comm, total, psfs)
	if err != nil {
		return nil, err
	}
	// From here on there is no collective call: read makes an error that of all ranks.
	lo, hi := halo.Split(total, comm.Size(), comm.Rank())
	s.Side, s.First, s.Total, s.PSFSide = side, lo, total, psfSide
	if s.Data, err = readStretch(ctx, c.Stack.Path, lo, hi); err != nil {
		return nil, err
	}
	if s.truth, err = readStretch(ctx, c.Stack.Truth, lo, hi); err != nil {
		return nil, err
	}
	if err := c.readBeside(ctx, s, lo, hi); err != nil {
		return nil, err
	}
	first, last := lo, hi // of the PSFs
	if index != nil {
		s.PSFOf = index[lo:hi]
		first, last = 0, psfs
	} else if psfs == 1 {
		first, last = 0, 1
	}
	for i := lo; i < hi; i++ {
		switch {
		case index != nil:
			s.number = append(s.number, index[i])
		case psfs == 1:
			s.number = append(s.number, 0)
		default:
			s.number = append(s.number, i)
		}
	}
	if s.PSFs, err = readStretch(ctx, c.PSF.Path, first, last); err != nil {
		return nil, err
	}
	if i := outliers.FirstMark(s.PSFs); i >= 0 {
		return nil, markedPlace(c.PSF.Path, "PSF", i, first, psfSide, s.PSFs[i], "a PSF is known everywhere: write 0 where it has no light")
	}
	if psfSide%2 == 0 {
		s.evenSide = psfSide
		centre := psfSide/2 - 1
		if c.PSF.Centre == centreHalf {
			centre++
		}
		s.PSFSide, s.PSFs = psf.Odd(psfSide, s.PSFs, centre)
	}
	if s.normalised, err = psf.Normalise(s.PSFSide, s.PSFs, first); err != nil {
		return nil, inFile(c.PSF.Path, err)
	}
	if last-first == psfs && comm.Rank() > 0 {
		s.normalised = 0 // all ranks have the same PSFs, and rank 0 counts them
	}
	if s.normalised > 0 && c.PSF.Strict {
		return nil, fmt.Errorf("%s: %d of the PSFs %d to %d do not sum to 1 within 1e-5, which psf.strict = true demands", c.PSF.Path, s.normalised, first, last-1)
	}
	return s, nil
}

// inFile names the file of a stamp's or PSF's error.
func inFile(path string, err error) error {
	var e *psf.StampError
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %s %d: %s", path, e.What, e.Index, e.Text)
	}
	var whole *psf.StackError
	if errors.As(err, &whole) {
		return fmt.Errorf("%s: %s", path, whole.Text)
	}
	return err
}

// readStretch reads the stamps lo to hi-1 of a stack; nil for an empty path.
func readStretch(ctx context.Context, path string, lo, hi int) ([]float64, error) {
	if path == "" || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	s, err := imageio.ReadStack(path, lo, hi)
	if err != nil {
		return nil, err
	}
	return s.Data, nil
}

// readBeside reads what a survey that the job simulates may have beside it too: weights,
// the mask, which sets weights to 0, and the first iterate.
func (c *settings) readBeside(ctx context.Context, s *stamps, lo, hi int) (err error) {
	if s.start, err = readStretch(ctx, c.PSF.StartPath, lo, hi); err != nil {
		return err
	}
	if i := outliers.FirstMark(s.start); i >= 0 {
		return markedPlace(c.PSF.StartPath, "stamp", i, lo, s.Side, s.start[i], "the first iterate has a value everywhere: write one in its place")
	}
	if s.Weights, err = readStretch(ctx, c.Stack.Weights, lo, hi); err != nil {
		return err
	}
	mask, err := readStretch(ctx, c.Stack.Mask, lo, hi)
	if err != nil {
		return err
	}
	if s.Weights == nil && mask != nil {
		s.Weights = slices.Repeat([]float64{1}, len(mask))
	}
	s.masked = mask
	return nil
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

// index is the number of the PSF of each of the total stamps, from a file that rank 0
// reads; nil without a file. Collective.
func (c *settings) index(comm ranks.Comm, total, psfs int) ([]int, error) {
	if c.PSF.Index == "" {
		return nil, nil
	}
	var list []int
	err := ranks.OnRoot(comm, func() (err error) {
		list, err = readIndex(c.PSF.Index, total, psfs)
		return err
	})
	if err != nil {
		return nil, err
	}
	wide := make([]float64, total)
	for i, k := range list {
		wide[i] = float64(k)
	}
	if err := comm.Bcast(wide, 0); err != nil {
		return nil, err
	}
	list = make([]int, total)
	for i, v := range wide {
		list[i] = int(v)
	}
	return list, nil
}

// readIndex reads the numbers of the PSFs of count stamps; with count 0 it may be any
// number of stamps.
func readIndex(path string, count, psfs int) ([]int, error) {
	t, err := imageio.ReadTable(path)
	if err != nil {
		return nil, err
	}
	values, _, err := tables.Index(t, "psf", "psf_index", "psf_id", "psf_number", "index_psf")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if count > 0 && len(values) != count {
		return nil, fmt.Errorf("%s: %d numbers for %d stamps", path, len(values), count)
	}
	list := make([]int, len(values))
	for i, v := range values {
		list[i] = int(v)
		if float64(list[i]) != v || v < 0 || list[i] >= psfs {
			return nil, fmt.Errorf("%s: stamp %d has PSF %g, want 0 to %d, counted from 0", path, i, v, psfs-1)
		}
	}
	return list, nil
}
