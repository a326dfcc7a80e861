package wavelet

import (
	"fmt"

	"tessera/internal/linalg"
)

// Family names a smoothing kernel.
type Family int

const (
	Linear Family = iota // [1 2 1]/4
	B3                   // cubic spline, [1 4 6 4 1]/16: the starlet
)

// taps are h(0), h(1), h(2); radius is how many of the last are not zero.
func (f Family) taps() (h [3]float64, radius int) {
	if f == Linear {
		return [3]float64{0.5, 0.25, 0}, 1
	}
	return [3]float64{0.375, 0.25, 0.0625}, 2
}

// Starlet transforms side x side images. Not for use by several goroutines at once:
// see Clone.
type Starlet[T linalg.Float] struct {
	shape
	work []T
}

// shape is what a transform is made of.
type shape struct {
	side, scales int
	taps         [3]float64
	radius       int
	periodic     bool
}

// margin is how far the bands of a pixel reach.
func (s shape) margin() int { return s.radius * (1<<s.scales - 1) }

// width is the side of an image with margins.
func (s shape) width() int { return s.side + 2*s.margin() }

// NewStarlet prepares for side x side images and 1 to 8 scales.
func NewStarlet[T linalg.Float](f Family, side, scales int, periodic bool) *Starlet[T] {
	if side < 1 || scales < 1 || scales > 8 {
		panic(fmt.Sprintf("wavelet: NewStarlet: side %d, %d scales", side, scales))
	}
	s := &Starlet[T]{shape: shape{side: side, scales: scales, periodic: periodic}}
	s.taps, s.radius = f.taps()
	s.work = make([]T, s.workLen())
	return s
}

// stride is from row to row of a work array, whole vectors.
func (s shape) stride() int { return (s.width() + lanes - 1) / lanes * lanes }

// lanes of room after each work array let rows be handled in whole vectors.
const lanes = 8

func (s shape) workLen() int { return 3 * (s.width()*s.stride() + lanes) }

// Clone returns a transform with work space of its own.
func (s *Starlet[T]) Clone() *Starlet[T] { return &Starlet[T]{s.shape, make([]T, len(s.work))} }

// Scales is the number of bands.
func (s *Starlet[T]) Scales() int { return s.scales }

// Forward computes bands = Phi x.
//
//	bands: scales x side x side, the finest first    x: side x side
func (s *Starlet[T]) Forward(bands, x []T) {
	s.check(bands, x)
	forward(s.shape, s.work, bands, x)
}

// Adjoint computes x = Phi' bands.
func (s *Starlet[T]) Adjoint(x, bands []T) {
	s.check(bands, x)
	adjoint(s.shape, s.work, x, bands)
}

func (s *Starlet[T]) check(bands, x []T) {
	if n := s.side * s.side; len(x) != n || len(bands) != s.scales*n {
		panic(fmt.Sprintf("wavelet: %d pixels and %d coefficients, want %d and %d", len(x), len(bands), n, s.scales*n))
	}
}
