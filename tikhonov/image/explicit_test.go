package image

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

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

// row is a sparse row of a matrix on the pixels of a frame.
type row map[int]float64

// put adds v at the pixel that stands at (i, j).
func (f *frame) put(r row, i, j int, v float64, border halo.Border) {
	i, j = naiveSource(i, f.rows, border), naiveSource(j, f.cols, border)
	if i >= 0 && j >= 0 && v != 0 {
		r[i*f.cols+j] += v
	}
}

// blurRows is H.
func (f *frame) blurRows(border halo.Border) []row {
	k := f.kernel
	if k.Values == nil {
		k = Kernel{Rows: 1, Cols: 1, Values: []float64{1}}
	}
	var h []row
	for i := range f.rows {
		for j := range f.cols {
			r := row{}
			for a := range k.Rows {
				for b := range k.Cols {
					f.put(r, i-(a-k.Rows/2), j-(b-k.Cols/2), k.Values[a*k.Cols+b], border)
				}
			}
			h = append(h, r)
		}
	}
	return h
}

// penaltyRows is Q: nothing but the pixels, the differences across each edge between
// two of them (and to the zeros around a zero border), or the 5-point Laplacian.
func (f *frame) penaltyRows(q Regulariser, border halo.Border) []row {
	var out []row
	for i := range f.rows {
		for j := range f.cols {
			switch q {
			case Identity:
				out = append(out, row{i*f.cols + j: 1})
			case Gradient:
				for _, step := range [2][2]int{{1, 0}, {0, 1}} {
					r := row{}
					f.put(r, i, j, 1, border)
					f.put(r, i+step[0], j+step[1], -1, border)
					out = append(out, r)
				}
				if border == halo.Zero && i == 0 {
					out = append(out, row{j: 1})
				}
				if border == halo.Zero && j == 0 {
					out = append(out, row{i * f.cols: 1})
				}
			case Laplacian:
				r := row{}
				f.put(r, i, j, 4, border)
				for _, step := range [4][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
					f.put(r, i+step[0], j+step[1], -1, border)
				}
				out = append(out, r)
			}
		}
	}
	return out
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
		for p, u := range r {
			for q, v := range r {
				if i, j := order(p), order(q); i >= j {
					add(i, j, weight*u*v)
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
	m, sum := mat.NewSymDense(n, nil), mat.NewSymDense(n, nil)
	add := func(rows []row, weight func(q int) float64) {
		a := mat.NewDense(len(rows), n, nil)
		for i, r := range rows {
			for p, v := range r {
				a.Set(i, p, math.Sqrt(weight(i))*v)
			}
		}
		m.SymOuterK(1, a.T()) // = A'A
		sum.AddSym(sum, m)
	}
	add(f.blurRows(o.Border), f.weight)
	add(f.penaltyRows(o.Regulariser, o.Border), func(int) float64 { return o.Lambda })
	return sum
}

// multiply is a channel of a times the rows.
func multiply(rows []row, a []float64) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		for p, v := range r {
			out[i] += v * a[p]
		}
	}
	return out
}

// transposed is rows' a.
func transposed(rows []row, a []float64, n int) []float64 {
	out := make([]float64, n)
	for i, r := range rows {
		for p, v := range r {
			out[p] += v * a[i]
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
	terms := map[[2]int]float64{}
	f.normal(o, order, func(i, j int, v float64) {
		terms[[2]int{i, j}] += v
		band = max(band, i-j)
	})
	m := mat.NewSymBandDense(n, band, nil)
	for at, v := range terms {
		m.SetSymBand(at[0], at[1], v)
	}
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
