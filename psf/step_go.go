//go:build !native || !cgo

package psf

import "tessera/internal/linalg"

func primal[T linalg.Float](x, g, t, bar []T, tau, rho T, anySign bool) {
	primalPlain(x, g, t, bar, tau, rho, anySign)
}
func dual[T linalg.Float](u, d, w []T, sigma, rho T) { dualPlain(u, d, w, sigma, rho) }
func blend[T linalg.Float](dst, x, y []T, a, b T)    { blendPlain(dst, x, y, a, b) }
func weightedAbs[T linalg.Float](d, w []T) float64   { return weightedAbsPlain(d, w) }
