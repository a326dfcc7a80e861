package fourier

// mixturePlain is a Mixture by whole transforms, J + 1 of them for J terms.
type mixturePlain struct {
	plan  *Plan2
	space *mixturePlainSpace
	image []float64 // in space, as the others
	sum   []complex128
	part  []complex128
}

type mixturePlainSpace struct {
	image     []float64
	sum, part []complex128
}

func newMixturePlain(rows, cols int, space *mixturePlainSpace) *mixturePlain {
	return &mixturePlain{plan: NewPlan2(rows, cols), space: space}
}

func (t *mixturePlain) length() int { return t.plan.Rows() * t.plan.SpectrumCols() }

func (t *mixturePlain) spectrum(image []float64) []complex128 {
	h := make([]complex128, t.length())
	t.plan.Forward(h, image)
	return h
}

// reserve takes the arrays from space.
func (t *mixturePlain) reserve() {
	s, n, m := t.space, t.length(), t.plan.Rows()*t.plan.Cols()
	if len(s.image) < m || len(s.sum) < n {
		s.image, s.sum, s.part = make([]float64, max(m, len(s.image))), make([]complex128, max(n, len(s.sum))), make([]complex128, max(n, len(s.sum)))
	}
	t.image, t.sum, t.part = s.image[:m], s.sum[:n], s.part[:n]
}

func (t *mixturePlain) spread(dst, src Window, columns [][]float64, terms []MixtureTerm) {
	t.reserve()
	width := t.plan.Cols()
	for k, term := range terms {
		cols := columns[term.Column]
		clear(t.image)
		for i, f := range term.Rows {
			if f == 0 {
				continue
			}
			from := src.Data[src.Origin+i*src.Stride:][:len(cols)]
			to := t.image[i*width:][:len(cols)]
			for j, w := range cols {
				to[j] = f * w * from[j]
			}
		}
		if k == 0 {
			t.plan.Forward(t.sum, t.image)
			for i, h := range term.Spectrum {
				t.sum[i] *= h
			}
			continue
		}
		t.plan.Forward(t.part, t.image)
		sum := t.sum[:len(t.part)]
		for i, h := range term.Spectrum[:len(t.part)] {
			sum[i] += h * t.part[i]
		}
	}
	t.plan.Inverse(t.image, t.sum)
	t.lines(dst, func(own, grid []float64) {
		own = own[:len(grid)]
		for j, v := range grid {
			own[j] += v
		}
	})
}

func (t *mixturePlain) collect(dst, src Window, columns [][]float64, terms []MixtureTerm) {
	t.reserve()
	width := t.plan.Cols()
	clear(t.image)
	t.lines(src, func(own, grid []float64) { copy(grid, own) })
	t.plan.Forward(t.sum, t.image)
	for _, term := range terms {
		part := t.part[:len(t.sum)]
		for i, h := range term.Spectrum[:len(t.sum)] {
			part[i] = complex(real(h), -imag(h)) * t.sum[i]
		}
		t.plan.Inverse(t.image, t.part)
		cols := columns[term.Column]
		for i, f := range term.Rows {
			if f == 0 {
				continue
			}
			to := dst.Data[dst.Origin+i*dst.Stride:][:len(cols)]
			from := t.image[i*width:][:len(cols)]
			for j, w := range cols {
				to[j] += f * w * from[j]
			}
		}
	}
}

// lines calls use for every contiguous part of a row of a window that may reach over the ends of the image.
func (t *mixturePlain) lines(w Window, use func(own, grid []float64)) {
	rows, cols := t.plan.Rows(), t.plan.Cols()
	for i := range w.Rows {
		own := w.Data[w.Origin+i*w.Stride:][:w.Cols]
		grid := t.image[(w.Row+i)%rows*cols:][:cols]
		n := min(w.Cols, cols-w.Col)
		use(own[:n], grid[w.Col:w.Col+n])
		use(own[n:], grid[:w.Cols-n])
	}
}
