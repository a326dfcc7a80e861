package forward

import (
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/stencil"
	"tessera/ranks"
)

// Blur is the convolution y = H x of a frame with a PSF. x and y are channels x owned
// rows x owned cols. The border says what stands outside the frame.
//
// Small PSFs are convolved directly: a multiply-add a pixel for each value of the PSF that is not
// zero. From 361 values on, H x is two Fourier transforms
// of the rank's box. Apply and Adjoint take one exchange with a halo as wide as the
// radius. Blur keeps one array of the size of x with that halo, and one plane with twice
// the halo once Adjoint was called, until Release. Results on different numbers of ranks
// agree to rounding, about 1e-15 of the largest value.
type Blur struct {
	comm       ranks.Comm
	frame      *halo.Decomposition
	plan       *halo.Plan
	kernel     stencil.Kernel
	border     halo.Border
	rows, cols int
	channels   int
	ext        []float64    // channels planes with a halo of the PSF's radius
	wide       *wide        // nil unless the PSF is large
	taps, back stencil.Taps // of H and of H' in these arrays, unless the PSF is large
	padded     []float64    // one plane with twice that halo, zero outside the owned box; made by Adjoint
	part       []float64    // a stretch of H x in RoundTrip
}

// stretch is how many pixels, at least a row, RoundTrip convolves at a time; they fill a fraction of the second cache.
const stretch = 1 << 13

// NewBlur prepares the blur of frames of 2 axes with so many channels, all by the same
// PSF, which may be larger than the frame: see PSF.Fold. Every rank must own pixels. It is not collective; every rank gives the same
// arguments.
func NewBlur(comm ranks.Comm, frame *halo.Decomposition, channels int, psf PSF, border halo.Border) (*Blur, error) {
	if err := checkFrame("NewBlur", comm, frame, channels); err != nil {
		return nil, err
	}
	if n := len(frame.Domain().Lo); n != 2 {
		return nil, fmt.Errorf("forward: NewBlur: frame of %d axes, want 2", n)
	}
	for r := range frame.Ranks() {
		if frame.Owned(r).Empty() {
			return nil, fmt.Errorf("forward: NewBlur: rank %d owns no pixels", r)
		}
	}
	if err := psf.Check(); err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	shape := frame.Domain().Shape()
	psf = psf.Fold(shape[0], shape[1], border)
	b := &Blur{comm: comm, frame: frame, kernel: psf.stencil(), border: border, channels: channels}
	plan, err := halo.NewPlan(frame, comm.Rank(), []int{b.kernel.RowRadius, b.kernel.ColRadius}, border)
	if err != nil {
		return nil, err
	}
	b.plan = plan
	owned := plan.Owned().Shape()
	b.rows, b.cols = owned[0], owned[1]
	if b.wide = newWide(b.kernel, b.rows, b.cols); b.wide == nil {
		b.taps = b.kernel.Taps(b.cols + 2*b.kernel.ColRadius)
		b.back = b.kernel.Flipped().Taps(b.cols + 4*b.kernel.ColRadius)
	}
	return b, nil
}

// Frame is the frame of x.
func (b *Blur) Frame() (frame *halo.Decomposition, channels int) { return b.frame, b.channels }

// PSF is what the frame is convolved with, folded to its size, and what stands outside of it. Callers leave the
// values as they are.
func (b *Blur) PSF() (psf PSF, border halo.Border) {
	return PSF{Rows: 2*b.kernel.RowRadius + 1, Cols: 2*b.kernel.ColRadius + 1, Values: b.kernel.Dense}, b.border
}

// Diagonal tells whether the transform of its border makes H diagonal: the Fourier transform of a periodic border, or
// the cosine transform of a reflecting one where the PSF is its own mirror image along both axes; see Transform.
func (b *Blur) Diagonal() bool {
	return b.border == halo.Periodic || b.border == halo.Reflect && b.kernel.Symmetric()
}

// Dims are the lengths of this rank's part of y and of x, which are equal.
func (b *Blur) Dims() (m, n int) {
	n = b.channels * b.rows * b.cols
	return n, n
}

// NormBound bounds the norm of H by the sum of the absolute values of the PSF. With a
// reflecting border and a PSF that is not its own mirror image, a pixel can count twice
// along an axis: each axis then gives a factor of sqrt(2).
func (b *Blur) NormBound() float64 {
	sum := 0.0
	for _, v := range b.kernel.Dense {
		sum += math.Abs(v)
	}
	if b.border == halo.Reflect && !b.kernel.Symmetric() {
		for _, radius := range []int{b.kernel.RowRadius, b.kernel.ColRadius} {
			if radius > 0 {
				sum *= math.Sqrt2
			}
		}
	}
	return sum
}

// Apply sets dst = H src, both channels x owned rows x owned cols. Collective.
func (b *Blur) Apply(dst, src []float64) error {
	if err := checkApply(b, dst, src); err != nil {
		return err
	}
	if err := b.exchange(src); err != nil {
		return err
	}
	for c := range b.channels {
		if b.wide != nil {
			b.wide.convolve(b.plane(dst, c), b.extended(c))
		} else {
			b.taps.Convolve(b.plane(dst, c), b.rows, b.cols, b.extended(c))
		}
	}
	return nil
}

// exchange puts src with its halo into ext. Collective.
func (b *Blur) exchange(src []float64) error {
	b.extend()
	b.plan.Scatter(b.ext, src, b.channels)
	return b.plan.Exchange(b.comm, b.ext, b.channels)
}

// RoundTrip sets dst = H' f(H src) for a function f of single pixels, both channels x owned rows x owned cols. use
// replaces part, the values of H src from index first on, by those of f, in stretches of whole rows of one channel that
// follow each other; where the PSF is small they are still in a cache, and H src is in no array. Collective.
func (b *Blur) RoundTrip(dst, src []float64, use func(part []float64, first int)) error {
	if err := checkApply(b, dst, src); err != nil {
		return err
	}
	if err := b.exchange(src); err != nil {
		return err
	}
	size, rows := len(b.ext)/b.channels, max(1, stretch/b.cols)
	if b.wide != nil {
		rows = b.rows
	}
	if n := min(rows, b.rows) * b.cols; len(b.part) < n {
		b.part = make([]float64, n)
	}
	for c := range b.channels {
		ext, in, first := b.ext[c*size:(c+1)*size], b.extended(c), c*b.rows*b.cols
		if b.wide != nil {
			b.wide.convolve(b.part, in)
			use(b.part, first)
			b.wide.spread(ext, stencil.Plane{Data: b.part, Stride: b.cols})
			continue
		}
		for i := 0; i < b.rows; i += rows {
			n := min(rows, b.rows-i)
			part := b.part[:n*b.cols]
			b.taps.Convolve(part, n, b.cols, in)
			in.Origin += n * in.Stride
			use(part, first+i*b.cols)
			b.pad(part, i)
		}
		b.spreadPadded(ext)
	}
	return b.addBack(dst)
}

// Adjoint sets dst = H' src. Collective. Values that src spreads beyond the owned box are
// added to the pixels that the halo copies, on other ranks or across the border. So it is
// the exact transpose for every PSF and border.
func (b *Blur) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(b, dst, src); err != nil {
		return err
	}
	b.extend()
	size := len(b.ext) / b.channels
	for c := range b.channels {
		b.spread(b.ext[c*size:(c+1)*size], b.plane(src, c))
	}
	return b.addBack(dst)
}

// addBack adds the halo of ext to its sources and sets dst to the owned box of ext. Collective.
func (b *Blur) addBack(dst []float64) error {
	if err := b.plan.AddBack(b.comm, b.ext, b.channels); err != nil {
		return err
	}
	b.plan.Gather(dst, b.ext, b.channels)
	return nil
}

// spread sets ext, one plane with its halo, to the transposed convolution of the
// owned pixels alone.
func (b *Blur) spread(ext, src []float64) {
	if b.wide != nil {
		b.wide.spread(ext, stencil.Plane{Data: src, Stride: b.cols})
		return
	}
	b.pad(src, 0)
	b.spreadPadded(ext)
}

// pad puts rows of an owned plane into padded, from a row on.
func (b *Blur) pad(part []float64, row int) {
	r, c := b.kernel.RowRadius, b.kernel.ColRadius
	stride := b.cols + 4*c
	if b.padded == nil {
		b.padded = make([]float64, (b.rows+4*r)*stride)
	}
	for at := (row+2*r)*stride + 2*c; len(part) > 0; at, part = at+stride, part[b.cols:] {
		copy(b.padded[at:], part[:b.cols])
	}
}

// spreadPadded is spread of what is in padded.
func (b *Blur) spreadPadded(ext []float64) {
	r, c := b.kernel.RowRadius, b.kernel.ColRadius
	stride := b.cols + 4*c
	in := stencil.Plane{Data: b.padded, Origin: r*stride + c, Stride: stride}
	b.back.Convolve(ext, b.rows+2*r, b.cols+2*c, in)
}

// extend makes the buffer with the halo.
func (b *Blur) extend() {
	if b.ext == nil {
		b.ext = make([]float64, b.channels*b.plan.Extended().Size())
	}
}

// Release frees the buffers. The next call of Apply or Adjoint makes them again.
func (b *Blur) Release() { b.ext, b.padded, b.part = nil, nil, nil }

// plane is channel c of an array over the owned box.
func (b *Blur) plane(a []float64, c int) []float64 {
	n := b.rows * b.cols
	return a[c*n : (c+1)*n]
}

// extended is channel c of the array with the halo.
func (b *Blur) extended(c int) stencil.Plane {
	size := len(b.ext) / b.channels
	return stencil.Interior(b.ext[c*size:(c+1)*size], b.cols, b.kernel.RowRadius, b.kernel.ColRadius)
}
