//go:build !native || !cgo

package fourier

const complexLanes = slabLanes / 2

func (t *slabTransform) filter(received, own []float64, f *Symbol) Sums {
	var sums Sums
	n := t.s.rows
	for b := range t.ownBlocks {
		t.eachRow(received, own, b, func(row []float64, place int) {
			to := t.block[place*complexLanes:][:complexLanes]
			for j := range to {
				to[j] = complex(row[2*j], row[2*j+1])
			}
		})
		if t.s.basis == Sines {
			oddly(t.columns, t.block, n)
			t.filterSines(f.H[b*n*slabLanes:][:n*slabLanes], b, f, &sums)
			oddly(t.columns, t.block, n)
			t.storeBlock(received, own, b)
			continue
		}
		t.columns.transform(t.block)
		if h := f.H[b*n*slabLanes:][:n*slabLanes]; t.s.basis == Waves {
			t.filterWaves(h, b, f, &sums)
		} else {
			t.filterCosines(h, b, f, &sums)
		}
		// The inverse is a transform with V(n-k) for V(k).
		for k := 1; 2*k < n; k++ {
			u, v := t.block[k*complexLanes:][:complexLanes], t.block[(n-k)*complexLanes:][:complexLanes]
			for j := range u {
				u[j], v[j] = v[j], u[j]
			}
		}
		t.columns.transform(t.block)
		t.storeBlock(received, own, b)
	}
	return sums
}

// storeBlock puts the block back.
func (t *slabTransform) storeBlock(received, own []float64, b int) {
	t.eachRow(received, own, b, func(row []float64, place int) {
		for j, v := range t.block[place*complexLanes:][:complexLanes] {
			row[2*j], row[2*j+1] = real(v), imag(v)
		}
	})
}

// filterWaves filters the complex columns of block b.
func (t *slabTransform) filterWaves(h []float64, b int, f *Symbol, sums *Sums) {
	for k := range t.s.rows {
		row := t.block[k*complexLanes:][:complexLanes]
		for j, v := range row {
			lane := b*slabLanes + 2*j
			hk := complex(h[k*slabLanes+2*j], h[k*slabLanes+2*j+1])
			power := real(hk)*real(hk) + imag(hk)*imag(hk)
			by := f.value(power, t.down[k]+t.across[lane], t.laneWeight[lane]*t.rowWeight[k]*(real(v)*real(v)+imag(v)*imag(v)), sums)
			switch f.Action {
			case Gram:
				hk = complex(power, 0)
			case Inverse:
				hk = 1
			case Adjoint:
				hk = conj(hk)
			}
			row[j] = complex(by, 0) * hk * v
		}
	}
}

// real filters a real mode.
func (t *slabTransform) real(x float64, h []float64, b, k, lane int, f *Symbol, sums *Sums) float64 {
	hk, at := h[k*slabLanes+lane], b*slabLanes+lane
	m := f.value(hk*hk, t.down[k]+t.across[at], t.laneWeight[at]*t.rowWeight[k]*x*x, sums)
	switch f.Action {
	case Gram:
		m *= hk * hk
	case Adjoint, Direct, Convolve:
		m *= hk
	}
	return m * x
}

// filterSines filters the pairs of real columns of block b.
func (t *slabTransform) filterSines(h []float64, b int, f *Symbol, sums *Sums) {
	for k := range t.s.rows {
		for j, v := range t.block[(k+1)*complexLanes:][:complexLanes] {
			t.block[(k+1)*complexLanes+j] = complex(t.real(real(v), h, b, k, 2*j, f, sums), t.real(imag(v), h, b, k, 2*j+1, f, sums))
		}
	}
}

// filterCosines filters the pairs of real columns of block b.
func (t *slabTransform) filterCosines(h []float64, b int, f *Symbol, sums *Sums) {
	one := func(x float64, k, lane int) float64 { return t.real(x, h, b, k, lane, f, sums) }
	n := t.s.rows
	for k := 0; k <= n/2; k++ {
		u := t.block[k*complexLanes:][:complexLanes]
		w, alone := t.columnTurn[k], k == 0 || 2*k == n
		if alone { // for k = n/2, Re w V(k) = cos(pi/4) V(k) for the real lines of V
			c := real(w)
			back := 1.0
			if k > 0 {
				back = 2 * c
			}
			for j, v := range u {
				u[j] = complex(back*one(c*real(v), k, 2*j), back*one(c*imag(v), k, 2*j+1))
			}
			continue
		}
		v := t.block[(n-k)*complexLanes:][:complexLanes]
		for j := range u {
			y, z := cosinePair(w, u[j], v[j])
			y = complex(one(real(y), k, 2*j), one(imag(y), k, 2*j+1))
			z = complex(one(real(z), n-k, 2*j), one(imag(z), n-k, 2*j+1))
			u[j], v[j] = wavePair(w, y, z)
		}
	}
}

// value is 1/a for a mode, 1 for Convolve, and adds what it has to the sums; square is |X|^2
// times the mode's weight, l the spectrum of the negative Laplacian.
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
