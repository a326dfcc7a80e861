package simulate

import "math"

// Spectra is made-up spectra of High numbers and the same ones as a coarser
// instrument sees them, every third number: each is a mixture of three out of twelve
// bumps, with white noise. Spectrum i is a function of (Seed, i) alone.
type Spectra struct {
	Seed  uint64
	High  int
	Noise float64 // standard deviation; the spectra are of the order of 1
}

const (
	spectralBumps = 12
	decimation    = 3
)

// Low is how many numbers the coarser instrument sees.
func (s *Spectra) Low() int { return (s.High + decimation - 1) / decimation }

// Draw writes spectrum i, High numbers, and what the coarser instrument sees of it,
// with noise of its own.
func (s *Spectra) Draw(i int, high, low []float64) {
	clear(high)
	r := newStream(s.Seed, forSpectra, uint64(i))
	for k := range uint64(3) {
		b := newStream(s.Seed, forSpectralBumps, uint64(r.Uniform(2*k)*spectralBumps))
		centre, width := float64(s.High)*b.Uniform(0), float64(s.High)*(0.08+0.16*b.Uniform(1))
		height := r.Uniform(2*k+1) / 2
		for j := range high {
			d := (float64(j) - centre) / width
			high[j] += height * math.Exp(-d*d/2)
		}
	}
	noise := newStream(s.Seed, forSpectralNoise, uint64(i))
	for j := range high {
		even, odd := noise.Normals(uint64(j))
		if j%decimation == 0 {
			low[j/decimation] = high[j] + s.Noise*odd
		}
		high[j] += s.Noise * even
	}
}
