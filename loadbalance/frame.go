package loadbalance

import (
	"fmt"
	"math"

	"tessera/halo"
)

// FrameBoxes cuts a frame of cells into one box a rank, jagged strips, so that the
// boxes weigh as nearly the same as cuts between whole tiles allow. The boxes are
// for halo.FromBoxes.
//
//	shape:  1 to 3 axes
//	weight: one number a cell, 0 or more, row-major
//	tile:   cells along each axis that stay together; nil = 1
//
// No box is empty where there are tiles enough. A weight of 0 everywhere counts as 1.
func FrameBoxes(shape []int, weight []float64, ranks int, tile []int) ([]halo.Box, error) {
	size := 1
	for _, n := range shape {
		size *= n
	}
	if len(shape) < 1 || len(shape) > 3 || len(weight) != size || size < 1 || ranks < 1 {
		return nil, fmt.Errorf("loadbalance: %d weights for %v cells and %d ranks", len(weight), shape, ranks)
	}
	if tile == nil {
		tile = []int{1, 1, 1}[:len(shape)]
	}
	total := 0.0
	for i, w := range weight {
		if !(w >= 0) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("loadbalance: weight %v at cell %d: want 0 or more", w, i)
		}
		total += w
	}
	f := &frameCut{shape: shape, weight: weight, tile: tile, even: total == 0}
	extent, units := make([]float64, len(shape)), make([]int, len(shape))
	for k, n := range shape {
		if tile[k] < 1 {
			return nil, fmt.Errorf("loadbalance: tiles of %v cells", tile)
		}
		extent[k], units[k] = float64(n), (n+tile[k]-1)/tile[k]
	}
	a := arrange(ranks, extent, units)
	if a == nil {
		return nil, fmt.Errorf("loadbalance: %v cells in tiles of %v are too few for %d ranks", shape, tile, ranks)
	}
	f.cut(a, halo.Box{Lo: make([]int, len(shape)), Hi: append([]int(nil), shape...)}, 0)
	return f.boxes, nil
}

type frameCut struct {
	shape  []int
	weight []float64
	tile   []int
	even   bool // nothing weighs anything: count cells
	boxes  []halo.Box
}

// cut divides box b along an axis as arranged, each piece in proportion to its
// cells, and goes on inside.
func (f *frameCut) cut(a *arrangement, b halo.Box, axis int) {
	if axis == len(f.shape) {
		f.boxes = append(f.boxes, b)
		return
	}
	lo, hi, tile := b.Lo[axis], b.Hi[axis], f.tile[axis]
	units := (hi - lo + tile - 1) / tile
	below := make([]float64, units+1) // weight below each place for a cut
	f.profile(below[1:], b, axis)
	for u := range units {
		below[u+1] += below[u]
	}
	at, cells := 0, 0
	for j, piece := range a.pieces {
		cells += piece.cells
		end := units
		if left := len(a.pieces) - 1 - j; left > 0 {
			// The place nearest to the share, leaving a unit for each other piece.
			want := below[units] * float64(cells) / float64(a.cells)
			end = at + 1
			for end < units-left && math.Abs(below[end+1]-want) < math.Abs(below[end]-want) {
				end++
			}
		}
		part := halo.Box{Lo: append([]int(nil), b.Lo...), Hi: append([]int(nil), b.Hi...)}
		part.Lo[axis], part.Hi[axis] = lo+at*tile, min(hi, lo+end*tile)
		f.cut(piece, part, axis+1)
		at = end
	}
}

// profile adds up the weight of box b in units along an axis.
func (f *frameCut) profile(sums []float64, b halo.Box, axis int) {
	place := append([]int(nil), b.Lo...)
	for {
		i := 0
		for k, p := range place {
			i = i*f.shape[k] + p
		}
		w := 1.0
		if !f.even {
			w = f.weight[i]
		}
		sums[(place[axis]-b.Lo[axis])/f.tile[axis]] += w
		k := len(place) - 1
		for ; k >= 0; k-- {
			if place[k]++; place[k] < b.Hi[k] {
				break
			}
			place[k] = b.Lo[k]
		}
		if k < 0 {
			return
		}
	}
}
