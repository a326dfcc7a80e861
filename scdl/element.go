package scdl

import "tessera/internal/linalg"

// pullPlain sets r = y + sign y3 + c p + c3 w, the right side of a code's equation
// without the samples.
func pullPlain[T linalg.Float](r, y, y3, p, w []T, sign, c, c3 T) {
	for i := range r {
		r[i] = y[i] + sign*y3[i] + c*p[i] + c3*w[i]
	}
}

// updatePlain thresholds the codes and moves the multipliers; k = 1/c1, 1/c2, the two
// thresholds and the three dual steps. It returns how many numbers of p and q are
// not 0.
func updatePlain[T linalg.Float](p, q, y1, y2, y3, wh, wl []T, k [7]T) (high, low float64) {
	nh, nl := 0, 0
	for i, h := range wh {
		l := wl[i]
		a, b := soft(h-y1[i]*k[0], k[2]), soft(l-y2[i]*k[1], k[3])
		if a != 0 {
			nh++
		}
		if b != 0 {
			nl++
		}
		p[i], q[i] = a, b
		y1[i] += k[4] * (a - h)
		y2[i] += k[5] * (b - l)
		y3[i] += k[6] * (h - l)
	}
	return float64(nh), float64(nl)
}

func soft[T linalg.Float](x, by T) T {
	switch {
	case x > by:
		return x - by
	case x < -by:
		return x + by
	}
	return 0
}

// squaresPlain adds the squared length of each row of codes to rows.
func squaresPlain[T linalg.Float](rows []float64, codes []T, columns int) {
	for a := range rows {
		sum := 0.0
		for _, x := range codes[a*columns : (a+1)*columns] {
			sum += float64(x) * float64(x)
		}
		rows[a] += sum
	}
}
