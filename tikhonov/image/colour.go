package image

import (
	"slices"

	"tessera/halo"
	"tessera/tikhonov/image/internal/tiles"
)

// colourTiles gives every tile of the frame a colour such that tiles of one colour
// do not couple: the stencil of M from one extended tile does not reach another.
// First fit in reading order, computed from the geometry by every rank alike; it
// finds the four colours of a grid whose tiles are at least 2 overlap + reach wide.
// It returns the colours of this rank's tiles, and the number of colours.
func colourTiles(m *operator, o *Options) ([]int, int) {
	shape := m.frame.Domain().Shape()
	type member struct {
		tiles.Tile
		rank, index int
	}
	var all []member
	for rank := range m.frame.Ranks() {
		for i, t := range tiles.Cut(m.frame.Owned(rank), shape, o.Tile, o.Overlap, o.Border) {
			all = append(all, member{t, rank, i})
		}
	}
	slices.SortFunc(all, func(a, b member) int {
		if d := a.Owned[0].Lo - b.Owned[0].Lo; d != 0 {
			return d
		}
		return a.Owned[1].Lo - b.Owned[1].Lo
	})
	reach := m.reach
	// Bins at least as large as the widest tile with its reach: partners are in
	// neighbouring bins.
	bin := [2]int{1, 1}
	for i := range all {
		for axis := range bin {
			bin[axis] = max(bin[axis], all[i].Ext[axis].Len()+reach[axis])
		}
	}
	bins := map[[2]int][]int{}
	colour := make([]int, len(all))
	colours := 0
	shifts := [2][]int{{0}, {0}}
	if o.Border == halo.Periodic {
		for axis := range shifts {
			shifts[axis] = []int{-shape[axis], 0, shape[axis]}
		}
	}
	var taken []bool
	for i := range all {
		taken = append(taken[:0], make([]bool, colours+1)...)
		for _, dr := range shifts[0] {
			for _, dc := range shifts[1] {
				r, c := floorDiv(all[i].Owned[0].Lo+dr, bin[0]), floorDiv(all[i].Owned[1].Lo+dc, bin[1])
				for br := r - 1; br <= r+1; br++ {
					for bc := c - 1; bc <= c+1; bc++ {
						for _, j := range bins[[2]int{br, bc}] {
							if near(all[i].Ext[0], all[j].Ext[0], dr, reach[0]) && near(all[i].Ext[1], all[j].Ext[1], dc, reach[1]) {
								taken[colour[j]] = true
							}
						}
					}
				}
			}
		}
		colour[i] = slices.Index(taken, false)
		colours = max(colours, colour[i]+1)
		at := [2]int{floorDiv(all[i].Owned[0].Lo, bin[0]), floorDiv(all[i].Owned[1].Lo, bin[1])}
		bins[at] = append(bins[at], i)
	}
	own := make([]int, 0)
	rank := m.comm.Rank()
	for i := range all {
		if all[i].rank == rank {
			for len(own) <= all[i].index {
				own = append(own, 0)
			}
			own[all[i].index] = colour[i]
		}
	}
	return own, colours
}

// near says whether a, shifted, comes within reach of b.
func near(a, b tiles.Span, shift, reach int) bool {
	return a.Lo+shift-reach < b.Hi && b.Lo < a.Hi+shift+reach
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
