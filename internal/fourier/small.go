package fourier

import (
	"fmt"
	"math"

	"tessera/internal/linalg"
)

// SmallConvolver convolves small square images, of some tens of pixels a side, each
// with a kernel of its own:
//
//	y(i,j) = sum_ab h(a,b) x(i-a, j-b),    (a,b) counted from the kernel's centre
//
// The transforms are products with dense matrices of cosines and sines: at this
// size that is faster than a fast transform, whatever the factors of the side. Real
// images are folded about their centre first, so that even and odd parts meet
// cosines and sines alone, which halves the work:
//
//	x(-m..m) -> even e_j = x_j + x_-j, odd o_j = x_j - x_-j
//	cosine coefficients C e, sine coefficients S o,    along both axes
//
// about 4 (side^2 circle + side circle^2) / 2 operations a transform. A convolution
// is two of them on a circle of circle x circle points: the image's own with a
// periodic border, side + half the kernel's side with a zero one, where the
// result is the linear convolution to rounding. Not for use by several goroutines
// at once: see Clone.
type SmallConvolver[T linalg.Float] struct {
	dims
	tables []T
	work   []T
	border bool // periodic
}

// dims are the sizes that tables and work arrays follow from.
type dims struct {
	side   int // of an image
	m      int // side/2: an image spans -m..m, or -m..m-1
	circle int // points of the circle
	k      int // frequencies 0..circle/2
	kp, jp int // k and m+1 with padding to whole vectors
}

// lanes: rows of tables are padded to a multiple of this many numbers.
const lanes = 8

func padded(n int) int { return (n + lanes - 1) / lanes * lanes }

// NewSmallPeriodicConvolver is for side x side images that repeat. Kernels may be
// larger than they are.
func NewSmallPeriodicConvolver[T linalg.Float](side int) *SmallConvolver[T] {
	checkSize("NewSmallPeriodicConvolver", side, side)
	return newSmall[T](side, side, true)
}

// NewSmallZeroConvolver is for side x side images that are zero beyond their
// border, and kernels of at most kernelSide x kernelSide.
func NewSmallZeroConvolver[T linalg.Float](side, kernelSide int) *SmallConvolver[T] {
	checkSize("NewSmallZeroConvolver", side, side)
	checkSize("NewSmallZeroConvolver", kernelSide, kernelSide)
	// What wraps around from one end must miss the other; odd, so that there is no
	// frequency without a sine.
	return newSmall[T](side, (2*(side/2)+1+kernelSide/2)|1, false)
}

func newSmall[T linalg.Float](side, circle int, periodic bool) *SmallConvolver[T] {
	d := newDims(side, circle)
	s := &SmallConvolver[T]{dims: d, tables: make([]T, d.tableLen()), work: make([]T, d.workLen()), border: periodic}
	fillTables(d, s.tables)
	return s
}

func newDims(side, circle int) dims {
	d := dims{side: side, m: side / 2, circle: circle, k: circle/2 + 1}
	d.kp, d.jp = padded(d.k), padded(d.m+1)
	return d
}

// Clone returns a convolver with work space of its own.
func (s *SmallConvolver[T]) Clone() *SmallConvolver[T] {
	c := *s
	c.work = make([]T, len(s.work))
	return &c
}

// Side is the side of an image in pixels.
func (s *SmallConvolver[T]) Side() int { return s.side }

// Tables, one after the other; j counts pixels from the centre, f frequencies. The
// first four transform, with the pixel that folding counts twice halved; the others
// transform back.
//
//	ctf, stf: (m+1) x kp    cos, sin(2 pi f j / circle) at [j][f]
//	cf, sf:   k x (m+1)     at [f][j]
//	ct, st:   (m+1) x k     at [j][f]
//	c, s:     k x jp        at [f][j]
//
// Work arrays:
//
//	img: (2m+1) x 2jp       the image, its centre at [m][jp], zero around it
//	q:   2 x (2m+1) x jp    folded: even columns, odd columns; rows 0..m even, then 1..m odd
//	p:   (2m+1) x 2kp       columns transformed: cosines, then sines
//	z:   2k x 2kp           both: rows of cosines, then of sines
func (d dims) tableLen() int { return 2 * ((d.m+1)*d.kp + 2*d.k*(d.m+1) + d.k*d.jp) }

func (d dims) workLen() int {
	rows := 2*d.m + 1
	return rows*2*d.jp + 2*rows*d.jp + rows*2*d.kp + 2*d.k*2*d.kp
}

func fillTables[T linalg.Float](d dims, t []T) {
	j1 := d.m + 1
	ctf, t := t[:j1*d.kp], t[j1*d.kp:]
	stf, t := t[:j1*d.kp], t[j1*d.kp:]
	cf, t := t[:d.k*j1], t[d.k*j1:]
	sf, t := t[:d.k*j1], t[d.k*j1:]
	ct, t := t[:d.k*j1], t[d.k*j1:]
	st, t := t[:d.k*j1], t[d.k*j1:]
	c, s := t[:d.k*d.jp], t[d.k*d.jp:]
	for f := range d.k {
		for j := range j1 {
			sin, cos := math.Sincos(2 * math.Pi * float64(f*j%d.circle) / float64(d.circle))
			if 2*f*j%d.circle == 0 {
				sin = 0
			}
			once := 1.0
			if j == 0 {
				once = 0.5
			}
			ctf[j*d.kp+f], stf[j*d.kp+f] = T(once*cos), T(sin)
			cf[f*j1+j], sf[f*j1+j] = T(once*cos), T(sin)
			ct[j*d.k+f], st[j*d.k+f] = T(cos), T(sin)
			c[f*d.jp+j], s[f*d.jp+j] = T(cos), T(sin)
		}
	}
}

// Filter is what an image's transform is multiplied by: for each pair of
// frequencies (f, g) the real and imaginary parts at (f, g) and at (f, -g), with
// the factor of the inverse transform.
//
//	4 x k x kp: Re(f,g), Im(f,g), Re(f,-g), Im(f,-g)
type Filter[T linalg.Float] []T

// Filter computes response(h) of the transform h of a kernel, side x side with its
// centre at (side/2, side/2), at every frequency: the identity for the convolution
// with the kernel. response must map conjugates to conjugates.
func (s *SmallConvolver[T]) Filter(side int, kernel []float64, response func(complex128) complex128) Filter[T] {
	d := s.dims
	plane := d.k * d.kp
	out := make(Filter[T], 4*plane)
	s.transformKernel(side, kernel, func(f, g int, h, mirror complex128) {
		h, mirror = response(h), response(mirror)
		scale := d.weight(f) * d.weight(g) / (2 * float64(d.circle*d.circle))
		at := f*d.kp + g
		out[at], out[plane+at] = T(scale*real(h)), T(scale*imag(h))
		out[2*plane+at], out[3*plane+at] = T(scale*real(mirror)), T(scale*imag(mirror))
	})
	return out
}

// Gain is the largest modulus of a kernel's transform on the circle: the norm of
// the convolution with a periodic border, and a bound of it with a zero one.
func (s *SmallConvolver[T]) Gain(side int, kernel []float64) float64 {
	gain := 0.0
	s.transformKernel(side, kernel, func(_, _ int, h, mirror complex128) {
		gain = max(gain, math.Hypot(real(h), imag(h)), math.Hypot(real(mirror), imag(mirror)))
	})
	return gain
}

// weight is how often a frequency and its negative count.
func (d dims) weight(f int) float64 {
	if f == 0 || 2*f == d.circle {
		return 1
	}
	return 2
}

// transformKernel calls visit with the transform at (f, g) and (f, -g), f, g >= 0.
func (s *SmallConvolver[T]) transformKernel(side int, kernel []float64, visit func(f, g int, h, mirror complex128)) {
	checkLength("SmallConvolver kernel", len(kernel), side*side)
	if !s.border && s.circle < 2*s.m+1+side/2 {
		panic(fmt.Sprintf("fourier: SmallConvolver: a kernel of %d x %d on a circle of %d points", side, side, s.circle))
	}
	d := newDims(min(side, s.circle), s.circle)
	if side > s.circle { // wrapped around
		wrapped := make([]float64, s.circle*s.circle)
		at := func(i int) int { return ((i-side/2+s.circle/2)%s.circle + s.circle) % s.circle }
		for i := range side {
			for j := range side {
				wrapped[at(i)*s.circle+at(j)] += kernel[i*side+j]
			}
		}
		kernel = wrapped
	}
	tables, work := make([]float64, d.tableLen()), make([]float64, d.workLen())
	fillTables(d, tables)
	v := viewOf(d, tables, work)
	v.load(kernel)
	v.forward()
	for f := range d.k {
		for g := range d.k {
			cc, cs := v.z[f*2*d.kp+g], v.z[f*2*d.kp+d.kp+g]
			sc, ss := v.z[(d.k+f)*2*d.kp+g], v.z[(d.k+f)*2*d.kp+d.kp+g]
			visit(f, g, complex(cc-ss, -cs-sc), complex(cc+ss, cs-sc))
		}
	}
}

// Apply computes dst = filter src; both side x side, and may be the same.
func (s *SmallConvolver[T]) Apply(dst, src []T, filter Filter[T]) {
	s.checkApply(dst, src, filter)
	applySmall(s.dims, s.tables, s.work, filter, false, dst, src)
}

// ApplyTranspose computes dst = filter' src.
func (s *SmallConvolver[T]) ApplyTranspose(dst, src []T, filter Filter[T]) {
	s.checkApply(dst, src, filter)
	applySmall(s.dims, s.tables, s.work, filter, true, dst, src)
}

// Gradient computes dst = H' W (H x - y), H the filter, W = diag(w), w >= 0 or nil
// for the identity: four transforms.
func (s *SmallConvolver[T]) Gradient(dst, x, y, w []T, filter Filter[T]) {
	s.checkResidual(x, y, w, filter)
	checkLength("SmallConvolver dst", len(dst), s.side*s.side)
	gradientSmall(s.dims, s.tables, s.work, filter, dst, x, y, w)
}

// Misfit is |W^(1/2) (H x - y)|^2 / 2, summed in float64: two transforms.
func (s *SmallConvolver[T]) Misfit(x, y, w []T, filter Filter[T]) float64 {
	s.checkResidual(x, y, w, filter)
	return misfitSmall(s.dims, s.tables, s.work, filter, x, y, w)
}

func (s *SmallConvolver[T]) checkResidual(x, y, w []T, filter Filter[T]) {
	s.checkApply(x, y, filter)
	if w != nil {
		checkLength("SmallConvolver w", len(w), s.side*s.side)
	}
}

func (s *SmallConvolver[T]) checkApply(dst, src []T, filter Filter[T]) {
	checkLength("SmallConvolver dst", len(dst), s.side*s.side)
	checkLength("SmallConvolver src", len(src), s.side*s.side)
	checkLength("SmallConvolver filter", len(filter), 4*s.k*s.kp)
}
