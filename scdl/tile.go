package scdl

import "tessera/internal/linalg"

// form says which arrays of atoms x TileSamples are the state of a tile.
//
// If the dual steps equal the penalties (Beta = 1), the thresholded code and its
// multiplier both follow from one number: with v = W_h - Y1/c1,
//
//	P = soft(v, lambda/c1)   and   Y1 + c1 (P - W_h) = -c1 clip(v, lambda/c1),
//
// so that four arrays replace six.
type form int

const (
	scaled     form = iota // v_h, v_l, Y3, W_l
	general                // P, Q, Y1, Y2, Y3, W_l
	sequential             // P, Q, Y1, Y2, Y3, W_l, W_h
	spark                  // the same; W_l follows from the W_h of the iteration before
)

func formOf(o *Options) form {
	switch {
	case o.Compatibility == Sequential:
		return sequential
	case o.Compatibility == Spark:
		return spark
	case o.Beta != 1:
		return general
	}
	return scaled
}

// arrays is the number of arrays.
func (f form) arrays() int { return [...]int{4, 6, 7, 7}[f] }

// sparse is how many of the arrays, the first ones, have mostly zeros.
func (f form) sparse() int { return [...]int{0, 2, 2, 2}[f] }

// side is the dictionary and the present tile of one of the two resolutions.
type side[T linalg.Float] struct {
	rows       int       // P or M
	ld         int       // rows, up to a multiple of 16
	dictionary []float64 // atoms x rows
	padded     []T       // the same, atoms x ld
	inverse    []T       // rows x rows: (c I + D D')^-1
	c          float64
	samples    []T       // rows x TileSamples, of the present tile; 0 beyond its end
	gradient   []float64 // atoms x ld: sum over the tiles so far
	squares    []float64 // atoms: squared lengths of the rows of the codes, sum over the tiles so far
}

// tiles makes the iteration of one tile after the other.
type tiles[T linalg.Float] struct {
	form      form
	atoms     int
	high, low side[T]
	c1, c2    float64 // penalties
	c3        float64
	soft1     float64 // threshold of W_h
	soft2     float64 // threshold of W_l
	dual1     float64 // steps of Y1, Y2, Y3
	dual2     float64
	dual3     float64
	errors    bool      // sequential and spark: compute the errors of the codes in the state first
	residual  []float64 // TileSamples: squared error of each high sample of the present tile
	sums      tileSums  // over the tiles so far
	work      []T
}

// tileSums are sums over samples.
type tileSums struct {
	high, low                     float64 // squared errors
	nonzeroHigh, nonzeroLow       float64 // numbers of the thresholded codes that are not 0
	stateErrorHigh, stateErrorLow float64 // squared errors of the state's codes with the dictionaries
}

func newTiles[T linalg.Float](o *Options, p, m int) *tiles[T] {
	t := &tiles[T]{
		form: formOf(o), atoms: o.Atoms, c1: o.C1, c2: o.C2, c3: o.C3, soft1: o.Lambda / o.C1, soft2: o.Lambda / o.C2,
		dual1: o.Beta * o.C1, dual2: o.Beta * o.C2, dual3: o.Beta * o.C3, residual: make([]float64, TileSamples),
	}
	if t.form >= sequential {
		// These programs have the threshold lambda/2, and the dual step of Y1 for Y2.
		t.soft1, t.soft2, t.dual2 = o.Lambda/2, o.Lambda/2, t.dual1
	}
	t.high, t.low = newSide[T](p, o.Atoms, o.C1+o.C3), newSide[T](m, o.Atoms, o.C2+o.C3)
	t.work = make([]T, o.Atoms*TileSamples+workOf(max(p, m)))
	return t
}

// workOf is the length of the work array without the codes.
func workOf(rows int) int { return (2*rows + padded(rows)) * TileSamples }

// padded is rows rounded up to a multiple of 16.
func padded(rows int) int { return (rows + 15) / 16 * 16 }

func newSide[T linalg.Float](rows, atoms int, c float64) side[T] {
	ld := padded(rows)
	return side[T]{
		rows: rows, ld: ld, c: c, dictionary: make([]float64, atoms*rows), padded: make([]T, atoms*ld), inverse: make([]T, rows*rows),
		samples: make([]T, rows*TileSamples), gradient: make([]float64, atoms*ld), squares: make([]float64, atoms),
	}
}

func (d *side[T]) atom(a int) []float64 { return d.dictionary[a*d.rows : (a+1)*d.rows] }

// prepare computes padded and inverse from the dictionary, and clears the sums.
func (d *side[T]) prepare(atoms int) error {
	n := d.rows
	gram := make([]float64, n*n)
	linalg.Gemm(true, false, n, n, atoms, 1, d.dictionary, n, d.dictionary, n, 0, gram, n)
	for i := range n {
		gram[i*n+i] += d.c
	}
	if err := linalg.SPDInverse(n, gram, n); err != nil {
		return err
	}
	for i, v := range gram {
		d.inverse[i] = T(v)
	}
	for a := range atoms {
		for i, v := range d.atom(a) {
			d.padded[a*d.ld+i] = T(v)
		}
	}
	clear(d.gradient)
	clear(d.squares)
	return nil
}

// load copies up to TileSamples samples, count x rows, to samples, in the units of the
// iteration.
func (d *side[T]) load(x []float64, u units) {
	clear(d.samples)
	for i := 0; len(x) > 0; i++ {
		for j, v := range x[:d.rows] {
			d.samples[j*TileSamples+i] = T(u.in(v))
		}
		x = x[d.rows:]
	}
}

// tilePlain makes one iteration of the tile whose samples are in the sides.
func (t *tiles[T]) tilePlain(state []T) {
	n := t.atoms * TileSamples
	array := func(i int) []T { return state[i*n : (i+1)*n] }
	wl := array(t.form.arrays() - 1)
	var kept []T
	if t.form >= sequential {
		wl, kept = array(5), array(6)
	}
	if t.errors {
		t.sums.stateErrorHigh += t.high.misfit(t.atoms, kept)
		t.sums.stateErrorLow += t.low.misfit(t.atoms, wl)
	}

	wh, v := t.work[:n], t.work[n:]
	c1, c2, c3, soft1, soft2 := T(t.c1), T(t.c2), T(t.c3), T(t.soft1), T(t.soft2)
	if t.form == scaled {
		vh, y3 := array(0), array(2)
		for i, x := range vh {
			wh[i] = c1*(x-2*clip(x, soft1)) - y3[i] + c3*wl[i]
		}
	} else {
		p, y1, y3 := array(0), array(2), array(4)
		for i := range wh {
			wh[i] = y1[i] - y3[i] + c1*p[i] + c3*wl[i]
		}
	}
	clear(t.residual)
	t.sums.high += t.solve(&t.high, wh, v, t.residual)

	// The old wl is no longer needed: its array takes the right side of the low system.
	sign, coupled := T(1), wh
	if t.form >= sequential {
		sign = -1
	}
	if t.form == spark {
		coupled = kept
	}
	if t.form == scaled {
		vl, y3 := array(1), array(2)
		for i, x := range vl {
			wl[i] = c2*(x-2*clip(x, soft2)) + y3[i] + c3*wh[i]
		}
	} else {
		q, y2, y3 := array(1), array(3), array(4)
		for i := range wl {
			wl[i] = y2[i] + sign*y3[i] + c2*q[i] + c3*coupled[i]
		}
	}
	t.sums.low += t.solve(&t.low, wl, v, nil)

	high, low := 0, 0
	count := func(x T, n *int) {
		if x != 0 {
			*n++
		}
	}
	d1, d2, d3 := T(t.dual1), T(t.dual2), T(t.dual3)
	if t.form == scaled {
		vh, vl, y3 := array(0), array(1), array(2)
		for i, h := range wh {
			l := wl[i]
			vh[i], vl[i] = h+clip(vh[i], soft1), l+clip(vl[i], soft2)
			y3[i] += d3 * (h - l)
			count(soft(vh[i], soft1), &high)
			count(soft(vl[i], soft2), &low)
		}
	} else {
		p, q, y1, y2, y3 := array(0), array(1), array(2), array(3), array(4)
		for i, h := range wh {
			l := wl[i]
			p[i], q[i] = soft(h-y1[i]/c1, soft1), soft(l-y2[i]/c2, soft2)
			y1[i] += d1 * (p[i] - h)
			y2[i] += d2 * (q[i] - l)
			y3[i] += d3 * (h - l)
			count(p[i], &high)
			count(q[i], &low)
		}
	}
	t.sums.nonzeroHigh += float64(high)
	t.sums.nonzeroLow += float64(low)
	copy(kept, wh)
}

// solve replaces the right side w (atoms x TileSamples), without D'S, by the codes, and
// adds to the sums of the side. It returns the squared error |S - D W|^2, and adds that
// of each sample to residual unless it is nil.
func (t *tiles[T]) solve(d *side[T], w, work []T, residual []float64) float64 {
	n := d.rows * TileSamples
	v, u := work[:n], work[n:2*n]
	// v = S - D r/c, u = N v, w = r/c + D'u
	for i := range w {
		w[i] /= T(d.c)
	}
	d.residue(t.atoms, w, v)
	linalg.Gemm(false, false, d.rows, TileSamples, d.rows, 1, d.inverse, d.rows, v, TileSamples, 0, u, TileSamples)
	linalg.Gemm(false, false, t.atoms, TileSamples, d.rows, 1, d.padded, d.ld, u, TileSamples, 1, w, TileSamples)

	square := 0.0
	for i, x := range u {
		e := d.c * float64(x) * d.c * float64(x)
		square += e
		if residual != nil {
			residual[i%TileSamples] += e
		}
	}
	for a := range t.atoms {
		for _, x := range w[a*TileSamples : (a+1)*TileSamples] {
			d.squares[a] += float64(x) * float64(x)
		}
	}
	// (S - D W) W' = c U W', or S W'.
	from, scale := u, T(d.c)
	if t.form >= sequential {
		from, scale = d.samples, 1
	}
	const block = 256
	product := make([]T, block*d.rows)
	for a := 0; a < t.atoms; a += block {
		m := min(block, t.atoms-a)
		linalg.Gemm(false, true, m, d.rows, TileSamples, scale, w[a*TileSamples:], TileSamples, from, TileSamples, 0, product[:m*d.rows], d.rows)
		for i := range m {
			for j, x := range product[i*d.rows : (i+1)*d.rows] {
				d.gradient[(a+i)*d.ld+j] += float64(x)
			}
		}
	}
	return square
}

// residue sets v (rows x TileSamples) to S - D w.
func (d *side[T]) residue(atoms int, w, v []T) {
	copy(v, d.samples)
	linalg.Gemm(true, false, d.rows, TileSamples, atoms, -1, d.padded, d.ld, w, TileSamples, 1, v, TileSamples)
}

// misfit is the squared error |S - D w|^2.
func (d *side[T]) misfit(atoms int, w []T) float64 {
	v := make([]T, len(d.samples))
	d.residue(atoms, w, v)
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return sum
}

// clip is the number in [-by, by] closest to x.
func clip[T linalg.Float](x, by T) T { return max(-by, min(x, by)) }

// soft is the soft threshold of x.
func soft[T linalg.Float](x, by T) T { return x - clip(x, by) }
