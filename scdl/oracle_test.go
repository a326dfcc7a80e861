package scdl

import (
	"context"
	"fmt"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/ranks"
)

// naive is the iteration of the package comment on whole matrices with solves of A x A, or
// with Compatibility that of the reference programs.
func naive(s *Samples, dh, dl []float64, o Options) (high, low []float64) {
	o = o.withDefaults()
	a, k := o.Atoms, s.Total
	matrix := func(rows int, x []float64) *mat.Dense { return mat.DenseCopyOf(mat.NewDense(len(x)/rows, rows, x).T()) }
	sh, sl := matrix(s.P, s.High), matrix(s.M, s.Low)
	h, l := matrix(s.P, append([]float64(nil), dh...)), matrix(s.M, append([]float64(nil), dl...))
	zero := func() *mat.Dense { return mat.NewDense(a, k, nil) }
	wh, wl, p, q, y1, y2, y3 := zero(), zero(), zero(), zero(), zero(), zero(), zero()
	code := func(d, s *mat.Dense, c float64, right *mat.Dense) *mat.Dense {
		var g, b, w mat.Dense
		g.Mul(d.T(), d)
		for i := range a {
			g.Set(i, i, g.At(i, i)+c)
		}
		b.Mul(d.T(), s)
		b.Add(&b, right)
		if err := w.Solve(&g, &b); err != nil {
			panic(err)
		}
		return &w
	}
	right := func(y, y3, p, w *mat.Dense, sign, c float64) *mat.Dense {
		r := zero()
		r.Apply(func(i, j int, _ float64) float64 {
			return y.At(i, j) + sign*y3.At(i, j) + c*p.At(i, j) + o.C3*w.At(i, j)
		}, r)
		return r
	}
	compatible := o.Compatibility != Corrected
	sign, soft1, soft2, dual2 := 1.0, o.Lambda/o.C1, o.Lambda/o.C2, o.Beta*o.C2
	if compatible {
		sign, soft1, soft2, dual2 = -1, o.Lambda/2, o.Lambda/2, o.Beta*o.C1
	}
	for range o.MaxIterations {
		old := wh
		wh = code(h, sh, o.C1+o.C3, right(y1, y3, p, wl, -1, o.C1))
		coupled := wh
		if o.Compatibility == Spark {
			coupled = old
		}
		wl = code(l, sl, o.C2+o.C3, right(y2, y3, q, coupled, sign, o.C2))
		for i := range a {
			for j := range k {
				p.Set(i, j, soft(wh.At(i, j)-y1.At(i, j)/o.C1, soft1))
				q.Set(i, j, soft(wl.At(i, j)-y2.At(i, j)/o.C2, soft2))
				y1.Set(i, j, y1.At(i, j)+o.Beta*o.C1*(p.At(i, j)-wh.At(i, j)))
				y2.Set(i, j, y2.At(i, j)+dual2*(q.At(i, j)-wl.At(i, j)))
				y3.Set(i, j, y3.At(i, j)+o.Beta*o.C3*(wh.At(i, j)-wl.At(i, j)))
			}
		}
		for _, side := range []struct{ d, s, w *mat.Dense }{{h, sh, wh}, {l, sl, wl}} {
			var r, g mat.Dense
			step := 1.0
			if r.CloneFrom(side.s); !compatible {
				step = o.Step
				r.Mul(side.d, side.w)
				r.Sub(side.s, &r)
			}
			g.Mul(&r, side.w.T())
			rows, _ := side.d.Dims()
			for j := range a {
				phi := mat.Dot(side.w.RowView(j), side.w.RowView(j)) + o.Delta
				for i := range rows {
					side.d.Set(i, j, side.d.At(i, j)+step*g.At(i, j)/phi)
				}
			}
		}
		for j := range a {
			n := mat.Norm(h.ColView(j), 2)
			for _, d := range []*mat.Dense{h, l} {
				if compatible {
					n = mat.Norm(d.ColView(j), 2)
				}
				rows, _ := d.Dims()
				for i := range rows {
					d.Set(i, j, d.At(i, j)/n)
				}
			}
		}
	}
	out := func(d *mat.Dense) []float64 { return mat.DenseCopyOf(d.T()).RawMatrix().Data }
	return out(h), out(l)
}

// Train agrees with naive, and the result is the same on any number of ranks.
func TestRanks(t *testing.T) {
	sizes := []int{1, 2, 3, 4, 7}
	if testing.Short() {
		sizes = []int{1, 3, 7}
	}
	s := spectra(300, 4)
	for name, o := range forms {
		o.Atoms, o.MaxIterations, o.Seed = 40, 12, 2
		tolerance := 1e-9
		if o.Precision == "" {
			o.Precision = Double
		} else {
			tolerance = 1e-3
		}
		var first *Pair
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(_ context.Context, c ranks.Comm) (err error) {
			first, err = RawAtoms(c, s, o.Atoms, o.Seed)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		dh, dl := first.High, first.Low
		if o.Compatibility != Corrected {
			dh, dl = s.High[:o.Atoms*s.P], s.Low[:o.Atoms*s.M]
		}
		high, low := naive(s, dh, dl, o)
		var one *Result
		for _, size := range sizes {
			r := learn(t, size, s, o)
			if one == nil {
				one = r
				same(t, name+", naive", &Result{Pair: Pair{High: r.High, Low: r.Low}}, &Result{Pair: Pair{High: high, Low: low}}, tolerance)
			}
			same(t, fmt.Sprintf("%s, %d ranks", name, size), r, one, tolerance)
			same(t, name+", again", learn(t, size, s, o), r, 0)
		}
	}
}
