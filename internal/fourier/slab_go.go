//go:build !native || !cgo

package fourier

import "gonum.org/v1/gonum/dsp/fourier"

// slabTransform is the passes of slab.go by gonum's transforms.
type slabTransform struct {
	s                   *Slab
	blocks, ownBlocks   int
	places, rowPlaces   []int
	rowTurn, columnTurn []complex128
	down, rowWeight     []float64
	across, laneWeight  []float64
	row                 *fourier.FFT
	columns             *fourier.CmplxFFT
	values              []float64    // a line, reordered
	half                []complex128 // its transform
	spectrum            []float64    // of a row, blocks x 16
	lane                []complex128 // a column
	lanes               []float64    // rows x 16
}

func newSlabTransform(s *Slab) slabTransform {
	t := slabTransform{
		s: s, blocks: s.blockOf[len(s.blockOf)-1], ownBlocks: s.ownBlocks(),
		rowTurn: complexTurns(s.cols), columnTurn: complexTurns(s.rows),
		down: s.angles(s.rows), rowWeight: s.rowWeights(),
		row: fourier.NewFFT(s.cols), columns: fourier.NewCmplxFFT(s.rows),
		values: make([]float64, s.cols), half: make([]complex128, s.cols/2+1),
		lane: make([]complex128, s.rows), lanes: make([]float64, s.rows*slabLanes),
	}
	t.spectrum = make([]float64, t.blocks*slabLanes)
	for j := range s.cols {
		t.places = append(t.places, s.place(j))
	}
	for i := range s.rows {
		if s.basis == Cosines {
			i = reordered(i, s.rows)
		}
		t.rowPlaces = append(t.rowPlaces, i)
	}
	for b := range t.ownBlocks {
		a, w := s.lanes(s.blockOf[s.part] + b)
		t.across, t.laneWeight = append(t.across, a...), append(t.laneWeight, w...)
	}
	return t
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

// rowSpectrum turns values into spectrum.
func (t *slabTransform) rowSpectrum() {
	t.row.Coefficients(t.half, t.values)
	n := t.s.cols
	if t.s.basis == Waves {
		for k, v := range t.half {
			t.spectrum[2*k], t.spectrum[2*k+1] = real(v), imag(v)
		}
		return
	}
	t.spectrum[0] = real(t.half[0])
	for k := 1; k <= n/2; k++ { // X(k) = Re w V(k), X(n-k) = -Im w V(k)
		v := t.rowTurn[k] * t.half[k]
		t.spectrum[n-k] = -imag(v)
		t.spectrum[k] = real(v)
	}
}

// rowLine is the way back, times cols.
func (t *slabTransform) rowLine() {
	n := t.s.cols
	if t.s.basis == Waves {
		for k := range t.half {
			t.half[k] = complex(t.spectrum[2*k], t.spectrum[2*k+1])
		}
	} else {
		t.half[0] = complex(t.spectrum[0], 0)
		for k := 1; k <= n/2; k++ { // V(k) = conj(w) (X(k) - i X(n-k))
			w := t.rowTurn[k]
			t.half[k] = complex(real(w), -imag(w)) * complex(t.spectrum[k], -t.spectrum[n-k])
		}
	}
	t.row.Sequence(t.values, t.half)
}

func (t *slabTransform) load(dst, src []float64, at *Pixels) {
	own := t.s.ownRows()
	for i := range own {
		if at != nil {
			clear(t.values)
			for e := at.start[i]; e < at.start[i+1]; e++ {
				t.values[at.place[e]] = src[e]
			}
		} else {
			for j, v := range src[i*t.s.cols:][:t.s.cols] {
				t.values[t.places[j]] = v
			}
		}
		t.rowSpectrum()
		for b := range t.blocks {
			copy(dst[(b*own+i)*slabLanes:][:slabLanes], t.spectrum[b*slabLanes:])
		}
	}
}

func (t *slabTransform) store(dst, src []float64, at *Pixels, scale float64) {
	own := t.s.ownRows()
	for i := range own {
		for b := range t.blocks {
			copy(t.spectrum[b*slabLanes:], src[(b*own+i)*slabLanes:][:slabLanes])
		}
		t.rowLine()
		if at != nil {
			for e := at.start[i]; e < at.start[i+1]; e++ {
				dst[e] = scale * t.values[at.place[e]]
			}
			continue
		}
		to := dst[i*t.s.cols:][:t.s.cols]
		for j := range to {
			to[j] = scale * t.values[t.places[j]]
		}
	}
}

// eachRow calls f for every row of block b in x, with its place in the column.
func (t *slabTransform) eachRow(x []float64, b int, f func(row []float64, place int)) {
	at, row := 0, 0
	for r := range len(t.s.rowOf) - 1 {
		n := t.s.rowOf[r+1] - t.s.rowOf[r]
		for i := range n {
			f(x[at+(b*n+i)*slabLanes:][:slabLanes], t.rowPlaces[row])
			row++
		}
		at += t.ownBlocks * n * slabLanes
	}
}

func (t *slabTransform) filter(x []float64, f *Symbol) Sums {
	var sums Sums
	n := t.s.rows
	for b := range t.ownBlocks {
		t.eachRow(x, b, func(row []float64, place int) { copy(t.lanes[place*slabLanes:], row) })
		h := f.H[b*n*slabLanes:][:n*slabLanes]
		for j := 0; j < slabLanes; j += 2 {
			for k := range t.lane {
				t.lane[k] = complex(t.lanes[k*slabLanes+j], t.lanes[k*slabLanes+j+1])
			}
			t.columns.Coefficients(t.lane, t.lane)
			if t.s.basis == Waves {
				t.filterWaves(h, b, j, f, &sums)
			} else {
				t.filterCosines(h, b, j, f, &sums)
			}
			t.columns.Sequence(t.lane, t.lane)
			for k, v := range t.lane {
				t.lanes[k*slabLanes+j], t.lanes[k*slabLanes+j+1] = real(v), imag(v)
			}
		}
		t.eachRow(x, b, func(row []float64, place int) { copy(row, t.lanes[place*slabLanes:]) })
	}
	return sums
}

// filterWaves filters the complex column in lanes j and j+1 of block b.
func (t *slabTransform) filterWaves(h []float64, b, j int, f *Symbol, sums *Sums) {
	across, weight := t.across[b*slabLanes+j], t.laneWeight[b*slabLanes+j]
	for k, v := range t.lane {
		hk := complex(h[k*slabLanes+j], h[k*slabLanes+j+1])
		power := real(hk)*real(hk) + imag(hk)*imag(hk)
		by := f.value(power, t.down[k]+across, weight*t.rowWeight[k]*(real(v)*real(v)+imag(v)*imag(v)), sums)
		switch f.Action {
		case Gram:
			hk = complex(power, 0)
		case Inverse:
			hk = 1
		case Adjoint:
			hk = complex(real(hk), -imag(hk))
		}
		t.lane[k] = complex(by, 0) * hk * v
	}
}

// filterCosines filters the two real columns in lanes j and j+1 of block b.
func (t *slabTransform) filterCosines(h []float64, b, j int, f *Symbol, sums *Sums) {
	one := func(z complex128, k int) complex128 {
		by := [2]float64{real(z), imag(z)}
		for i, x := range by {
			hk := h[k*slabLanes+j+i]
			at := b*slabLanes + j + i
			m := f.value(hk*hk, t.down[k]+t.across[at], t.laneWeight[at]*t.rowWeight[k]*x*x, sums)
			switch f.Action {
			case Gram:
				m *= hk * hk
			case Adjoint, Direct, Convolve:
				m *= hk
			}
			by[i] *= m
		}
		return complex(by[0], by[1])
	}
	n := t.s.rows
	t.lane[0] = one(t.lane[0], 0)
	for k := 1; k <= n/2; k++ {
		w := t.columnTurn[k]
		back := complex(real(w), -imag(w))
		if 2*k == n { // Re w V(k) = cos(pi/4) V(k) for the real lines of V
			t.lane[k] = one(t.lane[k]*complex(real(w), 0), k) * complex(2*real(w), 0)
			break
		}
		a, c := w*t.lane[k], back*t.lane[n-k]
		u, v := one((a+c)/2, k), one(1i*(a-c)/2, n-k)
		t.lane[k], t.lane[n-k] = back*(u-1i*v), w*(u+1i*v)
	}
}

// value is 1/a for a mode, 1 for Convolve, and adds what it has to the sums; square is |X|^2 times the
// mode's weight, l the spectrum of the negative Laplacian.
func (f *Symbol) value(power, l, square float64, sums *Sums) float64 {
	p := penaltyOf(l, f.Order)
	inverse := 1 / (f.Weight*power + f.Lambda*p)
	if f.Action == Gram || f.Action == Adjoint {
		square *= power
	}
	sums.RightSide += square
	z := square * inverse * inverse
	sums.Solution += z
	sums.Penalty += z * p
	if f.Action == Convolve {
		return 1
	}
	return inverse
}

func (t *slabTransform) line(dst, src []float64) {
	t.row.Coefficients(t.half, src)
	for k, v := range t.half {
		dst[2*k], dst[2*k+1] = real(v), imag(v)
	}
}

// column transforms the complex columns of a block.
func (t *slabTransform) column(x []float64) {
	for j := 0; j < slabLanes; j += 2 {
		for k := range t.lane {
			t.lane[k] = complex(x[k*slabLanes+j], x[k*slabLanes+j+1])
		}
		t.columns.Coefficients(t.lane, t.lane)
		for k, v := range t.lane {
			x[k*slabLanes+j], x[k*slabLanes+j+1] = real(v), imag(v)
		}
	}
}
