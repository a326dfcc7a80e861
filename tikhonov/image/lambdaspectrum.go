package image

import (
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/fourier"
)

// spectrum is a frame in the basis in which H'H and Q'Q are diagonal: Fourier under a
// periodic border, cosines under a reflecting one. The arrays hold rows x width modes;
// under a periodic border a mode stands for one or two values of the frame.
type spectrum struct {
	rows, cols, width int
	periodic          bool
	h2, q             []float64 // |h|^2, eigenvalue of Q'Q
	y2                []float64 // |y|^2, summed over the channels
	channels          int
	count             float64 // values with q > 0
	power             float64 // sum of y^2 over them
	plan              *fourier.Plan2
	dct               *fourier.DCT2
}

func newSpectrum(rows, cols int, psf forward.PSF, border halo.Border, q forward.Regulariser) *spectrum {
	s := &spectrum{rows: rows, cols: cols, width: cols, periodic: border == halo.Periodic}
	turn := math.Pi // of the angles: mode k of n has the angle turn k / n
	if s.periodic {
		turn *= 2
		s.plan = fourier.NewPlan2(rows, cols)
		s.width = s.plan.SpectrumCols()
		s.h2 = s.fourierPSF(psf)
	} else {
		s.dct = fourier.NewDCT2(rows, cols)
		s.h2 = s.cosinePSF(psf)
	}
	s.y2, s.q = make([]float64, rows*s.width), make([]float64, rows*s.width)
	for k := range rows {
		for l := range s.width {
			a, b := turn*float64(k)/float64(rows), turn*float64(l)/float64(cols)
			v := 1.0
			if q != forward.Identity {
				sa, sb := math.Sin(a/2), math.Sin(b/2)
				v = 4*sa*sa + 4*sb*sb
			}
			if q == forward.Laplacian {
				v *= v
			}
			s.q[k*s.width+l] = v
		}
	}
	return s
}

// fourierPSF is |h|^2 under a periodic border.
func (s *spectrum) fourierPSF(psf forward.PSF) []float64 {
	h2 := make([]float64, s.rows*s.width)
	if psf.Values == nil {
		for i := range h2 {
			h2[i] = 1
		}
		return h2
	}
	h := make([]complex128, s.rows*s.width)
	s.plan.Forward(h, fourier.WrapKernel(s.rows, s.cols, psf.Rows, psf.Cols, psf.Values))
	for i, v := range h {
		h2[i] = real(v)*real(v) + imag(v)*imag(v)
	}
	return h2
}

// cosinePSF is |h|^2 under a reflecting border, for a PSF that is its own mirror image:
// h(a,b) = sum_ij psf(i,j) cos(a i) cos(b j).
func (s *spectrum) cosinePSF(psf forward.PSF) []float64 {
	if psf.Values == nil {
		psf = forward.PSF{Rows: 1, Cols: 1, Values: []float64{1}}
	}
	h2 := make([]float64, s.rows*s.cols)
	along := make([]float64, psf.Rows*s.cols) // each row of the PSF, transformed
	for i := range psf.Rows {
		for l := range s.cols {
			b := math.Pi * float64(l) / float64(s.cols)
			for j := range psf.Cols {
				along[i*s.cols+l] += psf.Values[i*psf.Cols+j] * math.Cos(b*float64(j-psf.Cols/2))
			}
		}
	}
	for k := range s.rows {
		row := h2[k*s.cols:][:s.cols]
		for i := range psf.Rows {
			c := math.Cos(math.Pi * float64(k) / float64(s.rows) * float64(i-psf.Rows/2))
			for l, v := range along[i*s.cols:][:s.cols] {
				row[l] += c * v
			}
		}
		for l, v := range row {
			row[l] = v * v
		}
	}
	return h2
}

// multiplicity is how many values of the frame mode i stands for.
func (s *spectrum) multiplicity(i int) float64 {
	if l := i % s.width; s.periodic && l > 0 && 2*l != s.cols {
		return 2
	}
	return 1
}

// add takes one channel, rows x cols, which it overwrites.
func (s *spectrum) add(y []float64) {
	s.channels++
	power := func(i int, p float64) {
		s.y2[i] += p
		if s.q[i] > 0 {
			s.count += s.multiplicity(i)
			s.power += s.multiplicity(i) * p
		}
	}
	if s.periodic {
		t := make([]complex128, s.rows*s.width)
		s.plan.Forward(t, y)
		n := float64(s.rows * s.cols)
		for i, v := range t {
			power(i, (real(v)*real(v)+imag(v)*imag(v))/n)
		}
		return
	}
	s.dct.Forward(y, y)
	for i, v := range y {
		power(i, v*v)
	}
}

// point is what the spectrum says of one lambda.
type point struct {
	likelihood      float64 // L, see marginalLikelihood
	energy          float64 // sum |y|^2/v
	misfit, penalty float64 // ||H w - y||^2 and ||Q w||^2 of the solution
}

// at evaluates one lambda; noise is the standard deviation s, 0 = the most likely one.
func (s *spectrum) at(lambda, noise float64) point {
	var p point
	var logs float64
	for i, q := range s.q {
		if q == 0 {
			continue // fitted without a misfit
		}
		m := s.multiplicity(i)
		sum := lambda*q + s.h2[i]
		part := m * s.y2[i] / sum
		p.energy += part * lambda * q
		p.misfit += part * lambda * q * lambda * q / sum
		p.penalty += part * q * s.h2[i] / sum
		logs += m * math.Log1p(s.h2[i]/(lambda*q))
	}
	p.likelihood = float64(s.channels) * logs
	if noise > 0 {
		p.likelihood += p.energy/(noise*noise) + 2*s.count*math.Log(noise)
	} else {
		p.likelihood += s.count * (1 + math.Log(p.energy/s.count))
	}
	return p
}

// mirrored tells whether a PSF is its own mirror image along both axes, to rounding.
func mirrored(p forward.PSF) bool {
	most := 0.0
	for _, v := range p.Values {
		most = max(most, math.Abs(v))
	}
	for i, v := range p.Values {
		r, c := i/p.Cols, i%p.Cols
		if math.Abs(v-p.Values[(p.Rows-1-r)*p.Cols+c]) > 1e-9*most || math.Abs(v-p.Values[r*p.Cols+p.Cols-1-c]) > 1e-9*most {
			return false
		}
	}
	return true
}
