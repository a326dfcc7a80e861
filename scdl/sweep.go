package scdl

import (
	"tessera/internal/linalg"
	"tessera/ranks"
)

// sweep is the work arrays of a visit to the tiles.
type sweep[T linalg.Float] struct {
	l        *learner[T]
	r, wh    []T // atoms x columns
	u, v     []T // rows x columns
	grad     []T // atoms x rows
	soft1    T
	soft2    T
	c1, c2   T
	c3       T
	dual1    T
	dual2    T
	dual3    T
	residual []float64 // squared error of each column
}

func newSweep[T linalg.Float](l *learner[T]) *sweep[T] {
	o := &l.o
	n := max(l.s.P, l.s.M)
	w := &sweep[T]{
		l: l, r: make([]T, l.atoms*tileColumns), wh: make([]T, l.atoms*tileColumns),
		u: make([]T, n*tileColumns), v: make([]T, n*tileColumns), grad: make([]T, l.atoms*n), residual: make([]float64, tileColumns),
		c1: T(o.C1), c2: T(o.C2), c3: T(o.C3), soft1: T(o.Lambda / o.C1), soft2: T(o.Lambda / o.C2),
		dual1: T(o.Beta * o.C1), dual2: T(o.Beta * o.C2), dual3: T(o.Beta * o.C3),
	}
	if o.Compatibility != Corrected {
		// Their threshold is lambda/2, and the second dual step is that of the first.
		w.soft1, w.soft2, w.dual2 = T(o.Lambda/2), T(o.Lambda/2), w.dual1
	}
	return w
}

// tile takes one tile through an iteration and adds what it has to say to the sums.
func (w *sweep[T]) tile(t *tile[T]) {
	l := w.l
	n := l.atoms * t.columns
	wh, r := w.wh[:n], w.r[:n]
	_, gradLow, rowsHigh, rowsLow, rest := l.layout()
	clear(w.residual)

	wl := t.wl
	pull(r, t.y1, t.y3, t.p, wl, -1, w.c1, w.c3)
	l.sums[rest] += w.solve(&l.high, t.high, t.columns, wh, r, l.sums[:gradLow], l.sums[rowsHigh:rowsLow])
	coupled := wh
	if l.o.Compatibility == Spark {
		coupled = t.wh // of the iteration before
	}
	sign := T(1)
	if l.o.Compatibility != Corrected {
		sign = -1
	}
	pull(r, t.y2, t.y3, t.q, coupled, sign, w.c2, w.c3)
	l.sums[rest+1] += w.solve(&l.low, t.low, t.columns, wl, r, l.sums[gradLow:rowsHigh], l.sums[rowsLow:rest])

	high, low := update(t.p, t.q, t.y1, t.y2, t.y3, wh, wl, [7]T{1 / w.c1, 1 / w.c2, w.soft1, w.soft2, w.dual1, w.dual2, w.dual3})
	l.sums[rest+2] += high
	l.sums[rest+3] += low
	if t.wh != nil {
		copy(t.wh, wh)
	}
	for j, e := range w.residual[:t.columns] {
		if e > l.worst {
			l.worst, l.worstIndex = e, l.s.First+t.first+j
		}
	}
}

// solve sets codes (atoms x columns) to the solution of their equation with right
// side D'S + r, and adds the gradient of the dictionary and the squared rows of the
// codes to sums. r is lost. It returns the squared error |S - D W|^2.
func (w *sweep[T]) solve(d *side[T], samples []T, columns int, codes, r []T, gradient, rows []float64) float64 {
	l := w.l
	n := d.rows * columns
	u, v := w.u[:n], w.v[:n]
	// v = S - D r/c, u = N v, codes = r/c + D'u
	copy(v, samples)
	linalg.Gemm(true, false, d.rows, columns, l.atoms, T(-1/d.c), d.narrow, d.rows, r, columns, 1, v, columns)
	linalg.Gemm(false, false, d.rows, columns, d.rows, 1, d.inverse, d.rows, v, columns, 0, u, columns)
	over := T(1 / d.c)
	for i, x := range r {
		codes[i] = over * x
	}
	linalg.Gemm(false, false, l.atoms, columns, d.rows, 1, d.narrow, d.rows, u, columns, 1, codes, columns)

	square := 0.0
	for i, x := range u {
		e := d.c * float64(x) * d.c * float64(x)
		square += e
		if d == &l.high {
			w.residual[i%columns] += e
		}
	}
	squares(rows, codes, columns)
	// (S - D W) W' = c U W', or S W'.
	from, scale := u, T(d.c)
	if l.o.Compatibility != Corrected {
		from, scale = samples, 1
	}
	grad := w.grad[:l.atoms*d.rows]
	linalg.Gemm(false, true, l.atoms, d.rows, columns, scale, codes, columns, from, columns, 0, grad, d.rows)
	for i, x := range grad {
		gradient[i] += float64(x)
	}
	return square
}

// newErrors are the squared errors of the new dictionaries with the codes of this
// iteration. Collective.
func (l *learner[T]) newErrors() ([]float64, error) {
	sums := make([]float64, 2)
	for i := range l.tiles {
		t := &l.tiles[i]
		for k, d := range []*side[T]{&l.high, &l.low} {
			samples, codes := t.high, t.wh
			if k == 1 {
				samples, codes = t.low, t.wl
			}
			d.narrow = make([]T, len(d.dictionary))
			for j, v := range d.dictionary {
				d.narrow[j] = T(v)
			}
			r := append([]T(nil), samples...)
			linalg.Gemm(true, false, d.rows, t.columns, l.atoms, -1, d.narrow, d.rows, codes, t.columns, 1, r, t.columns)
			for _, v := range r {
				sums[k] += float64(v) * float64(v)
			}
		}
	}
	return sums, l.comm.Allreduce(sums, sums, ranks.Sum)
}
