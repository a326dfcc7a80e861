package scdl

import (
	"math"

	"tessera/internal/linalg"
)

// PSNR is the peak signal-to-noise ratio, in dB, of two high pictures of values 0 to 1.
// Collective.
func (s *Strips) PSNR(a, b []float64) (float64, error) {
	if err := s.agree(&s.high, a, b); err != nil {
		return 0, err
	}
	squares := make([]float64, s.high.hi-s.high.lo)
	for i, v := range a {
		squares[i/s.HighCols] += (v - b[i]) * (v - b[i])
	}
	sum, err := s.high.total(s.comm, squares)
	return -10 * math.Log10(sum/float64(s.HighRows*s.HighCols)), err
}

// windowReach: the window of SSIM has 2*windowReach+1 rows and columns.
const windowReach = 5

// SSIM is the structural similarity of two high pictures of values 0 to 1 (Wang, Bovik,
// Sheikh, Simoncelli 2004, IEEE Trans. Image Process. 13, 600): the mean over the pixels
// where a window of 11 x 11, a Gaussian of 1.5 pixels, fits, of
//
//	(2 m_a m_b + c1) (2 s_ab + c2) / ((m_a^2 + m_b^2 + c1) (s_a^2 + s_b^2 + c2))
//
// with the window's means m and (co)variances s, c1 = 0.01^2, c2 = 0.03^2. NaN for
// pictures smaller than the window. Collective.
func (s *Strips) SSIM(a, b []float64) (float64, error) {
	if err := s.agree(&s.high, a, b); err != nil {
		return 0, err
	}
	around, err := s.high.around(s.comm, a, b)
	if err != nil {
		return 0, err
	}
	first, last := max(s.high.lo, windowReach), min(s.high.hi, s.HighRows-windowReach)
	sums := make([]float64, s.high.hi-s.high.lo)
	for i := first; i < last; i++ {
		sums[i-s.high.lo] = similarity(around[0], around[1], i)
	}
	total, err := s.high.total(s.comm, sums)
	rows, cols := s.HighRows-2*windowReach, s.HighCols-2*windowReach
	if rows < 1 || cols < 1 {
		return math.NaN(), err
	}
	return total / float64(rows*cols), err
}

// similarity is the sum of the similarities in the windows centred on row i.
func similarity(a, b lines, i int) float64 {
	const r, c1, c2 = windowReach, 0.01 * 0.01, 0.03 * 0.03
	var w [2*r + 1]float64
	norm := 0.0
	for k := range w {
		w[k] = math.Exp(-float64((k-r)*(k-r)) / 4.5)
		norm += w[k]
	}
	// Weighted moments along the columns, then along the rows.
	n := a.cols
	var columns [5][]float64
	for q := range columns {
		columns[q] = make([]float64, n)
	}
	for k := range w {
		w[k] /= norm
		x, y := a.row(i+k-r), b.row(i+k-r)
		linalg.Axpy(w[k], x, columns[0])
		linalg.Axpy(w[k], y, columns[1])
		for j, v := range x {
			columns[2][j] += w[k] * v * v
			columns[3][j] += w[k] * y[j] * y[j]
			columns[4][j] += w[k] * v * y[j]
		}
	}
	total := 0.0
	for j := r; j < n-r; j++ {
		var m [5]float64
		for q := range m {
			for k, v := range columns[q][j-r : j+r+1] {
				m[q] += w[k] * v
			}
		}
		ma, mb := m[0], m[1]
		va, vb, cov := m[2]-ma*ma, m[3]-mb*mb, m[4]-ma*mb
		total += (2*ma*mb + c1) * (2*cov + c2) / ((ma*ma + mb*mb + c1) * (va + vb + c2))
	}
	return total
}
