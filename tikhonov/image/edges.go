package image

import (
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/tikhonov/image/internal/tiles"
)

// Beside a zero border M is far from a convolution: light leaves the frame there. Beside a reflecting one it is, where the PSF is not its
// own mirror image, and around a periodic one, where the PSF of one edge is not that of the opposite one. Where the PSF varies, and beside a
// reflecting border wherever it is not its own mirror image, boxes therefore leave a margin along
// such edges to local solves that know what M is there: strips along the edges, and corners.

// mostSeam is how much the PSFs of opposite edges of a periodic frame may differ, by the 2-norm, before it is solved
// with strips along these edges.
const mostSeam = 0.02

// Most pixels of strips and corners, whose matrices are dense ones.
const (
	mostDepth  = 16 // of a strip across
	mostReach  = 24 // of a strip into its neighbours, across
	mostCorner = 8  // of a corner along the columns; its rows are as deep as the strip
	cornerNear = 8  // of a corner into its neighbours
)

// localPSF is the PSF that strips, corners and pieces are made with: nil where one PSF needs none of them.
func localPSF(p *Problem, border halo.Border) *forward.VaryingPSF {
	if p.Varying != nil || border != halo.Reflect || len(p.PSF.Values) < 2 || tiles.Kernel(p.PSF, p.Frame, border).Symmetric() {
		return p.Varying
	}
	shape := p.Frame.Domain().Shape()
	t := forward.Term{PSF: p.PSF.Fold(shape[0], shape[1], border), Rows: make([]float64, shape[0]), Cols: make([]float64, shape[1])}
	for _, factors := range [][]float64{t.Rows, t.Cols} {
		for i := range factors {
			factors[i] = 1
		}
	}
	return &forward.VaryingPSF{Terms: []forward.Term{t}}
}

// margins are the depths of the strips that this rank's box has along its axes, at the first edge and at the last;
// 0 = none.
func (m *operator) margins(overlap int) (deep [2][2]int) {
	if m.local == nil || m.border == halo.Reflect && m.mirrored() {
		return deep
	}
	box := m.frame.Owned(m.comm.Rank())
	for axis, n := range m.frame.Domain().Shape() {
		if m.border == halo.Periodic && !m.seam(axis) {
			continue
		}
		size := box.Hi[axis] - box.Lo[axis]
		depth := min(overlap, mostDepth, size)
		first, last := box.Lo[axis] == 0, box.Hi[axis] == n
		if first && last {
			depth = min(depth, size/2)
		}
		if first {
			deep[axis][0] = depth
		}
		if last {
			deep[axis][1] = min(depth, size-deep[axis][0])
		}
	}
	return deep
}

// mirrored tells whether the PSF is its own mirror image everywhere.
func (m *operator) mirrored() bool {
	for _, t := range m.local.Terms {
		if !tiles.Kernel(t.PSF, m.frame, m.border).Symmetric() {
			return false
		}
	}
	return true
}

// seam tells whether the PSF of one edge of the frame is another than that of the opposite one.
func (m *operator) seam(axis int) bool {
	shape := m.frame.Domain().Shape()
	for i := range changeSamples + 1 {
		var first, last [2]int
		last[axis] = shape[axis] - 1
		first[1-axis] = i * (shape[1-axis] - 1) / changeSamples
		last[1-axis] = first[1-axis]
		if change(m.local.At(first[0], first[1]), m.local.At(last[0], last[1])) > mostSeam {
			return true
		}
	}
	return false
}

// edgePart is a strip or a corner. It adds its owned pixels to a plane of the owned box, from the residual on the
// extended box, whose rows have stride values.
type edgePart interface {
	apply(dst []float64, r []float64, stride int)
	bytes() int64
}

// newEdges prepares the local solves along the edges of the frame.
func newEdges[T linalg.Float](m *operator, deep [2][2]int, lambda float64, overlap int, weight float64) ([]edgePart, error) {
	var list []edgePart
	plans := map[int]*fourier.Plan2{}
	size := [2]int{m.rows, m.cols}
	sides := func(axis int) (out []tiles.Span) { // of the owned box
		if d := deep[axis][0]; d > 0 {
			out = append(out, tiles.Span{Lo: 0, Hi: d})
		}
		if d := deep[axis][1]; d > 0 {
			out = append(out, tiles.Span{Lo: size[axis] - d, Hi: size[axis]})
		}
		return out
	}
	rate := changes(m.local, m.frame.Domain().Shape())
	width := func(side int) int { return min(deep[1][side], mostCorner) } // of a corner
	for axis := range 2 {
		along := 1 - axis
		from, to := deep[along][0], size[along]-deep[along][1]
		if axis == 0 {
			from, to = width(0), size[along]-width(1)
		}
		for _, across := range sides(axis) {
			for _, part := range cutAlong(from, to, rate[along], overlap) {
				s, err := newStrip[T](m, plans, axis, across, part, lambda, overlap, weight)
				if err != nil {
					return nil, err
				}
				list = append(list, s)
			}
		}
	}
	for _, rows := range sides(0) {
		for side, cols := range []tiles.Span{{Lo: 0, Hi: width(0)}, {Lo: size[1] - width(1), Hi: size[1]}} {
			if deep[1][side] == 0 {
				continue
			}
			c, err := newCorner[T](m, [2]tiles.Span{rows, cols}, lambda, overlap, weight)
			if err != nil {
				return nil, err
			}
			list = append(list, c)
		}
	}
	return list, nil
}

// place is the pixel of the frame that stands at a row and a column of the owned box, or beyond them: the nearest
// one beside a zero border.
func (m *operator) place(row, col int) (r, c int) {
	box, shape := m.frame.Owned(m.comm.Rank()), m.frame.Domain().Shape()
	at := [2]int{box.Lo[0] + row, box.Lo[1] + col}
	for axis, n := range shape {
		if s := m.border.Source(at[axis], n); s >= 0 {
			at[axis] = s
		} else {
			at[axis] = min(max(at[axis], 0), n-1)
		}
	}
	return at[0], at[1]
}

// change is how far two PSFs of one size are apart, by the 2-norm, relative to the first.
func change(p, q forward.PSF) float64 {
	d, s := 0.0, 0.0
	for k, x := range p.Values {
		d += (x - q.Values[k]) * (x - q.Values[k])
		s += x * x
	}
	return math.Sqrt(d / s)
}
