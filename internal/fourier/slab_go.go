//go:build !native || !cgo

package fourier

// slabTransform is the passes of slab.go: two rows, or two real columns, in a complex line.
type slabTransform struct {
	s                   *Slab
	blocks, ownBlocks   int
	places, rowPlaces   []int
	rowTurn, columnTurn []complex128
	down, rowWeight     []float64
	across, laneWeight  []float64
	row, columns        *lines
	pair                []complex128 // two rows
	spectra             []float64    // of both, 2 x blocks x 16
	block               []complex128 // rows x 8
}

func newSlabTransform(s *Slab) slabTransform {
	t := slabTransform{
		s: s, blocks: s.blockOf[len(s.blockOf)-1], ownBlocks: s.ownBlocks(),
		rowTurn: complexTurns(s.cols), columnTurn: complexTurns(s.rows),
		down: s.angles(s.rows), rowWeight: s.rowWeights(),
		row: newLines(s.lineOf(s.cols), 1), columns: newLines(s.lineOf(s.rows), complexLanes),
		pair: make([]complex128, s.lineOf(s.cols)), block: make([]complex128, s.lineOf(s.rows)*complexLanes),
	}
	t.spectra = make([]float64, 2*t.blocks*slabLanes)
	for j := range s.cols {
		t.places = append(t.places, s.place(j))
	}
	for i := range s.rows {
		switch s.basis {
		case Cosines:
			i = reordered(i, s.rows)
		case Sines:
			i++
		}
		t.rowPlaces = append(t.rowPlaces, i)
	}
	for b := range t.ownBlocks {
		a, w := s.lanes(s.blockOf[s.part] + b)
		t.across, t.laneWeight = append(t.across, a...), append(t.laneWeight, w...)
	}
	return t
}

// lineOf is how long the complex line for n numbers is: sines continue them to an odd one.
func (s *Slab) lineOf(n int) int {
	if s.basis == Sines {
		return 2 * (n + 1)
	}
	return n
}

// oddly makes sines of lines x of lanes, n numbers each from element 1 on: twice the sum of
// x(i) sin(pi (i+1) (k+1)/(n+1)), in their place. A transform of the odd continuation is
// -i times that.
func oddly(t *lines, x []complex128, n int) {
	lanes := t.lanes
	clear(x[:lanes])
	clear(x[(n+1)*lanes:][:lanes])
	for i := 1; i <= n; i++ {
		for j := range lanes {
			x[(2*n+2-i)*lanes+j] = -x[i*lanes+j]
		}
	}
	t.transform(x)
	for i := lanes; i < (n+1)*lanes; i++ {
		x[i] = complex(-imag(x[i]), real(x[i]))
	}
}

func complexTurns(n int) []complex128 {
	t := turns(n)
	c := make([]complex128, len(t)/2)
	for k := range c {
		c[k] = complex(t[2*k], t[2*k+1])
	}
	return c
}

func (s *Slab) own() {}

func conj(z complex128) complex128 { return complex(real(z), -imag(z)) }

// cosinePair turns V(k) and V(n-k) of a complex line of two real ones into their cosine
// transforms, w = exp(-i pi k/(2n)).
func cosinePair(w, u, v complex128) (complex128, complex128) {
	a, b := w*u, conj(w)*v
	return (a + b) / 2, complex(-imag(a-b)/2, real(a-b)/2)
}

// wavePair is the inverse of cosinePair.
func wavePair(w, u, v complex128) (complex128, complex128) {
	iv := complex(-imag(v), real(v))
	return conj(w) * (u - iv), w * (u + iv)
}

// rowSpectra turns the pair of rows into their spectra.
func (t *slabTransform) rowSpectra() {
	n := t.s.cols
	a, b := t.spectra[:t.blocks*slabLanes], t.spectra[t.blocks*slabLanes:]
	if t.s.basis != Waves { // what a row that was stored has left beyond the last column
		clear(a[n:])
		clear(b[n:])
	}
	if t.s.basis == Sines {
		oddly(t.row, t.pair, n)
		for k, z := range t.pair[1 : n+1] {
			a[k], b[k] = real(z), imag(z)
		}
		return
	}
	t.row.transform(t.pair)
	if t.s.basis == Waves {
		for k := range n/2 + 1 {
			z, y := t.pair[k], conj(t.pair[(n-k)%n])
			a[2*k], a[2*k+1] = real(z+y)/2, imag(z+y)/2
			b[2*k], b[2*k+1] = imag(z-y)/2, -real(z-y)/2
		}
		return
	}
	a[0], b[0] = real(t.pair[0]), imag(t.pair[0])
	for k := 1; k <= n/2; k++ {
		u, v := cosinePair(t.rowTurn[k], t.pair[k], t.pair[n-k])
		a[n-k], b[n-k] = real(v), imag(v)
		a[k], b[k] = real(u), imag(u)
	}
}

// rowPair is the way back, times cols: element i of the pair at i.
func (t *slabTransform) rowPair() {
	n := t.s.cols
	a, b := t.spectra[:t.blocks*slabLanes], t.spectra[t.blocks*slabLanes:]
	if t.s.basis == Sines {
		for k := range n {
			t.pair[k+1] = complex(a[k], b[k])
		}
		oddly(t.row, t.pair, n)
		return
	}
	// The inverse is a transform with V(n-k) for V(k).
	if t.s.basis == Waves {
		for k := range n/2 + 1 {
			re, im := complex(a[2*k], a[2*k+1]), complex(b[2*k], b[2*k+1])
			t.pair[k] = conj(re) + 1i*conj(im) // V(n-k)
			t.pair[(n-k)%n] = re + 1i*im
		}
		if n%2 == 0 { // both are one number, real for each row
			t.pair[n/2] = complex(a[n], b[n])
		}
		t.pair[0] = complex(a[0], b[0])
	} else {
		t.pair[0] = complex(a[0], b[0])
		for k := 1; k <= n/2; k++ {
			u, v := wavePair(t.rowTurn[k], complex(a[k], b[k]), complex(a[n-k], b[n-k]))
			t.pair[k], t.pair[n-k] = v, u
		}
	}
	t.row.transform(t.pair)
}

// eachPair calls f for rows i and j of this part, j = i for a last one alone.
func (t *slabTransform) eachPair(f func(i, j int)) {
	own := t.s.ownRows()
	for i := 0; i < own; i += 2 {
		f(i, min(i+1, own-1))
	}
}

// blockRow is where row i of block b lies after load.
func (t *slabTransform) blockRow(sent, own []float64, b, i int) []float64 {
	rows, k := t.s.ownRows(), b-t.s.blockOf[t.s.part]
	switch {
	case k >= t.ownBlocks:
		b -= t.ownBlocks
	case k >= 0:
		sent, b = own, k
	}
	return sent[(b*rows+i)*slabLanes:][:slabLanes]
}

func (t *slabTransform) load(sent, own, src []float64, at *Pixels) {
	cols := t.s.cols
	t.eachPair(func(i, j int) {
		if at != nil {
			clear(t.pair)
			for e := at.start[i]; e < at.start[i+1]; e++ {
				t.pair[at.place[e]] = complex(src[e], 0)
			}
			for e := at.start[j]; e < at.start[j+1]; e++ {
				t.pair[at.place[e]] = complex(real(t.pair[at.place[e]]), src[e])
			}
		} else {
			a, b := src[i*cols:][:cols], src[j*cols:][:cols]
			for k, p := range t.places {
				t.pair[p] = complex(a[k], b[k])
			}
		}
		t.rowSpectra()
		for b := range t.blocks {
			copy(t.blockRow(sent, own, b, i), t.spectra[b*slabLanes:])
			copy(t.blockRow(sent, own, b, j), t.spectra[(t.blocks+b)*slabLanes:])
		}
	})
}

func (t *slabTransform) store(dst, sent, own []float64, at *Pixels, scale float64) {
	cols := t.s.cols
	t.eachPair(func(i, j int) {
		for b := range t.blocks {
			copy(t.spectra[b*slabLanes:], t.blockRow(sent, own, b, i))
			copy(t.spectra[(t.blocks+b)*slabLanes:], t.blockRow(sent, own, b, j))
		}
		t.rowPair()
		if at != nil {
			for e := at.start[i]; e < at.start[i+1]; e++ {
				dst[e] = scale * real(t.pair[at.place[e]])
			}
			for e := at.start[j]; e < at.start[j+1]; e++ {
				dst[e] = scale * imag(t.pair[at.place[e]])
			}
			return
		}
		a, b := dst[i*cols:][:cols], dst[j*cols:][:cols]
		for k, p := range t.places {
			b[k] = scale * imag(t.pair[p])
			a[k] = scale * real(t.pair[p])
		}
	})
}

// eachRow calls f for every row of block b, with its place in the column.
func (t *slabTransform) eachRow(received, own []float64, b int, f func(row []float64, place int)) {
	row := 0
	for r := range len(t.s.rowOf) - 1 {
		n, piece := t.s.rowOf[r+1]-t.s.rowOf[r], received
		if r == t.s.part {
			piece = own
		} else {
			received = received[t.ownBlocks*n*slabLanes:]
		}
		for i := range n {
			f(piece[(b*n+i)*slabLanes:][:slabLanes], t.rowPlaces[row])
			row++
		}
	}
}

func (t *slabTransform) line(dst, src []float64) {
	for j, v := range src {
		t.pair[j] = complex(v, 0)
	}
	t.row.transform(t.pair)
	for k := range t.s.cols/2 + 1 {
		dst[2*k], dst[2*k+1] = real(t.pair[k]), imag(t.pair[k])
	}
}

// column transforms the complex columns of a block.
func (t *slabTransform) column(x []float64) {
	for i := range t.block { // waves: the block has no more
		t.block[i] = complex(x[2*i], x[2*i+1])
	}
	t.columns.transform(t.block)
	for i, v := range t.block {
		x[2*i], x[2*i+1] = real(v), imag(v)
	}
}

// firstSine is where the first number of a line of sines stands.
func (s *Slab) firstSine() int { return 1 }
