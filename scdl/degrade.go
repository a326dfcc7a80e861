package scdl

import (
	"math"
	"slices"

	"tessera/internal/linalg"
)

// reach is how many high pixels beyond those that it covers a low pixel depends on: four
// standard deviations of the blur.
func (g Grid) reach() int { return int(math.Ceil(4 * g.Blur)) }

// lowSide is the number of low pixels along an axis of n high ones.
func (g Grid) lowSide(n int) int { return (n + g.Scale - 1) / g.Scale }

// Degrade is the low picture of a high picture: a Gaussian blur, sampled at the centres of
// the low pixels. Borders are mirrored.
func (g Grid) Degrade(x *Image) *Image {
	y := &Image{Rows: g.lowSide(x.Rows), Cols: g.lowSide(x.Cols)}
	y.Data = g.degrade(x.lines(), 0, y.Rows)
	return y
}

// taps are the weights of the high pixels from Scale i + first on in low pixel i, along one
// axis. Their sum is 1.
func (g Grid) taps() (first int, taps []float64) {
	if g.Blur == 0 {
		return 0, slices.Repeat([]float64{1 / float64(g.Scale)}, g.Scale)
	}
	centre := float64(g.Scale-1) / 2
	// At least the pixels beside the centre, of which an even scale has two.
	first = int(min(math.Ceil(centre-4*g.Blur), math.Floor(centre)))
	last := int(max(math.Floor(centre+4*g.Blur), math.Ceil(centre)))
	nearest := math.Ceil(centre) - centre
	sum := 0.0
	for k := first; k <= last; k++ {
		d := float64(k) - centre
		// By the weight of the nearest pixel, which is not 0 however narrow the Gaussian is.
		t := math.Exp((nearest*nearest - d*d) / (2 * g.Blur * g.Blur))
		taps = append(taps, t)
		sum += t
	}
	for k := range taps {
		taps[k] /= sum
	}
	return first, taps
}

// degrade is the rows lo <= i < hi of the low picture.
func (g Grid) degrade(x lines, lo, hi int) []float64 {
	first, taps := g.taps()
	cols := g.lowSide(x.cols)
	y := make([]float64, (hi-lo)*cols)
	line := make([]float64, x.cols)
	for i := lo; i < hi; i++ {
		clear(line)
		for k, t := range taps {
			linalg.Axpy(t, x.row(g.Scale*i+first+k), line)
		}
		out := y[(i-lo)*cols : (i-lo+1)*cols]
		for j := range out {
			at := g.Scale*j + first
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
