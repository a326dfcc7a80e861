package image

import (
	"math"

	"tessera/halo"
)

// span is a half-open range of rows or columns.
type span struct{ lo, hi int }

func (s span) len() int { return s.hi - s.lo }

// tile is one subdomain: the pixels it answers for and the pixels it solves on.
// Across a periodic border the second reaches out of the frame, unwrapped.
type tile struct {
	owned, ext [2]span
}

// area of the extended tile.
func (t *tile) area() int { return t.ext[0].len() * t.ext[1].len() }

// cutTiles covers a box with tiles of about side x side pixels, row by row, each
// extended by overlap within the frame. It depends on the geometry alone, so every
// rank can list every other's tiles.
func cutTiles(box halo.Box, frame []int, side, overlap int, border halo.Border) []tile {
	var parts [2][]tile // used as one-dimensional lists of (owned, ext)
	for axis := range parts {
		n := box.Hi[axis] - box.Lo[axis]
		count := max(1, int(math.Round(float64(n)/float64(side))))
		for i := range count {
			lo, hi := halo.Split(n, count, i)
			owned := span{box.Lo[axis] + lo, box.Lo[axis] + hi}
			parts[axis] = append(parts[axis], tile{
				owned: [2]span{owned}, ext: [2]span{extend(owned, frame[axis], overlap, border)},
			})
		}
	}
	tiles := make([]tile, 0, len(parts[0])*len(parts[1]))
	for _, r := range parts[0] {
		for _, c := range parts[1] {
			tiles = append(tiles, tile{owned: [2]span{r.owned[0], c.owned[0]}, ext: [2]span{r.ext[0], c.ext[0]}})
		}
	}
	return tiles
}

// extend grows a span by the overlap: up to the edge of the frame, or around a
// periodic one, but never over the same pixel twice.
func extend(s span, n, overlap int, border halo.Border) span {
	if border == halo.Periodic {
		room := n - s.len()
		lo := min(overlap, room/2)
		return span{s.lo - lo, s.hi + min(overlap, room-lo)}
	}
	return span{max(0, s.lo-overlap), min(n, s.hi+overlap)}
}

// class is what the local matrix knows of a tile: tiles of one class have the same
// matrix where the weights are the same.
type class struct{ rows, cols axisClass }

// axisClass is one axis of a class: the lengths, and how far the edges of the frame
// are, as far as the stencil of M reaches.
type axisClass struct {
	owned, before, after int // pixels owned, extended before and after them
	gapLo, gapHi         int // pixels to the frame's edges, at most reach
	period               int // the axis' length where the stencil reaches around it, else 0
}

// classify is the class of a tile of a frame of that shape, for an M whose stencil
// has the reach, in rows and columns.
func classify(t *tile, frame []int, reach [2]int, border halo.Border) class {
	return class{classifyAxis(t, 0, frame[0], reach[0], border), classifyAxis(t, 1, frame[1], reach[1], border)}
}

func classifyAxis(t *tile, axis, n, reach int, border halo.Border) axisClass {
	o, e := t.owned[axis], t.ext[axis]
	c := axisClass{owned: o.len(), before: o.lo - e.lo, after: e.hi - o.hi}
	if border == halo.Periodic {
		if e.len()+2*reach > n {
			c.period = n
		}
		return c
	}
	c.gapLo, c.gapHi = min(e.lo, reach), min(n-e.hi, reach)
	return c
}
