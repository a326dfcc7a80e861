package tiles

import (
	"math"

	"tessera/halo"
)

// Span is a half-open range of rows or columns.
type Span struct{ Lo, Hi int }

func (s Span) Len() int { return s.Hi - s.Lo }

// Tile is one subdomain: the pixels it owns, and the pixels it solves for, which
// include the overlap. Across a periodic border Ext leaves the frame: index -1 is the
// last pixel of the axis.
type Tile struct {
	Owned, Ext [2]Span
}

// Area of the extended tile.
func (t *Tile) Area() int { return t.Ext[0].Len() * t.Ext[1].Len() }

// Cut covers a box with tiles of about side x side pixels, row by row, each
// extended by overlap within the frame. It depends on the geometry alone, so every
// rank can list every other's tiles.
func Cut(box halo.Box, frame []int, side, overlap int, border halo.Border) []Tile {
	var parts [2][]Tile // used as one-dimensional lists of (owned, ext)
	for axis := range parts {
		n := box.Hi[axis] - box.Lo[axis]
		count := max(1, int(math.Round(float64(n)/float64(side))))
		for i := range count {
			lo, hi := halo.Split(n, count, i)
			owned := Span{box.Lo[axis] + lo, box.Lo[axis] + hi}
			parts[axis] = append(parts[axis], Tile{
				Owned: [2]Span{owned}, Ext: [2]Span{extend(owned, frame[axis], overlap, border)},
			})
		}
	}
	tiles := make([]Tile, 0, len(parts[0])*len(parts[1]))
	for _, r := range parts[0] {
		for _, c := range parts[1] {
			tiles = append(tiles, Tile{Owned: [2]Span{r.Owned[0], c.Owned[0]}, Ext: [2]Span{r.Ext[0], c.Ext[0]}})
		}
	}
	return tiles
}

// extend grows a span by the overlap: up to the edge of the frame, or around a
// periodic one, but never over the same pixel twice.
func extend(s Span, n, overlap int, border halo.Border) Span {
	if border == halo.Periodic {
		room := n - s.Len()
		lo := min(overlap, room/2)
		return Span{s.Lo - lo, s.Hi + min(overlap, room-lo)}
	}
	return Span{max(0, s.Lo-overlap), min(n, s.Hi+overlap)}
}

// Class is what the local matrix of a tile depends on besides the weights: tiles of one
// class have the same matrix where the weights are the same.
type Class struct{ Rows, Cols axisClass }

// axisClass is one axis of a class: the lengths, and how far the edges of the frame
// are, as far as the stencil of M reaches.
type axisClass struct {
	Owned, Before, after int // pixels owned, extended before and after them
	gapLo, gapHi         int // pixels to the frame's edges, at most reach
	period               int // the axis' length where the stencil reaches around it, else 0
}

// Classify is the class of a tile of a frame of that shape, for an M whose stencil
// has the reach, in rows and columns.
func Classify(t *Tile, frame []int, reach [2]int, border halo.Border) Class {
	return Class{classifyAxis(t, 0, frame[0], reach[0], border), classifyAxis(t, 1, frame[1], reach[1], border)}
}

func classifyAxis(t *Tile, axis, n, reach int, border halo.Border) axisClass {
	o, e := t.Owned[axis], t.Ext[axis]
	c := axisClass{Owned: o.Len(), Before: o.Lo - e.Lo, after: e.Hi - o.Hi}
	if border == halo.Periodic {
		if e.Len()+2*reach > n {
			c.period = n
		}
		return c
	}
	c.gapLo, c.gapHi = min(e.Lo, reach), min(n-e.Hi, reach)
	return c
}
