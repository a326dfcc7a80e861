package scdl

import (
	"fmt"
	"math"
)

// Predictor predicts the high samples, count x P, of low samples, count x M. The rounding
// of a prediction may depend on the other samples of the call.
type Predictor func(low []float64) ([]float64, error)

// predict predicts the rows lo <= i < hi of the high picture, of cols columns, from the low
// picture y: each low patch minus its mean gives a high patch, and overlapping high
// patches are averaged with weights that decrease from the centre of the patch. The
// predictor always gets one whole row of patches, so that a high row is the same to the
// last bit whatever lo and hi are. each is called before each row of patches.
func (g Grid) predict(y lines, cols, lo, hi int, predict Predictor, each func(done, of int) error) ([]float64, error) {
	side, n := g.High(), g.Patch
	out, sum := make([]float64, (hi-lo)*cols), make([]float64, (hi-lo)*cols)
	window := make([]float64, side)
	for k := range window {
		d := float64(2*k-side+1) / float64(side)
		window[k] = math.Exp(-4 * d * d)
	}
	// Patches may reach beyond the border, so that every pixel is near the centre of one.
	half := n / 2
	begin, end := firstPatch(lo, g.Scale, side, half), min(y.total-half, (hi-1)/g.Scale)
	if hi == lo {
		return out, nil
	}
	small := make([]float64, 0, (y.cols+1)*n*n)
	means := make([]float64, 0, y.cols+1)
	for top := begin; top <= end; top++ {
		if err := each(top-begin, end+1-begin); err != nil {
			return nil, err
		}
		small, means = small[:0], means[:0]
		for left := -half; left <= y.cols-half; left++ {
			at := len(small)
			mean := 0.0
			for a := range n {
				row := y.row(top + a)
				for b := range n {
					v := row[reflect(left+b, y.cols)]
					small = append(small, v)
					mean += v / float64(n*n)
				}
			}
			for q := at; q < len(small); q++ {
				small[q] -= mean
			}
			means = append(means, mean)
		}
		high, err := predict(small)
		if err == nil && len(high) != len(means)*side*side {
			err = fmt.Errorf("scdl: %d numbers predicted for %d patches of %d x %d", len(high), len(means), side, side)
		}
		if err != nil {
			return nil, err
		}
		first := g.Scale * top
		for p, mean := range means {
			begin := g.Scale * (p - half)
			patch := high[p*side*side : (p+1)*side*side]
			for a := max(0, lo-first); a < min(side, hi-first); a++ {
				to := (first + a - lo) * cols
				for b := max(0, -begin); b < min(side, cols-begin); b++ {
					w := window[a] * window[b]
					out[to+begin+b] += w * (patch[a*side+b] + mean)
					sum[to+begin+b] += w
				}
			}
		}
	}
	for i := range out {
		out[i] /= sum[i]
	}
	return out, nil
}

// firstPatch is the first low row of the first row of patches that reaches high row lo.
func firstPatch(lo, scale, side, half int) int {
	top := -half
	for scale*top+side <= lo {
		top++
	}
	return top
}
