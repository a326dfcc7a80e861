package psf

import (
	"errors"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/internal/imageio"
	"tessera/internal/linalg"
	"tessera/internal/simulate"
	"tessera/psf"
	"tessera/ranks"
)

// stamps is this rank's part of a psf job's input.
type stamps struct {
	psf.Stack
	truth      []float64 // nil if not known
	start      []float64 // psf.start = "given"
	source     string
	format     string // of the stack's file
	header     imageio.Header
	normalised int // PSFs of this rank that did not sum to 1
	unique     int // PSFs of this rank
}

// read gets this rank's stamps. Collective.
func (c *settings) read(comm ranks.Comm) (*stamps, error) {
	var s *stamps
	var err error
	if c.Stack.Path == "" {
		s, err = c.simulate(comm)
	} else {
		s, err = c.readStamps(comm)
	}
	return s, ranks.AgreeError(comm, err)
}

// readStamps reads the files; every rank reads its own stretch of each.
func (c *settings) readStamps(comm ranks.Comm) (*stamps, error) {
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
	// From here on the ranks fail alone, and agree afterwards.
	lo, hi := halo.Split(total, comm.Size(), comm.Rank())
	s.Side, s.First, s.Total, s.PSFSide = side, lo, total, psfSide
	if s.Data, err = readStretch(c.Stack.Path, lo, hi); err != nil {
		return nil, err
	}
	if err := s.readWeights(&c.Stack, lo, hi); err != nil {
		return nil, err
	}
	if c.Stack.Truth != "" {
		if s.truth, err = readStretch(c.Stack.Truth, lo, hi); err != nil {
			return nil, err
		}
	}
	if c.PSF.StartPath != "" {
		if s.start, err = readStretch(c.PSF.StartPath, lo, hi); err != nil {
			return nil, err
		}
	}
	first, last := lo, hi // of the PSFs
	if index != nil {
		s.PSFOf = index[lo:hi]
		first, last = 0, psfs
	} else if psfs == 1 {
		first, last = 0, 1
	}
	if s.PSFs, err = readStretch(c.PSF.Path, first, last); err != nil {
		return nil, err
	}
	s.unique = last - first
	if s.normalised, err = psf.Normalise(psfSide, s.PSFs, first); err != nil {
		return nil, inFile(c.PSF.Path, err)
	}
	if last-first == psfs && comm.Rank() > 0 {
		s.normalised = 0 // all ranks have the same ones, the first tells of them
	}
	if s.normalised > 0 && c.PSF.Strict {
		return nil, fmt.Errorf("%s: %d of the PSFs %d to %d do not sum to 1 within 1e-5, as psf.strict wants", c.PSF.Path, s.normalised, first, last-1)
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

func readStretch(path string, lo, hi int) ([]float64, error) {
	s, err := imageio.ReadStack(path, lo, hi)
	if err != nil {
		return nil, err
	}
	return s.Data, nil
}

// readWeights lays the mask over the weights, and over missing pixels of the stack.
func (s *stamps) readWeights(c *stackSection, lo, hi int) (err error) {
	if c.Weights != "" {
		if s.Weights, err = readStretch(c.Weights, lo, hi); err != nil {
			return err
		}
	}
	if c.Mask == "" {
		return nil
	}
	mask, err := readStretch(c.Mask, lo, hi)
	if err != nil {
		return err
	}
	if s.Weights == nil {
		s.Weights = make([]float64, len(mask))
		for i := range s.Weights {
			s.Weights[i] = 1
		}
	}
	for i, m := range mask {
		if m == 0 || math.IsNaN(m) {
			s.Weights[i] = 0
		}
	}
	return nil
}

// index reads on rank 0 which PSF is whose, nil where no file says so. Collective.
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

// readIndex reads the numbers of the PSFs of so many stamps, 0 = as many as there are.
func readIndex(path string, count, psfs int) ([]int, error) {
	t, err := imageio.ReadTable(path)
	if err != nil {
		return nil, err
	}
	values := t.Data
	if t.Rows != 1 && t.Cols != 1 {
		return nil, fmt.Errorf("%s: a table of %d x %d, want one column", path, t.Rows, t.Cols)
	}
	if count > 0 && len(values) != count {
		return nil, fmt.Errorf("%s: %d numbers for %d stamps", path, len(values), count)
	}
	list := make([]int, len(values))
	for i, v := range values {
		list[i] = int(v)
		if float64(list[i]) != v || v < 0 || list[i] >= psfs {
			return nil, fmt.Errorf("%s: stamp %d has PSF %g, want 0 to %d", path, i, v, psfs-1)
		}
	}
	return list, nil
}

// survey draws the stamps of a simulated survey.
type survey struct {
	field   *simulate.Field
	conv    *fourier.SmallConvolver[float64]
	place   map[int]int // of a PSF among psfs
	psfs    []float64
	filters []fourier.Filter[float64]
}

func newSurvey(seed uint64, c *fieldSection) *survey {
	return &survey{
		field: simulate.NewField(seed, c.Side, c.PSFs),
		conv:  fourier.NewSmallZeroConvolver[float64](c.Side, c.Side),
		place: map[int]int{},
	}
}

// draw makes the truth of stamp i and what would be seen of it without noise, and
// returns the place of its PSF among the psfs.
func (s *survey) draw(i int, truth, seen []float64) int {
	s.field.Galaxy(i, truth)
	k := s.field.PSFOf(i)
	at, known := s.place[k]
	if !known {
		side := s.field.Side
		image := make([]float64, side*side)
		s.field.PSF(k, image)
		at = len(s.filters)
		s.place[k] = at
		s.psfs = append(s.psfs, image...)
		s.filters = append(s.filters, s.conv.Filter(side, image, func(h complex128) complex128 { return h }))
	}
	s.conv.Apply(seen, truth, s.filters[at])
	return at
}

// noiseOf is the standard deviation of the noise at a signal-to-noise ratio, from
// the rms of this rank's stretch of the stamps. It does not depend on how many
// ranks there are. Collective.
func noiseOf(comm ranks.Comm, total int, rms []float64, snr float64) (float64, error) {
	counts := make([]int, comm.Size())
	for r := range counts {
		lo, hi := halo.Split(total, comm.Size(), r)
		counts[r] = hi - lo
	}
	all := make([]float64, total)
	if err := comm.Allgatherv(all, counts, rms); err != nil {
		return 0, err
	}
	mean := 0.0
	for _, v := range all {
		mean += v / float64(total)
	}
	return mean / snr, nil
}

// simulate draws this rank's stretch of a survey.
func (c *settings) simulate(comm ranks.Comm) (*stamps, error) {
	f := &c.Simulate
	n := f.Side * f.Side
	lo, hi := halo.Split(f.Count, comm.Size(), comm.Rank())
	s := &stamps{source: fmt.Sprintf("simulated survey, %d PSFs, signal-to-noise ratio %g", f.PSFs, f.SNR)}
	s.Side, s.PSFSide, s.First, s.Total = f.Side, f.Side, lo, f.Count
	s.Data, s.truth = make([]float64, (hi-lo)*n), make([]float64, (hi-lo)*n)
	sv := newSurvey(c.Seed, f)
	rms := make([]float64, hi-lo)
	for i := lo; i < hi; i++ {
		at := (i - lo) * n
		seen := s.Data[at : at+n]
		s.PSFOf = append(s.PSFOf, sv.draw(i, s.truth[at:at+n], seen))
		rms[i-lo] = linalg.Norm2(seen) / float64(f.Side)
	}
	sigma, err := noiseOf(comm, f.Count, rms, f.SNR)
	if err != nil {
		return nil, err
	}
	for i := lo; i < hi; i++ {
		sv.field.AddNoise(i, s.Data[(i-lo)*n:(i-lo+1)*n], sigma)
	}
	s.PSFs, s.unique = sv.psfs, len(sv.filters)
	return s, s.readWeights(&c.Stack, lo, hi)
}
