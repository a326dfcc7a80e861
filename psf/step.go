package psf

import (
	"math"

	"tessera/internal/linalg"
)

// primalPlain is the step of the primal variable:
//
//	p = max(0, x - tau (g + t)),  bar = 2p - x,  x += rho (p - x)
//
// without the maximum if anySign.
func primalPlain[T linalg.Float](x, g, t, bar []T, tau, rho T, anySign bool) {
	for i, v := range x {
		p := v - tau*(g[i]+t[i])
		if !anySign {
			p = max(p, 0)
		}
		bar[i] = 2*p - v
		x[i] = v + rho*(p-v)
	}
}

// dualPlain is the step of the sparse form's dual variable:
//
//	v = u + sigma d,  q = v cut to [-w, w],  u += rho (q - u)
//
// w has one number for all of u, or one for each.
func dualPlain[T linalg.Float](u, d, w []T, sigma, rho T) {
	limit := w[0]
	for i, v := range u {
		if len(w) > 1 {
			limit = w[i]
		}
		q := max(-limit, min(limit, v+sigma*d[i]))
		u[i] = v + rho*(q-v)
	}
}

// blendPlain is dst = a x + b y; dst may be one of them.
func blendPlain[T linalg.Float](dst, x, y []T, a, b T) {
	for i, v := range x {
		dst[i] = a*v + b*y[i]
	}
}

// weightedAbsPlain is the sum of w |d| in float64, w as in dualPlain.
func weightedAbsPlain[T linalg.Float](d, w []T) float64 {
	sum := 0.0
	if len(w) == 1 {
		for _, v := range d {
			sum += math.Abs(float64(v))
		}
		return float64(w[0]) * sum
	}
	for i, v := range d {
		sum += float64(w[i]) * math.Abs(float64(v))
	}
	return sum
}
