package fourier

import (
	"runtime"

	"tessera/internal/linalg"
)

// Spectral filters real images of one size in the Fourier domain, block of columns by
// block of columns, so that the spectrum goes through memory once for each filter:
//
//	Multiply   y = F^-1 (symbol .* F x),                           real symbol
//	Normal     y = F^-1 (conj(h) .* F (w .* F^-1 (h .* F x))),     complex h, weights w
//
// T is the precision of the transforms; images are float64. Not for use by several
// goroutines at once.
type Spectral[T linalg.Float] struct {
	rows, cols int
	half       int // columns of a spectrum, cols/2 + 1
	lanes      int // columns of a block
	blocks     int
	transform  spectralTransform[T]
}

// blockBytes is what a row of a block of columns takes: two cache lines.
const blockBytes = 128

// NewSpectral prepares for images of rows x cols, at least 1 x 1; sizes from NextFast are
// the fast ones.
func NewSpectral[T linalg.Float](rows, cols int) *Spectral[T] {
	checkSize("NewSpectral", rows, cols)
	s := &Spectral[T]{rows: rows, cols: cols, half: cols/2 + 1, lanes: blockBytes / (2 * linalg.SizeOf[T]())}
	s.blocks = (s.half + s.lanes - 1) / s.lanes
	s.transform = newSpectralTransform[T](rows, cols, s.blocks, s.lanes)
	s.own()
	return s
}

// Rows is the number of rows of the images.
func (s *Spectral[T]) Rows() int { return s.rows }

// Cols is the number of columns of the images.
func (s *Spectral[T]) Cols() int { return s.cols }

// Bytes is the memory of the spectrum and of a symbol.
func (s *Spectral[T]) Bytes() (spectrum, symbol int64) {
	n := int64(s.rows * s.blocks * s.lanes * linalg.SizeOf[T]())
	return 2 * n, n
}

// Symbol lays a real symbol out for Multiply: f is its value at row k and column
// l <= cols/2 of the spectrum, the same at (-k, -l).
func (s *Spectral[T]) Symbol(f func(k, l int) float64) []T {
	out := make([]T, s.rows*s.blocks*s.lanes)
	for k := range s.rows {
		for l := range s.half {
			out[s.place(k, l)] = T(f(k, l))
		}
	}
	return out
}

// ComplexSymbol lays a complex symbol out for Normal, real and imaginary parts in turn:
// f is its value at row k and column l <= cols/2 of the spectrum, the conjugate of that
// at (-k, -l).
func (s *Spectral[T]) ComplexSymbol(f func(k, l int) complex128) []T {
	out := make([]T, 2*s.rows*s.blocks*s.lanes)
	for k := range s.rows {
		for l := range s.half {
			v := f(k, l)
			out[2*s.place(k, l)], out[2*s.place(k, l)+1] = T(real(v)), T(imag(v))
		}
	}
	return out
}

// place is where (k, l) stands in an array of blocks.
func (s *Spectral[T]) place(k, l int) int {
	return (l/s.lanes*s.rows+k)*s.lanes + l%s.lanes
}

// Window is a Rows x Cols part of a row-major array, element (i, j) at
// Data[Origin + i Stride + j], that stands at (Row, Col) of an image.
type Window struct {
	Data           []float64
	Origin, Stride int
	Row, Col       int
	Rows, Cols     int
}

// check panics unless the window lies in the image and in its array.
func (s *Spectral[T]) check(what string, w Window) {
	if w.Rows < 0 || w.Cols < 0 || w.Row < 0 || w.Col < 0 || w.Row+w.Rows > s.rows || w.Col+w.Cols > s.cols {
		panic("fourier: Spectral: " + what + " lies outside of the image")
	}
	if last := w.Origin + (w.Rows-1)*w.Stride + w.Cols; w.Rows > 0 && w.Cols > 0 && (w.Origin < 0 || last > len(w.Data)) {
		panic("fourier: Spectral: " + what + " lies outside of its array")
	}
}

// Multiply filters the image that is src and zero elsewhere by a real symbol, and writes
// the part of the result under dst, numbers that T holds. dst and src may overlap.
func (s *Spectral[T]) Multiply(dst Window, symbol []T, src Window) {
	s.check("src", src)
	s.check("dst", dst)
	checkLength("Spectral.Multiply symbol", len(symbol), s.rows*s.blocks*s.lanes)
	s.transform.load(src)
	s.transform.multiply(symbol)
	s.transform.store(dst, s.scale(1))
	runtime.KeepAlive(s) // its memory may be freed when s is no longer in use
}

// Normal sets the part under dst of H'(w .* (H x)) for the image x that is src and zero
// elsewhere, H the convolution of symbol h. The weights are zero outside of their window;
// nil Data stands for ones in it. dst and src may overlap.
func (s *Spectral[T]) Normal(dst Window, h []T, weights, src Window) {
	s.check("src", src)
	s.check("dst", dst)
	checkLength("Spectral.Normal symbol", len(h), 2*s.rows*s.blocks*s.lanes)
	if weights.Data != nil {
		s.check("weights", weights)
	}
	s.transform.load(src)
	s.transform.convolve(h, false)
	s.transform.weigh(weights)
	s.transform.convolve(h, true)
	s.transform.store(dst, s.scale(2))
	runtime.KeepAlive(s)
}

// Convolve sets the part under dst of H x, or of H'x if transpose, for the image x that is
// src and zero elsewhere. dst and src may overlap.
func (s *Spectral[T]) Convolve(dst Window, h []T, transpose bool, src Window) {
	s.check("src", src)
	s.check("dst", dst)
	checkLength("Spectral.Convolve symbol", len(h), 2*s.rows*s.blocks*s.lanes)
	s.transform.load(src)
	s.transform.convolve(h, transpose)
	s.transform.store(dst, s.scale(1))
	runtime.KeepAlive(s) // its memory may be freed when s is no longer in use
}

// KernelSymbol is the ComplexSymbol of the convolution with a krows x kcols kernel around
// its centre (krows/2, kcols/2).
func (s *Spectral[T]) KernelSymbol(krows, kcols int, kernel []float64) []T {
	h := s.spectrumOf(krows, kcols, kernel)
	return s.ComplexSymbol(func(k, l int) complex128 { return h[k*s.half+l] })
}

// Power is |h|^2 of such a convolution: rows x (cols/2 + 1) values, (k, l) at k (cols/2 + 1) + l.
func (s *Spectral[T]) Power(krows, kcols int, kernel []float64) []float64 {
	power := make([]float64, s.rows*s.half)
	for i, v := range s.spectrumOf(krows, kcols, kernel) {
		power[i] = real(v)*real(v) + imag(v)*imag(v)
	}
	return power
}

func (s *Spectral[T]) spectrumOf(krows, kcols int, kernel []float64) []complex128 {
	h := make([]complex128, s.rows*s.half)
	NewPlan2(s.rows, s.cols).Forward(h, WrapKernel(s.rows, s.cols, krows, kcols, kernel))
	return h
}

// scale is the factor of so many unnormalised inverse transforms.
func (s *Spectral[T]) scale(inverses int) T {
	n := float64(s.rows) * float64(s.cols)
	if inverses == 2 {
		n *= n
	}
	return T(1 / n)
}
