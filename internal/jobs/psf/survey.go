package psf

import (
	"context"
	"fmt"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// survey draws the stamps of a simulated survey.
type survey struct {
	field   *simulate.Field
	conv    *fourier.SmallConvolver[float64]
	place   map[int]int               // of a PSF of the field among psfs
	psfs    []float64                 // those that stamps were drawn with, Side x Side each
	filters []fourier.Filter[float64] // of psfs
}

func newSurvey(seed uint64, c *fieldSection) *survey {
	return &survey{
		field: simulate.NewField(seed, c.Side, c.PSFs),
		conv:  fourier.NewSmallZeroConvolver[float64](c.Side, c.Side),
		place: map[int]int{},
	}
}

// draw makes stamp i as it is and as it is seen without noise, Side x Side pixels each,
// and returns the place of its PSF among psfs.
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

// noiseOf is the standard deviation of the noise at a signal-to-noise ratio: the mean over
// the total stamps of their root mean square, divided by the ratio. rms has one number for
// each stamp of this rank. The result does not depend on the number of ranks. Collective.
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

// simulate draws this rank's stamps of a survey. Collective, but the error may be that of
// one rank.
func (c *settings) simulate(ctx context.Context, comm ranks.Comm) (*stamps, error) {
	f := &c.Simulate
	n := f.Side * f.Side
	lo, hi := halo.Split(f.Count, comm.Size(), comm.Rank())
	s := &stamps{source: fmt.Sprintf("simulated survey, %d PSFs, signal-to-noise ratio %g", f.PSFs, f.SNR)}
	s.Side, s.PSFSide, s.First, s.Total = f.Side, f.Side, lo, f.Count
	s.Data, s.truth = make([]float64, (hi-lo)*n), make([]float64, (hi-lo)*n)
	sv := newSurvey(c.Seed, f)
	rms := make([]float64, hi-lo)
	for i := lo; i < hi && ctx.Err() == nil; i++ {
		at := (i - lo) * n
		seen := s.Data[at : at+n]
		s.PSFOf = append(s.PSFOf, sv.draw(i, s.truth[at:at+n], seen))
		s.number = append(s.number, sv.field.PSFOf(i))
		rms[i-lo] = linalg.Norm2(seen) / float64(f.Side)
	}
	if err := ranks.AgreeError(comm, ctx.Err()); err != nil {
		return nil, err
	}
	sigma, err := noiseOf(comm, f.Count, rms, f.SNR)
	if err != nil {
		return nil, err
	}
	for i := lo; i < hi; i++ {
		sv.field.AddNoise(i, s.Data[(i-lo)*n:(i-lo+1)*n], sigma)
	}
	s.PSFs = sv.psfs
	err = c.readBeside(ctx, s, lo, hi)
	if err == nil {
		s.apply(s.masked)
	}
	return s, err
}
