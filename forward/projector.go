package forward

import (
	"fmt"
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"

	"tessera/halo"
	"tessera/ranks"
)

// Projector is the parallel-beam projection of a frame of one channel: with x(r, c) at the pixel's distance
// (c - (cols-1)/2, r - (rows-1)/2) from the centre of the frame,
//
//	y(a, b) = sum over the pixels of x (1 - |s - b|/w)/w where that is positive,    s = c cos t_a + r sin t_a + (bins-1)/2,
//
// t_a = pi a / angles, w = max(|cos t_a|, |sin t_a|): the integral along a ray by the method of Joseph. Bins are one pixel apart; what falls beyond them is lost. This rank's part of y are
// the angles halo.Split(angles, ranks, rank), each of Bins numbers.
//
// Every rank projects its box at all angles, and one Alltoallv brings each rank the parts of its angles, which it
// adds up in the order of the ranks; the adjoint gathers the angles and takes each pixel's two bins. Cost: 8
// operations a pixel and angle. Memory: angles x bins numbers, twice.
//
// Sources: Joseph, IEEE Trans. Med. Imaging 1 (1982) 192; Kak and Slaney, Principles of Computerized Tomographic Imaging, ch. 3.
type Projector struct {
	comm         ranks.Comm
	frame        *halo.Decomposition
	box          halo.Box
	angles, bins int
	lo, hi       int       // angles of this rank
	all          []float64 // angles x bins
	parts        []float64 // of this rank's angles, from every rank
	give, take   []int
}

// NewProjector prepares frames of 2 axes. bins = 0 stands for the diagonal of the frame, so that nothing is
// lost. It is not collective; every rank gives the same arguments.
func NewProjector(comm ranks.Comm, frame *halo.Decomposition, angles, bins int) (*Projector, error) {
	if err := checkFrame("NewProjector", comm, frame, 1); err != nil {
		return nil, err
	}
	shape := frame.Domain().Shape()
	if len(shape) != 2 || angles < 1 || bins < 0 {
		return nil, fmt.Errorf("forward: NewProjector: %d axes, %d angles, %d bins: want 2 axes and 1 angle or more", len(shape), angles, bins)
	}
	if bins == 0 {
		bins = int(math.Ceil(math.Hypot(float64(shape[0]), float64(shape[1])))) + 2
	}
	p := &Projector{comm: comm, frame: frame, box: frame.Owned(comm.Rank()), angles: angles, bins: bins, all: make([]float64, angles*bins)}
	p.lo, p.hi = halo.Split(angles, comm.Size(), comm.Rank())
	p.parts = make([]float64, comm.Size()*(p.hi-p.lo)*bins)
	for r := range comm.Size() {
		lo, hi := halo.Split(angles, comm.Size(), r)
		p.give, p.take = append(p.give, (hi-lo)*bins), append(p.take, (p.hi-p.lo)*bins)
	}
	return p, nil
}

// Frame is the frame of x.
func (p *Projector) Frame() (frame *halo.Decomposition, channels int) { return p.frame, 1 }

// Dims are the lengths of this rank's part of y and of x.
func (p *Projector) Dims() (m, n int) { return (p.hi - p.lo) * p.bins, p.box.Size() }

// Bins is the number of bins of an angle.
func (p *Projector) Bins() int { return p.bins }

// each calls f for this rank's pixels at an angle: the first of the two bins, which is -1 to bins - 1, and the
// weights of both, of a tent of half-width w; 0 = that of Joseph.
func (p *Projector) each(angle int, w float64, f func(pixel, bin int, first, second float64)) {
	shape := p.frame.Domain().Shape()
	sin, cos := math.Sincos(math.Pi * float64(angle) / float64(p.angles))
	if w == 0 {
		w = max(math.Abs(sin), math.Abs(cos))
	}
	pixel := 0
	for r := p.box.Lo[0]; r < p.box.Hi[0]; r++ {
		start := (float64(r)-float64(shape[0]-1)/2)*sin + float64(p.bins-1)/2
		for c := p.box.Lo[1]; c < p.box.Hi[1]; c++ {
			at := start + (float64(c)-float64(shape[1]-1)/2)*cos
			if low := math.Floor(at); low >= -1 && low < float64(p.bins) {
				d := at - low
				f(pixel, int(low), max(0, 1-d/w)/w, max(0, 1-(1-d)/w)/w)
			}
			pixel++
		}
	}
}

// Apply sets dst = y of src = x. Collective.
func (p *Projector) Apply(dst, src []float64) error {
	if err := checkApply(p, dst, src); err != nil {
		return err
	}
	clear(p.all)
	for a := range p.angles {
		line := p.all[a*p.bins : (a+1)*p.bins]
		p.each(a, 0, func(pixel, bin int, first, second float64) {
			if bin >= 0 {
				line[bin] += first * src[pixel]
			}
			if bin+1 < p.bins {
				line[bin+1] += second * src[pixel]
			}
		})
	}
	if err := p.comm.Alltoallv(p.parts, p.take, p.all, p.give); err != nil {
		return err
	}
	clear(dst)
	for r := range p.comm.Size() {
		for i, v := range p.parts[r*len(dst) : (r+1)*len(dst)] {
			dst[i] += v
		}
	}
	return nil
}

// Adjoint sets dst = x of src = y. Collective.
func (p *Projector) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(p, dst, src); err != nil {
		return err
	}
	return p.back(dst, src, 0)
}

// back is the adjoint with tents of half-width w; 0 = those of Joseph. Collective.
func (p *Projector) back(dst, src []float64, w float64) error {
	for r := range p.comm.Size() { // every rank gets all of mine
		copy(p.parts[r*len(src):], src)
	}
	if err := p.comm.Alltoallv(p.all, p.give, p.parts, p.take); err != nil {
		return err
	}
	clear(dst)
	for a := range p.angles {
		line := p.all[a*p.bins : (a+1)*p.bins]
		p.each(a, w, func(pixel, bin int, first, second float64) {
			if bin >= 0 {
				dst[pixel] += first * line[bin]
			}
			if bin+1 < p.bins {
				dst[pixel] += second * line[bin+1]
			}
		})
	}
	return nil
}

// FilteredBackProjection sets dst to the frame that the angles y show, by the ramp filter of Ram and Lak: the
// baseline of tomography, without a model of the noise. Collective.
func (p *Projector) FilteredBackProjection(dst, y []float64) error {
	if err := checkAdjoint(p, dst, y); err != nil {
		return err
	}
	n := 1
	for n < 2*p.bins {
		n *= 2
	}
	fft := fourier.NewFFT(n)
	ramp := make([]float64, n) // the band-limited ramp in space: 1/4, -1/(pi k)^2 for odd k
	for k := 1; k <= n/2; k += 2 {
		v := -1 / (math.Pi * math.Pi * float64(k) * float64(k))
		ramp[k], ramp[n-k] = v, v
	}
	ramp[0] = 0.25
	filter := fft.Coefficients(nil, ramp)
	filtered, line := make([]float64, len(y)), make([]float64, n)
	var spectrum []complex128
	for a := range p.hi - p.lo {
		clear(line)
		copy(line, y[a*p.bins:(a+1)*p.bins])
		spectrum = fft.Coefficients(spectrum, line)
		for k, f := range filter {
			spectrum[k] *= complex(cmplx.Abs(f)/float64(n), 0)
		}
		copy(filtered[a*p.bins:(a+1)*p.bins], fft.Sequence(line, spectrum))
	}
	if err := p.back(dst, filtered, 1); err != nil { // linear interpolation between bins
		return err
	}
	for i := range dst {
		dst[i] *= math.Pi / float64(p.angles)
	}
	return nil
}
