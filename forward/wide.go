package forward

import (
	"tessera/internal/fourier"
	"tessera/internal/stencil"
)

// wideTaps is the number of PSF values from which H'H by Fourier transforms is faster
// than the direct sums: four transforms of a frame against two passes of that many
// multiply-adds a pixel.
const wideTaps = 361

// wide is H'WH on one rank's box by Fourier transforms, for large PSFs. The transforms
// are those of a periodic grid that holds the box with a halo of twice the PSF's radius.
// Values that wrap around the grid never reach the pixels that are read.
type wide struct {
	filter     *fourier.Spectral[float64]
	symbol     []float64
	rows, cols int // of the box
	rr, rc     int // radii of the PSF
}

// newWide returns nil if the PSF is small.
func newWide(k stencil.Kernel, rows, cols int) *wide {
	if len(k.Dense) < wideTaps {
		return nil
	}
	gr, gc := fourier.NextFast(rows+4*k.RowRadius), fourier.NextFast(cols+4*k.ColRadius)
	w := &wide{filter: fourier.NewSpectral[float64](gr, gc), rows: rows, cols: cols, rr: k.RowRadius, rc: k.ColRadius}
	w.symbol = w.filter.KernelSymbol(2*k.RowRadius+1, 2*k.ColRadius+1, k.Dense)
	return w
}

// on is the box with a halo of the radii, times times, that x holds.
func (w *wide) on(x stencil.Plane, times int) fourier.Window {
	hr, hc := times*w.rr, times*w.rc
	return fourier.Window{
		Data: x.Data, Origin: x.Origin - hr*x.Stride - hc, Stride: x.Stride,
		Row: 2*w.rr - hr, Col: 2*w.rc - hc, Rows: w.rows + 2*hr, Cols: w.cols + 2*hc,
	}
}

// alone is the box with a halo of the radii, times times, as an array of its own.
func (w *wide) alone(a []float64, times int) fourier.Window {
	return w.on(stencil.Interior(a, w.cols, times*w.rr, times*w.rc), times)
}

// convolve sets dst = H x on the box; x needs a halo of the radii.
func (w *wide) convolve(dst []float64, x stencil.Plane) {
	w.filter.Convolve(w.alone(dst, 0), w.symbol, false, w.on(x, 1))
}

// spread sets dst, the box with a halo of the radii, to H' x. x has no halo.
func (w *wide) spread(dst []float64, x stencil.Plane) {
	w.filter.Convolve(w.alone(dst, 1), w.symbol, true, w.on(x, 0))
}

// normal sets dst = H'(weights .* (H x)) on the box. x needs a halo of twice the radii,
// and the weights one of the radii; weights without Data are ones.
func (w *wide) normal(dst []float64, x, weights stencil.Plane) {
	around := w.on(weights, 1)
	if weights.Data == nil {
		around = fourier.Window{Row: w.rr, Col: w.rc, Rows: w.rows + 2*w.rr, Cols: w.cols + 2*w.rc}
	}
	w.filter.Normal(w.alone(dst, 0), w.symbol, around, w.on(x, 2))
}
