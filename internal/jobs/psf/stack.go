package psf

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tessera/halo"
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
	weightsHeavy string // what is said of weights far above those of all stamps; "" = nothing
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
		return nil, markedPlace(c.PSF.Path, "PSF", i, first, psfSide, s.PSFs[i], knownPSF)
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

// knownPSF is what to do about a PSF with marks of missing values.
const knownPSF = "a PSF is known everywhere: write 0 where it has no light"

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
