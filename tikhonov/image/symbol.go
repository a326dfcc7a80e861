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

// reachSide is the side of the grid on which the reach of the inverse is measured.
const reachSide = 256

// inverseTail is, for every distance d in pixels, the part of the sum of |M^-1| that lies
// farther than d along either axis, for one weight everywhere.
func (m *operator) inverseTail(lambda, weight float64) []float64 {
	k := m.kernel
	side := fourier.NextFast(max(reachSide, 8*k.RowRadius, 8*k.ColRadius))
	filter := fourier.NewSpectral[float64](side, side)
	point, g := []float64{1}, make([]float64, side*side)
	filter.Multiply(fourier.Window{Data: g, Stride: side, Rows: side, Cols: side}, inverseSymbol(filter, m, lambda, weight),
		fourier.Window{Data: point, Stride: 1, Rows: 1, Cols: 1})
	at := make([]float64, side/2+1)
	total := 0.0
	for i := range side {
		for j := range side {
			v := math.Abs(g[i*side+j])
			at[max(min(i, side-i), min(j, side-j))] += v
			total += v
		}
	}
	tail, beyond := make([]float64, len(at)), 0.0
	for d := len(at) - 1; d >= 0; d-- {
		tail[d] = beyond / total
		beyond += at[d]
	}
	return tail
}

// Overlap of boxes by default: as far as all but farTail of the inverse of M reaches, at
// least leastOverlap and at most mostOverlap pixels, nor more than half of a box.
const (
	farTail      = 0.03
	leastOverlap = 8
	mostOverlap  = 64
	tileOverlap  = 4
)

// chooseLocal resolves the local solves, their overlap and the weight of a box. Collective;
// the first two are the same on all ranks.
func (s *solver) chooseLocal(o *Options, md mode) (local Local, overlap int, weight float64, err error) {
	local = o.Local
	box, mean, _, _, err := s.m.weightMoments()
	if err != nil {
		return "", 0, 0, err
	}
	if md != restricted || mean == 0 {
		local = LocalTile
	} else if local == LocalAuto {
		local = LocalBox
	}
	overlap = max(o.Overlap, 0)
	if o.Overlap != 0 {
		return local, overlap, box, nil
	}
	if local == LocalTile {
		return local, tileOverlap, box, nil
	}
	tail := s.m.inverseTail(o.Lambda, mean)
	overlap = leastOverlap
	for overlap < mostOverlap && overlap < len(tail)-1 && tail[overlap] > farTail {
		overlap++
	}
	return local, overlap, box, nil
}
