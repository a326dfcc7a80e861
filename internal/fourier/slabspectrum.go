package fourier

import (
	"math"

	"tessera/internal/linalg"
)

// Spectrum lays the spectrum of the convolution with a krows x kcols kernel out for
// Filter, about its centre (krows/2, kcols/2). A kernel for Cosines is its own mirror image
// along both axes, and no axis of it reaches around the frame. One for Sines is one pixel.
func (s *Slab) Spectrum(krows, kcols int, kernel []float64) []float64 {
	checkLength("Slab.Spectrum kernel", len(kernel), krows*kcols)
	h := make([]float64, s.modes())
	switch s.basis {
	case Waves:
		s.waveSpectrum(h, krows, kcols, kernel)
	case Cosines:
		s.cosineSpectrum(h, krows, kcols, kernel)
	default:
		if len(kernel) != 1 {
			panic("fourier: Slab.Spectrum: sines make no convolution diagonal")
		}
		for i := range h {
			h[i] = kernel[0]
		}
	}
	return h
}

// cosineSpectrum sets h(k,l) = sum_ij kernel(i,j) cos(t_k i) cos(t_l j).
func (s *Slab) cosineSpectrum(h []float64, krows, kcols int, kernel []float64) {
	r, c := krows/2, kcols/2
	row, col := cosines(s.cols), cosines(s.rows)
	down := make([]float64, s.rows*(r+1)) // cos(t_k i), twice for i > 0
	for k := range s.rows {
		for i := range r + 1 {
			down[k*(r+1)+i] = 2 * col[k*i%len(col)]
		}
		down[k*(r+1)] = 1
	}
	along := make([]float64, (r+1)*slabLanes) // rows of the kernel from its centre on
	for b := range s.ownBlocks() {
		for i := range r + 1 {
			values := kernel[(r+i)*kcols+c:][:c+1]
			for j := range slabLanes {
				l := (s.blockOf[s.part]+b)*slabLanes + j
				sum := 0.0
				if l < s.cols {
					sum = values[0]
					for d := 1; d <= c; d++ {
						sum += 2 * values[d] * row[d*l%len(row)]
					}
				}
				along[i*slabLanes+j] = sum
			}
		}
		linalg.Gemm(false, false, s.rows, slabLanes, r+1, 1, down, r+1, along, slabLanes, 0, h[b*s.rows*slabLanes:], slabLanes)
	}
}

// cosines are cos(pi m/n) for m = 0 to 2n-1.
func cosines(n int) []float64 {
	c := make([]float64, 2*n)
	for m := range c {
		c[m] = math.Cos(math.Pi * float64(m) / float64(n))
	}
	return c
}

// waveSpectrum sets h to the Fourier transform of the kernel about its centre.
func (s *Slab) waveSpectrum(h []float64, krows, kcols int, kernel []float64) {
	line, spectrum := make([]float64, s.cols), make([]float64, s.blockOf[len(s.blockOf)-1]*slabLanes)
	for i := range krows {
		clear(line)
		for j, v := range kernel[i*kcols:][:kcols] {
			line[mod(j-kcols/2, s.cols)] += v
		}
		s.transform.line(spectrum, line)
		k := mod(i-krows/2, s.rows)
		for b := range s.ownBlocks() {
			to, from := h[(b*s.rows+k)*slabLanes:][:slabLanes], spectrum[(s.blockOf[s.part]+b)*slabLanes:]
			for j := range to {
				to[j] += from[j]
			}
		}
	}
	for b := range s.ownBlocks() {
		s.transform.column(h[b*s.rows*slabLanes:][:s.rows*slabLanes])
	}
}
