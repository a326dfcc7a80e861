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
	conv       *fourier.Convolver
	grid       []float64
	gridCols   int
	rows, cols int // of the box
	rr, rc     int // radii of the PSF
}

// newWide returns nil if the PSF is small.
func newWide(k stencil.Kernel, rows, cols int) *wide {
	if len(k.Dense) < wideTaps {
		return nil
	}
	gr, gc := fourier.NextFast(rows+4*k.RowRadius), fourier.NextFast(cols+4*k.ColRadius)
	return &wide{
		conv: fourier.NewPeriodicConvolver(gr, gc, 2*k.RowRadius+1, 2*k.ColRadius+1, k.Dense),
		grid: make([]float64, gr*gc), gridCols: gc, rows: rows, cols: cols, rr: k.RowRadius, rc: k.ColRadius,
	}
}

// load fills the grid with the box and a halo of the radii, times times, and clears the
// rest.
func (w *wide) load(x stencil.Plane, times int) {
	clear(w.grid)
	hr, hc := times*w.rr, times*w.rc
	for i := -hr; i < w.rows+hr; i++ {
		from := x.Origin + i*x.Stride
		copy(w.line(i)[2*w.rc-hc:], x.Data[from-hc:from+w.cols+hc])
	}
}

// line is row i of the box on the grid, starting 2 rc columns before the box.
func (w *wide) line(i int) []float64 {
	return w.grid[(i+2*w.rr)*w.gridCols:][:w.gridCols]
}

// store copies the box, with a halo of the radii times times, from the grid.
func (w *wide) store(dst []float64, times int) {
	hr, hc := times*w.rr, times*w.rc
	cols := w.cols + 2*hc
	for i := -hr; i < w.rows+hr; i++ {
		copy(dst[(i+hr)*cols:(i+hr+1)*cols], w.line(i)[2*w.rc-hc:])
	}
}

// convolve sets dst = H x on the box; x needs a halo of the radii.
func (w *wide) convolve(dst []float64, x stencil.Plane) {
	w.load(x, 1)
	w.conv.Apply(w.grid, w.grid)
	w.store(dst, 0)
}

// spread sets dst, the box with a halo of the radii, to H' x. x has no halo.
func (w *wide) spread(dst []float64, x stencil.Plane) {
	w.load(x, 0)
	w.conv.ApplyTranspose(w.grid, w.grid)
	w.store(dst, 1)
}

// normal sets dst = H'(weights .* (H x)) on the box. x needs a halo of twice the radii,
// and the weights one of the radii; weights without Data are ones.
func (w *wide) normal(dst []float64, x, weights stencil.Plane) {
	w.load(x, 2)
	w.conv.Apply(w.grid, w.grid)
	for i := -2 * w.rr; i < len(w.grid)/w.gridCols-2*w.rr; i++ {
		line := w.line(i)
		if i < -w.rr || i >= w.rows+w.rr {
			clear(line)
			continue
		}
		clear(line[:w.rc])
		clear(line[3*w.rc+w.cols:])
		if weights.Data != nil {
			t := line[w.rc : 3*w.rc+w.cols]
			for j, v := range weights.Data[weights.Origin+i*weights.Stride-w.rc:][:len(t)] {
				t[j] *= v
			}
		}
	}
	w.conv.ApplyTranspose(w.grid, w.grid)
	w.store(dst, 0)
}
