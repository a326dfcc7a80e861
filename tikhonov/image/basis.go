package image

import (
	"math"
	"slices"

	"tessera/halo"
	"tessera/tikhonov/image/internal/tiles"
)

// basis is the piecewise linear functions of a coarse grid along one axis: nodes at
// the centres of equal cells, constant beyond the first and the last of them or, on
// a periodic axis, around it. They are a partition of unity. Their products over the two
// axes are the bilinear basis functions of the coarse space.
type basis struct {
	n, nodes int
	lower    []int        // of a pixel: the node at or before it
	upper    []int        // and after it
	frac     []float64    // weight of upper; that of lower is 1 - frac
	support  []tiles.Span // of a node; unwrapped around a periodic axis
	around   bool
}

func newBasis(n, nodes int, border halo.Border) *basis {
	h := &basis{
		n: n, nodes: nodes, around: border == halo.Periodic,
		lower: make([]int, n), upper: make([]int, n), frac: make([]float64, n), support: make([]tiles.Span, nodes),
	}
	side := float64(n) / float64(nodes)
	for p := range n {
		t := (float64(p)+0.5)/side - 0.5
		i := int(math.Floor(t))
		h.frac[p] = t - float64(i)
		switch {
		case h.around:
			h.lower[p], h.upper[p] = (i+nodes)%nodes, (i+1)%nodes
		case i < 0:
			h.lower[p], h.upper[p], h.frac[p] = 0, 0, 0
		case i >= nodes-1:
			h.lower[p], h.upper[p], h.frac[p] = nodes-1, nodes-1, 0
		default:
			h.lower[p], h.upper[p] = i, i+1
		}
	}
	for i := range nodes {
		lo := int(math.Ceil((float64(i)-0.5)*side - 0.5))
		hi := int(math.Floor((float64(i)+1.5)*side-0.5)) + 1
		if !h.around {
			if i == 0 {
				lo = 0
			}
			if i == nodes-1 {
				hi = n
			}
			lo, hi = max(lo, 0), min(hi, n)
		}
		h.support[i] = tiles.Span{Lo: lo, Hi: hi}
	}
	return h
}

// at is the value of node i's function at pixel p of the axis.
func (h *basis) at(i, p int) float64 {
	v := 0.0
	if h.lower[p] == i {
		v += 1 - h.frac[p]
	}
	if h.upper[p] == i {
		v += h.frac[p]
	}
	return v
}

// pixels lists the pixels that stand on a span grown by a margin, in the frame or
// beyond its border; -1 for none.
func (h *basis) pixels(s tiles.Span, margin int, border halo.Border) []int {
	p := make([]int, 0, s.Len()+2*margin)
	for i := s.Lo - margin; i < s.Hi+margin; i++ {
		p = append(p, border.Source(i, h.n))
	}
	return p
}

// over lists the nodes whose functions live on some of the pixels, ascending.
func (h *basis) over(pixels []int) []int {
	var nodes []int
	for _, p := range pixels {
		if p >= 0 {
			nodes = append(nodes, h.lower[p], h.upper[p])
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// near lists the parts of a span of pixels within reach of node i's support.
func (h *basis) near(i, reach int, s tiles.Span) []tiles.Span {
	wide := tiles.Span{Lo: h.support[i].Lo - reach, Hi: h.support[i].Hi + reach}
	if !h.around {
		return overlapOf(wide, s)
	}
	if wide.Len() >= h.n {
		return []tiles.Span{s}
	}
	var parts []tiles.Span
	for _, shift := range [3]int{-h.n, 0, h.n} {
		parts = append(parts, overlapOf(tiles.Span{Lo: wide.Lo + shift, Hi: wide.Hi + shift}, s)...)
	}
	return parts
}

func overlapOf(a, b tiles.Span) []tiles.Span {
	c := tiles.Span{Lo: max(a.Lo, b.Lo), Hi: min(a.Hi, b.Hi)}
	if c.Lo >= c.Hi {
		return nil
	}
	return []tiles.Span{c}
}
