package psfmodel

import (
	"math"

	"tessera/forward"
)

// lanczos is how many samples to each side an interpolated value depends on.
const lanczos = 4

// resampler brings images of samples to whole pixels: rows x of the matrix down times the image times the
// transposed matrix across.
type resampler struct {
	rows, cols   int         // samples
	down, across [][]float64 // pixels x samples
}

func (m *Model) resampler(most int) *resampler {
	rows, cols := m.Size()
	if most > 0 {
		rows, cols = min(rows, most), min(cols, most)
	}
	return &resampler{
		rows: m.Rows, cols: m.Cols,
		down: pixelWeights(m.Rows, rows, m.Step, m.Optical), across: pixelWeights(m.Cols, cols, m.Step, m.Optical),
	}
}

// pixels is the odd number of pixels whose centres lie inside of n samples of so many pixels each.
func pixels(n int, step float64) int {
	return 2*int(math.Floor(float64(n-1)/2*step+1e-9)) + 1
}

// pixelWeights are the weights of n samples for each of so many pixels around their centre.
func pixelWeights(n, pixels int, step float64, mean bool) [][]float64 {
	out := make([][]float64, pixels)
	parts := 1
	if mean {
		parts = 8 * int(math.Ceil(1/step))
	}
	for p := range out {
		out[p] = make([]float64, n)
		for q := range parts {
			at := float64(p-pixels/2) + (float64(q)+0.5)/float64(parts) - 0.5 // pixels from the centre
			interpolate(out[p], float64(n-1)/2+at/step, 1/float64(parts))
		}
	}
	return out
}

// interpolate adds part of the Lanczos weights of position t to w. Samples beyond the ends are zeros.
func interpolate(w []float64, t, part float64) {
	if k := math.Round(t); math.Abs(t-k) < 1e-9 {
		if k >= 0 && int(k) < len(w) {
			w[int(k)] += part
		}
		return
	}
	first := int(math.Floor(t)) - lanczos + 1
	var list [2 * lanczos]float64
	sum := 0.0
	for i := range list {
		x := math.Pi * (t - float64(first+i))
		list[i] = math.Sin(x) * math.Sin(x/lanczos) * lanczos / (x * x)
		sum += list[i]
	}
	for i, v := range list {
		if k := first + i; k >= 0 && k < len(w) {
			w[k] += part * v / sum
		}
	}
}

// psf is an image in pixels, with its sum.
func (r *resampler) psf(image []float64) forward.PSF {
	half := make([]float64, len(r.down)*r.cols)
	for p, weights := range r.down {
		for i, w := range weights {
			if w == 0 {
				continue
			}
			for j, v := range image[i*r.cols : (i+1)*r.cols] {
				half[p*r.cols+j] += w * v
			}
		}
	}
	out := forward.PSF{Rows: len(r.down), Cols: len(r.across), Values: make([]float64, len(r.down)*len(r.across))}
	for p := range r.down {
		for q, weights := range r.across {
			sum := 0.0
			for j, w := range weights {
				sum += w * half[p*r.cols+j]
			}
			out.Values[p*out.Cols+q] = sum
		}
	}
	return out
}
