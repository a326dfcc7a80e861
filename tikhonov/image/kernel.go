package image

import (
	"fmt"
	"math"

	"tessera/internal/stencil"
)

// Kernel is a blur: an odd x odd stencil. The convolution is
// (H w)(i,j) = sum_ab h(a,b) w(i-a, j-b), (a,b) counted from the centre. The zero
// value is no blur.
type Kernel struct {
	Rows, Cols int       // odd
	Values     []float64 // Rows*Cols, row-major, centre at (Rows/2, Cols/2)
}

// check says what is wrong with the kernel.
func (k Kernel) check() error {
	if k.Values == nil && k.Rows == 0 && k.Cols == 0 {
		return nil
	}
	if k.Rows < 1 || k.Cols < 1 || k.Rows%2 == 0 || k.Cols%2 == 0 {
		return fmt.Errorf("kernel is %d x %d pixels, want odd sizes so that it has a centre", k.Rows, k.Cols)
	}
	if len(k.Values) != k.Rows*k.Cols {
		return fmt.Errorf("kernel has %d values for %d x %d pixels", len(k.Values), k.Rows, k.Cols)
	}
	sum := 0.0
	for i, v := range k.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("kernel value (%d, %d) is %g", i/k.Cols, i%k.Cols, v)
		}
		sum += math.Abs(v)
	}
	if sum == 0 {
		return fmt.Errorf("kernel is zero everywhere")
	}
	return nil
}

func (k Kernel) stencil() stencil.Kernel {
	if k.Values == nil {
		return stencil.Identity()
	}
	return stencil.New(k.Rows, k.Cols, k.Values)
}

// NewKernel copies values into a kernel that sums to one.
func NewKernel(rows, cols int, values []float64) (Kernel, error) {
	k := Kernel{Rows: rows, Cols: cols, Values: append([]float64(nil), values...)}
	if err := k.check(); err != nil {
		return Kernel{}, fmt.Errorf("image: %w", err)
	}
	sum := 0.0
	for _, v := range k.Values {
		sum += v
	}
	if !(math.Abs(sum) > 0) {
		return Kernel{}, fmt.Errorf("image: kernel sums to %g and cannot be normalised", sum)
	}
	for i := range k.Values {
		k.Values[i] /= sum
	}
	return k, nil
}

// Gaussian is exp(-(a^2+b^2) / (2 sigma^2)) at the pixel centres of a size x size
// square, normalised; sigma in pixels.
func Gaussian(size int, sigma float64) (Kernel, error) {
	if !(sigma > 0) {
		return Kernel{}, fmt.Errorf("image: gaussian kernel: sigma = %g pixels, want more than 0", sigma)
	}
	return sampled("gaussian", size, func(r2 float64) float64 { return math.Exp(-r2 / (2 * sigma * sigma)) })
}

// Moffat is (1 + r^2/alpha^2)^-beta, the profile of a star seen through the
// atmosphere, alpha = fwhm / (2 sqrt(2^(1/beta) - 1)); fwhm in pixels.
// Moffat, Astronomy and Astrophysics 3 (1969) 455.
func Moffat(size int, fwhm, beta float64) (Kernel, error) {
	if !(fwhm > 0) {
		return Kernel{}, fmt.Errorf("image: moffat kernel: fwhm = %g pixels, want more than 0", fwhm)
	}
	if !(beta > 1) {
		return Kernel{}, fmt.Errorf("image: moffat kernel: beta = %g, want more than 1 (its flux is infinite otherwise)", beta)
	}
	alpha := fwhm / (2 * math.Sqrt(math.Pow(2, 1/beta)-1))
	return sampled("moffat", size, func(r2 float64) float64 { return math.Pow(1+r2/(alpha*alpha), -beta) })
}

// Box is the mean over a size x size square.
func Box(size int) (Kernel, error) {
	return sampled("box", size, func(float64) float64 { return 1 })
}

// sampled evaluates a radial profile of r^2 at pixel centres.
func sampled(name string, size int, f func(r2 float64) float64) (Kernel, error) {
	if size < 1 || size%2 == 0 {
		return Kernel{}, fmt.Errorf("image: %s kernel: size = %d pixels, want an odd number", name, size)
	}
	v := make([]float64, 0, size*size)
	for a := -size / 2; a <= size/2; a++ {
		for b := -size / 2; b <= size/2; b++ {
			v = append(v, f(float64(a*a+b*b)))
		}
	}
	return NewKernel(size, size, v)
}
