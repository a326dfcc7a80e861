package massmap

import (
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/ranks"
)

// Spectrum is a table of C_ell, ascending in Ell.
type Spectrum struct{ Ell, Power []float64 }

// Check says what is wrong with the table.
func (s *Spectrum) Check() error {
	if len(s.Ell) == 0 || len(s.Ell) != len(s.Power) {
		return fmt.Errorf("massmap: a spectrum of %d multipoles and %d powers, want as many of both", len(s.Ell), len(s.Power))
	}
	for i, l := range s.Ell {
		if !(l > 0) || math.IsInf(l, 0) || i > 0 && l <= s.Ell[i-1] {
			return fmt.Errorf("massmap: multipole %d of the spectrum is %g, want more than the one before and more than 0", i, l)
		}
		if p := s.Power[i]; !(p > 0) || math.IsInf(p, 0) {
			return fmt.Errorf("massmap: power %d of the spectrum is %g, want more than 0", i, p)
		}
	}
	return nil
}

// At is C_ell, between the multipoles of the table straight in the logarithms, and constant beyond its ends.
func (s *Spectrum) At(ell float64) float64 {
	n := len(s.Ell)
	if ell <= s.Ell[0] {
		return s.Power[0]
	}
	for i := 1; i < n; i++ {
		if ell <= s.Ell[i] {
			f := math.Log(ell/s.Ell[i-1]) / math.Log(s.Ell[i]/s.Ell[i-1])
			return s.Power[i-1] * math.Exp(f*math.Log(s.Power[i]/s.Power[i-1]))
		}
	}
	return s.Power[n-1]
}

// amplitude is S^(1/2) of a mode by its cycles a pixel.
func (s *Spectrum) amplitude(pixel float64) func(k float64) float64 {
	return func(k float64) float64 { return math.Sqrt(s.At(2*math.Pi*k/pixel)) / pixel }
}

// Bands divide the multipoles of a frame: Ell is the geometric mean of the ends of a band.
type Bands struct {
	Ell   []float64
	edges []float64 // cycles a pixel
	Modes []float64 // of a band
}

// NewBands makes at most so many bands, of equal ratio, from the smallest multipole of the frame to that of half a
// cycle a pixel; bands without a mode are left out.
func NewBands(frame *halo.Decomposition, pixel float64, count int) *Bands {
	shape := frame.Domain().Shape()
	low, high := 1/float64(max(shape[0], shape[1]))*0.999, 0.5
	b := &Bands{edges: []float64{low}}
	for i := range count {
		edge := low * math.Pow(high/low, float64(i+1)/float64(count))
		n := 0.0
		for r := range shape[0] {
			y := float64(r) / float64(shape[0])
			y = min(y, 1-y)
			for c := range shape[1] {
				x := float64(c) / float64(shape[1])
				if k := math.Hypot(y, min(x, 1-x)); k >= b.edges[len(b.edges)-1] && k < edge {
					n++
				}
			}
		}
		if n == 0 {
			continue
		}
		b.Ell = append(b.Ell, 2*math.Pi*math.Sqrt(b.edges[len(b.edges)-1]*edge)/pixel)
		b.edges, b.Modes = append(b.edges, edge), append(b.Modes, n)
	}
	return b
}

// Measure is the mean power C_ell of a map in the bands. Collective; the same on all ranks.
func (b *Bands) Measure(comm ranks.Comm, s *forward.Shear, pixel float64, x []float64) ([]float64, error) {
	out := make([]float64, len(b.Ell))
	part := make([]float64, len(x))
	for i := range out {
		h := s.Filter(func(k float64) float64 {
			if k >= b.edges[i] && k < b.edges[i+1] {
				return 1
			}
			return 0
		})
		if err := s.Smooth(part, x, h); err != nil {
			return nil, err
		}
		out[i] = linalg.Dot(part, part)
	}
	if err := comm.Allreduce(out, out, ranks.Sum); err != nil {
		return nil, err
	}
	for i := range out {
		out[i] *= pixel * pixel / b.Modes[i]
	}
	return out, nil
}

// Fit is the spectrum A / (1 + (ell/turn)^2)^p that goes best with the power e of the E mode of a masked shear, of
// which noise is the part of the noise: the least squares over A of 0 or more, some turns and p = 0.4 to 1.6, each
// band with the variance 2 e^2 / modes of a Gaussian field, modes those of the share of the sky that was
// observed. Where nothing is above the noise, A is a thousandth of the noise.
func (b *Bands) Fit(e, noise []float64, share float64) *Spectrum {
	best, least := &Spectrum{Ell: b.Ell, Power: make([]float64, len(b.Ell))}, math.Inf(1)
	shape := make([]float64, len(b.Ell))
	n := len(b.Ell)
	for i := range 25 {
		turn := b.Ell[0] * math.Pow(b.Ell[n-1]/b.Ell[0], float64(i)/24)
		for _, p := range []float64{0.4, 0.7, 1, 1.3, 1.6} {
			up, down := 0.0, 0.0
			weight := func(k int) float64 { return b.Modes[k] * share / (2*e[k]*e[k] + 1e-300) }
			top := 0.0
			for k, l := range b.Ell {
				shape[k] = math.Pow(1+l*l/turn/turn, -p)
				up += weight(k) * shape[k] * (e[k] - noise[k]) / share
				down += weight(k) * shape[k] * shape[k]
				top = max(top, noise[k]/share)
			}
			a := max(up/down, 1e-3*top, 1e-300)
			misfit := 0.0
			for k := range shape {
				d := (e[k]-noise[k])/share - a*shape[k]
				misfit += weight(k) * d * d
			}
			if misfit < least {
				least = misfit
				for k, s := range shape {
					best.Power[k] = a * s
				}
			}
		}
	}
	return best
}
