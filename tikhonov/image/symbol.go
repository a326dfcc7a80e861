package image

import (
	"math"

	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
	"tessera/ranks"
)

// leastWeight is the least weight, as a part of the frame's mean weight, that a box is
// solved with: where nothing was observed, Q alone need not have an inverse.
const leastWeight = 1e-3

// inverseSymbol is 1/s, s the symbol of M for one weight, on the filter's grid.
func inverseSymbol[T linalg.Float](filter *fourier.Spectral[T], m *operator, lambda, weight float64) []T {
	k := m.kernel
	rows, cols := axisSymbol(filter.Rows()), axisSymbol(filter.Cols())
	return filter.PowerSymbol(2*k.RowRadius+1, 2*k.ColRadius+1, k.Dense, func(power float64, i, j int) float64 {
		return 1 / (weight*power + lambda*penaltySymbol(m.q, rows[i]+cols[j]))
	})
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

// weightMoments are the mean weight of this rank's box and of the frame, the relative
// standard deviation of the frame's weights about their mean, and the observed fraction
// of its pixels. Collective.
func (m *operator) weightMoments() (box, frame, spread, observed float64, err error) {
	n := m.rows * m.cols
	sums := []float64{float64(n), float64(n), float64(n), float64(n)} // pixels, weights, squares, observed
	if m.owned != nil {
		sums[1], sums[2], sums[3] = 0, 0, 0
		for _, w := range m.owned {
			sums[1] += w
			sums[2] += w * w
			if w > 0 {
				sums[3]++
			}
		}
	}
	box = sums[1] / float64(n)
	if err := m.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return 0, 0, 0, 0, err
	}
	frame, observed = sums[1]/sums[0], sums[3]/sums[0]
	if frame > 0 {
		spread = math.Sqrt(math.Max(0, sums[2]/sums[0]/(frame*frame)-1))
	}
	return math.Max(box, leastWeight*frame), frame, spread, observed, nil
}

// meanWeight is the mean weight of the frame. Collective.
func (m *operator) meanWeight() (float64, error) {
	n := float64(m.rows * m.cols)
	sums := []float64{n, n}
	if m.owned != nil {
		sums[1] = 0
		for _, w := range m.owned {
			sums[1] += w
		}
	}
	err := m.comm.Allreduce(sums, sums, ranks.Sum)
	return sums[1] / sums[0], err
}
