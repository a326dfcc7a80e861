package linalg

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/gonum"
)

// The sums below are formed in blocks: within a block in several short chains,
// and over the blocks with a running correction (Neumaier). The error of a dot
// product is then a few units in the last place of |x||y| at any length, and
// the order of the additions depends on the length alone.

// block is the number of elements summed without correction, and the stretch
// of w that MultiDot and MultiAxpy keep in cache: 16 KiB.
const block = 2048

// small is the length under which a call into C costs more than it saves.
const small = 64

// level1 is gonum's assembly for vectors that stay in cache.
var level1 gonum.Implementation

// neumaier is a sum with its running correction.
type neumaier struct{ sum, correction float64 }

func (s *neumaier) add(v float64) {
	t := s.sum + v
	if math.Abs(s.sum) >= math.Abs(v) {
		s.correction += (s.sum - t) + v
	} else {
		s.correction += (v - t) + s.sum
	}
	s.sum = t
}

// value drops the correction of a sum that is infinite or NaN, where it is NaN.
func (s *neumaier) value() float64 {
	if math.IsInf(s.sum, 0) {
		return s.sum
	}
	return s.sum + s.correction
}

// Dot returns x'y.
func Dot(x, y []float64) float64 {
	checkLength("Dot", len(x), len(y))
	if len(x) < small {
		return shortDot(x, y)
	}
	return dot(x, y)
}

// Norm2 returns the Euclidean norm of x, without overflow or underflow on the
// way.
func Norm2(x []float64) float64 {
	s := Dot(x, x)
	// Under the lower bound squares may have been lost to underflow.
	if s >= 1e-280 && s <= math.MaxFloat64 {
		return math.Sqrt(s)
	}
	return level1.Dnrm2(len(x), x, 1)
}

// MultiDot computes out[j] = V[j]'w for all j, reading w from memory once.
func MultiDot(out []float64, v [][]float64, w []float64) {
	checkLength("MultiDot out", len(out), len(v))
	for _, x := range v {
		checkLength("MultiDot", len(x), len(w))
	}
	multiDot(out, v, w)
}

// MultiAxpy computes w += sum_j coeffs[j] V[j], reading and writing w once.
func MultiAxpy(w, coeffs []float64, v [][]float64) {
	checkLength("MultiAxpy coeffs", len(coeffs), len(v))
	for _, x := range v {
		checkLength("MultiAxpy", len(x), len(w))
	}
	multiAxpy(w, coeffs, v)
}

// Axpy computes y += alpha x.
func Axpy(alpha float64, x, y []float64) {
	checkLength("Axpy", len(x), len(y))
	if len(x) > 0 {
		level1.Daxpy(len(x), alpha, x, 1, y, 1)
	}
}

// Scale computes x *= alpha.
func Scale(alpha float64, x []float64) {
	if len(x) > 0 {
		level1.Dscal(len(x), alpha, x, 1)
	}
}

// Xpby computes p = z + beta p, the new search direction of CG.
func Xpby(p, z []float64, beta float64) {
	checkLength("Xpby", len(p), len(z))
	if len(p) < small {
		for i := range p {
			p[i] = z[i] + beta*p[i]
		}
		return
	}
	xpby(p, z, beta)
}

// CGUpdate computes x += alpha p and r -= alpha q, and returns r'r.
func CGUpdate(x, r, p, q []float64, alpha float64) float64 {
	checkLength("CGUpdate r", len(r), len(x))
	checkLength("CGUpdate p", len(p), len(x))
	checkLength("CGUpdate q", len(q), len(x))
	if len(x) < small {
		for i := range x {
			x[i] += alpha * p[i]
			r[i] -= alpha * q[i]
		}
		return shortDot(r, r)
	}
	return cgUpdate(x, r, p, q, alpha)
}

// shortDot has at most 64 terms: plain summation is accurate enough.
func shortDot(x, y []float64) float64 {
	var s float64
	y = y[:len(x)]
	for i, v := range x {
		s += v * y[i]
	}
	return s
}

func checkLength(what string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("linalg: %s: length %d, want %d", what, got, want))
	}
}
