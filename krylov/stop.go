package krylov

import "math"

// farAlong is an iteration after which spare is small: the contraction of a stationary
// iteration is measured, not found from Ritz values.
const farAlong = 1000

// spare multiplies an estimated error after some iterations, because theta, the smallest
// Ritz value, lies above the smallest eigenvalue, and far above it at first.
func spare(iterations int) float64 {
	k := float64(max(iterations, 1))
	return 2 + 48/(k*k)
}

// gauge turns norms into the relative error of the iterate.
type gauge struct {
	tolerance float64
	lambdaMin float64 // 0: unknown
	likely    float64 // without lambdaMin: about the smallest eigenvalue of the matrix; 0: unknown
	inverse   float64 // root mean square of the eigenvalues of about the inverse; 0: unknown
	bnorm     float64
}

// roundingUnit is the relative rounding error of the norm of a right-hand side that was
// transformed a few times.
const roundingUnit = 4e-16

// leastError is the least relative error that is claimed: x itself is rounded, and so are the
// norms that a bound is made of.
const leastError = 0x1p-49

// rounding is the relative error of x that rounding makes, about; 0 where it is not known.
func (g *gauge) rounding(xnorm float64) float64 {
	if g.inverse == 0 || xnorm == 0 {
		return 0
	}
	return roundingUnit * g.bnorm * g.inverse / xnorm
}

// bound is the relative error of x after some iterations, given ||x||, ||r||, ||P r|| and
// theta, the smallest Ritz value of the preconditioned matrix. With e the bound of the
// absolute error, ||x*|| >= ||x|| - e, so the relative error is at most e/(||x||-e).
func (g *gauge) bound(iterations int, xnorm, rnorm, znorm, theta float64) float64 {
	var e float64
	if g.lambdaMin > 0 {
		e = rnorm / g.lambdaMin
	} else {
		e = spare(iterations) * znorm / theta
		if g.likely > 0 {
			e = max(e, rnorm/g.likely)
		}
	}
	if !(e < xnorm) {
		return math.MaxFloat64
	}
	return max(e/(xnorm-e), g.rounding(xnorm), leastError)
}

// lost tells whether an error is what rounding makes of it, which no method betters.
func (g *gauge) lost(bound, xnorm float64) bool { return bound <= max(g.rounding(xnorm), leastError) }

// certifies tells whether a bound of the relative error is a guarantee: it follows from
// lambdaMin, and it says something.
func (g *gauge) certifies(bound float64) bool { return g.lambdaMin > 0 && bound < 1 }

// residualFor is the residual norm at which a certified solve may stop.
func (g *gauge) residualFor(xnorm float64) float64 {
	return g.tolerance * g.lambdaMin * xnorm / (1 + g.tolerance)
}

// smallestEigenvalue of the symmetric tridiagonal matrix with diagonal d and
// off-diagonal e (len(d)-1), by bisection on the Sturm count, to 1 %.
func smallestEigenvalue(d, e []float64) float64 {
	lo, hi := math.Inf(1), math.Inf(1)
	for i := range d {
		r := 0.0
		if i > 0 {
			r += math.Abs(e[i-1])
		}
		if i < len(e) {
			r += math.Abs(e[i])
		}
		lo = math.Min(lo, d[i]-r)
		hi = math.Min(hi, d[i]) // the smallest eigenvalue is at most the smallest diagonal element
	}
	for range 200 {
		if hi-lo <= 0.01*math.Abs(hi) {
			break
		}
		mid := (lo + hi) / 2
		if lo > 0 {
			mid = math.Sqrt(lo * hi)
		}
		if negativePivots(d, e, mid) > 0 {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// negativePivots counts the eigenvalues below s.
func negativePivots(d, e []float64, s float64) int {
	count, p := 0, 1.0
	for i := range d {
		off := 0.0
		if i > 0 {
			off = e[i-1] * e[i-1]
		}
		p = d[i] - s - off/p
		if p == 0 {
			p = -math.SmallestNonzeroFloat64
		}
		if p < 0 {
			count++
		}
	}
	return count
}

// smallestSingular is the smallest singular value of the upper triangular k x k
// matrix whose column j is r[j][:j+1], by inverse iteration on R'R, to a few per cent.
func smallestSingular(r [][]float64, k int) float64 {
	if k == 0 {
		return 1
	}
	v := make([]float64, k)
	for i := range v {
		v[i] = 1 / math.Sqrt(float64(k))
	}
	sigma := math.Inf(1)
	for range 8 {
		// u = R'^-1 v, then v = R^-1 u; ||v|| tends to 1/sigma^2.
		for j := range k {
			s := v[j]
			for i := range j {
				s -= r[j][i] * v[i]
			}
			v[j] = s / r[j][j]
		}
		for j := k - 1; j >= 0; j-- {
			v[j] /= r[j][j]
			for i := range j {
				v[i] -= r[j][i] * v[j]
			}
		}
		n := 0.0
		for _, t := range v {
			n += t * t
		}
		n = math.Sqrt(n)
		for i := range v {
			v[i] /= n
		}
		sigma = 1 / math.Sqrt(n)
	}
	return sigma
}
