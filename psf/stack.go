package psf

import (
	"fmt"
	"math"

	"tessera/internal/fourier"
)

// Stack is this rank's part of a stack of stamps. The ranks hold consecutive
// stretches of it in their order; some may hold nothing.
type Stack struct {
	Side  int // of a stamp, pixels
	First int // number of this rank's first stamp in the whole stack
	Total int // stamps in the whole stack

	Data    []float64 // count x side x side, what was observed
	Weights []float64 // nil, or as Data: 0 = masked; the others by Options.Noise. A NaN pixel must be masked

	KernelSide int
	Kernels    []float64 // PSFs, each kernelSide x kernelSide with its centre at kernelSide/2, of unit sum
	Kernel     []int     // number among Kernels of each stamp's; nil = one PSF for all, or the i-th for the i-th
}

// Count is the number of this rank's stamps.
func (s *Stack) Count() int { return len(s.Data) / max(1, s.Side*s.Side) }

// StampError is what is wrong with one stamp or PSF; Index counts in the whole stack.
type StampError struct {
	What  string // "stamp" or "PSF"
	Index int
	Text  string
}

func (e *StampError) Error() string { return fmt.Sprintf("psf: %s %d: %s", e.What, e.Index, e.Text) }

// sumTolerance is how far from 1 the sum of a PSF may be.
const sumTolerance = 1e-5

// Normalise divides every PSF by its sum and returns how many were farther than
// 1e-5 from a sum of 1. A PSF that is not finite or has no positive sum is a
// *StampError, its Index counted from first.
func Normalise(side int, kernels []float64, first int) (changed int, err error) {
	n := side * side
	for k := 0; (k+1)*n <= len(kernels); k++ {
		h := kernels[k*n : (k+1)*n]
		sum := 0.0
		for _, v := range h {
			sum += v
		}
		if !(sum > 0) || math.IsInf(sum, 0) {
			return changed, &StampError{"PSF", first + k, fmt.Sprintf("its pixels sum to %g, want 1", sum)}
		}
		if math.Abs(sum-1) > sumTolerance {
			changed++
		}
		if math.Abs(sum-1) < 1e-13 {
			continue // by rounding: dividing would only round again
		}
		for i := range h {
			h[i] /= sum
		}
	}
	return changed, nil
}

// Check finds what is wrong with this rank's part: a *StampError where it is one
// stamp's. Deconvolve calls it.
func (s *Stack) Check() error {
	n, m := s.Side*s.Side, s.KernelSide*s.KernelSide
	switch {
	case s.Side < 1 || len(s.Data)%n != 0:
		return fmt.Errorf("psf: %d numbers are not stamps of %d x %d", len(s.Data), s.Side, s.Side)
	case s.Total < 1:
		return fmt.Errorf("psf: an empty stack")
	case s.First < 0 || s.First+s.Count() > s.Total:
		return fmt.Errorf("psf: stamps %d to %d of a stack of %d", s.First, s.First+s.Count(), s.Total)
	case s.Weights != nil && len(s.Weights) != len(s.Data):
		return fmt.Errorf("psf: %d weights for %d pixels", len(s.Weights), len(s.Data))
	case s.KernelSide < 1 || len(s.Kernels)%m != 0:
		return fmt.Errorf("psf: %d numbers are not PSFs of %d x %d", len(s.Kernels), s.KernelSide, s.KernelSide)
	case s.Kernel != nil && len(s.Kernel) != s.Count():
		return fmt.Errorf("psf: the PSFs of %d stamps are named, there are %d stamps", len(s.Kernel), s.Count())
	case s.Kernel == nil && len(s.Kernels)/m != 1 && len(s.Kernels)/m != s.Count():
		return fmt.Errorf("psf: %d PSFs for %d stamps: want one for all, one for each, or to be told which", len(s.Kernels)/m, s.Count())
	}
	for i, k := range s.Kernel {
		if k < 0 || (k+1)*m > len(s.Kernels) {
			return &StampError{"stamp", s.First + i, fmt.Sprintf("PSF number %d of %d", k, len(s.Kernels)/m)}
		}
	}
	for i, v := range s.Data {
		w := 1.0
		if s.Weights != nil {
			w = s.Weights[i]
		}
		if !(w >= 0) || math.IsInf(w, 0) {
			return &StampError{"stamp", s.First + i/n, fmt.Sprintf("weight %g at row %d, column %d", w, i%n/s.Side, i%s.Side)}
		}
		if w != 0 && (math.IsNaN(v) || math.IsInf(v, 0)) {
			return &StampError{"stamp", s.First + i/n, fmt.Sprintf("%g at row %d, column %d, which no mask covers", v, i%n/s.Side, i%s.Side)}
		}
	}
	for k := range len(s.Kernels) / m {
		sum := 0.0
		for _, v := range s.Kernels[k*m : (k+1)*m] {
			sum += v
		}
		if !(math.Abs(sum-1) <= sumTolerance) {
			return &StampError{"PSF", k, fmt.Sprintf("its pixels sum to %g, want 1 (Normalise)", sum)}
		}
	}
	return nil
}

// Residual sets dst to W^(1/2) (y - Hx) of stamp i, NaN where it is masked: white
// noise if the model is right.
func (s *Stack) Residual(border Border, i int, x, dst []float64) {
	n, m := s.Side*s.Side, s.KernelSide*s.KernelSide
	conv := fourier.NewSmallZeroConvolver[float64](s.Side, s.KernelSide)
	if border == Wrap {
		conv = fourier.NewSmallPeriodicConvolver[float64](s.Side)
	}
	k := s.kernelOf(i)
	conv.Apply(dst, x, conv.Filter(s.KernelSide, s.Kernels[k*m:(k+1)*m], identity))
	for j := range dst {
		dst[j] = s.Data[i*n+j] - dst[j]
		if s.Weights == nil {
			continue
		}
		if w := s.Weights[i*n+j]; w > 0 {
			dst[j] *= math.Sqrt(w)
		} else {
			dst[j] = math.NaN()
		}
	}
}

// kernelOf is the number among Kernels of stamp i's PSF.
func (s *Stack) kernelOf(i int) int {
	switch {
	case s.Kernel != nil:
		return s.Kernel[i]
	case len(s.Kernels) == s.KernelSide*s.KernelSide:
		return 0
	}
	return i
}
