package image

import (
	"math"

	"tessera/forward"
	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
	"tessera/ranks"
)

// leastWeight is the least weight, as a part of the frame's mean weight, that a box is
// solved with: where nothing was observed, Q alone need not have an inverse.
const leastWeight = 1e-3

// inverseSymbol is 1/s, s the symbol of M for one weight and the PSF with this power, on the filter's grid.
func inverseSymbol[T linalg.Float](filter *fourier.Spectral[T], m *operator, power []float64, lambda, weight float64) []T {
	rows, cols := axisSymbol(filter.Rows()), axisSymbol(filter.Cols())
	half := filter.Cols()/2 + 1
	return filter.Symbol(func(i, j int) float64 {
		return 1 / (weight*power[i*half+j] + lambda*penaltySymbol(m.q, rows[i]+cols[j]))
	})
}

// powerOf is |h|^2 of the PSF k on the filter's grid.
func powerOf[T linalg.Float](filter *fourier.Spectral[T], k stencil.Kernel) []float64 {
	return filter.Power(2*k.RowRadius+1, 2*k.ColRadius+1, k.Dense)
}

// axisSymbol is the symbol 2 - 2 cos(2 pi k/n) of the negative second difference along an
// axis of n pixels.
func axisSymbol(n int) []float64 {
	s := make([]float64, n)
	for k := range s {
		s[k] = 2 - 2*math.Cos(2*math.Pi*float64(k)/float64(n))
	}
	return s
}

// penaltySymbol is |q|^2 where the negative Laplacian has the symbol l.
func penaltySymbol(q stencil.Regulariser, l float64) float64 {
	switch q {
	case stencil.Gradient:
		return l
	case stencil.Laplacian:
		return l * l
	}
	return 1
}

// moments are numbers of the weights, the same on all ranks but for box.
type moments struct {
	box      float64 // mean of this rank's box, not much less than that of the frame
	mean     float64 // of the frame
	spread   float64 // relative standard deviation about it, missing pixels included
	observed float64 // fraction of the pixels
	largest  float64
	most     float64 // fraction of the pixels with the largest weight
	least    float64 // the smallest weight, 0 if a pixel is missing
}

// common is the largest weight if half of the frame has it, else the mean.
func (m *moments) common() float64 {
	if m.most >= 0.5 {
		return m.largest
	}
	return m.mean
}

// weightMoments takes the moments, once. Collective.
func (m *operator) weightMoments() (moments, error) {
	if m.moments != nil {
		return *m.moments, nil
	}
	n := float64(m.rows * m.cols)
	largest := []float64{1, -1} // and minus the smallest
	if m.owned != nil {
		largest[0], largest[1] = 0, math.Inf(-1)
		for _, w := range m.owned {
			largest[0], largest[1] = max(largest[0], w), max(largest[1], -w)
		}
	}
	if err := m.comm.Allreduce(largest, largest, ranks.Max); err != nil {
		return moments{}, err
	}
	sums := []float64{n, n, n, n, 0} // pixels, weights, squares, observed, with the largest weight
	if m.owned != nil {
		sums[1], sums[2], sums[3] = 0, 0, 0
		for _, w := range m.owned {
			sums[1] += w
			sums[2] += w * w
			if w > 0 {
				sums[3]++
			}
			if w == largest[0] {
				sums[4]++
			}
		}
	} else if largest[0] == 1 {
		sums[4] = n
	}
	t := moments{box: sums[1] / n, largest: largest[0], least: -largest[1]}
	if err := m.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return moments{}, err
	}
	t.mean, t.observed, t.most = sums[1]/sums[0], sums[3]/sums[0], sums[4]/sums[0]
	if t.mean > 0 && t.most < 1 {
		t.spread = math.Sqrt(math.Max(0, sums[2]/sums[0]/(t.mean*t.mean)-1))
	}
	t.box = math.Max(t.box, leastWeight*t.mean)
	m.moments = &t
	return t, nil
}

// certain is a number below which M has no eigenvalue: lambda for Q = identity, as H'WH is
// positive semi-definite, and the smallest weight where there is no PSF.
func (m *operator) certain(q forward.Regulariser, lambda float64) float64 {
	least := 0.0
	if q == forward.Identity {
		least = lambda
	}
	if m.moments != nil && len(m.kernel.Dense) == 1 {
		least += m.moments.least * m.kernel.Dense[0] * m.kernel.Dense[0]
	}
	return least
}
