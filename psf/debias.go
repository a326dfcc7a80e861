package psf

import (
	"math"

	"tessera/internal/fourier"
)

// Debias returns the function that removes the bias of the flux of this rank's stamp i. x, Side x
// Side pixels and none below 0, is the restored stamp and is changed in place.
//
// The bound x >= 0 makes pixels of the empty sky a little brighter on average, because what the
// noise takes from them cannot be less than 0. The penalty does the opposite to the object. Both
// end where the blurred stamp has the flux of the observed one,
//
//	sum_j W_j (Hx)_j = sum_j W_j y_j
//
// over the observed pixels. Of all stamps that are 0 or more and fulfil this, Debias takes the one
// nearest to x in the metric that the left side defines, as long as x has too much flux: a
// constant c is subtracted, and what would be less than 0 becomes 0,
//
//	x_j <- max(0, x_j - c)
//
// so that faint sky leaves the support first. If x has too little flux, it is multiplied by a
// factor, and the support stays as it is. A stamp whose observed flux is not more than 0 has no
// such x and stays as it is; so does x = 0. The flux is then as uncertain as that of the observed
// stamp, which has no bias.
//
// Cost of a stamp: two Fourier transforms, and a hundred sums over its pixels.
func (s *Stack) Debias(border Border) func(i int, x []float64) {
	n, m := s.Side*s.Side, s.PSFSide*s.PSFSide
	conv := fourier.NewSmallZeroConvolver[float64](s.Side, s.PSFSide)
	if border == Wrap {
		conv = fourier.NewSmallPeriodicConvolver[float64](s.Side)
	}
	weights, seen := make([]float64, n), make([]float64, n)
	return func(i int, x []float64) {
		largest := 0.0
		for j := range weights {
			if weights[j] = s.weight(i*n + j); math.IsNaN(s.Data[i*n+j]) {
				weights[j] = 0
			}
			largest = max(largest, weights[j])
		}
		if largest == 0 {
			return
		}
		want := 0.0
		for j, w := range weights {
			if weights[j] = w / largest; w > 0 {
				want += weights[j] * s.Data[i*n+j]
			}
		}
		k := s.psfOf(i)
		conv.ApplyTranspose(seen, weights, conv.Filter(s.PSFSide, s.PSFs[k*m:(k+1)*m], identity)) // H'W1
		match(x, seen, want)
	}
}

// match makes sum_j seen_j x_j the flux that is wanted, as Debias says.
func match(x, seen []float64, want float64) {
	flux := func(c float64) float64 {
		sum := 0.0
		for j, v := range x {
			sum += seen[j] * max(0, v-c)
		}
		return sum
	}
	has := flux(0)
	if !(want > 0) || !(has > 0) {
		return
	}
	if has <= want {
		for j := range x {
			x[j] *= want / has
		}
		return
	}
	top := 0.0
	for _, v := range x {
		top = max(top, v)
	}
	// A bisection until c has as many digits as x may have.
	lo, hi := 0.0, top
	for range 100 {
		c := lo + (hi-lo)/2
		if c == lo || c == hi || hi-lo <= 1e-15*top {
			break
		}
		if flux(c) > want {
			lo = c
		} else {
			hi = c
		}
	}
	for j, v := range x {
		x[j] = math.Max(0, v-lo)
	}
}
