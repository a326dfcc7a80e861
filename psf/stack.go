package psf

import (
	"fmt"
	"math"

	"tessera/internal/fourier"
)

// Stack is this rank's part of a stack of stamps: consecutive stamps, in the order of
// the ranks, so that rank 0 has the first ones. A rank may have none.
type Stack struct {
	Side  int // rows and columns of a stamp, pixels; the same on all ranks
	First int // number of this rank's first stamp in the whole stack, from 0
	Total int // stamps in the whole stack; the same on all ranks

	Data []float64 // observed stamps, count x Side x Side, any unit; NaN = missing, as a pixel with weight 0

	// Weights are those of the pixels in the misfit, shape of Data; nil = 1 everywhere.
	// 0 = masked: the pixel is not used. With Options.Noise = FromWeights they are
	// inverse variances of the noise; otherwise they are relative: only their ratios
	// count, and the noise that Options.Noise gives is that of a pixel whose weight is the
	// median of the weights that are not 0.
	Weights []float64

	PSFSide int       // rows and columns of a PSF, pixels; the same on all ranks
	PSFs    []float64 // PSFs, PSFSide x PSFSide each, of sum 1; the pixel at (PSFSide/2, PSFSide/2) is the centre
	PSFOf   []int     // count: the number among PSFs of each stamp's PSF; nil = the only one, or stamp i has PSF i
}

// Count is the number of this rank's stamps.
func (s *Stack) Count() int { return len(s.Data) / max(1, s.Side*s.Side) }

// StampError says what is wrong with one stamp or PSF.
type StampError struct {
	What  string // "stamp" or "PSF"
	Index int    // a stamp: its number in the whole stack; a PSF: its number among Stack.PSFs, or as Normalise counts
	Text  string
}

func (e *StampError) Error() string { return fmt.Sprintf("psf: %s %d: %s", e.What, e.Index, e.Text) }

// sumTolerance is how far from 1 the sum of a PSF may be.
const sumTolerance = 1e-5

// leastSum is the smallest sum of a PSF, by the sum of its absolute values, that is taken
// for light. Below it the division by the sum would mostly amplify errors.
const leastSum = 0.1

// Normalise divides each of the PSFs, side x side, by its sum in place. It returns how
// many of the sums differed from 1 by more than 1e-5. PSFs may have any unit. A PSF is a
// *StampError, in which the first PSF has the number first, if a value is not finite, if one
// is 1e10 times all others, or if the sum is not positive or less than a tenth of the sum
// of the absolute values.
func Normalise(side int, psfs []float64, first int) (changed int, err error) {
	n := side * side
	for k := 0; (k+1)*n <= len(psfs); k++ {
		h := psfs[k*n : (k+1)*n]
		sum, size, top := 0.0, 0.0, 0.0
		for i, v := range h {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return changed, &StampError{"PSF", first + k, fmt.Sprintf("%g at row %d, column %d, want a finite number", v, i/side, i%side)}
			}
			top = max(top, math.Abs(v))
		}
		// In a unit of about its largest pixel, so that no sum leaves the range of float64.
		_, exponent := math.Frexp(top)
		if top > 1e-100 && top < 1e100 {
			exponent = 0 // as it is: a rounding of the sum in another place would change the last digit
		}
		for i, v := range h {
			if exponent != 0 {
				h[i] = math.Ldexp(v, -exponent)
			}
			sum += h[i]
			size += math.Abs(h[i])
		}
		if i := outlier(h, nil); i >= 0 {
			return changed, &StampError{"PSF", first + k, fmt.Sprintf("%.3g at row %d, column %d is more than 1e10 times all other pixels; want a PSF without such a pixel, 0 in its place",
				math.Ldexp(h[i], exponent), i/side, i%side)}
		}
		if !(sum > 0) {
			return changed, &StampError{"PSF", first + k, fmt.Sprintf("its pixels sum to %g, want 1", math.Ldexp(sum, exponent))}
		}
		if sum < leastSum*size {
			sum, size = math.Ldexp(sum, exponent), math.Ldexp(size, exponent)
			return changed, &StampError{"PSF", first + k,
				fmt.Sprintf("its pixels sum to %.4g, and their absolute values to %.4g; want a sum of at least a tenth of the other", sum, size)}
		}
		if exponent != 0 || math.Abs(sum-1) > sumTolerance {
			changed++
		}
		if exponent == 0 && math.Abs(sum-1) < 1e-13 {
			continue // 1 up to rounding: a division would only add rounding errors
		}
		for i := range h {
			h[i] /= sum
		}
	}
	return changed, nil
}

// Check returns what is wrong with this rank's part: a *StampError where it is wrong
// with one stamp or PSF. It is not collective. Deconvolve calls it.
func (s *Stack) Check() error {
	if s == nil {
		return fmt.Errorf("psf: no stack")
	}
	n, m := s.Side*s.Side, s.PSFSide*s.PSFSide
	switch {
	case s.Side < 1 || len(s.Data)%n != 0:
		return fmt.Errorf("psf: %d numbers are not stamps of %d x %d", len(s.Data), s.Side, s.Side)
	case s.Total < 1:
		return fmt.Errorf("psf: an empty stack")
	case s.First < 0 || s.First+s.Count() > s.Total:
		return fmt.Errorf("psf: stamps %d to %d of a stack of %d", s.First, s.First+s.Count(), s.Total)
	case s.Weights != nil && len(s.Weights) != len(s.Data):
		return fmt.Errorf("psf: %d weights for %d pixels", len(s.Weights), len(s.Data))
	case s.PSFSide < 1 || len(s.PSFs)%m != 0:
		return fmt.Errorf("psf: %d numbers are not PSFs of %d x %d", len(s.PSFs), s.PSFSide, s.PSFSide)
	case s.PSFOf != nil && len(s.PSFOf) != s.Count():
		return fmt.Errorf("psf: PSFOf has %d entries for %d stamps", len(s.PSFOf), s.Count())
	case s.PSFOf == nil && len(s.PSFs)/m != 1 && len(s.PSFs)/m != s.Count():
		return fmt.Errorf("psf: %d PSFs for %d stamps; want one PSF for all, one for each, or PSFOf", len(s.PSFs)/m, s.Count())
	}
	for i, k := range s.PSFOf {
		if k < 0 || (k+1)*m > len(s.PSFs) {
			return &StampError{"stamp", s.First + i, fmt.Sprintf("PSF number %d of %d", k, len(s.PSFs)/m)}
		}
	}
	for i, v := range s.Data {
		w := s.weight(i)
		if !(w >= 0) || math.IsInf(w, 0) {
			return &StampError{"stamp", s.First + i/n, fmt.Sprintf("weight %g at row %d, column %d", w, i%n/s.Side, i%n%s.Side)}
		}
		if w != 0 && math.IsInf(v, 0) {
			return &StampError{"stamp", s.First + i/n, fmt.Sprintf("%g at row %d, column %d, which no mask covers; want NaN or a mask where a pixel is missing", v, i%n/s.Side, i%n%s.Side)}
		}
	}
	for i := range s.Count() {
		var w []float64
		if s.Weights != nil {
			w = s.Weights[i*n : (i+1)*n]
		}
		if j := outlier(s.Data[i*n:(i+1)*n], w); j >= 0 {
			return &StampError{"stamp", s.First + i, fmt.Sprintf("%.3g at row %d, column %d is more than 1e10 times all other pixels; want NaN or a mask where a pixel is missing",
				s.Data[i*n+j], j/s.Side, j%s.Side)}
		}
	}
	for k := range len(s.PSFs) / m {
		sum := 0.0
		for _, v := range s.PSFs[k*m : (k+1)*m] {
			sum += v
		}
		if !(math.Abs(sum-1) <= sumTolerance) {
			return &StampError{"PSF", k, fmt.Sprintf("its pixels sum to %g, want 1; Normalise divides by the sum", sum)}
		}
	}
	return nil
}

// Residual sets dst to W^(1/2) (y - Hx) of this rank's stamp i; x and dst have Side x
// Side pixels. dst is NaN where the stamp is masked or NaN. With a correct model it is white
// noise.
func (s *Stack) Residual(border Border, i int, x, dst []float64) { s.Residuals(border)(i, x, dst) }

// Residuals returns Residual for many stamps, which share the preparation of the blur.
func (s *Stack) Residuals(border Border) func(i int, x, dst []float64) {
	n, m := s.Side*s.Side, s.PSFSide*s.PSFSide
	conv := fourier.NewSmallZeroConvolver[float64](s.Side, s.PSFSide)
	if border == Wrap {
		conv = fourier.NewSmallPeriodicConvolver[float64](s.Side)
	}
	return func(i int, x, dst []float64) {
		k := s.psfOf(i)
		conv.Apply(dst, x, conv.Filter(s.PSFSide, s.PSFs[k*m:(k+1)*m], identity))
		for j := range dst {
			dst[j] = s.Data[i*n+j] - dst[j]
			if w := s.weight(i*n + j); w > 0 {
				dst[j] *= math.Sqrt(w)
			} else {
				dst[j] = math.NaN()
			}
		}
	}
}

// psfOf is the number of stamp i's PSF among PSFs.
func (s *Stack) psfOf(i int) int {
	switch {
	case s.PSFOf != nil:
		return s.PSFOf[i]
	case len(s.PSFs) == s.PSFSide*s.PSFSide:
		return 0
	}
	return i
}
