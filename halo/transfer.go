package halo

import "slices"

// transfer names extended cells of rank to that are copies of owned cells of rank from.
type transfer struct {
	from, to int
	image
}

// incoming lists the transfers to a rank by ascending rank from, which may be the
// rank itself; those from one rank are in the order of the images. Both ranks of a
// pair compute the same list from the geometry, without communication.
func (d *Decomposition) incoming(to int, width []int, border Border) []transfer {
	ext := images(d.owned[to].Grow(width), d.shape, border)
	var from []int
	for _, m := range ext {
		from = append(from, d.index.meeting(m.src)...)
	}
	slices.Sort(from)
	var all []transfer
	for _, r := range slices.Compact(from) {
		all = append(all, d.between(r, to, ext)...)
	}
	return all
}

// between lists the transfers from one rank to another whose images are ext. The
// owned cells of a rank are no transfer to itself.
func (d *Decomposition) between(from, to int, ext []image) []transfer {
	var list []transfer
	for _, m := range ext {
		if from == to && m.identity() {
			continue
		}
		if c := m.cut(d.owned[from]); !c.src.Empty() {
			list = append(list, transfer{from: from, to: to, image: c})
		}
	}
	return list
}
