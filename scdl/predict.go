package scdl

import (
	"fmt"
	"math"
)

// Predictor brings low samples, count x M, to high resolution: count x P. A sample's
// prediction may depend on those it is asked for together with.
type Predictor func(low []float64) ([]float64, error)

// predict says what the rows lo <= i < hi of the high picture, of cols columns, are:
// every low patch without its mean is brought to high resolution, and overlapping
// patches are averaged with weights that fall off from their centre and add up to 1.
// Patches go to the predictor a row of them at a time, whoever asks, so that rows do not
// depend on what else is asked for, to the last bit. each is called before each row.
func (g Grid) predict(y lines, cols, lo, hi int, predict Predictor, each func(done, of int) error) ([]float64, error) {
	side, n := g.High(), g.Patch
	out, sum := make([]float64, (hi-lo)*cols), make([]float64, (hi-lo)*cols)
	window := make([]float64, side)
	for k := range window {
		d := float64(2*k-side+1) / float64(side)
		window[k] = math.Exp(-4 * d * d)
	}
	// Patches beyond the border too, so that every pixel is near the middle of some.
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

// firstPatch is the first low row of the first patches that reach high row lo.
func firstPatch(lo, scale, side, half int) int {
	top := -half
	for scale*top+side <= lo {
		top++
	}
	return top
}
