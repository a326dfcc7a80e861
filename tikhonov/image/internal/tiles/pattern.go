package tiles

import (
	"slices"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
)

// Pattern is the local matrix of the tiles of one class before the weights are known:
// M_i = lambda R Q'Q R' + sum_q w_q h_q h_q', q running over the data pixels that
// the tile's unknowns appear in. It serves every tile of the class.
type Pattern struct {
	Rows, Cols  int // of the extended tile
	Taps        int // of the PSF
	Band        int // half-bandwidth of M_i in row-major order
	regulariser []Entry
	// Data pixels near the tile, row-major over the spans DataRows x DataCols, given
	// relative to the extended tile's first pixel.
	dataRows, dataCols Span
	Data               [][]Entry // h_q restricted to the tile: local pixels, descending
}

// Entry is an element of a sparse vector or, in Pattern.regulariser, element (i, j) of
// a lower triangle of m rows at i*m + j.
type Entry struct {
	At    int
	Value float64
}

// axisTable holds, for every data position along an axis and every tap of a
// one-dimensional stencil of the radius, the local pixel under the tap, -1 for none.
type axisTable struct {
	span   Span
	local  [][]int
	radius int
}

// tabulate maps positions of one axis. ext is the tile's span in the frame.
func tabulate(ext Span, n, radius int, border halo.Border) axisTable {
	positions := Span{ext.Lo - radius, ext.Hi + radius}
	if border == halo.Periodic {
		positions.Hi = min(positions.Hi, positions.Lo+n) // every data pixel once
	} else {
		positions = Span{max(0, positions.Lo), min(n, positions.Hi)}
	}
	t := axisTable{span: Span{positions.Lo - ext.Lo, positions.Hi - ext.Lo}, radius: radius}
	for q := positions.Lo; q < positions.Hi; q++ {
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
func localIndex(i int, ext Span, n int, border halo.Border) int {
	s := border.Source(i, n)
	if s < 0 {
		return -1
	}
	if border == halo.Periodic {
		s = ext.Lo + border.Source(s-ext.Lo, n)
	}
	if s < ext.Lo || s >= ext.Hi {
		return -1
	}
	return s - ext.Lo
}

// New is the pattern of a tile of a frame of that shape.
func New(t *Tile, frame []int, k stencil.Kernel, q stencil.Regulariser, border halo.Border) *Pattern {
	p := &Pattern{Rows: t.Ext[0].Len(), Cols: t.Ext[1].Len(), Taps: len(k.Dense)}
	rows := tabulate(t.Ext[0], frame[0], k.RowRadius, border)
	cols := tabulate(t.Ext[1], frame[1], k.ColRadius, border)
	p.dataRows, p.dataCols = rows.span, cols.span
	p.Data = stencilRows(p.Cols, rows, cols, k.Dense)
	p.regulariser = p.penalty(t, frame, q, border)
	for _, h := range p.Data {
		p.widen(h)
	}
	return p
}

// widen makes the band hold the outer product of a sparse vector with itself.
func (p *Pattern) widen(h []Entry) {
	if len(h) > 0 {
		p.Band = max(p.Band, h[0].At-h[len(h)-1].At)
	}
}

// stencilRows lists, for every position, the dense stencil's row restricted to the
// tile in descending order of pixels, taps that fall on one pixel added up.
func stencilRows(width int, rows, cols axisTable, dense []float64) [][]Entry {
	out := make([][]Entry, 0, len(rows.local)*len(cols.local))
	sum := map[int]float64{}
	for _, r := range rows.local {
		for _, c := range cols.local {
			h := make([]Entry, 0, min(len(dense), 32))
			for a, i := range r {
				for b, j := range c {
					v := dense[a*len(c)+b]
					if i < 0 || j < 0 || v == 0 {
						continue
					}
					h = append(h, Entry{i*width + j, v})
				}
			}
			if !descending(h) {
				clear(sum)
				for _, e := range h {
					sum[e.At] += e.Value
				}
				merged := h[:0]
				for _, e := range h {
					if v, left := sum[e.At]; left {
						merged = append(merged, Entry{e.At, v})
						delete(sum, e.At)
					}
				}
				slices.SortFunc(merged, func(a, b Entry) int { return b.At - a.At })
				h = merged
			}
			out = append(out, h)
		}
	}
	return out
}

// descending says whether every pixel of h comes before the one after it. Beside a
// mirror two taps fall on one pixel; across a periodic border the order changes.
func descending(h []Entry) bool {
	for i := 1; i < len(h); i++ {
		if h[i].At >= h[i-1].At {
			return false
		}
	}
	return true
}

// penalty lists the lower triangle of R Q'Q R', without lambda; entries may repeat.
func (p *Pattern) penalty(t *Tile, frame []int, q stencil.Regulariser, border halo.Border) []Entry {
	m := p.Rows * p.Cols
	var low []Entry
	add := func(i, j int, v float64) {
		if i >= j {
			low = append(low, Entry{i*m + j, v})
			p.Band = max(p.Band, i-j)
		}
	}
	switch q {
	case stencil.Identity0:
		for i := range m {
			add(i, i, 1)
		}
	case stencil.Gradient:
		for i := range p.Rows {
			for j := range p.Cols {
				at := i*p.Cols + j
				add(at, at, 4)
				for _, step := range [4][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
					r := localIndex(t.Ext[0].Lo+i+step[0], t.Ext[0], frame[0], border)
					c := localIndex(t.Ext[1].Lo+j+step[1], t.Ext[1], frame[1], border)
					if r >= 0 && c >= 0 {
						add(at, r*p.Cols+c, -1)
					}
				}
			}
		}
	case stencil.Laplacian:
		rows, cols := tabulate(t.Ext[0], frame[0], 1, border), tabulate(t.Ext[1], frame[1], 1, border)
		for _, h := range stencilRows(p.Cols, rows, cols, []float64{0, -1, 0, -1, 4, -1, 0, -1, 0}) {
			for _, a := range h {
				for _, b := range h {
					add(a.At, b.At, a.Value*b.Value)
				}
			}
		}
	}
	return low
}

// ProductTaps is the size of a PSF, in pixels, from which the local matrix is formed as a
// matrix product: the outer products of so many taps would take longer.
const ProductTaps = 122

// Dense is M_i as a full lower triangle, with the same weight at every data pixel.
func (p *Pattern) Dense(lambda, weight float64) []float64 {
	m := p.Rows * p.Cols
	a := make([]float64, m*m)
	if p.Taps < ProductTaps {
		p.assemble(a, m, 0, lambda, func(int) float64 { return weight })
		return a
	}
	h := make([]float64, len(p.Data)*m)
	for q, row := range p.Data {
		for _, e := range row {
			h[q*m+e.At] = e.Value
		}
	}
	linalg.Gemm(true, false, m, m, len(p.Data), weight, h, m, h, m, 0, a, m)
	for _, e := range p.regulariser {
		a[e.At] += lambda * e.Value
	}
	return a
}

// Banded is M_i as rows of band+1 numbers, the diagonal last.
func (p *Pattern) Banded(low []float64, lambda float64, weight func(q int) float64) {
	clear(low)
	p.assemble(low, p.Band, p.Band, lambda, weight)
}

// assemble adds lambda R Q'Q R' + sum_q w_q h_q h_q' to an array in which element
// (i, j), j <= i, stands at i*stride + shift + j.
func (p *Pattern) assemble(a []float64, stride, shift int, lambda float64, weight func(q int) float64) {
	m := p.Rows * p.Cols
	for _, e := range p.regulariser {
		a[e.At/m*stride+shift+e.At%m] += lambda * e.Value
	}
	for q, h := range p.Data {
		w := weight(q)
		if w == 0 {
			continue
		}
		for n, e := range h {
			row, v := a[e.At*stride+shift:], w*e.Value
			for _, f := range h[n:] { // at descends along h
				row[f.At] += v * f.Value
			}
		}
	}
}

// Quadratic is x'M_i x.
func (p *Pattern) Quadratic(lambda float64, weight func(q int) float64, x []float64) float64 {
	m := p.Rows * p.Cols
	sum := 0.0
	for _, e := range p.regulariser {
		i, j := e.At/m, e.At%m
		if v := lambda * e.Value * x[i] * x[j]; i == j {
			sum += v
		} else {
			sum += 2 * v
		}
	}
	for q, h := range p.Data {
		dot := 0.0
		for _, e := range h {
			dot += e.Value * x[e.At]
		}
		sum += weight(q) * dot * dot
	}
	return sum
}
