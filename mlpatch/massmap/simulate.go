package massmap

import (
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/ranks"
)

// Lognormal is a simulated convergence: exp of a Gaussian field, shifted to a mean of 0.
type Lognormal struct {
	Seed  uint64
	RMS   float64 // of kappa
	Width float64 // standard deviation of the Gaussian field; small = kappa is Gaussian
	Turn  float64 // multipole from which on the power of the field falls: 1/(1 + (ell/Turn)^2)^1.2
}

const (
	forField = 35 // purposes of the random numbers
	forNoise = 36
)

// eachPixel calls f for the pixels of this rank: their place in its box and in the frame.
func eachPixel(comm ranks.Comm, frame *halo.Decomposition, f func(own, whole int)) {
	box, cols := frame.Owned(comm.Rank()), frame.Domain().Shape()[1]
	at := 0
	for r := box.Lo[0]; r < box.Hi[0]; r++ {
		for c := box.Lo[1]; c < box.Hi[1]; c++ {
			f(at, r*cols+c)
			at++
		}
	}
}

// Draw is this rank's part of kappa. It agrees to rounding on any number of ranks. Collective.
func (l *Lognormal) Draw(comm ranks.Comm, frame *halo.Decomposition, pixel float64) ([]float64, error) {
	if !(l.RMS > 0) || !(l.Width > 0) || !(l.Turn > 0) {
		return nil, fmt.Errorf("massmap: a field of rms %g, width %g, turning at %g: want more than 0", l.RMS, l.Width, l.Turn)
	}
	s, err := forward.NewShear(comm, frame, 1, nil)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	n := frame.Owned(comm.Rank()).Size()
	white, g := make([]float64, n), make([]float64, n)
	draw := random.New(l.Seed, forField)
	eachPixel(comm, frame, func(own, whole int) { white[own] = draw.Normal(uint64(whole)) })
	h := s.Filter(func(k float64) float64 {
		if k == 0 {
			return 0
		}
		x := 2 * math.Pi * k / pixel / l.Turn
		return math.Pow(1+x*x, -0.6)
	})
	if err := s.Smooth(g, white, h); err != nil {
		return nil, err
	}
	sums := []float64{0, float64(n)}
	for _, v := range g {
		sums[0] += v * v
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	size := l.Width / math.Sqrt(sums[0]/sums[1])
	shift := l.RMS / math.Sqrt(math.Expm1(l.Width*l.Width))
	for i, v := range g {
		g[i] = shift * math.Expm1(size*v-l.Width*l.Width/2)
	}
	return g, nil
}

// Noise is a realisation of the noise of the shear: normal numbers of variance 1/weight, 0 at missing pixels. It
// has the same bits on any number of ranks.
func Noise(comm ranks.Comm, frame *halo.Decomposition, weights []float64, seed uint64, realisation int) []float64 {
	n := len(weights) / 2
	g := make([]float64, len(weights))
	for part := range 2 {
		draw := random.New(seed, forNoise, uint64(realisation), uint64(part))
		eachPixel(comm, frame, func(own, whole int) {
			if w := weights[part*n+own]; w > 0 {
				g[part*n+own] = draw.Normal(uint64(whole)) / math.Sqrt(w)
			}
		})
	}
	return g
}
