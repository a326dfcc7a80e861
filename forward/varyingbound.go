package forward

import (
	"math"

	"tessera/halo"
)

// boundCells is how many cells along an axis a frame is cut into to bound the norm of a varying blur.
const boundCells = 24

// normBound bounds the norm of H by sqrt(||H||_1 ||H||_inf): the first is the largest sum of the absolute values of the
// PSF at a pixel, the second at most the sum of the largest absolute value anywhere of each of its pixels. With a reflecting
// border and a PSF that is not its own mirror image each axis gives a factor of sqrt(2), as for Blur.
//
// Both are bounded on cells of the frame. Within a cell the weights of the terms, divided by the sum of the PSF where UnitSum is
// set, differ from those w_k of its middle by at most d_k, so that
//
//	|h| <= |sum_k w_k h_k| + sum_k d_k |h_k|,
//
// which is near the PSF's own values where terms cancel, as those of a polynomial do. The other bound, sum_k |w_k| |h_k|, is the
// PSF itself where neither weights nor terms are negative. The smaller one of the two is taken. It costs a pass over the
// pixels for all terms, and the PSF in the middle of each cell.
func (v *VaryingPSF) normBound(border halo.Border) float64 {
	pr, pc := v.Size()
	terms, sums := make([]boundTerm, len(v.Terms)), v.sums()
	symmetric := true
	for k, t := range v.Terms {
		terms[k] = boundTerm{Term: t, sum: sums[k], placed: make([]float64, pr*pc)}
		top, left := (pr-t.PSF.Rows)/2, (pc-t.PSF.Cols)/2
		for i, x := range t.PSF.Values {
			terms[k].placed[(top+i/t.PSF.Cols)*pc+left+i%t.PSF.Cols] = x
			terms[k].size += math.Abs(x)
		}
		symmetric = symmetric && t.PSF.stencil().Symmetric()
	}
	rows, cols := len(v.Terms[0].Rows), len(v.Terms[0].Cols)
	cells := [2]int{min(boundCells, rows), min(boundCells, cols)}
	largest, column := make([]float64, pr*pc), 0.0 // over the cells: the pixels of |h|, and their sum
	for i := range cells[0] {
		for j := range cells[1] {
			var box [2]span
			box[0].lo, box[0].hi = halo.Split(rows, cells[0], i)
			box[1].lo, box[1].hi = halo.Split(cols, cells[1], j)
			active, weight, size := v.boundTerms(terms, box)
			sum := 0.0
			for o := range largest {
				middle, differs, apart, tallest := 0.0, 0.0, 0.0, 0.0
				for _, t := range active {
					x := t.placed[o]
					middle += t.middle * x
					x = math.Abs(x)
					differs += t.differs * x
					apart += t.most * x
					tallest = max(tallest, x)
				}
				near := math.Abs(middle) + differs
				sum += near
				largest[o] = max(largest[o], min(near, apart, weight*tallest))
			}
			column = max(column, min(sum, size))
		}
	}
	row := 0.0
	for _, x := range largest {
		row += x
	}
	bound := math.Sqrt(column * row)
	if border == halo.Reflect && !symmetric {
		for _, n := range []int{pr, pc} {
			if n > 1 {
				bound *= math.Sqrt2
			}
		}
	}
	return bound * (1 + 1e-12) // rounding of the weights
}

// boundTerm is a term and what is known of its weights in a cell of the frame.
type boundTerm struct {
	Term
	placed    []float64 // its PSF in the size of the largest
	sum, size float64   // of its values, and of their absolute values
	middle    float64   // its weight in the middle of the cell
	differs   float64   // the most that its weight differs from that in the cell
	most      float64   // the largest absolute weight in the cell
}

// boundTerms finds the weights in a cell. It returns the terms that have weight there, and the largest sums over the terms at a
// pixel: of the absolute weights, and of those times the size of the PSF.
func (v *VaryingPSF) boundTerms(terms []boundTerm, cell [2]span) (active []*boundTerm, weight, size float64) {
	for k := range terms {
		t := &terms[k]
		if !allZero(t.Rows[cell[0].lo:cell[0].hi]) && !allZero(t.Cols[cell[1].lo:cell[1].hi]) {
			t.differs, t.most = 0, 0
			active = append(active, t)
		}
	}
	// scale is 1, or 1 over the sum of the PSF at a pixel.
	scale := func(r, c int) float64 {
		if !v.UnitSum {
			return 1
		}
		s := 0.0
		for _, t := range active {
			s += t.Rows[r] * t.Cols[c] * t.sum
		}
		return 1 / s
	}
	mr, mc := (cell[0].lo+cell[0].hi)/2, (cell[1].lo+cell[1].hi)/2
	at := scale(mr, mc)
	for _, t := range active {
		t.middle = t.Rows[mr] * t.Cols[mc] * at
	}
	for r := cell[0].lo; r < cell[0].hi; r++ {
		for c := cell[1].lo; c < cell[1].hi; c++ {
			factor, weights, sizes := scale(r, c), 0.0, 0.0
			for _, t := range active {
				w := t.Rows[r] * t.Cols[c] * factor
				t.differs = max(t.differs, math.Abs(w-t.middle))
				w = math.Abs(w)
				t.most = max(t.most, w)
				weights += w
				sizes += w * t.size
			}
			weight, size = max(weight, weights), max(size, sizes)
		}
	}
	return active, weight, size
}
