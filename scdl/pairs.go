package scdl

import (
	"fmt"
	"math"
	"math/rand/v2"
)

const (
	flat  = 0.01 // a low patch is flat if no pixel differs from the mean by more
	draws = 1000 // of one patch, before it is an error that all are flat
)

// Pairs draws matched patches from high pictures, degrading these itself, and appends the
// patches lo <= k < hi to s, whose P and M it sets. Patch k depends only on the images,
// the seed and k. Where the low patch is flat, it is drawn again.
func (g Grid) Pairs(images []*Image, seed uint64, lo, hi int, s *Samples) error {
	side, n := g.High(), g.Patch
	s.P, s.M = side*side, n*n
	low := make([]*Image, len(images))
	for i, x := range images {
		if x.Rows < side || x.Cols < side {
			return fmt.Errorf("scdl: image %d of %d x %d pixels has no patches of %d x %d", i, x.Rows, x.Cols, side, side)
		}
		low[i] = g.Degrade(x)
	}
	high, small := make([]float64, side*side), make([]float64, n*n)
	for k := lo; k < hi; k++ {
		r := rand.New(rand.NewPCG(seed, uint64(k)|1<<41))
		found := false
		for range draws {
			which := r.IntN(len(images))
			x, y := images[which], low[which]
			// A low pixel such that the whole high patch is inside the picture.
			i, j := r.IntN((x.Rows-side)/g.Scale+1), r.IntN((x.Cols-side)/g.Scale+1)
			if mean, spread := patch(y, i, j, n, small); spread > flat {
				for a := range side {
					for b := range side {
						high[a*side+b] = x.Data[(g.Scale*i+a)*x.Cols+g.Scale*j+b] - mean
					}
				}
				found = true
				break
			}
		}
		if !found {
			return fmt.Errorf("scdl: patch %d: in %d draws no pixel differs from the mean of its patch by more than %g: the images are flat", k, draws, flat)
		}
		s.High, s.Low = append(s.High, high...), append(s.Low, small...)
	}
	return nil
}

// patch copies the n x n pixels from (i, j) on, minus their mean. It returns the mean and
// the largest absolute difference from it.
func patch(y *Image, i, j, n int, to []float64) (mean, spread float64) {
	for a := range n {
		for b := range n {
			v := y.Data[(i+a)*y.Cols+j+b]
			to[a*n+b] = v
			mean += v / float64(n*n)
		}
	}
	for q := range to {
		to[q] -= mean
		spread = max(spread, math.Abs(to[q]))
	}
	return mean, spread
}
