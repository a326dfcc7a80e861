package loadbalance

import (
	"fmt"
	"math"

	"tessera/halo"
)

// FrameBoxes cuts a frame of cells into one box for each rank, by jagged strips, so
// that the sums of the weights in the boxes are as equal as cuts between whole tiles
// allow. halo.FromBoxes makes a decomposition of the boxes.
//
//	shape:  cells along each of 1 to 3 axes
//	weight: one finite number for each cell, 0 or more, row-major: its cost in any
//	        unit, such as 1 for an observed pixel and 0 for a missing one
//	tile:   cells along each axis that stay together; nil: 1
//
// No box is empty; a frame of fewer tiles than ranks is an error. If all weights are 0,
// all cells count alike. The call is local: ranks that pass the same arguments get the
// same boxes.
func FrameBoxes(shape []int, weight []float64, ranks int, tile []int) ([]halo.Box, error) {
	if len(shape) < 1 || len(shape) > 3 || ranks < 1 {
		return nil, fmt.Errorf("loadbalance: a frame of %v cells for %d ranks: want 1 to 3 axes and 1 rank or more", shape, ranks)
	}
	size := 1
	for _, n := range shape {
		if n < 1 || size > math.MaxInt/n {
			return nil, fmt.Errorf("loadbalance: a frame of %v cells: want 1 or more along every axis", shape)
		}
		size *= n
	}
	if len(weight) != size {
		return nil, fmt.Errorf("loadbalance: %d weights for %v = %d cells", len(weight), shape, size)
	}
	if tile == nil {
		tile = []int{1, 1, 1}[:len(shape)]
	}
	if len(tile) != len(shape) {
		return nil, fmt.Errorf("loadbalance: tiles of %d axes for a frame of %d", len(tile), len(shape))
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
			return nil, fmt.Errorf("loadbalance: tiles of %v cells: want 1 or more along every axis", tile)
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
	even   bool // all weights are 0: count cells
	boxes  []halo.Box
}

// cut divides box b along an axis by an arrangement, so that the weight of each piece is
// in proportion to its number of boxes, and then each piece along the next axis.
func (f *frameCut) cut(a *arrangement, b halo.Box, axis int) {
	if axis == len(f.shape) {
		f.boxes = append(f.boxes, b)
		return
	}
	lo, hi, tile := b.Lo[axis], b.Hi[axis], f.tile[axis]
	units := (hi - lo + tile - 1) / tile
	below := make([]float64, units+1) // weight below each possible cut
	f.profile(below[1:], b, axis)
	for u := range units {
		below[u+1] += below[u]
	}
	at, cells := 0, 0
	for j, piece := range a.pieces {
		cells += piece.cells
		end := units
		if left := len(a.pieces) - 1 - j; left > 0 {
			// The cut nearest to the share that leaves a unit for each of the other pieces.
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

// profile adds to sums[u] the weight of unit u of box b along an axis.
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
