package forward

import (
	"fmt"
	"math"

	"tessera/internal/stencil"
)

// PSF is the point spread function h of a blur, a picture with odd sides. The blur is the
// convolution (H x)(i,j) = sum_ab h(a,b) x(i-a, j-b), with (a,b) counted from the centre.
// The zero value is no blur.
type PSF struct {
	Rows, Cols int       // pixels, both odd
	Values     []float64 // Rows x Cols, row-major, centre at (Rows/2, Cols/2); sum 1 where the blur keeps the flux
}

// Check says what is wrong with the PSF: an even size, a value that is not finite, or
// zeros alone. CentrePSF makes a PSF of even size into one of odd size.
func (p PSF) Check() error {
	if p.Values == nil && p.Rows == 0 && p.Cols == 0 {
		return nil
	}
	if p.Rows%2 == 0 || p.Cols%2 == 0 {
		return fmt.Errorf("PSF is %d x %d pixels, want odd sizes so that it has a centre", p.Rows, p.Cols)
	}
	if err := p.checkValues(); err != nil {
		return err
	}
	for _, v := range p.Values {
		if v != 0 {
			return nil
		}
	}
	return fmt.Errorf("PSF is zero everywhere")
}

// checkValues says what is wrong with the shape and the values, of any sum.
func (p PSF) checkValues() error {
	if p.Rows < 1 || p.Cols < 1 {
		return fmt.Errorf("PSF is %d x %d pixels, want at least one", p.Rows, p.Cols)
	}
	if len(p.Values) != p.Rows*p.Cols {
		return fmt.Errorf("PSF has %d values for %d x %d pixels", len(p.Values), p.Rows, p.Cols)
	}
	for i, v := range p.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("PSF value at row %d, column %d is %g, want a finite number", i/p.Cols, i%p.Cols, v)
		}
	}
	return nil
}

func (p PSF) stencil() stencil.Kernel {
	if p.Values == nil {
		return stencil.Identity()
	}
	return stencil.New(p.Rows, p.Cols, p.Values)
}

// NewPSF makes a PSF of values, rows x cols and row-major, as CentrePSF does: divided by
// their sum, and brought to odd sizes. values stay as they are.
func NewPSF(rows, cols int, values []float64) (PSF, error) {
	p, _, err := CentrePSF(rows, cols, values)
	return p, err
}

// Gaussian is exp(-(a^2+b^2) / (2 sigma^2)) at the pixel centres of a square of size x
// size pixels, divided by its sum. size is odd, sigma is in pixels.
func Gaussian(size int, sigma float64) (PSF, error) {
	if !(sigma > 0) {
		return PSF{}, fmt.Errorf("forward: gaussian PSF: sigma = %g pixels, want more than 0", sigma)
	}
	return sampled("gaussian", size, func(r2 float64) float64 { return math.Exp(-r2 / (2 * sigma * sigma)) })
}

// Moffat is (1 + r^2/alpha^2)^-beta with alpha = fwhm / (2 sqrt(2^(1/beta) - 1)), the
// profile of a star seen through the atmosphere, divided by its sum. fwhm is the full
// width at half maximum in pixels, beta > 1 the slope of the wings, size odd.
// Moffat, Astronomy and Astrophysics 3 (1969) 455.
func Moffat(size int, fwhm, beta float64) (PSF, error) {
	if !(fwhm > 0) {
		return PSF{}, fmt.Errorf("forward: moffat PSF: fwhm = %g pixels, want more than 0", fwhm)
	}
	if !(beta > 1) {
		return PSF{}, fmt.Errorf("forward: moffat PSF: beta = %g, want more than 1 (its flux is infinite otherwise)", beta)
	}
	alpha := fwhm / (2 * math.Sqrt(math.Pow(2, 1/beta)-1))
	return sampled("moffat", size, func(r2 float64) float64 { return math.Pow(1+r2/(alpha*alpha), -beta) })
}

// Box is the mean over a square of size x size pixels; size is odd.
func Box(size int) (PSF, error) {
	return sampled("box", size, func(float64) float64 { return 1 })
}

// sampled evaluates a radial profile, a function of r^2, at the pixel centres.
func sampled(name string, size int, f func(r2 float64) float64) (PSF, error) {
	if size < 1 || size%2 == 0 {
		return PSF{}, fmt.Errorf("forward: %s PSF: size = %d pixels, want an odd number", name, size)
	}
	v := make([]float64, 0, size*size)
	for a := -size / 2; a <= size/2; a++ {
		for b := -size / 2; b <= size/2; b++ {
			v = append(v, f(float64(a*a+b*b)))
		}
	}
	return NewPSF(size, size, v)
}
