package psfmodel

import (
	"math"

	"tessera/forward"
)

// Shape is the form of a PSF.
type Shape struct {
	FWHM        float64    // diameter, in pixels, of the circle with the area in which the PSF is more than half of its peak
	Ellipticity float64    // 1 - b/a of the Gaussian that fits best, a and b its axes
	Angle       float64    // of its long axis, radians from the direction of columns towards that of rows, -pi/2 to pi/2
	Centroid    [2]float64 // mean position, rows and columns from the centre, in pixels
}

// Measure finds the shape of a PSF that is sampled at whole pixels. The half of the peak is looked for in the
// image interpolated to sixteenths of a pixel. The Gaussian has the adaptive moments of Bernstein and Jarvis, Astron. J. 123
// (2002) 583: those of the PSF weighted with that Gaussian itself. Where the fit fails the ellipticity is NaN.
func Measure(p forward.PSF) Shape {
	s := Shape{Centroid: p.Centroid(), FWHM: halfWidth(p), Ellipticity: math.NaN()}
	yy, yx, xx, _, _, ok := adaptive(p)
	if !ok {
		return s
	}
	mean, half := (yy+xx)/2, math.Hypot((xx-yy)/2, yx)
	s.Ellipticity = 1 - math.Sqrt((mean-half)/(mean+half))
	s.Angle = math.Atan2(2*yx, xx-yy) / 2
	return s
}

const (
	fineness     = 16 // parts of a pixel in which the half of the peak is looked for
	mostMeasured = 41 // pixels a side that are looked at
)

// halfWidth is the FWHM.
func halfWidth(p forward.PSF) float64 {
	top := 0
	for i, v := range p.Values {
		if v > p.Values[top] {
			top = i
		}
	}
	// The image around the brightest pixel, finer.
	radius := min(mostMeasured, max(p.Rows, p.Cols)) / 2
	size := 2*radius + 1
	image := make([]float64, size*size)
	for i := range size {
		for j := range size {
			r, c := top/p.Cols+i-radius, top%p.Cols+j-radius
			if r >= 0 && r < p.Rows && c >= 0 && c < p.Cols {
				image[i*size+j] = p.Values[r*p.Cols+c]
			}
		}
	}
	fine := make([][]float64, size*fineness)
	for q := range fine {
		fine[q] = make([]float64, size)
		interpolate(fine[q], (float64(q)+0.5)/fineness-0.5, 1)
	}
	up := (&resampler{rows: size, cols: size, down: fine, across: fine}).psf(image)
	peak := 0.0
	for _, v := range up.Values {
		peak = max(peak, v)
	}
	count := 0
	for _, v := range up.Values {
		if v > peak/2 {
			count++
		}
	}
	return 2 * math.Sqrt(float64(count)/math.Pi) / fineness
}

// adaptive are the second moments, in square pixels, of the Gaussian that fits best, and its centre, in rows and
// columns from the first.
func adaptive(p forward.PSF) (yy, yx, xx, y, x float64, ok bool) {
	peak := 0.0
	for i, v := range p.Values {
		if v > peak {
			peak, y, x = v, float64(i/p.Cols), float64(i%p.Cols)
		}
	}
	yy, xx = 2, 2
	for range 200 {
		det := yy*xx - yx*yx
		if !(det > 0.01) || !(yy+xx < 1e6) {
			return 0, 0, 0, 0, 0, false
		}
		var sum, sy, sx, syy, syx, sxx float64
		for i, v := range p.Values {
			dy, dx := float64(i/p.Cols)-y, float64(i%p.Cols)-x
			w := v * math.Exp(-0.5*(xx*dy*dy-2*yx*dy*dx+yy*dx*dx)/det)
			sum, sy, sx = sum+w, sy+w*dy, sx+w*dx
			syy, syx, sxx = syy+w*dy*dy, syx+w*dy*dx, sxx+w*dx*dx
		}
		if !(sum > 0) {
			return 0, 0, 0, 0, 0, false
		}
		y, x = y+2*sy/sum, x+2*sx/sum
		nyy, nyx, nxx := 2*syy/sum, 2*syx/sum, 2*sxx/sum
		change := math.Abs(nyy-yy) + math.Abs(nyx-yx) + math.Abs(nxx-xx)
		yy, yx, xx = nyy, nyx, nxx
		if change < 1e-9*(yy+xx) {
			return yy, yx, xx, y, x, yy*xx-yx*yx > 0
		}
	}
	return yy, yx, xx, y, x, yy*xx-yx*yx > 0
}
