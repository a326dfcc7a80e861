package halo

import "math"

// Weighting names a partition of unity: diagonal weights D_i on the extended boxes
// with sum_i EO_i D_i RO_i = I, or sum_i EO_i D_i^2 RO_i = I for
// InverseSqrtMultiplicity. Ring cells outside the domain of a zero or reflective border
// have weight 0.
type Weighting int

const (
	Owner                   Weighting = iota // 1 on owned cells, 0 elsewhere: the sum is exactly I
	InverseMultiplicity                      // 1/m, where m is the number of extended boxes that hold the cell
	InverseSqrtMultiplicity                  // 1/sqrt(m), for use on both sides of a symmetric operator
)

// Count counts, for every cell of region in row-major order, the boxes that contain it.
func Count(region Box, boxes []Box) []int {
	count := make([]int, region.Size())
	for _, b := range boxes {
		common := region.Intersect(b)
		if common.Empty() {
			continue
		}
		at := blockOf(region, common)
		for i := range at.n[0] {
			t := at.off + i*at.step[0]
			for range at.n[1] {
				for k := range at.n[2] {
					count[t+k]++
				}
				t += at.step[1]
			}
		}
	}
	return count
}

// Multiplicity counts, for every cell of the extended array, the cells of the
// extended arrays of all ranks that represent the same cell of the domain. It is 0
// outside the domain of a zero or reflective border. A periodic domain has no edge:
// there a ring that is wide enough to wrap around holds several copies of a cell, and
// each is counted. The call is local.
func (p *Plan) Multiplicity() []int {
	d := p.d
	within := p.ext.Intersect(d.Domain())
	if p.border == Periodic {
		within = p.ext
	}
	// An extended box that meets this one belongs to an owned box within twice the width.
	var boxes []Box
	for _, m := range images(within.Grow(p.width), d.shape, periodicOrZero(p.border)) {
		by := make([]int, len(d.shape))
		for k := range by {
			by[k] = m.ext.Lo[k] - m.src.Lo[k]
		}
		for _, r := range d.index.meeting(m.src) {
			boxes = append(boxes, d.owned[r].Grow(p.width).Shift(by).Intersect(within))
		}
	}
	return Count(p.ext, boxes)
}

// periodicOrZero is the border under which subdomains overlap: mirror images of a
// cell are ghosts, not unknowns of the subdomain.
func periodicOrZero(b Border) Border {
	if b == Periodic {
		return Periodic
	}
	return Zero
}

// Weights is the diagonal of this rank's D_i, one weight for each cell of the
// extended array. The call is local.
func (p *Plan) Weights(w Weighting) []float64 {
	d := make([]float64, p.ext.Size())
	if w == Owner {
		ones := make([]float64, p.owned.Size())
		for i := range ones {
			ones[i] = 1
		}
		CopyBox(d, p.ext, ones, p.owned, p.owned)
		return d
	}
	for i, m := range p.Multiplicity() {
		if m == 0 {
			continue
		}
		d[i] = 1 / float64(m)
		if w == InverseSqrtMultiplicity {
			d[i] = math.Sqrt(d[i])
		}
	}
	return d
}
