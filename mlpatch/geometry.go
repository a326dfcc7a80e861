package mlpatch

import (
	"fmt"
	"math"
)

// Kind names a geometry.
type Kind string

const (
	Square Kind = "square" // Side x Side points, one pixel apart
	Round  Kind = "round"  // Radii circles of Angles points, the first of radius 0
	Rings  Kind = "rings"  // a square, and Radii circles of Angles points around it, two pixels and more apart
)

// Geometry says where a patch is sampled: the offsets from its pixel, in pixels.
type Geometry struct {
	Kind   Kind    `json:"kind"`
	Side   int     `json:"side"`   // Square, Rings: points along an axis, odd
	Radii  int     `json:"radii"`  // Round, Rings: circles
	Angles int     `json:"angles"` // Round, Rings: points of a circle
	Radius float64 `json:"radius"` // Round, Rings: of the largest circle, pixels
	// The offsets, and a factor of all of them, are parameters. All pixels share them.
	Learned bool `json:"learned"`
}

// mostReach is the largest distance along an axis, in pixels, of what a patch reads.
const mostReach = 64

// Check says what is wrong with the geometry.
func (g *Geometry) Check() error {
	circles := func() error {
		switch {
		case g.Radii < 1 || g.Radii > 64 || g.Angles < 1 || g.Angles > 64:
			return fmt.Errorf("mlpatch: %d circles of %d points, want 1 to 64 of each", g.Radii, g.Angles)
		case !(g.Radius > 0) || g.Radius > mostReach-2:
			return fmt.Errorf("mlpatch: circles of radius up to %g pixels, want more than 0 and at most %d", g.Radius, mostReach-2)
		}
		return nil
	}
	square := func() error {
		if g.Side < 1 || g.Side%2 == 0 || g.Side > 63 {
			return fmt.Errorf("mlpatch: a square of %d x %d points, want an odd number from 1 to 63", g.Side, g.Side)
		}
		return nil
	}
	switch g.Kind {
	case Square:
		return square()
	case Round:
		return circles()
	case Rings:
		if err := square(); err != nil {
			return err
		}
		if err := circles(); err != nil {
			return err
		}
		if g.Radius <= float64(g.Side/2) {
			return fmt.Errorf("mlpatch: rings of radius up to %g pixels around a square that reaches %d pixels, want more", g.Radius, g.Side/2)
		}
		return nil
	}
	return fmt.Errorf("mlpatch: unknown geometry %q, want %q, %q or %q", g.Kind, Square, Round, Rings)
}

// Points is the number of points.
func (g *Geometry) Points() int {
	switch g.Kind {
	case Square:
		return g.Side * g.Side
	case Round:
		return g.Radii * g.Angles
	}
	return g.Side*g.Side + g.Radii*g.Angles
}

// Offsets are the offsets before training: (row, column) of each point, in pixels.
func (g *Geometry) Offsets() []float64 {
	var list []float64
	if g.Kind != Round {
		for i := range g.Side {
			for j := range g.Side {
				list = append(list, float64(i-g.Side/2), float64(j-g.Side/2))
			}
		}
	}
	if g.Kind == Square {
		return list
	}
	for k := range g.Radii {
		r := g.Radius * float64(k) / float64(max(1, g.Radii-1))
		if g.Kind == Rings {
			inner := float64(g.Side / 2)
			r = inner + (g.Radius-inner)*float64(k+1)/float64(g.Radii)
		}
		for a := range g.Angles {
			sin, cos := math.Sincos(2 * math.Pi * float64(a) / float64(g.Angles))
			list = append(list, snap(r*sin), snap(r*cos))
		}
	}
	return list
}

// snap takes rounding off whole numbers, at which a sample is one pixel.
func snap(v float64) float64 {
	if n := math.Round(v); math.Abs(v-n) < 1e-9 {
		return n
	}
	return v
}

// Room is how far along an axis a patch may ever read, in pixels: learned offsets are held
// within it.
func (g *Geometry) Room() int {
	most := 0.0
	for _, v := range g.Offsets() {
		most = max(most, math.Abs(v))
	}
	if g.Learned {
		return min(mostReach, int(math.Ceil(1.5*most))+4)
	}
	return reachOf(most)
}

// reachOf is how far the cubic interpolation at a distance reads.
func reachOf(distance float64) int {
	if distance == math.Trunc(distance) {
		return int(distance)
	}
	return int(distance) + 2
}

// turned are the offsets after one of the 8 symmetries of the square.
func turned(offsets []float64, symmetry int) []float64 {
	out := make([]float64, len(offsets))
	for i := 0; i < len(offsets); i += 2 {
		out[i], out[i+1] = Turn(offsets[i], offsets[i+1], symmetry)
	}
	return out
}

// Turn moves a point by a symmetry: bit 0 flips rows, bit 1 columns, bit 2 swaps the axes.
func Turn(r, c float64, symmetry int) (float64, float64) {
	if symmetry&1 != 0 {
		r = -r
	}
	if symmetry&2 != 0 {
		c = -c
	}
	if symmetry&4 != 0 {
		r, c = c, r
	}
	return r, c
}
