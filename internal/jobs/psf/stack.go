package psf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"tessera/halo"
	"tessera/internal/imageio"
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
	normalised int            // PSFs that did not sum to 1; those that all ranks have count on rank 0 alone
}

// read gets this rank's stamps. Collective; the error is the same on all ranks.
func (c *settings) read(ctx context.Context, comm ranks.Comm) (*stamps, error) {
	var s *stamps
	var err error
	if c.Stack.Path == "" {
		s, err = c.simulate(ctx, comm)
	} else {
		s, err = c.readStamps(ctx, comm)
	}
	return s, ranks.AgreeError(comm, err)
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
		if st.Count == 0 || st.Rows != st.Cols || p.Count == 0 || p.Rows != p.Cols {
			return fmt.Errorf("%s and %s: %d stamps of %d x %d and %d PSFs of %d x %d, want square ones", // changed since they were checked
				c.Stack.Path, c.PSF.Path, st.Count, st.Rows, st.Cols, p.Count, p.Rows, p.Cols)
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
	if s.PSFs, err = readStretch(ctx, c.PSF.Path, first, last); err != nil {
		return nil, err
	}
	if s.normalised, err = psf.Normalise(psfSide, s.PSFs, first); err != nil {
		return nil, inFile(c.PSF.Path, err)
	}
	if last-first == psfs && comm.Rank() > 0 {
		s.normalised = 0 // all ranks have the same PSFs, and rank 0 counts them
	}
	if s.normalised > 0 && c.PSF.Strict {
		return nil, fmt.Errorf("%s: %d of the PSFs %d to %d do not sum to 1 within 1e-5, which psf.strict = true demands", c.PSF.Path, s.normalised, first, last-1)
	}
	return s, inFile(c.Stack.Path, s.Check())
}

// inFile names the file of a stamp's or PSF's error.
func inFile(path string, err error) error {
	var e *psf.StampError
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %s %d: %s", path, e.What, e.Index, e.Text)
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
	if s.Weights, err = readStretch(ctx, c.Stack.Weights, lo, hi); err != nil {
		return err
	}
	mask, err := readStretch(ctx, c.Stack.Mask, lo, hi)
	if err != nil || c.Stack.Mask == "" {
		return err
	}
	if s.Weights == nil {
		s.Weights = slices.Repeat([]float64{1}, len(mask))
	}
	for i, m := range mask {
		if m == 0 || math.IsNaN(m) {
			s.Weights[i] = 0
		}
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
