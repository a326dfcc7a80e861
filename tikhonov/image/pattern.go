package image

import (
	"slices"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
)

// pattern is the local matrix of one kind of tile before the weights are known:
// M_i = lambda R Q'Q R' + sum_q w_q h_q h_q', q running over the data pixels that
// the tile's unknowns appear in. It serves every tile of the kind.
type pattern struct {
	rows, cols  int // of the extended tile
	taps        int // of the kernel
	band        int // half-bandwidth of M_i in row-major order
	regulariser []entry
	// Data pixels near the tile, row-major over the spans dataRows x dataCols given
	// relative to the extended tile's first pixel.
	dataRows, dataCols span
	data               [][]entry // h_q restricted to the tile: local pixels, descending
}

// entry is an element of a sparse vector (at) or, in regulariser, of a lower
// triangle (at*m + j packed by the caller).
type entry struct {
	at    int
	value float64
}

// axisTable holds, for every data position along an axis and every tap of a
// one-dimensional stencil of the radius, the local pixel under the tap, -1 for none.
type axisTable struct {
	span   span
	local  [][]int
	radius int
}

// tabulate maps positions of one axis. ext is the tile's span in the frame.
func tabulate(ext span, n, radius int, border halo.Border) axisTable {
	positions := span{ext.lo - radius, ext.hi + radius}
	if border == halo.Periodic {
		positions.hi = min(positions.hi, positions.lo+n) // every data pixel once
	} else {
		positions = span{max(0, positions.lo), min(n, positions.hi)}
	}
	t := axisTable{span: span{positions.lo - ext.lo, positions.hi - ext.lo}, radius: radius}
	for q := positions.lo; q < positions.hi; q++ {
		row := make([]int, 2*radius+1)
		for a := -radius; a <= radius; a++ {
			row[a+radius] = localIndex(q-a, ext, n, border)
		}
		t.local = append(t.local, row)
	}
	return t
}

// localIndex is where the pixel that stands at frame index i lies in the tile, -1
// if outside of it.
func localIndex(i int, ext span, n int, border halo.Border) int {
	s := border.Source(i, n)
	if s < 0 {
		return -1
	}
	if border == halo.Periodic {
		s = ext.lo + border.Source(s-ext.lo, n)
	}
	if s < ext.lo || s >= ext.hi {
		return -1
	}
	return s - ext.lo
}

// newPattern works the kind of the tile out.
func newPattern(t *tile, frame []int, k stencil.Kernel, q stencil.Regulariser, border halo.Border) *pattern {
	p := &pattern{rows: t.ext[0].len(), cols: t.ext[1].len(), taps: len(k.Dense)}
	rows := tabulate(t.ext[0], frame[0], k.RowRadius, border)
	cols := tabulate(t.ext[1], frame[1], k.ColRadius, border)
	p.dataRows, p.dataCols = rows.span, cols.span
	p.data = stencilRows(p.cols, rows, cols, k.Dense)
	p.regulariser = p.penalty(t, frame, q, border)
	for _, h := range p.data {
		p.widen(h)
	}
	return p
}

// widen makes the band hold the outer product of a sparse vector with itself.
func (p *pattern) widen(h []entry) {
	if len(h) > 0 {
		p.band = max(p.band, h[0].at-h[len(h)-1].at)
	}
}

// stencilRows lists, for every position, the dense stencil's row restricted to the
// tile in descending order of pixels, taps that fall on one pixel added up.
func stencilRows(width int, rows, cols axisTable, dense []float64) [][]entry {
	out := make([][]entry, 0, len(rows.local)*len(cols.local))
	sum := map[int]float64{}
	for _, r := range rows.local {
		for _, c := range cols.local {
			h := make([]entry, 0, min(len(dense), 32))
			for a, i := range r {
				for b, j := range c {
					v := dense[a*len(c)+b]
					if i < 0 || j < 0 || v == 0 {
						continue
					}
					h = append(h, entry{i*width + j, v})
				}
			}
			if !descending(h) {
				clear(sum)
				for _, e := range h {
					sum[e.at] += e.value
				}
				merged := h[:0]
				for _, e := range h {
					if v, left := sum[e.at]; left {
						merged = append(merged, entry{e.at, v})
						delete(sum, e.at)
					}
				}
				slices.SortFunc(merged, func(a, b entry) int { return b.at - a.at })
				h = merged
			}
			out = append(out, h)
		}
	}
	return out
}

// descending says whether every pixel of h comes before the one after it. Beside a
// mirror a pixel stands under two taps; around a periodic axis the order turns.
func descending(h []entry) bool {
	for i := 1; i < len(h); i++ {
		if h[i].at >= h[i-1].at {
			return false
		}
	}
	return true
}

// penalty lists the lower triangle of R Q'Q R', without lambda; entries may repeat.
func (p *pattern) penalty(t *tile, frame []int, q stencil.Regulariser, border halo.Border) []entry {
	m := p.rows * p.cols
	var low []entry
	add := func(i, j int, v float64) {
		if i >= j {
			low = append(low, entry{i*m + j, v})
			p.band = max(p.band, i-j)
		}
	}
	switch q {
	case stencil.Identity0:
		for i := range m {
			add(i, i, 1)
		}
	case stencil.Gradient:
		for i := range p.rows {
			for j := range p.cols {
				at := i*p.cols + j
				add(at, at, 4)
				for _, step := range [4][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
					r := localIndex(t.ext[0].lo+i+step[0], t.ext[0], frame[0], border)
					c := localIndex(t.ext[1].lo+j+step[1], t.ext[1], frame[1], border)
					if r >= 0 && c >= 0 {
						add(at, r*p.cols+c, -1)
					}
				}
			}
		}
	case stencil.Laplacian:
		rows, cols := tabulate(t.ext[0], frame[0], 1, border), tabulate(t.ext[1], frame[1], 1, border)
		for _, h := range stencilRows(p.cols, rows, cols, []float64{0, -1, 0, -1, 4, -1, 0, -1, 0}) {
			for _, a := range h {
				for _, b := range h {
					add(a.at, b.at, a.value*b.value)
				}
			}
		}
	}
	return low
}

// productTaps is the size of a kernel from which the local matrix is formed as a
// matrix product: the outer products of so many taps would take longer.
const productTaps = 122

// dense is M_i as a full lower triangle, with the same weight at every data pixel.
func (p *pattern) dense(lambda, weight float64) []float64 {
	m := p.rows * p.cols
	a := make([]float64, m*m)
	if p.taps < productTaps {
		p.assemble(a, m, 0, lambda, func(int) float64 { return weight })
		return a
	}
	h := make([]float64, len(p.data)*m)
	for q, row := range p.data {
		for _, e := range row {
			h[q*m+e.at] = e.value
		}
	}
	linalg.Gemm(true, false, m, m, len(p.data), weight, h, m, h, m, 0, a, m)
	for _, e := range p.regulariser {
		a[e.at] += lambda * e.value
	}
	return a
}

// banded is M_i as rows of band+1 numbers, the diagonal last.
func (p *pattern) banded(low []float64, lambda float64, weight func(q int) float64) {
	clear(low)
	p.assemble(low, p.band, p.band, lambda, weight)
}

// assemble adds lambda R Q'Q R' + sum_q w_q h_q h_q' to an array in which element
// (i, j), j <= i, stands at i*stride + shift + j.
func (p *pattern) assemble(a []float64, stride, shift int, lambda float64, weight func(q int) float64) {
	m := p.rows * p.cols
	for _, e := range p.regulariser {
		a[e.at/m*stride+shift+e.at%m] += lambda * e.value
	}
	for q, h := range p.data {
		w := weight(q)
		if w == 0 {
			continue
		}
		for n, e := range h {
			row, v := a[e.at*stride+shift:], w*e.value
			for _, f := range h[n:] { // at descends along h
				row[f.at] += v * f.value
			}
		}
	}
}

// quadratic is x'M_i x.
func (p *pattern) quadratic(lambda float64, weight func(q int) float64, x []float64) float64 {
	m := p.rows * p.cols
	sum := 0.0
	for _, e := range p.regulariser {
		i, j := e.at/m, e.at%m
		if v := lambda * e.value * x[i] * x[j]; i == j {
			sum += v
		} else {
			sum += 2 * v
		}
	}
	for q, h := range p.data {
		dot := 0.0
		for _, e := range h {
			dot += e.value * x[e.at]
		}
		sum += weight(q) * dot * dot
	}
	return sum
}
