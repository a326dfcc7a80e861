package forward

import (
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/ranks"
)

// Shear is gamma = F^-1 D a F kappa, the weak gravitational shear of a convergence on a flat, periodic
// sky: y is the plane of gamma_1 and then that of gamma_2, channels x owned box each, x is kappa. With rows
// along k_y and columns along k_x,
//
//	D_1 = (k_x^2 - k_y^2)/|k|^2,    D_2 = 2 k_x k_y/|k|^2,    D(0) = 0,
//
// and D_2 = 0 where an axis has half a cycle a pixel, whose sign is not known. a(|k|) is a factor of each
// mode. D'D is 1 but for these modes and the mean, which shear does not show.
//
// Apply and Adjoint each take two forward and two inverse transforms of the frame, and the exchanges of
// Transform. Source: Kaiser and Squires, ApJ 404 (1993) 441.
type Shear struct {
	t        *Transform
	frame    *halo.Decomposition
	channels int
	owned    int
	d1, d2   []float64 // filters
	bound    float64
	slab     []float64
}

// NewShear prepares frames of 2 axes with so many channels. amplitude is a as a function of |k| in cycles
// a pixel; nil = 1. It is not collective; every rank gives the same arguments.
func NewShear(comm ranks.Comm, frame *halo.Decomposition, channels int, amplitude func(k float64) float64) (*Shear, error) {
	if err := checkFrame("NewShear", comm, frame, channels); err != nil {
		return nil, err
	}
	t, err := NewTransform(comm, frame, halo.Periodic)
	if err != nil {
		return nil, err
	}
	s := &Shear{t: t, frame: frame, channels: channels, owned: frame.Owned(comm.Rank()).Size()}
	shape := frame.Domain().Shape()
	filter := func(part func(y, x, kk float64) float64) []float64 {
		return t.Slab().Modes(func(row, col int) float64 {
			y, x := float64(row)/float64(shape[0]), float64(col)/float64(shape[1])
			kk := y*y + x*x
			if kk == 0 {
				return 0
			}
			d := part(y, x, kk)
			if amplitude != nil {
				d *= amplitude(math.Sqrt(kk))
			}
			return d
		})
	}
	s.d1 = filter(func(y, x, kk float64) float64 { return (x*x - y*y) / kk })
	s.d2 = filter(func(y, x, kk float64) float64 {
		if y == 0.5 || x == 0.5 {
			return 0
		}
		return 2 * x * y / kk
	})
	s.bound = 1
	if amplitude != nil { // every rank looks at all modes
		s.bound = 0
		for row := range shape[0]/2 + 1 {
			for col := range shape[1]/2 + 1 {
				if row+col > 0 {
					s.bound = max(s.bound, math.Abs(amplitude(math.Hypot(float64(row)/float64(shape[0]), float64(col)/float64(shape[1])))))
				}
			}
		}
	}
	s.slab = make([]float64, t.Slab().Values())
	return s, nil
}

// Frame is the frame of x.
func (s *Shear) Frame() (frame *halo.Decomposition, channels int) { return s.frame, s.channels }

// Dims are the lengths of this rank's part of y and of x.
func (s *Shear) Dims() (m, n int) { return 2 * s.channels * s.owned, s.channels * s.owned }

// NormBound is the largest factor of a mode.
func (s *Shear) NormBound() float64 { return s.bound }

// filter adds a filter of src, this rank's box, times sign to dst. Collective.
func (s *Shear) filter(dst, src []float64, h []float64, sign float64) error {
	rows, err := s.t.ToSlab(src)
	if err != nil {
		return err
	}
	if _, err := s.t.Filter(s.slab, nil, rows, nil, fourier.Symbol{H: h, Action: fourier.Convolve}); err != nil {
		return err
	}
	back, err := s.t.FromSlab(s.slab)
	if err != nil {
		return err
	}
	for i, v := range back {
		dst[i] += sign * v
	}
	return nil
}

// Apply sets dst = gamma of src = kappa. Collective.
func (s *Shear) Apply(dst, src []float64) error {
	if err := checkApply(s, dst, src); err != nil {
		return err
	}
	clear(dst)
	for c := range s.channels {
		x := src[c*s.owned : (c+1)*s.owned]
		for i, h := range [][]float64{s.d1, s.d2} {
			if err := s.filter(dst[(i*s.channels+c)*s.owned:][:s.owned], x, h, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// Adjoint sets dst = F^-1 a (D_1 F gamma_1 + D_2 F gamma_2): with a = 1 the E mode of a shear, the
// convergence of Kaiser and Squires. Collective.
func (s *Shear) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(s, dst, src); err != nil {
		return err
	}
	return s.combine(dst, src, s.d1, s.d2, 1)
}

// Curl sets dst = F^-1 a (D_1 F gamma_2 - D_2 F gamma_1): with a = 1 the B mode of a shear, which
// gravity does not make and noise and errors do. Collective.
func (s *Shear) Curl(dst, src []float64) error {
	if err := checkAdjoint(s, dst, src); err != nil {
		return fmt.Errorf("forward: Shear.Curl: %w", err)
	}
	return s.combine(dst, src, s.d2, s.d1, -1)
}

// combine sets dst to the first plane through h1 times sign plus the second through h2. Collective.
func (s *Shear) combine(dst, src []float64, h1, h2 []float64, sign float64) error {
	clear(dst)
	n := s.channels * s.owned
	for c := range s.channels {
		to := dst[c*s.owned : (c+1)*s.owned]
		if err := s.filter(to, src[c*s.owned:(c+1)*s.owned], h1, sign); err != nil {
			return err
		}
		if err := s.filter(to, src[n+c*s.owned:n+(c+1)*s.owned], h2, 1); err != nil {
			return err
		}
	}
	return nil
}

// Smooth sets dst = F^-1 a F src, without the mean, which has no shear. Collective. h is of Filter.
func (s *Shear) Smooth(dst, src []float64, h []float64) error {
	clear(dst)
	for c := range s.channels {
		if err := s.filter(dst[c*s.owned:(c+1)*s.owned], src[c*s.owned:(c+1)*s.owned], h, 1); err != nil {
			return err
		}
	}
	return nil
}

// Filter lays out a filter for Smooth: a function of |k| in cycles a pixel.
func (s *Shear) Filter(a func(k float64) float64) []float64 {
	shape := s.frame.Domain().Shape()
	return s.t.Slab().Modes(func(row, col int) float64 {
		return a(math.Hypot(float64(row)/float64(shape[0]), float64(col)/float64(shape[1])))
	})
}
