package fourier

import "fmt"

// Convolver convolves images of one size with one kernel, whose transform it
// keeps:
//
//	y(i,j) = sum_ab h(a,b) x(i-a, j-b),    (a,b) counted from the kernel's centre
//
// The centre of a krows x kcols kernel is (krows/2, kcols/2). A convolution
// costs two transforms whatever the size of the kernel. Not for use by several
// goroutines at once: see Clone.
type Convolver struct {
	rows, cols int // of an image
	plan       *Plan2
	kernel     []complex128 // its transform, divided by the number of pixels
	spectrum   []complex128 // work
	padded     []float64    // work: the image on the plan's grid, nil if that is its own
}

// NewPeriodicConvolver is for images that repeat: x(i,j) = x(i+rows, j) =
// x(i, j+cols). The kernel may be larger than the image.
func NewPeriodicConvolver(rows, cols, krows, kcols int, kernel []float64) *Convolver {
	checkSize("NewPeriodicConvolver", rows, cols)
	return newConvolver(rows, cols, rows, cols, krows, kcols, kernel)
}

// NewZeroConvolver is for images that are zero beyond their border. It works
// on a larger grid, so that what wraps around falls where nobody looks.
func NewZeroConvolver(rows, cols, krows, kcols int, kernel []float64) *Convolver {
	checkSize("NewZeroConvolver", rows, cols)
	return newConvolver(rows, cols, NextFast(rows+krows/2), NextFast(cols+kcols/2), krows, kcols, kernel)
}

func newConvolver(rows, cols, gridRows, gridCols, krows, kcols int, kernel []float64) *Convolver {
	c := &Convolver{rows: rows, cols: cols, plan: NewPlan2(gridRows, gridCols)}
	c.allocate()
	c.kernel = make([]complex128, len(c.spectrum))
	c.plan.Forward(c.kernel, WrapKernel(gridRows, gridCols, krows, kcols, kernel))
	scale := complex(1/float64(gridRows*gridCols), 0)
	for i := range c.kernel {
		c.kernel[i] *= scale
	}
	return c
}

func (c *Convolver) allocate() {
	c.spectrum = make([]complex128, c.plan.rows*c.plan.SpectrumCols())
	if c.plan.rows != c.rows || c.plan.cols != c.cols {
		c.padded = make([]float64, c.plan.rows*c.plan.cols)
	}
}

// Clone returns a convolver with the same kernel for another goroutine.
func (c *Convolver) Clone() *Convolver {
	d := &Convolver{rows: c.rows, cols: c.cols, plan: c.plan.Clone(), kernel: c.kernel}
	d.allocate()
	return d
}

// Apply convolves src with the kernel. dst and src, rows x cols, may be the
// same.
func (c *Convolver) Apply(dst, src []float64) {
	c.forward(dst, src)
	for i, h := range c.kernel {
		c.spectrum[i] *= h
	}
	c.inverse(dst)
}

// ApplyTranspose convolves src with the kernel turned by 180 degrees about its
// centre: the transpose of Apply. dst and src, rows x cols, may be the same.
func (c *Convolver) ApplyTranspose(dst, src []float64) {
	c.forward(dst, src)
	for i, h := range c.kernel {
		c.spectrum[i] *= complex(real(h), -imag(h))
	}
	c.inverse(dst)
}

func (c *Convolver) forward(dst, src []float64) {
	checkLength("Convolver dst", len(dst), c.rows*c.cols)
	checkLength("Convolver src", len(src), c.rows*c.cols)
	if c.padded == nil {
		c.plan.transform.forward(c.spectrum, src)
		return
	}
	clear(c.padded)
	for i := range c.rows {
		copy(c.padded[i*c.plan.cols:], src[i*c.cols:][:c.cols])
	}
	c.plan.transform.forward(c.spectrum, c.padded)
}

// inverse is unnormalised: the kernel has the factor.
func (c *Convolver) inverse(dst []float64) {
	if c.padded == nil {
		c.plan.transform.inverse(dst, c.spectrum)
		return
	}
	c.plan.transform.inverse(c.padded, c.spectrum)
	for i := range c.rows {
		copy(dst[i*c.cols:][:c.cols], c.padded[i*c.plan.cols:])
	}
}

// WrapKernel lays a krows x kcols kernel on a periodic grid with its centre at
// (0,0): the array whose Fourier transform multiplies that of an image. Entries
// of a kernel larger than the grid are added where they fall.
func WrapKernel(rows, cols, krows, kcols int, kernel []float64) []float64 {
	if krows < 1 || kcols < 1 || len(kernel) != krows*kcols {
		panic(fmt.Sprintf("fourier: kernel of %d values for %d x %d", len(kernel), krows, kcols))
	}
	grid := make([]float64, rows*cols)
	for a := range krows {
		i := mod(a-krows/2, rows)
		for b := range kcols {
			grid[i*cols+mod(b-kcols/2, cols)] += kernel[a*kcols+b]
		}
	}
	return grid
}

// mod is the remainder in 0 .. n-1.
func mod(a, n int) int {
	if a %= n; a < 0 {
		a += n
	}
	return a
}
