package scdl

import "tessera/internal/linalg"

// bicubicReach is how many low rows beyond its own a rank needs for its high rows.
const bicubicReach = 2

// bicubic interpolates a low picture to the rows lo <= i < hi of the high grid, of cols
// columns, by cubic convolution (Keys 1981, IEEE Trans. ASSP 29, 1153, a = -1/2).
func (g Grid) bicubic(y lines, cols, lo, hi int) []float64 {
	// Weights of the four nearest low pixels, for each phase of a high pixel.
	weights := make([][4]float64, g.Scale)
	for p := range weights {
		t := float64(p) / float64(g.Scale)
		weights[p] = [4]float64{
			((-t+2)*t - 1) * t / 2, ((3*t-5)*t*t + 2) / 2, ((-3*t+4)*t + 1) * t / 2, (t - 1) * t * t / 2,
		}
	}
	x := make([]float64, (hi-lo)*cols)
	narrow := make([]float64, y.cols)
	for i := lo; i < hi; i++ {
		clear(narrow)
		for k, w := range weights[i%g.Scale] {
			linalg.Axpy(w, y.row(i/g.Scale+k-1), narrow)
		}
		out := x[(i-lo)*cols : (i-lo+1)*cols]
		for b := range (cols + g.Scale - 1) / g.Scale {
			var four [4]float64
			if b >= 1 && b+3 <= y.cols {
				four = [4]float64(narrow[b-1:])
			} else {
				for k := range four {
					four[k] = narrow[reflect(b+k-1, y.cols)]
				}
			}
			for p, w := range weights[:min(g.Scale, cols-b*g.Scale)] {
				out[b*g.Scale+p] = w[0]*four[0] + w[1]*four[1] + w[2]*four[2] + w[3]*four[3]
			}
		}
	}
	return x
}
