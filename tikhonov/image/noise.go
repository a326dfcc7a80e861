package image

import (
	"errors"
	"math"

	"tessera/halo"
	"tessera/ranks"
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

// typicalWeight is the median of the positive weights, to 1e-6 of itself; exact where all
// are the same. Collective.
func (s *solver) typicalWeight() (float64, error) {
	n := s.m.rows * s.m.cols
	w := make([]float64, 0, n)
	ends := []float64{0, 0} // largest 1/weight, largest weight
	for i := range n {
		if v := s.p.Weights.At(i); v > 0 {
			w = append(w, v)
			ends[0], ends[1] = max(ends[0], 1/v), max(ends[1], v)
		}
	}
	if err := s.comm.Allreduce(ends, ends, ranks.Max); err != nil {
		return 0, err
	}
	if ends[0] == 1/ends[1] {
		return ends[1], nil
	}
	return s.median(w)
}

// estimateNoise returns the standard deviation of the noise in W^(1/2) y from the
// finest diagonal Haar coefficients of y, (a - b - c + d)/2 over 2 x 2 blocks of
// observed pixels, where a blurred image leaves little else, each divided by its
// standard deviation for noise of variance 1/W: median / 0.6745 (Donoho and
// Johnstone). Blocks are those of the frame, so that the number does
// not depend on the decomposition; the median over the ranks is found by bisection.
func (s *solver) estimateNoise() (float64, error) {
	plan, err := halo.NewPlan(s.p.Frame, s.comm.Rank(), []int{1, 1}, halo.Zero)
	if err != nil {
		return 0, err
	}
	channels := s.p.Channels
	owned := s.m.rows * s.m.cols
	y := make([]float64, (channels+1)*owned) // the last plane: W
	for i := range owned {
		w := 1.0
		if s.m.owned != nil {
			w = s.m.owned[i]
		}
		y[channels*owned+i] = w
		if w == 0 {
			continue
		}
		for c := range channels {
			y[c*owned+i] = s.p.Data[c*owned+i]
		}
	}
	plane := plan.Extended().Size()
	ext := make([]float64, (channels+1)*plane)
	plan.Scatter(ext, y, channels+1)
	if err := plan.Exchange(s.comm, ext, channels+1); err != nil {
		return 0, err
	}
	box, stride := plan.Owned(), s.m.cols+2
	shape := s.p.Frame.Domain().Shape()
	var d []float64
	for r := box.Lo[0] + box.Lo[0]%2; r < box.Hi[0] && r+1 < shape[0]; r += 2 {
		for c := box.Lo[1] + box.Lo[1]%2; c < box.Hi[1] && c+1 < shape[1]; c += 2 {
			at := (r-box.Lo[0]+1)*stride + c - box.Lo[1] + 1
			w := ext[channels*plane:]
			if w[at] == 0 || w[at+1] == 0 || w[at+stride] == 0 || w[at+stride+1] == 0 {
				continue
			}
			spread := math.Sqrt(1/w[at] + 1/w[at+1] + 1/w[at+stride] + 1/w[at+stride+1])
			for ch := range channels {
				e := ext[ch*plane:]
				d = append(d, math.Abs(e[at]-e[at+1]-e[at+stride]+e[at+stride+1])/spread)
			}
		}
	}
	median, err := s.median(d)
	if err != nil {
		return 0, err
	}
	if median == 0 {
		return 0, errors.New("image: the noise estimated from the data is zero: give it (noise = ...), or lambda")
	}
	return median / 0.6744897501960817, nil
}

// median of non-negative numbers over all ranks, to 1e-6 of itself.
func (s *solver) median(d []float64) (float64, error) {
	top := 0.0
	for _, v := range d {
		top = math.Max(top, v)
	}
	v := []float64{top}
	if err := s.comm.Allreduce(v, v, ranks.Max); err != nil {
		return 0, err
	}
	n := []float64{float64(len(d))}
	if err := s.comm.Allreduce(n, n, ranks.Sum); err != nil {
		return 0, err
	}
	if n[0] == 0 {
		return 0, errors.New("image: no 2 x 2 block of observed pixels to estimate the noise from: give it (noise = ...)")
	}
	lo, hi := 0.0, v[0]
	for range 60 {
		if hi-lo <= 1e-6*hi {
			break
		}
		mid := (lo + hi) / 2
		below := []float64{0}
		for _, x := range d {
			if x <= mid {
				below[0]++
			}
		}
		if err := s.comm.Allreduce(below, below, ranks.Sum); err != nil {
			return 0, err
		}
		if 2*below[0] >= n[0] {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi, nil
}
