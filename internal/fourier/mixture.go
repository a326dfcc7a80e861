package fourier

import "runtime"

// Mixture convolves images with several PSFs at once, each with a weight at every pixel that is a product of a factor of
// the row and one of the column:
//
//	Spread    y = sum_k h_k * (w_k x),                 w_k(i,j) = Rows_k(i) columns_c(j), c = Column_k
//	Collect   x = sum_k w_k (h_k correlated with y)
//
// in images of rows x cols pixels that are continued periodically. The rows of x are transformed once for each different
// factor of the columns, as the factor of the row may come after that, and those of y once: J terms with C factors of the
// columns take the row transforms of C + 1 and the column transforms of J + 1 images. Columns go through the cache block
// by block with all terms. Its images are in a MixtureSpace. Windows and factors that do not fit are a panic. Not for use by several
// goroutines at once, nor are mixtures that share a MixtureSpace.
type Mixture struct {
	rows, cols int
	transform  *mixtureTransform
}

// MixtureSpace is memory for the images of mixtures that work one after the other, C images of the largest; new(MixtureSpace)
// is one.
type MixtureSpace struct{ mixtureSpace }

// MixtureTerm is one PSF with its weight.
type MixtureTerm struct {
	Column   int          // which of the factors of the columns, from 0
	Rows     []float64    // a factor for each row of x
	Spectrum []complex128 // of the PSF, by Spectrum of a Mixture of the same size
}

// NewMixture prepares for images of rows x cols, at least 1 x 1; sizes from NextFast are the fast ones.
func NewMixture(rows, cols int, space *MixtureSpace) *Mixture {
	checkSize("NewMixture", rows, cols)
	m := &Mixture{rows: rows, cols: cols, transform: newMixtureTransform(rows, cols, space)}
	m.own()
	return m
}

// Rows is the number of rows of the images.
func (m *Mixture) Rows() int { return m.rows }

// Cols is the number of columns of the images.
func (m *Mixture) Cols() int { return m.cols }

// Spectrum is that of the convolution with a krows x kcols PSF around its centre (krows/2, kcols/2), as the terms want
// it: divided by the number of pixels, in an order that depends on the build.
func (m *Mixture) Spectrum(krows, kcols int, psf []float64) []complex128 {
	h := m.transform.spectrum(WrapKernel(m.rows, m.cols, krows, kcols, psf))
	runtime.KeepAlive(m)
	return h
}

// Spread adds the part of y under dst to it. x is src, which stands at (0, 0), and zero elsewhere; dst may reach over the
// last row and column to the first ones.
func (m *Mixture) Spread(dst, src Window, columns [][]float64, terms []MixtureTerm) {
	if m.check(dst, src, columns, terms) {
		m.transform.spread(dst, src, columns, terms)
		runtime.KeepAlive(m) // its memory may be freed when m is no longer in use
	}
}

// Collect adds the part of x under dst, which stands at (0, 0), to it. y is src, which may reach over the last row and
// column to the first ones, and zero elsewhere.
func (m *Mixture) Collect(dst, src Window, columns [][]float64, terms []MixtureTerm) {
	if m.check(src, dst, columns, terms) {
		m.transform.collect(dst, src, columns, terms)
		runtime.KeepAlive(m)
	}
}

// check panics unless the windows of y and x lie in the image and their arrays and the terms fit; false if there is nothing
// to do.
func (m *Mixture) check(y, x Window, columns [][]float64, terms []MixtureTerm) bool {
	for _, w := range []Window{y, x} {
		last := w.Origin + (w.Rows-1)*w.Stride + w.Cols
		if w.Rows < 0 || w.Rows > m.rows || w.Cols < 0 || w.Cols > m.cols || w.Row < 0 || w.Row >= m.rows || w.Col < 0 || w.Col >= m.cols {
			panic("fourier: Mixture: a window lies outside of the image")
		}
		if w.Rows > 0 && w.Cols > 0 && (w.Origin < 0 || last > len(w.Data)) {
			panic("fourier: Mixture: a window lies outside of its array")
		}
	}
	if x.Row != 0 || x.Col != 0 {
		panic("fourier: Mixture: x does not stand at (0, 0)")
	}
	for _, c := range columns {
		checkLength("Mixture columns", len(c), x.Cols)
	}
	for _, t := range terms {
		checkLength("Mixture rows", len(t.Rows), x.Rows)
		checkLength("Mixture spectrum", len(t.Spectrum), m.transform.length())
	}
	return len(terms) > 0 && x.Rows*x.Cols > 0 && y.Rows*y.Cols > 0
}
