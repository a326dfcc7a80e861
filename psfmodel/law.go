package psfmodel

import (
	"fmt"
	"sort"
)

// Grid is bilinear interpolation between nodes, and constant beyond the outermost. Image i*len(Cols)+j is that
// of the node (Rows[i], Cols[j]).
type Grid struct {
	Rows, Cols []float64 // increasing positions of the nodes, in pixels
}

// Images is the number of nodes.
func (g *Grid) Images() int { return len(g.Rows) * len(g.Cols) }

// Factors are hat functions of the nodes.
func (g *Grid) Factors(axis int, at []float64) [][]float64 {
	nodes := [2][]float64{g.Rows, g.Cols}[axis]
	hats := make([][]float64, len(nodes))
	for k := range hats {
		hats[k] = make([]float64, len(at))
	}
	for i, p := range at {
		k := sort.SearchFloat64s(nodes, p) // the first node at p or after it
		switch {
		case k == 0:
			hats[0][i] = 1
		case k == len(nodes):
			hats[k-1][i] = 1
		default:
			f := (p - nodes[k-1]) / (nodes[k] - nodes[k-1])
			hats[k-1][i], hats[k][i] = 1-f, f
		}
	}
	out := make([][]float64, 0, g.Images())
	for i := range g.Rows {
		for j := range g.Cols {
			out = append(out, hats[[2]int{i, j}[axis]])
		}
	}
	return out
}

// Describe is the grid in words.
func (g *Grid) Describe() string {
	if g.Images() == 1 {
		return "the same everywhere"
	}
	return fmt.Sprintf("bilinear between %d x %d places, rows %.6g to %.6g and columns %.6g to %.6g",
		len(g.Rows), len(g.Cols), g.Rows[0], g.Rows[len(g.Rows)-1], g.Cols[0], g.Cols[len(g.Cols)-1])
}

// Polynomial has the weights x^a y^b of the scaled position
//
//	x = (col - Zero[1]) / Scale[1],   y = (row - Zero[0]) / Scale[0],
//
// for a + b <= Degree: 1, x, ..., x^d, y, x y, ..., the power of x running fastest.
type Polynomial struct {
	Degree      int
	Zero, Scale [2]float64 // of rows and of columns, in pixels
}

// Images is the number of coefficients, (d+1)(d+2)/2.
func (p *Polynomial) Images() int { return (p.Degree + 1) * (p.Degree + 2) / 2 }

// Factors are powers of the scaled positions.
func (p *Polynomial) Factors(axis int, at []float64) [][]float64 {
	powers := make([][]float64, p.Degree+1)
	for n := range powers {
		powers[n] = make([]float64, len(at))
		for i, v := range at {
			if powers[n][i] = 1; n > 0 {
				powers[n][i] = powers[n-1][i] * (v - p.Zero[axis]) / p.Scale[axis]
			}
		}
	}
	out := make([][]float64, 0, p.Images())
	for b := range p.Degree + 1 {
		for a := range p.Degree + 1 - b {
			out = append(out, powers[[2]int{b, a}[axis]])
		}
	}
	return out
}

// Describe is the polynomial in words.
func (p *Polynomial) Describe() string {
	if p.Degree == 0 {
		return "the same everywhere"
	}
	return fmt.Sprintf("a polynomial of degree %d of the position, about row %.6g and column %.6g", p.Degree, p.Zero[0], p.Zero[1])
}
