package image

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
)

// The naive oracle: H, Q and M of a whole frame, row by row, from their definitions.

// naiveSource walks from outside of an axis back into it, -1 if there is no way.
func naiveSource(i, n int, border halo.Border) int {
	for i < 0 || i >= n {
		switch {
		case border == halo.Zero:
			return -1
		case border == halo.Periodic && i < 0:
			i += n
		case border == halo.Periodic:
			i -= n
		case i < 0:
			i = -1 - i
		default:
			i = 2*n - 1 - i
		}
	}
	return i
}

// row is a sparse row of a matrix on the pixels of a frame, each listed once.
type row []term

type term struct {
	pixel int
	value float64
}

// builder adds up a row.
type builder struct {
	f      *frame
	border halo.Border
	sum    []float64 // of each pixel
	pixels []int     // that have one
	rows   []row
}

func (f *frame) builder(border halo.Border) *builder {
	return &builder{f: f, border: border, sum: make([]float64, f.rows*f.cols)}
}

// put adds v at the pixel that stands at (i, j).
func (b *builder) put(i, j int, v float64) {
	i, j = naiveSource(i, b.f.rows, b.border), naiveSource(j, b.f.cols, b.border)
	if i < 0 || j < 0 {
		return
	}
	p := i*b.f.cols + j
	if !slices.Contains(b.pixels, p) {
		b.pixels = append(b.pixels, p)
	}
	b.sum[p] += v
}

// next ends a row.
func (b *builder) next() {
	var r row
	for _, p := range b.pixels {
		if b.sum[p] != 0 {
			r = append(r, term{p, b.sum[p]})
		}
		b.sum[p] = 0
	}
	b.pixels = b.pixels[:0]
	b.rows = append(b.rows, r)
}

// blurRows is H.
func (f *frame) blurRows(border halo.Border) []row {
	k := f.kernel
	if k.Values == nil {
		k = forward.PSF{Rows: 1, Cols: 1, Values: []float64{1}}
	}
	h := f.builder(border)
	for i := range f.rows {
		for j := range f.cols {
			for a := range k.Rows {
				for b := range k.Cols {
					h.put(i-(a-k.Rows/2), j-(b-k.Cols/2), k.Values[a*k.Cols+b])
				}
			}
			h.next()
		}
	}
	return h.rows
}

// penaltyRows is Q: nothing but the pixels, the differences across each edge between
// two of them (and to the zeros around a zero border), or the 5-point forward.Laplacian.
func (f *frame) penaltyRows(q forward.Regulariser, border halo.Border) []row {
	p := f.builder(border)
	for i := range f.rows {
		for j := range f.cols {
			switch q {
			case forward.Identity:
				p.put(i, j, 1)
				p.next()
			case forward.Gradient:
				p.put(i, j, 1)
				p.put(i+1, j, -1)
				p.next()
				p.put(i, j, 1)
				p.put(i, j+1, -1)
				p.next()
				if border == halo.Zero && i == 0 {
					p.put(i, j, 1)
					p.next()
				}
				if border == halo.Zero && j == 0 {
					p.put(i, j, 1)
					p.next()
				}
			case forward.Laplacian:
				p.put(i, j, 4)
				for _, step := range [4][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
					p.put(i+step[0], j+step[1], -1)
				}
				p.next()
			}
		}
	}
	return p.rows
}

// weight of pixel q.
func (f *frame) weight(q int) float64 {
	if f.weights == nil {
		return 1
	}
	return f.weights[q]
}

// normal calls add(i, j, v), i >= j, with terms that add up to M's lower triangle.
// order renumbers the pixels.
func (f *frame) normal(o Options, order func(int) int, add func(i, j int, v float64)) {
	outer := func(r row, weight float64) {
		for _, p := range r {
			for _, q := range r {
				if i, j := order(p.pixel), order(q.pixel); i >= j {
					add(i, j, weight*p.value*q.value)
				}
			}
		}
	}
	for q, r := range f.blurRows(o.Border) {
		if w := f.weight(q); w != 0 {
			outer(r, w)
		}
	}
	for _, r := range f.penaltyRows(o.Regulariser, o.Border) {
		outer(r, o.Lambda)
	}
}

func same(i int) int { return i }

// dense is M.
func (f *frame) dense(o Options) *mat.SymDense {
	o = o.withDefaults()
	n := f.rows * f.cols
	m := mat.NewSymDense(n, nil)
	if len(f.kernel.Values) < 100 {
		raw := m.RawSymmetric().Data // of which the upper triangle counts
		f.normal(o, same, func(i, j int, v float64) { raw[j*n+i] += v })
		return m
	}
	for _, a := range []struct {
		rows   []row
		weight func(q int) float64
	}{{f.blurRows(o.Border), f.weight}, {f.penaltyRows(o.Regulariser, o.Border), func(int) float64 { return o.Lambda }}} {
		d := mat.NewDense(len(a.rows), n, nil)
		for q, r := range a.rows {
			for _, t := range r {
				d.Set(q, t.pixel, math.Sqrt(a.weight(q))*t.value)
			}
		}
		var outer mat.SymDense
		outer.SymOuterK(1, d.T())
		m.AddSym(m, &outer)
	}
	return m
}

// multiply is a channel of a times the rows.
func multiply(rows []row, a []float64) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		for _, t := range r {
			out[i] += t.value * a[t.pixel]
		}
	}
	return out
}

// transposed is rows' a.
func transposed(rows []row, a []float64, n int) []float64 {
	out := make([]float64, n)
	for i, r := range rows {
		for _, t := range r {
			out[t.pixel] += t.value * a[i]
		}
	}
	return out
}

// rhs is b = H'W y, missing pixels skipped.
func (f *frame) rhs(border halo.Border) []float64 {
	h, n := f.blurRows(border), f.rows*f.cols
	var b []float64
	for c := range f.channels {
		wy := make([]float64, n)
		for q := range wy {
			if w := f.weight(q); w != 0 {
				wy[q] = w * f.y[c*n+q]
			}
		}
		b = append(b, transposed(h, wy, n)...)
	}
	return b
}

// parts of J(w).
func (f *frame) objective(o Options, w []float64) (misfit, penalty float64) {
	o = o.withDefaults()
	h, p, n := f.blurRows(o.Border), f.penaltyRows(o.Regulariser, o.Border), f.rows*f.cols
	for c := range f.channels {
		for q, v := range multiply(h, w[c*n:(c+1)*n]) {
			if weight := f.weight(q); weight != 0 {
				misfit += weight * (v - f.y[c*n+q]) * (v - f.y[c*n+q])
			}
		}
		for _, v := range multiply(p, w[c*n:(c+1)*n]) {
			penalty += o.Lambda * v * v
		}
	}
	return misfit, penalty
}

// exact is the minimiser by Cholesky: dense for a small frame, else banded. Under a
// periodic border the rows are then taken from both ends in turn, so that neighbours
// across it stay close.
func (f *frame) exact(t testing.TB, o Options) []float64 {
	t.Helper()
	o = o.withDefaults()
	n := f.rows * f.cols
	if n <= 600 {
		var chol mat.Cholesky
		if !chol.Factorize(f.dense(o)) {
			t.Fatal("oracle: M is not positive definite")
		}
		return f.channelwise(t, same, o.Border, chol.SolveVecTo)
	}
	order := same
	if o.Border == halo.Periodic {
		order = func(p int) int {
			r := p / f.cols
			if r < (f.rows+1)/2 {
				r *= 2
			} else {
				r = 2*(f.rows-1-r) + 1
			}
			return r*f.cols + p%f.cols
		}
	}
	band := 0
	f.normal(o, order, func(i, j int, _ float64) { band = max(band, i-j) })
	terms := make([]float64, n*(band+1)) // row j: M[j, j .. j+band]
	f.normal(o, order, func(i, j int, v float64) { terms[j*(band+1)+i-j] += v })
	m := mat.NewSymBandDense(n, band, terms)
	var chol mat.BandCholesky
	if !chol.Factorize(m) {
		t.Fatal("oracle: M is not positive definite")
	}
	return f.channelwise(t, order, o.Border, chol.SolveVecTo)
}

// channelwise solves M w = H'W y for every channel, pixels renumbered.
func (f *frame) channelwise(t testing.TB, order func(int) int, border halo.Border, solve func(dst *mat.VecDense, b mat.Vector) error) []float64 {
	t.Helper()
	n := f.rows * f.cols
	var w []float64
	b := f.rhs(border)
	for c := range f.channels {
		x := mat.NewVecDense(n, nil)
		for p := range n {
			x.SetVec(order(p), b[c*n+p])
		}
		if err := solve(x, x); err != nil {
			t.Fatal(err)
		}
		for p := range n {
			w = append(w, x.AtVec(order(p)))
		}
	}
	return w
}

// largest is max |a - b| over max |b|.
func largest(a, b []float64) float64 {
	d, n := 0.0, 0.0
	for i := range b {
		d, n = math.Max(d, math.Abs(a[i]-b[i])), math.Max(n, math.Abs(b[i]))
	}
	return d / n
}
