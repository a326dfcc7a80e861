//go:build !native || !cgo

package stencil

// apply is the plain Go form; normal.c has the same steps and names.
func (n *NormalOperator) apply(dst []float64, x, w Plane) {
	k := n.Kernel
	r, c := k.RowRadius, k.ColRadius
	if r == 0 && c == 0 {
		n.applyPointwise(dst, x, w)
	} else {
		n.applyBlur(dst, x, w)
	}
	switch n.Q {
	case Identity0:
		for i := range n.Rows {
			row, in := dst[i*n.Cols:(i+1)*n.Cols], x.Data[x.Origin+i*x.Stride:]
			in = in[:len(row)]
			for j := range row {
				row[j] += n.Lambda * in[j]
			}
		}
	case Gradient:
		for i := range n.Rows {
			n.addCross(dst[i*n.Cols:(i+1)*n.Cols], x.Data, x.Origin+i*x.Stride, x.Stride)
		}
	case Laplacian:
		n.addBiharmonic(dst, x)
	}
}

// applyPointwise is H = h I.
func (n *NormalOperator) applyPointwise(dst []float64, x, w Plane) {
	hh := n.Kernel.Dense[0] * n.Kernel.Dense[0]
	for i := range n.Rows {
		row, in := dst[i*n.Cols:(i+1)*n.Cols], x.Data[x.Origin+i*x.Stride:]
		in = in[:len(row)]
		if w.Data == nil {
			for j := range row {
				row[j] = hh * in[j]
			}
			continue
		}
		weight := w.Data[w.Origin+i*w.Stride:]
		weight = weight[:len(row)]
		for j := range row {
			row[j] = hh * weight[j] * in[j]
		}
	}
}

// applyBlur runs rows of t = w .* (H x) through a ring of 2r+1 row buffers.
func (n *NormalOperator) applyBlur(dst []float64, x, w Plane) {
	k, flip := n.Kernel, n.Kernel.Flipped()
	r, c := k.RowRadius, k.ColRadius
	wide := n.Cols + 2*c // of a row of t
	ring := n.work[:(2*r+1)*wide]
	row := n.work[(2*r+1)*wide:][:n.Cols+4*c]
	separable := k.Rows != nil
	off, coef := k.taps(x.Stride)
	across, along := offsets(-r, r, -x.Stride), offsets(-c, c, -1)
	back := make([]int, 0, len(k.Dense))
	for j := -r; j < n.Rows+r; j++ {
		t := ring[(j+r)%(2*r+1)*wide:][:wide]
		if separable {
			taps(row, x.Data, x.Origin+j*x.Stride-2*c, across, k.Rows)
			taps(t, row, c, along, k.Cols)
		} else {
			taps(t, x.Data, x.Origin+j*x.Stride-c, off, coef)
		}
		if w.Data != nil {
			weight := w.Data[w.Origin+j*w.Stride-c:][:wide]
			for i := range t {
				t[i] *= weight[i]
			}
		}
		if separable {
			copy(row[:wide], t)
			taps(t[:n.Cols], row, c, along, flip.Cols)
		}
		i := j - r
		if i < 0 {
			continue
		}
		out := dst[i*n.Cols : (i+1)*n.Cols]
		back = back[:0]
		// H't(i) = sum_a h(a) t(i+a): row i+a lies in slot (i+a+r) mod (2r+1).
		for a := -r; a <= r; a++ {
			slot := (i + a + r) % (2*r + 1) * wide
			if separable {
				back = append(back, slot)
				continue
			}
			for b := -c; b <= c; b++ {
				if k.Dense[(a+r)*(2*c+1)+b+c] != 0 {
					back = append(back, slot+b)
				}
			}
		}
		if separable {
			taps(out, ring, 0, back, k.Rows)
		} else {
			taps(out, ring, c, back, coef)
		}
	}
}

// offsets lists lo..hi times step.
func offsets(lo, hi, step int) []int {
	o := make([]int, 0, hi-lo+1)
	for i := lo; i <= hi; i++ {
		o = append(o, i*step)
	}
	return o
}

// addCross adds lambda times the 5-point stencil 4, -1 to a row.
func (n *NormalOperator) addCross(out, x []float64, origin, stride int) {
	m := len(out)
	at := func(p int) []float64 { return x[p : p+m] }
	mid, up, down, left, right := at(origin), at(origin-stride), at(origin+stride), at(origin-1), at(origin+1)
	for j := range out {
		out[j] += n.Lambda * (4*mid[j] - up[j] - down[j] - left[j] - right[j])
	}
}

// addBiharmonic adds lambda times the 5-point stencil applied twice, the inner
// result zero outside the domain.
func (n *NormalOperator) addBiharmonic(dst []float64, x Plane) {
	wide := n.Cols + 2
	ring := n.work[:3*wide]
	inner := NormalOperator{Lambda: 1}
	for i := -1; i <= n.Rows; i++ {
		row := ring[(i+1)%3*wide:][:wide]
		clear(row)
		if i >= n.Domain[0] && i < n.Domain[1] {
			inner.addCross(row, x.Data, x.Origin+i*x.Stride-1, x.Stride)
			if n.Domain[2] > -1 {
				row[0] = 0
			}
			if n.Domain[3] <= n.Cols {
				row[wide-1] = 0
			}
		}
		if i < 1 {
			continue
		}
		o := i - 1
		out := dst[o*n.Cols : (o+1)*n.Cols]
		up, mid, down := ring[o%3*wide:][:wide], ring[(o+1)%3*wide:][:wide], ring[(o+2)%3*wide:][:wide]
		for j := range out {
			out[j] += n.Lambda * (4*mid[j+1] - up[j+1] - down[j+1] - mid[j] - mid[j+2])
		}
	}
}

func convolve(dst []float64, rows, cols int, x Plane, off []int, coef []float64) {
	for i := range rows {
		taps(dst[i*cols:(i+1)*cols], x.Data, x.Origin+i*x.Stride, off, coef)
	}
}

// taps sets out[c] = sum_t coef[t] x[origin+off[t]+c], four taps a pass.
func taps(out, x []float64, origin int, off []int, coef []float64) {
	n := len(out)
	if len(off) == 0 {
		clear(out)
		return
	}
	row := func(t int) []float64 { p := origin + off[t]; return x[p : p+n] }
	t := len(off) % 4
	switch t {
	case 0:
		t = 4
		a, b, c, d := row(0), row(1), row(2), row(3)
		u, v, y, z := coef[0], coef[1], coef[2], coef[3]
		for i := range out {
			out[i] = u*a[i] + v*b[i] + y*c[i] + z*d[i]
		}
	case 1:
		a, u := row(0), coef[0]
		for i := range out {
			out[i] = u * a[i]
		}
	case 2:
		a, b, u, v := row(0), row(1), coef[0], coef[1]
		for i := range out {
			out[i] = u*a[i] + v*b[i]
		}
	case 3:
		a, b, c := row(0), row(1), row(2)
		u, v, y := coef[0], coef[1], coef[2]
		for i := range out {
			out[i] = u*a[i] + v*b[i] + y*c[i]
		}
	}
	for ; t < len(off); t += 4 {
		a, b, c, d := row(t), row(t+1), row(t+2), row(t+3)
		u, v, y, z := coef[t], coef[t+1], coef[t+2], coef[t+3]
		for i := range out {
			out[i] += u*a[i] + v*b[i] + y*c[i] + z*d[i]
		}
	}
}
