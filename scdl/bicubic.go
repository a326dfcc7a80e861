package scdl

import "tessera/internal/linalg"

// bicubicReach is how many low rows beyond its own a rank needs for its high rows.
const bicubicReach = 2

// bicubic interpolates a low picture to the rows lo <= i < hi of the high grid, of cols
// columns, by cubic convolution (Keys 1981, IEEE Trans. ASSP 29, 1153, a = -1/2), as
// Pillow does.
func (g Grid) bicubic(y lines, cols, lo, hi int) []float64 {
	// Weights of the four nearest low pixels for each phase of a high pixel, and the first of
	// these four, counted from the low pixel that covers the high one.
	weights, first := make([][4]float64, g.Scale), make([]int, g.Scale)
	for p := range weights {
		t := (float64(p)+0.5)/float64(g.Scale) - 0.5 // from the centre of that low pixel
		first[p] = -1
		if t < 0 {
			t, first[p] = t+1, -2
		}
		weights[p] = [4]float64{
			((-t+2)*t - 1) * t / 2, ((3*t-5)*t*t + 2) / 2, ((-3*t+4)*t + 1) * t / 2, (t - 1) * t * t / 2,
		}
	}
	x := make([]float64, (hi-lo)*cols)
	narrow := make([]float64, y.cols)
	for i := lo; i < hi; i++ {
		clear(narrow)
		for k, w := range weights[i%g.Scale] {
			linalg.Axpy(w, y.row(i/g.Scale+first[i%g.Scale]+k), narrow)
		}
		out := x[(i-lo)*cols : (i-lo+1)*cols]
		for b := range (cols + g.Scale - 1) / g.Scale {
			var five [2 + 1 + 2]float64
			if b >= 2 && b+3 <= y.cols {
				five = [5]float64(narrow[b-2:])
			} else {
				for k := range five {
					five[k] = narrow[reflect(b+k-2, y.cols)]
				}
			}
			for p, w := range weights[:min(g.Scale, cols-b*g.Scale)] {
				four := five[2+first[p]:]
				out[b*g.Scale+p] = w[0]*four[0] + w[1]*four[1] + w[2]*four[2] + w[3]*four[3]
			}
		}
	}
	return x
}
