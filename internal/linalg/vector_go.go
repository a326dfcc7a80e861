//go:build !native || !cgo

package linalg

// chunk is the length handed to gonum's dot product, whose chains are then
// short enough that the corrected sum over the chunks decides the error.
const chunk = 256

func dot(x, y []float64) float64 {
	var s neumaier
	for lo := 0; lo < len(x); lo += chunk {
		n := min(chunk, len(x)-lo)
		s.add(level1.Ddot(n, x[lo:], 1, y[lo:], 1))
	}
	return s.value()
}

func multiDot(out []float64, v [][]float64, w []float64) {
	sums := make([]neumaier, len(v))
	for lo := 0; lo < len(w); lo += block {
		hi := min(lo+block, len(w))
		for j, x := range v {
			for at := lo; at < hi; at += chunk {
				sums[j].add(level1.Ddot(min(chunk, hi-at), x[at:], 1, w[at:], 1))
			}
		}
	}
	for j := range sums {
		out[j] = sums[j].value()
	}
}

func multiAxpy(w, coeffs []float64, v [][]float64) {
	for lo := 0; lo < len(w); lo += block {
		hi := min(lo+block, len(w))
		for j, x := range v {
			level1.Daxpy(hi-lo, coeffs[j], x[lo:], 1, w[lo:], 1)
		}
	}
}

func xpby(p, z []float64, beta float64) {
	z = z[:len(p)]
	for i, v := range z {
		p[i] = v + beta*p[i]
	}
}

func cgUpdate(x, r, p, q []float64, alpha float64) float64 {
	var s neumaier
	for lo := 0; lo < len(x); lo += chunk {
		n := min(chunk, len(x)-lo)
		level1.Daxpy(n, alpha, p[lo:], 1, x[lo:], 1)
		level1.Daxpy(n, -alpha, q[lo:], 1, r[lo:], 1)
		s.add(level1.Ddot(n, r[lo:], 1, r[lo:], 1))
	}
	return s.value()
}
