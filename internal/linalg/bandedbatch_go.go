//go:build !native || !cgo

package linalg

import "math"

// Without vector instructions there is nothing to interleave for: a group is
// one system, and its dot products run along contiguous rows.

const maxBandedRHS = 1

func bandedLanes[T Float]() int { return 1 }

// bandRow returns A[i, lo..i] and lo.
func bandRow[T Float](bw int, a []T, i int) ([]T, int) {
	lo := max(0, i-bw)
	return a[(i+1)*bw+lo:][:i-lo+1], lo
}

// factorBanded factors one system in place. If pivot row is not a positive
// number it returns row, lane and value; otherwise row is -1.
func factorBanded[T Float](n, bw int, a []T) (row, lane int, pivot T) {
	for i := range n {
		ri, lo := bandRow(bw, a, i)
		for j := lo; j < i; j++ {
			rj, loj := bandRow(bw, a, j)
			v := ri[:j-lo]
			ri[j-lo] = (ri[j-lo] - dotOf(v, rj[lo-loj:])) * rj[j-loj]
		}
		d := ri[i-lo] - dotOf(ri[:i-lo], ri)
		if !(d > 0) || math.IsInf(float64(d), 1) {
			return i, 0, d
		}
		ri[i-lo] = 1 / T(math.Sqrt(float64(d)))
	}
	return -1, 0, 0
}

func solveBanded[T Float](n, bw, _ int, a, x []T) {
	for i := range n {
		r, lo := bandRow(bw, a, i)
		x[i] = (x[i] - dotOf(r[:i-lo], x[lo:])) * r[i-lo]
	}
	for i := n - 1; i >= 0; i-- {
		r, lo := bandRow(bw, a, i)
		v := x[i] * r[i-lo]
		x[i] = v
		to := x[lo:i]
		r = r[:len(to)]
		for k := range to {
			to[k] -= v * r[k]
		}
	}
}

// dotOf has four chains, for the length of an addition in the pipeline.
func dotOf[T Float](x, y []T) T {
	var a, b, c, d T
	y = y[:len(x)]
	for len(x) >= 4 && len(y) >= 4 {
		a += x[0] * y[0]
		b += x[1] * y[1]
		c += x[2] * y[2]
		d += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		a += v * y[i]
	}
	return (a + b) + (c + d)
}
