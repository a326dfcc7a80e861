package simulate

import "math"

// Spectra are pairs of invented spectra: one of High values, and the same one as a coarser
// instrument sees it, every third value. Each is a sum of three out of twelve bumps, with
// white noise. Spectrum i is a function of (Seed, i) alone.
type Spectra struct {
	Seed  uint64
	High  int     // values of a fine spectrum
	Noise float64 // standard deviation of the noise; the spectra are of the order of 1
}

const (
	spectralBumps = 12
	decimation    = 3
)

// Low is the number of values that the coarser instrument sees.
func (s *Spectra) Low() int { return (s.High + decimation - 1) / decimation }

// Draw writes spectrum i to high, High values, and to low what the coarser instrument sees
// of it, Low values. The two have different noise.
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
