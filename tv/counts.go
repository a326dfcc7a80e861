package tv

import (
	"math"

	"tessera/forward"
)

// Data of counts: a value y stands for gain y events, whose number has the distribution of Poisson.
// Solve knows Gaussian noise alone. There are two ways to it.
//
// CountWeights gives every value the inverse of its variance, estimated from itself; with these
// weights the noise of a pixel of weight 1 is 1. Anscombe's transform, without an operator, makes
// the noise 1 everywhere, and InverseAnscombe brings the result back.

// CountWeights are gain^2 / (max(gain y, 0) + 1) for the values of positive weight, 0 for the others;
// one weight for each value. The 1 keeps values near 0 from getting all the weight.
func CountWeights(y []float64, w forward.Weights, gain float64) forward.Weights {
	c := make(forward.Weights, len(y))
	for i, v := range y {
		if w.At(i) > 0 && !math.IsNaN(v) {
			c[i] = gain * gain / (max(gain*v, 0) + 1)
		}
	}
	return c
}

// Anscombe is z = 2 sqrt(gain y + 3/8), whose noise has a standard deviation of about 1 from four events
// on. Values below 0 count as 0.
//
// Source: Anscombe, Biometrika 35 (1948) 246.
func Anscombe(y, gain float64) float64 { return 2 * math.Sqrt(max(gain*y, 0)+0.375) }

// InverseAnscombe is the y of which z is the mean of the transform, in closed form: the algebraic
// inverse would be too small where there are few events.
//
// Source: Makitalo and Foi, IEEE Trans. Image Process. 20 (2011) 2697.
func InverseAnscombe(z, gain float64) float64 {
	least := 2 * math.Sqrt(0.375)
	if z < least {
		z = least
	}
	root := math.Sqrt(1.5)
	mean := z*z/4 + root/(4*z) - 11/(8*z*z) + 5*root/(8*z*z*z) - 0.125
	return max(mean, 0) / gain
}
