package forward

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"tessera/halo"
	"tessera/ranks"
)

// VaryingBlur is y = sum_k h_k * (w_k x), the blur of a frame with a PSF that changes over it. x and
// y are channels x owned rows x owned cols. The light of a pixel is spread by the PSF of that
// pixel: weights multiply x before the convolution, in Apply; the adjoint is
//
//	x = sum_k w_k (h_k correlated with y).
//
// Beyond the border stands w_k x as the border says, so that one PSF everywhere gives what Blur gives.
//
// The extended box is cut into tiles in which the same terms have weight, where that costs the fewest transforms. A tile
// takes the Fourier transforms of the columns of J + 1 images for its J terms, and those of the rows of C + 1 images for C different
// factors of the columns, see fourier.Mixture. With bilinear weights on a grid J is 4 and C is 2 in most tiles, however many PSFs
// there are. Apply and Adjoint take one exchange with a halo as wide as the PSF's radius, and every rank blurs its halo too.
//
// VaryingBlur keeps one array of the size of x with that halo until Release, one plane where the PSF is
// divided by a sum other than 1, for each term its spectrum on the grid of every tile where it has weight, and the images of a
// fourier.MixtureSpace. Results on different numbers of ranks agree to rounding, about 1e-15 of the
// largest value.
//
// Source: Nagy and O'Leary, SIAM J. Sci. Comput. 19 (1998) 1063; weights before the convolution as
// Flicker and Rigaut, J. Opt. Soc. Am. A 22 (2005) 504.
type VaryingBlur struct {
	comm       ranks.Comm
	frame      *halo.Decomposition
	plan       *halo.Plan
	psf        *VaryingPSF // folded
	border     halo.Border
	rows, cols int
	channels   int
	radius     [2]int
	divisor    []float64 // 1 / sum of the PSF at the owned pixels; nil = 1 everywhere, to rounding
	tiles      []varyingTile
	ext        []float64
	bound      func() float64
}

// NewVaryingBlur prepares the blur of frames of 2 axes with so many channels, all by the same PSF.
// Every rank must own pixels. It is not collective; every rank gives the same arguments. An error names what is wrong with the
// frame, or with a term of the PSF.
func NewVaryingBlur(comm ranks.Comm, frame *halo.Decomposition, channels int, psf *VaryingPSF, border halo.Border) (*VaryingBlur, error) {
	const what = "NewVaryingBlur"
	if err := checkFrame(what, comm, frame, channels); err != nil {
		return nil, err
	}
	if n := len(frame.Domain().Lo); n != 2 {
		return nil, fmt.Errorf("forward: %s: frame of %d axes, want 2", what, n)
	}
	for r := range frame.Ranks() {
		if frame.Owned(r).Empty() {
			return nil, fmt.Errorf("forward: %s: rank %d owns no pixels", what, r)
		}
	}
	if psf == nil {
		return nil, fmt.Errorf("forward: %s: no PSF", what)
	}
	shape := frame.Domain().Shape()
	if err := psf.Check(shape[0], shape[1]); err != nil {
		return nil, fmt.Errorf("forward: %s: %w", what, err)
	}
	b := &VaryingBlur{comm: comm, frame: frame, psf: psf.Folded(border), border: border, channels: channels}
	pr, pc := b.psf.Size()
	b.radius = [2]int{pr / 2, pc / 2}
	plan, err := halo.NewPlan(frame, comm.Rank(), b.radius[:], border)
	if err != nil {
		return nil, err
	}
	b.plan = plan
	owned := plan.Owned()
	b.rows, b.cols = owned.Shape()[0], owned.Shape()[1]
	if psf.UnitSum {
		b.divisor = psf.divisors(owned)
		if near1(b.divisor) {
			b.divisor = nil
		}
	}
	b.tiles = b.cut()
	b.bound = sync.OnceValue(func() float64 { return psf.normBound(border) })
	return b, nil
}

// divisors are 1 over the sum of the PSF at the pixels of a box.
func (v *VaryingPSF) divisors(box halo.Box) []float64 {
	out, cols := make([]float64, box.Size()), box.Hi[1]-box.Lo[1]
	sums := v.sums()
	for r := box.Lo[0]; r < box.Hi[0]; r++ {
		v.rowSums(out[(r-box.Lo[0])*cols:][:cols], sums, r, box.Lo[1])
	}
	for i, s := range out {
		out[i] = 1 / s
	}
	return out
}

// near1 tells whether all numbers are 1 but for the rounding of a sum of a few terms.
func near1(list []float64) bool {
	return !slices.ContainsFunc(list, func(x float64) bool { return !(math.Abs(x-1) < 16*0x1p-52) })
}

// Frame is the frame of x.
func (b *VaryingBlur) Frame() (frame *halo.Decomposition, channels int) { return b.frame, b.channels }

// PSF is that of the blur, with its terms folded to the frame. Callers leave it as it is.
func (b *VaryingBlur) PSF() *VaryingPSF { return b.psf }

// Dims are the lengths of this rank's part of y and of x, which are equal.
func (b *VaryingBlur) Dims() (m, n int) {
	n = b.channels * b.rows * b.cols
	return n, n
}

// Tiles is the number of tiles that this rank's extended box is cut into, and the number of images of a tile whose columns Apply
// transforms for a channel, J + 1 a tile. Adjoint transforms as many.
func (b *VaryingBlur) Tiles() (tiles, transforms int) {
	for _, t := range b.tiles {
		transforms += len(t.terms) + 1
	}
	return len(b.tiles), transforms
}

// NormBound bounds the norm of H by sqrt(||H||_1 ||H||_inf), from the PSFs of the whole frame. It is the same on all ranks and not
// collective; the first call takes a pass over the pixels of the frame.
func (b *VaryingBlur) NormBound() float64 { return b.bound() }

// Apply sets dst = H src, both channels x owned rows x owned cols. Collective.
func (b *VaryingBlur) Apply(dst, src []float64) error {
	if err := checkApply(b, dst, src); err != nil {
		return err
	}
	b.extend()
	if b.divisor != nil {
		copy(dst, src) // which is overwritten below
		b.divide(dst)
		src = dst
	}
	b.plan.Scatter(b.ext, src, b.channels)
	if err := b.plan.Exchange(b.comm, b.ext, b.channels); err != nil {
		return err
	}
	clear(dst)
	size, n := len(b.ext)/b.channels, b.rows*b.cols
	for c := range b.channels {
		for i := range b.tiles {
			b.tiles[i].spread(b, dst[c*n:(c+1)*n], b.ext[c*size:(c+1)*size])
		}
	}
	return nil
}

// Adjoint sets dst = H' src. Collective. What src gives to pixels beyond the owned box is added to the
// pixels that the halo copies, on other ranks or across the border: the exact transpose of Apply. dst and src may be one array.
func (b *VaryingBlur) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(b, dst, src); err != nil {
		return err
	}
	b.extend()
	clear(b.ext)
	size, n := len(b.ext)/b.channels, b.rows*b.cols
	for c := range b.channels {
		for i := range b.tiles {
			b.tiles[i].collect(b, b.ext[c*size:(c+1)*size], src[c*n:(c+1)*n])
		}
	}
	if err := b.plan.AddBack(b.comm, b.ext, b.channels); err != nil {
		return err
	}
	b.plan.Gather(dst, b.ext, b.channels)
	if b.divisor != nil {
		b.divide(dst)
	}
	return nil
}

// divide multiplies every channel of x by the divisor.
func (b *VaryingBlur) divide(x []float64) {
	for n := len(b.divisor); len(x) > 0; x = x[n:] {
		for i, d := range b.divisor {
			x[i] *= d
		}
	}
}

// extend makes the buffer with the halo.
func (b *VaryingBlur) extend() {
	if b.ext == nil {
		b.ext = make([]float64, b.channels*b.plan.Extended().Size())
	}
}

// Release frees the buffer of the frame. The next call of Apply or Adjoint makes it again.
func (b *VaryingBlur) Release() { b.ext = nil }
