package tppa

// residual sets out = phi(u) - u, the spline with coefficients c, and, if slope is not nil, slope
// to its derivative. Outside the grid the spline is constant.
func residual(out, slope, u, c []float64, g Grid) {
	inverse := 1 / g.step()
	last := float64(g.Knots - 1)
	var padded [1024]float64
	knots := padded[:]
	if len(c)+4 > len(knots) {
		knots = make([]float64, len(c)+4)
	}
	copy(knots[1:], c) // knots[m+1] = c[m], zero beyond the ends
	out = out[:len(u)]
	for i, v := range u {
		t := (v - g.Low) * inverse
		inside := inverse
		if t <= 0 {
			t, inside = 0, 0
		} else if t >= last {
			t, inside = last, 0
		}
		m := int(t)
		f := t - float64(m)
		h := 1 - f
		a := knots[m : m+4 : m+4]
		ff, hh := f*f, h*h
		out[i] = (hh*h*a[0] + (4-6*ff+3*ff*f)*a[1] + (4-6*hh+3*hh*h)*a[2] + ff*f*a[3]) / 6
		if slope != nil {
			slope[i] = inside * 0.5 * (-hh*a[0] + (3*ff-4*f)*a[1] + (4*h-3*hh)*a[2] + ff*a[3])
		}
	}
}

// scatter adds to g the derivative of sum_i v_i (phi(u_i) - u_i) by the coefficients.
func scatter(g, v, u []float64, grid Grid) {
	inverse := 1 / grid.step()
	last := float64(grid.Knots - 1)
	sums := make([]float64, len(g)+4)
	for i, x := range u {
		t := min(max((x-grid.Low)*inverse, 0), last)
		m := int(t)
		f := t - float64(m)
		h := 1 - f
		a := sums[m : m+4 : m+4]
		ff, hh, w := f*f, h*h, v[i]/6
		a[0] += w * hh * h
		a[1] += w * (4 - 6*ff + 3*ff*f)
		a[2] += w * (4 - 6*hh + 3*hh*h)
		a[3] += w * ff * f
	}
	for m := range g {
		g[m] += sums[m+1]
	}
}
