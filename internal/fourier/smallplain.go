package fourier

import "tessera/internal/linalg"

// view is the parts of a SmallConvolver's tables and work arrays by name: the plain
// version of the transforms, which makes the filters and is what runs without
// native kernels.
type view[T linalg.Float] struct {
	dims
	ctf, stf, cf, sf, ct, st, c, s []T
	img, even, odd, p, z           []T
}

func viewOf[T linalg.Float](d dims, tables, work []T) *view[T] {
	v := &view[T]{dims: d}
	take := func(from *[]T, n int) []T {
		part := (*from)[:n:n]
		*from = (*from)[n:]
		return part
	}
	j1, rows := d.m+1, 2*d.m+1
	v.ctf, v.stf = take(&tables, j1*d.kp), take(&tables, j1*d.kp)
	v.cf, v.sf = take(&tables, d.k*j1), take(&tables, d.k*j1)
	v.ct, v.st = take(&tables, d.k*j1), take(&tables, d.k*j1)
	v.c, v.s = take(&tables, d.k*d.jp), take(&tables, d.k*d.jp)
	v.img = take(&work, rows*2*d.jp)
	v.even, v.odd = take(&work, rows*d.jp), take(&work, rows*d.jp)
	v.p, v.z = take(&work, rows*2*d.kp), take(&work, 2*d.k*2*d.kp)
	return v
}

// row i of the image, side numbers.
func (v *view[T]) row(i int) []T { return v.img[i*2*v.jp+v.jp-v.m:][:v.side:v.side] }

func (v *view[T]) load(src []T) {
	for i := range v.side {
		copy(v.row(i), src[i*v.side:])
	}
	v.clearLast()
}

// clearLast zeroes row and column m of an image of even side, which has none.
func (v *view[T]) clearLast() {
	if v.side%2 == 1 {
		return
	}
	for i := range 2*v.m + 1 {
		v.img[i*2*v.jp+v.jp+v.m] = 0
	}
	clear(v.img[2*v.m*2*v.jp:])
}

// forward transforms img into z.
func (v *view[T]) forward() {
	j1, m := v.m+1, v.m
	for a := range j1 {
		up, down := v.img[(m+a)*2*v.jp:], v.img[(m-a)*2*v.jp:]
		for b := range j1 {
			pp, pm, mp, mm := up[v.jp+b], up[v.jp-b], down[v.jp+b], down[v.jp-b]
			v.even[a*v.jp+b] = pp + pm + mp + mm
			v.odd[a*v.jp+b] = pp - pm + mp - mm
			if a > 0 {
				v.even[(m+a)*v.jp+b] = pp + pm - mp - mm
				v.odd[(m+a)*v.jp+b] = pp - pm - mp + mm
			}
		}
	}
	kp := v.kp
	linalg.Gemm(false, false, 2*m+1, kp, j1, 1, v.even, v.jp, v.ctf, kp, 0, v.p, 2*kp)
	linalg.Gemm(false, false, 2*m+1, kp, j1, 1, v.odd, v.jp, v.stf, kp, 0, v.p[kp:], 2*kp)
	linalg.Gemm(false, false, v.k, 2*kp, j1, 1, v.cf, j1, v.p, 2*kp, 0, v.z, 2*kp)
	clear(v.z[v.k*2*kp:])
	if m > 0 {
		linalg.Gemm(false, false, v.k, 2*kp, m, 1, v.sf[1:], j1, v.p[j1*2*kp:], 2*kp, 0, v.z[v.k*2*kp:], 2*kp)
	}
}

// inverse transforms z into img.
func (v *view[T]) inverse() {
	j1, m, kp := v.m+1, v.m, v.kp
	linalg.Gemm(false, false, j1, 2*kp, v.k, 1, v.ct, v.k, v.z, 2*kp, 0, v.p, 2*kp)
	if m > 0 {
		linalg.Gemm(false, false, m, 2*kp, v.k, 1, v.st[v.k:], v.k, v.z[v.k*2*kp:], 2*kp, 0, v.p[j1*2*kp:], 2*kp)
	}
	linalg.Gemm(false, false, 2*m+1, v.jp, v.k, 1, v.p, 2*kp, v.c, v.jp, 0, v.even, v.jp)
	linalg.Gemm(false, false, 2*m+1, v.jp, v.k, 1, v.p[kp:], 2*kp, v.s, v.jp, 0, v.odd, v.jp)
	for a := range j1 {
		up, down := v.img[(m+a)*2*v.jp:], v.img[(m-a)*2*v.jp:]
		for b := range j1 {
			ee, eo := v.even[a*v.jp+b], v.odd[a*v.jp+b]
			var oe, oo T
			if a > 0 {
				oe, oo = v.even[(m+a)*v.jp+b], v.odd[(m+a)*v.jp+b]
			}
			up[v.jp+b], up[v.jp-b] = ee+eo+oe+oo, ee-eo+oe-oo
			down[v.jp+b], down[v.jp-b] = ee+eo-oe-oo, ee-eo-oe+oo
		}
	}
}

// multiply applies the filter, or its transpose, to z.
func (v *view[T]) multiply(filter Filter[T], transpose bool) {
	plane := v.k * v.kp
	sign := T(1)
	if transpose {
		sign = -1
	}
	for f := range v.k {
		cos, sin := v.z[f*2*v.kp:][:2*v.kp], v.z[(v.k+f)*2*v.kp:][:2*v.kp]
		for g := range v.k {
			at := f*v.kp + g
			cc, cs, sc, ss := cos[g], cos[v.kp+g], sin[g], sin[v.kp+g]
			pr, pi, mr, mi := cc-ss, -cs-sc, cc+ss, cs-sc
			hr, hi := filter[at], sign*filter[plane+at]
			gr, gi := filter[2*plane+at], sign*filter[3*plane+at]
			pr, pi = pr*hr-pi*hi, pr*hi+pi*hr
			mr, mi = mr*gr-mi*gi, mr*gi+mi*gr
			cos[g], cos[v.kp+g], sin[g], sin[v.kp+g] = pr+mr, mi-pi, -pi-mi, mr-pr
		}
	}
}

func applyPlain[T linalg.Float](d dims, tables, work []T, filter Filter[T], transpose bool, dst, src []T) {
	v := viewOf(d, tables, work)
	v.load(src)
	v.forward()
	v.multiply(filter, transpose)
	v.inverse()
	for i := range v.side {
		copy(dst[i*v.side:(i+1)*v.side], v.row(i))
	}
}

// residual transforms x, applies the filter and leaves W (H x - y) in img; it
// returns |W^(1/2) (H x - y)|^2 / 2.
func (v *view[T]) residual(filter Filter[T], x, y, w []T) float64 {
	v.load(x)
	v.forward()
	v.multiply(filter, false)
	v.inverse()
	sum := 0.0
	for i := range v.side {
		row, at := v.row(i), i*v.side
		for j := range row {
			r := row[j] - y[at+j]
			row[j] = r
			if w != nil {
				row[j] *= w[at+j]
			}
			sum += float64(r) * float64(row[j])
		}
	}
	v.clearLast()
	return sum / 2
}

func gradientPlain[T linalg.Float](d dims, tables, work []T, filter Filter[T], dst, x, y, w []T) {
	v := viewOf(d, tables, work)
	v.residual(filter, x, y, w)
	v.forward()
	v.multiply(filter, true)
	v.inverse()
	for i := range v.side {
		copy(dst[i*v.side:(i+1)*v.side], v.row(i))
	}
}

func misfitPlain[T linalg.Float](d dims, tables, work []T, filter Filter[T], x, y, w []T) float64 {
	return viewOf(d, tables, work).residual(filter, x, y, w)
}
