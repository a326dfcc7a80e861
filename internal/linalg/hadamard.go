package linalg

// Hadamard replaces vectors of the same length by their Walsh-Hadamard transform, in place: one stays, two become
//
//	x_0 + x_1,  x_0 - x_1
//
// and four become
//
//	(x_0 + x_1) + (x_2 + x_3),  (x_0 - x_1) + (x_2 - x_3),  (x_0 + x_1) - (x_2 + x_3),  (x_0 - x_1) - (x_2 - x_3).
//
// With rectify negative numbers of the result are replaced by 0; NaN stays. It panics at another number of vectors.
func Hadamard(rectify bool, x ...[]float32) {
	for _, v := range x[1:] {
		checkLength("Hadamard", len(v), len(x[0]))
	}
	switch len(x) {
	case 1:
		if rectify {
			rectify32(x[0])
		}
	case 2:
		hadamard2(rectify, x[0], x[1])
	case 4:
		hadamard4(rectify, x[0], x[1], x[2], x[3])
	default:
		panic("linalg: Hadamard of a number of vectors that is not 1, 2 or 4")
	}
}

// AddRectified adds the product of a row with a matrix whose negative numbers count as 0:
//
//	y[j] += sum_i w[i] max(x[i, j], 0)        w: m    x: m x n, row-major    y: n
//
// The terms are added in the order of i, at every place j in the same way. NaN stays.
func AddRectified(y, w, x []float32) {
	checkLength("AddRectified", len(x), len(w)*len(y))
	if len(x) > 0 {
		addRectified(y, w, x)
	}
}

func hadamard2Plain(rectify bool, a, b []float32) {
	b = b[:len(a)]
	for i, v := range a {
		a[i], b[i] = v+b[i], v-b[i]
	}
	if rectify {
		rectifyPlain(a)
		rectifyPlain(b)
	}
}

func hadamard4Plain(rectify bool, a, b, c, d []float32) {
	b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
	for i, v := range a {
		s, t, p, q := v+b[i], v-b[i], c[i]+d[i], c[i]-d[i]
		a[i], b[i], c[i], d[i] = s+p, t+q, s-p, t-q
	}
	if rectify {
		for _, x := range [][]float32{a, b, c, d} {
			rectifyPlain(x)
		}
	}
}

func addRectifiedPlain(y, w, x []float32) {
	for i, f := range w {
		row := x[i*len(y):][:len(y)]
		for j, v := range row {
			y[j] += f * max(v, 0)
		}
	}
}
