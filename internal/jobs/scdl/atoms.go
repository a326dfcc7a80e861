package scdl

import (
	"fmt"
	"math"

	"tessera/internal/imageio"
	"tessera/internal/report"
	"tessera/scdl"
)

// atomsShown is how many rows and columns of atoms are drawn at most.
const atomsShown = 16

// writeAtoms draws the first atoms: patches, or spectra as curves.
func (r *trainRun) writeAtoms(path string) error {
	if r.c.Patches.Images != "" {
		return writePatches(path, r.Figures(), &r.result.Pair, r.c.Patches.grid())
	}
	return writeCurves(path, r.Figures(), &r.result.Pair)
}

// writeCurves draws the first atoms as curves one above the other: the high half of each
// as a line, the low half as points, spread over the same axis.
func writeCurves(path string, formats []string, p *scdl.Pair) error {
	const shown = 6 // colours
	plot := report.Plot{Title: "The first atoms: high half (line) and low half (points)", X: "index in a high sample", Y: "atom, each shifted by 0.5"}
	n := min(shown, p.Atoms)
	for low := range 2 {
		rows, dictionary := p.P, p.High
		if low == 1 {
			rows, dictionary = p.M, p.Low
		}
		for a := range n {
			s := report.Series{Points: low == 1, Dashed: low == 1}
			for j, v := range dictionary[a*rows : (a+1)*rows] {
				s.X = append(s.X, float64(j*(p.P-1))/float64(max(1, rows-1)))
				s.Y = append(s.Y, v+0.5*float64(n-1-a))
			}
			plot.Series = append(plot.Series, s)
		}
		for range shown - n { // the same colours again
			plot.Series = append(plot.Series, report.Series{})
		}
	}
	return plot.Write(path, formats...)
}

// writePatches draws the first atoms as patches, the high halves on the left and the low
// halves, enlarged, on the right. Each is divided by its largest absolute value.
func writePatches(path string, formats []string, p *scdl.Pair, g scdl.Grid) error {
	n := min(atomsShown, int(math.Ceil(math.Sqrt(float64(p.Atoms)))))
	cell := g.High() // side of a high half, and of an enlarged low one
	atoms := make([]int, n*cell*n*cell)
	for i := range atoms {
		atoms[i] = i/(n*cell)/cell*n + i%(n*cell)/cell
	}
	sheet := func(side, enlarge int, dictionary []float64) *imageio.Frame {
		f := &imageio.Frame{Channels: 1, Rows: n * cell, Cols: n * cell, Data: make([]float64, n*cell*n*cell)}
		for i := range f.Data {
			f.Data[i] = math.NaN()
		}
		for a := range min(p.Atoms, n*n) {
			atom := dictionary[a*side*side : (a+1)*side*side]
			top := 1e-300
			for _, v := range atom {
				top = max(top, math.Abs(v))
			}
			for i := range side * enlarge {
				for j := range side * enlarge {
					f.Data[(a/n*cell+i)*f.Cols+a%n*cell+j] = atom[i/enlarge*side+j/enlarge] / top
				}
			}
		}
		return f
	}
	shown := min(p.Atoms, n*n)
	panel := report.Panel{
		Title: fmt.Sprintf("%d of %d coupled atoms", shown, p.Atoms),
		Notes: []string{fmt.Sprintf("High halves of %d x %d pixels, low halves of %d x %d pixels, each divided by its largest absolute value.", g.High(), g.High(), g.Patch, g.Patch)},
		X:     report.Pixels("atom in a row", 0, n), Y: report.Pixels("row of atoms", 0, n), Lines: "border between atoms",
		Images: []report.Image{
			{Title: "high resolution", Frame: sheet(g.High(), 1, p.High), Regions: atoms},
			{Title: "low resolution", Frame: sheet(g.Patch, g.Scale, p.Low), Regions: atoms},
		},
		Scales: []report.Scale{{Label: "atom / its largest absolute value", Stretch: imageio.Symmetric(1)}},
	}
	return panel.Write(path, formats...)
}
