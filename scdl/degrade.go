package scdl

import (
	"math"

	"tessera/internal/linalg"
)

// reach is how many high pixels on each side of its centre a low pixel depends on: four
// standard deviations of the blur.
func (g Grid) reach() int { return int(math.Ceil(4 * g.Blur)) }

// lowSide is the number of low pixels along an axis of n high ones.
func (g Grid) lowSide(n int) int { return (n + g.Scale - 1) / g.Scale }

// Degrade is the low picture of a high picture: a Gaussian blur, then every Scale-th pixel
// of every Scale-th row. Borders are mirrored.
func (g Grid) Degrade(x *Image) *Image {
	y := &Image{Rows: g.lowSide(x.Rows), Cols: g.lowSide(x.Cols)}
	y.Data = g.degrade(x.lines(), 0, y.Rows)
	return y
}

// degrade is the rows lo <= i < hi of the low picture.
func (g Grid) degrade(x lines, lo, hi int) []float64 {
	r := g.reach()
	taps := make([]float64, 2*r+1)
	sum := 0.0
	for k := range taps {
		taps[k] = 1
		if g.Blur > 0 {
			d := float64(k-r) / g.Blur
			taps[k] = math.Exp(-d * d / 2)
		}
		sum += taps[k]
	}
	for k := range taps {
		taps[k] /= sum
	}
	cols := g.lowSide(x.cols)
	y := make([]float64, (hi-lo)*cols)
	line := make([]float64, x.cols)
	for i := lo; i < hi; i++ {
		clear(line)
		for k, t := range taps {
			linalg.Axpy(t, x.row(g.Scale*i+k-r), line)
		}
		out := y[(i-lo)*cols : (i-lo+1)*cols]
		for j := range out {
			at := g.Scale*j - r
			v := 0.0
			if at >= 0 && at+len(taps) <= len(line) {
				for k, s := range line[at : at+len(taps)] {
					v += taps[k] * s
				}
			} else {
				for k, t := range taps {
					v += t * line[reflect(at+k, x.cols)]
				}
			}
			out[j] = v
		}
	}
	return y
}
