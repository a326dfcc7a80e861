package fourier

import "gonum.org/v1/gonum/dsp/fourier"

// mixturePlain is a Mixture in Go, and the twin of mixtureTransform in native builds. An image of MixtureSpace has the spectra of its
// rows, rows x (cols/2+1) complex numbers, row-major; the spectrum of a term has as many, column after column.
type mixturePlain struct {
	rows, cols, half int
	row              *fourier.FFT
	column           *fourier.CmplxFFT
	line             []float64
	block, sum       []complex128 // plainLanes columns
	space            *mixturePlainSpace
}

// mixturePlainSpace is memory for the spectra of the rows of images.
type mixturePlainSpace struct{ images []complex128 }

// plainLanes is the number of columns that are gathered in one sweep over the rows: a cache line of them.
const plainLanes = 4

func newMixturePlain(rows, cols int, space *mixturePlainSpace) *mixturePlain {
	return &mixturePlain{
		rows: rows, cols: cols, half: cols/2 + 1, row: fourier.NewFFT(cols), column: fourier.NewCmplxFFT(rows),
		line: make([]float64, cols), block: make([]complex128, plainLanes*rows), sum: make([]complex128, plainLanes*rows), space: space,
	}
}

// length is that of a spectrum.
func (t *mixturePlain) length() int { return t.rows * t.half }

// image is the memory of image k of count.
func (t *mixturePlain) image(k, count int) []complex128 {
	if n := count * t.length(); len(t.space.images) < n {
		t.space.images = make([]complex128, n)
	}
	return t.space.images[k*t.length():][:t.length()]
}

// spectrum is divided by the number of pixels, which the transforms there and back multiply by.
func (t *mixturePlain) spectrum(image []float64) []complex128 {
	t.load(0, 1, Window{Data: image, Stride: t.cols, Rows: t.rows, Cols: t.cols}, nil)
	h, scale := make([]complex128, t.length()), complex(1/float64(t.rows*t.cols), 0)
	for lo := 0; lo < t.half; lo += plainLanes {
		n := min(plainLanes, t.half-lo)
		t.gather(t.image(0, 1), lo, n, t.rows, nil)
		for c := range n {
			column := t.block[c*t.rows:][:t.rows]
			t.column.Coefficients(column, column)
			for i, v := range column {
				h[(lo+c)*t.rows+i] = scale * v
			}
		}
	}
	return h
}

func (t *mixturePlain) spread(dst, src Window, columns [][]float64, terms []MixtureTerm) {
	for k, c := range columns {
		t.load(k, len(columns), src, c)
	}
	first := t.image(0, len(columns))
	for lo := 0; lo < t.half; lo += plainLanes {
		n := min(plainLanes, t.half-lo)
		clear(t.sum)
		for _, term := range terms {
			t.gather(t.image(term.Column, len(columns)), lo, n, src.Rows, term.Rows)
			for c := range n {
				column, sum := t.block[c*t.rows:][:t.rows], t.sum[c*t.rows:][:t.rows]
				t.column.Coefficients(column, column)
				for i, h := range term.Spectrum[(lo+c)*t.rows:][:t.rows] {
					sum[i] += h * column[i]
				}
			}
		}
		for c := range n {
			column := t.sum[c*t.rows:][:t.rows]
			t.column.Sequence(column, column)
			for i, v := range column {
				first[i*t.half+lo+c] = v
			}
		}
	}
	t.store(0, len(columns), dst, nil)
}

func (t *mixturePlain) collect(dst, src Window, columns [][]float64, terms []MixtureTerm) {
	t.load(0, len(columns), src, nil)
	seen := make([]bool, len(columns))
	for lo := 0; lo < t.half; lo += plainLanes {
		n := min(plainLanes, t.half-lo)
		t.gather(t.image(0, len(columns)), lo, n, t.rows, nil)
		copy(t.sum, t.block)
		for c := range n {
			column := t.sum[c*t.rows:][:t.rows]
			t.column.Coefficients(column, column)
		}
		clear(seen)
		for _, term := range terms {
			to, add := t.image(term.Column, len(columns)), seen[term.Column]
			seen[term.Column] = true
			for c := range n {
				column, sum := t.block[c*t.rows:][:t.rows], t.sum[c*t.rows:][:t.rows]
				for i, h := range term.Spectrum[(lo+c)*t.rows:][:t.rows] {
					column[i] = complex(real(h), -imag(h)) * sum[i]
				}
				t.column.Sequence(column, column)
				for i, f := range term.Rows {
					v, at := complex(f, 0)*column[i], i*t.half+lo+c
					if add {
						v += to[at]
					}
					to[at] = v
				}
			}
		}
	}
	for k, c := range columns {
		if seen[k] {
			t.store(k, len(columns), dst, c)
		}
	}
}

// load transforms the rows of a window, times factors of the columns unless nil, into image k of count. Without factors rows that
// are not in the window become zeros; with them the terms take the first rows alone.
func (t *mixturePlain) load(k, count int, src Window, columns []float64) {
	image := t.image(k, count)
	if columns == nil && src.Rows < t.rows {
		clear(image)
	}
	clear(t.line)
	for i := range src.Rows {
		from := src.Data[src.Origin+i*src.Stride:][:src.Cols]
		n := min(src.Cols, t.cols-src.Col) // before the end of the line
		copy(t.line[src.Col:], from[:n])
		copy(t.line, from[n:])
		for j, f := range columns { // the window stands at column 0
			t.line[j] *= f
		}
		t.row.Coefficients(image[(src.Row+i)%t.rows*t.half:][:t.half], t.line)
	}
}

// store adds the rows of image k of count, times factors of the columns unless nil, to a window.
func (t *mixturePlain) store(k, count int, dst Window, columns []float64) {
	image := t.image(k, count)
	for i := range dst.Rows {
		t.row.Sequence(t.line, image[(dst.Row+i)%t.rows*t.half:][:t.half])
		to := dst.Data[dst.Origin+i*dst.Stride:][:dst.Cols]
		for j, f := range columns {
			t.line[j] *= f
		}
		n := min(dst.Cols, t.cols-dst.Col)
		for j, v := range t.line[dst.Col:][:n] {
			to[j] += v
		}
		for j, v := range t.line[:dst.Cols-n] {
			to[n+j] += v
		}
	}
}

// gather puts n columns of an image from lo on into block, the first rows of them times their factors unless nil, and zeros in the
// other rows.
func (t *mixturePlain) gather(image []complex128, lo, n, rows int, factors []float64) {
	for i := range rows {
		f := 1.0
		if factors != nil {
			f = factors[i]
		}
		for c, v := range image[i*t.half+lo:][:n] {
			t.block[c*t.rows+i] = complex(f*real(v), f*imag(v))
		}
	}
	for c := range n {
		clear(t.block[c*t.rows+rows:][:t.rows-rows])
	}
}
