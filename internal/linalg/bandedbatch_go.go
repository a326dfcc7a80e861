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
			ri[j-lo] = (ri[j-lo] - bandDot(v, rj[lo-loj:])) * rj[j-loj]
		}
		d := ri[i-lo] - bandDot(ri[:i-lo], ri)
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
		x[i] = (x[i] - bandDot(r[:i-lo], x[lo:])) * r[i-lo]
	}
	for i := n - 1; i >= 0; i-- {
		r, lo := bandRow(bw, a, i)
		v := x[i] * r[i-lo]
		x[i] = v
		bandAxpy(-v, r, x[lo:i])
	}
}

// assembly is the length from which gonum's assembly beats a loop in Go.
const assembly = 32

// bandDot returns x'y over the length of x.
func bandDot[T Float](x, y []T) T {
	y = y[:len(x)]
	if len(x) >= assembly {
		return DotOf(x, y)
	}
	// Two chains, for the length of an addition in the pipeline.
	var even, odd T
	i := 0
	for ; i+1 < len(x); i += 2 {
		even += x[i] * y[i]
		odd += x[i+1] * y[i+1]
	}
	if i < len(x) {
		even += x[i] * y[i]
	}
	return even + odd
}

// bandAxpy computes y += alpha x over the length of y.
func bandAxpy[T Float](alpha T, x, y []T) {
	x = x[:len(y)]
	if len(y) >= assembly {
		AxpyOf(alpha, x, y)
		return
	}
	for i, v := range x {
		y[i] += alpha * v
	}
}
