package massmap

import (
	"fmt"
	"math"

	"tessera/internal/fourier"
	"tessera/internal/random"
)

// Skies are simulated convergences with a given power spectrum: lognormal fields kappa = shift (exp(g - w/2) - 1) of a Gaussian field g of
// variance w whose correlation is log(1 + xi/shift^2), where xi is that of kappa. So kappa > -shift, and the smaller the shift the more
// its peaks stand out. A whole frame is on one rank. The mean over skies is 0, and modes that the formula makes negative are 0.
//
// Source: Coles and Jones, MNRAS 248 (1991) 1.
type Skies struct {
	Rows, Cols int
	Pixel      float64 // side of a pixel, radians
	Spectrum   *Spectrum
	Low, High  float64 // shift in units of the root mean square of kappa; each sky has its own, drawn uniformly
	Seed       uint64
}

const forSkies = 38 // the purpose of the random numbers

// Check says what is wrong.
func (s *Skies) Check() error {
	switch {
	case s.Rows < 2 || s.Cols < 2 || !(s.Pixel > 0):
		return fmt.Errorf("massmap: skies of %d x %d pixels of %g radians, want 2 or more, and more than 0", s.Rows, s.Cols, s.Pixel)
	case !(s.Low > 0) || !(s.High >= s.Low) || math.IsInf(s.High, 0):
		return fmt.Errorf("massmap: skies with shifts of %g to %g, want more than 0, the lower one first", s.Low, s.High)
	}
	return s.Spectrum.Check()
}

// Draw is sky k, rows x cols. It is a function of the fields and k alone.
func (s *Skies) Draw(k int) []float64 {
	n, half := s.Rows*s.Cols, s.Cols/2+1
	plan := fourier.NewPlan2(s.Rows, s.Cols)
	modes, x := make([]complex128, s.Rows*half), make([]float64, n)
	for i := range modes {
		y := float64(i/half) / float64(s.Rows)
		if f := math.Hypot(min(y, 1-y), float64(i%half)/float64(s.Cols)); f > 0 {
			modes[i] = complex(s.Spectrum.At(2*math.Pi*f/s.Pixel)/s.Pixel/s.Pixel, 0)
		}
	}
	plan.Inverse(x, modes) // the correlation of kappa
	draw := random.New(s.Seed, forSkies, uint64(k))
	rms := math.Sqrt(x[0])
	shift := rms * (s.Low + (s.High-s.Low)*draw.Uniform(0))
	for i, v := range x {
		x[i] = math.Log1p(max(v/shift/shift, -0.99))
	}
	power := make([]complex128, len(modes))
	plan.Forward(power, x)
	const first = 2 // the numbers before are used above
	for i := range x {
		x[i] = draw.Normal(uint64(first + i))
	}
	plan.Forward(modes, x)
	variance := 0.0
	for i, p := range power {
		a := max(real(p), 0)
		if i == 0 {
			a = 0
		}
		modes[i] *= complex(math.Sqrt(a), 0)
		both := 2.0 // the mode and its conjugate
		if c := i % half; c == 0 || 2*c == s.Cols {
			both = 1
		}
		variance += both * a / float64(n)
	}
	plan.Inverse(x, modes)
	for i, g := range x {
		x[i] = shift * math.Expm1(g-variance/2)
	}
	return x
}
