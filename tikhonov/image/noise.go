package image

import (
	"fmt"
	"math"

	"tessera/forward"
)

// noise is the standard deviation of a pixel of weight 1, in the solver's units: that of
// the options, or an estimate from the data. Collective.
func (s *searcher) noise() (float64, error) {
	noise, err := s.givenNoise()
	if err != nil || noise > 0 {
		return noise, err
	}
	s.found.Inferred = true
	return s.estimateNoise()
}

// givenNoise is the standard deviation of a pixel of weight 1 that the options give; 0 =
// none. Collective.
func (s *solver) givenNoise() (float64, error) {
	noise := s.o.Noise
	if noise == 0 || s.o.NoiseUnit != OfData {
		return noise, nil
	}
	typical, err := s.typicalWeight()
	return noise * math.Sqrt(typical), err
}

// typicalWeight is the median of the positive weights. Collective.
func (s *solver) typicalWeight() (float64, error) {
	typical, err := s.p.Weights.Typical(s.comm, s.m.rows*s.m.cols)
	return typical, named(err)
}

// estimateNoise is the noise of a pixel of weight 1 as the data show it. Collective.
func (s *solver) estimateNoise() (float64, error) {
	noise, err := forward.EstimateNoise(s.comm, s.p.Frame, s.p.Channels, s.p.Data, s.m.owned)
	return noise, named(err)
}

func named(err error) error {
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	return nil
}
