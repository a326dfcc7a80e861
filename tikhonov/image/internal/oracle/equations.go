package oracle

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
)

// Equations are what M is made of besides the frame: fields as in the options of the solvers.
type Equations struct {
	Regulariser forward.Regulariser // "" = forward.Identity
	Border      halo.Border
	Lambda      float64
}

// Source walks from outside of an axis back into it, -1 if there is no way.
func Source(i, n int, border halo.Border) int {
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
	f      *Frame
	border halo.Border
	sum    []float64 // of each pixel
	listed []bool    // of each pixel: whether it is in pixels
	pixels []int     // with a value in sum
	rows   []row
}

func (f *Frame) builder(border halo.Border) *builder {
	return &builder{f: f, border: border, sum: make([]float64, f.Rows*f.Cols), listed: make([]bool, f.Rows*f.Cols)}
}

// put adds v at the pixel that stands at (i, j).
func (b *builder) put(i, j int, v float64) {
	i, j = Source(i, b.f.Rows, b.border), Source(j, b.f.Cols, b.border)
	if i < 0 || j < 0 {
		return
	}
	p := i*b.f.Cols + j
	if !b.listed[p] {
		b.listed[p] = true
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
		b.sum[p], b.listed[p] = 0, false
	}
	b.pixels = b.pixels[:0]
	b.rows = append(b.rows, r)
}

// BlurRows is H.
func (f *Frame) BlurRows(border halo.Border) []row {
	k := f.PSF
	if k.Values == nil {
		k = forward.PSF{Rows: 1, Cols: 1, Values: []float64{1}}
	}
	h := f.builder(border)
	for i := range f.Rows {
		for j := range f.Cols {
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

// PenaltyRows is Q: nothing but the pixels, the differences across each edge between
// two of them (and to the zeros around a zero border), or the 5-point forward.Laplacian.
func (f *Frame) PenaltyRows(q forward.Regulariser, border halo.Border) []row {
	p := f.builder(border)
	for i := range f.Rows {
		for j := range f.Cols {
			switch q {
			case forward.Identity, "":
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

// Weight of pixel q.
func (f *Frame) Weight(q int) float64 {
	if f.Weights == nil {
		return 1
	}
	return f.Weights[q]
}

// normal calls add(i, j, v), i >= j, with terms that add up to M's lower triangle.
// order renumbers the pixels.
func (f *Frame) normal(o Equations, order func(int) int, add func(i, j int, v float64)) {
	outer := func(r row, weight float64) {
		for _, p := range r {
			for _, q := range r {
				if i, j := order(p.pixel), order(q.pixel); i >= j {
					add(i, j, weight*p.value*q.value)
				}
			}
		}
	}
	for q, r := range f.BlurRows(o.Border) {
		if w := f.Weight(q); w != 0 {
			outer(r, w)
		}
	}
	for _, r := range f.PenaltyRows(o.Regulariser, o.Border) {
		outer(r, o.Lambda)
	}
}

func same(i int) int { return i }

// Dense is M.
func (f *Frame) Dense(o Equations) *mat.SymDense {
	n := f.Rows * f.Cols
	m := mat.NewSymDense(n, nil)
	if len(f.PSF.Values) < 100 {
		raw := m.RawSymmetric().Data // of which the upper triangle counts
		f.normal(o, same, func(i, j int, v float64) { raw[j*n+i] += v })
		return m
	}
	for _, a := range []struct {
		rows   []row
		weight func(q int) float64
	}{{f.BlurRows(o.Border), f.Weight}, {f.PenaltyRows(o.Regulariser, o.Border), func(int) float64 { return o.Lambda }}} {
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

// Multiply is a channel of a times the rows.
func Multiply(rows []row, a []float64) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		for _, t := range r {
			out[i] += t.value * a[t.pixel]
		}
	}
	return out
}

// Transposed is rows' a.
func Transposed(rows []row, a []float64, n int) []float64 {
	out := make([]float64, n)
	for i, r := range rows {
		for _, t := range r {
			out[t.pixel] += t.value * a[i]
		}
	}
	return out
}

// RHS is b = H'W y, missing pixels skipped.
func (f *Frame) RHS(border halo.Border) []float64 {
	h, n := f.BlurRows(border), f.Rows*f.Cols
	var b []float64
	for c := range f.Channels {
		wy := make([]float64, n)
		for q := range wy {
			if w := f.Weight(q); w != 0 {
				wy[q] = w * f.Y[c*n+q]
			}
		}
		b = append(b, Transposed(h, wy, n)...)
	}
	return b
}

// Objective is the two terms of J(w).
func (f *Frame) Objective(o Equations, w []float64) (misfit, penalty float64) {
	h, p, n := f.BlurRows(o.Border), f.PenaltyRows(o.Regulariser, o.Border), f.Rows*f.Cols
	for c := range f.Channels {
		for q, v := range Multiply(h, w[c*n:(c+1)*n]) {
			if weight := f.Weight(q); weight != 0 {
				misfit += weight * (v - f.Y[c*n+q]) * (v - f.Y[c*n+q])
			}
		}
		for _, v := range Multiply(p, w[c*n:(c+1)*n]) {
			penalty += o.Lambda * v * v
		}
	}
	return misfit, penalty
}

// Exact is the minimiser by Cholesky: dense for a small frame, else banded. Under a
// periodic border the rows are then taken from both ends in turn, so that neighbours
// across it stay close.
func (f *Frame) Exact(t testing.TB, o Equations) []float64 {
	t.Helper()
	n := f.Rows * f.Cols
	if n <= 600 {
		var chol mat.Cholesky
		if !chol.Factorize(f.Dense(o)) {
			t.Fatal("oracle: M is not positive definite")
		}
		return f.channelwise(t, same, o.Border, chol.SolveVecTo)
	}
	order := same
	if o.Border == halo.Periodic {
		order = func(p int) int {
			r := p / f.Cols
			if r < (f.Rows+1)/2 {
				r *= 2
			} else {
				r = 2*(f.Rows-1-r) + 1
			}
			return r*f.Cols + p%f.Cols
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
func (f *Frame) channelwise(t testing.TB, order func(int) int, border halo.Border, solve func(dst *mat.VecDense, b mat.Vector) error) []float64 {
	t.Helper()
	n := f.Rows * f.Cols
	var w []float64
	b := f.RHS(border)
	for c := range f.Channels {
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
