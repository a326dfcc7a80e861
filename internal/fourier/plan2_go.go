//go:build !native || !cgo

package fourier

import "gonum.org/v1/gonum/dsp/fourier"

// Backend says which implementation this binary has, for a report to a user.
func Backend() string { return "gonum (pure Go)" }

// realTransform is the unnormalised pair of transforms of one size: along the
// rows, real, then along the columns, complex.
type realTransform struct {
	rows, cols int
	row        *fourier.FFT
	column     *fourier.CmplxFFT
	columns    []complex128 // together x rows
	work       []complex128 // rows x (cols/2+1)
}

// together is the number of columns gathered in one sweep over the rows: a
// cache line of them.
const together = 4

func newRealTransform(rows, cols int) realTransform {
	return realTransform{
		rows: rows, cols: cols,
		row: fourier.NewFFT(cols), column: fourier.NewCmplxFFT(rows),
		columns: make([]complex128, together*rows),
		work:    make([]complex128, rows*(cols/2+1)),
	}
}

func (t *realTransform) clone() realTransform { return newRealTransform(t.rows, t.cols) }

func (t *realTransform) forward(dst []complex128, src []float64) {
	h := t.cols/2 + 1
	for i := range t.rows {
		t.row.Coefficients(t.work[i*h:][:h], src[i*t.cols:][:t.cols])
	}
	t.eachColumn(dst, t.work, t.column.Coefficients)
}

func (t *realTransform) inverse(dst []float64, src []complex128) {
	h := t.cols/2 + 1
	t.eachColumn(t.work, src, t.column.Sequence)
	for i := range t.rows {
		t.row.Sequence(dst[i*t.cols:][:t.cols], t.work[i*h:][:h])
	}
}

// eachColumn applies a transform to the columns of src.
func (t *realTransform) eachColumn(dst, src []complex128, transform func(dst, src []complex128) []complex128) {
	h := t.cols/2 + 1
	for lo := 0; lo < h; lo += together {
		n := min(together, h-lo)
		for i := range t.rows {
			for c, v := range src[i*h+lo:][:n] {
				t.columns[c*t.rows+i] = v
			}
		}
		for c := range n {
			column := t.columns[c*t.rows:][:t.rows]
			transform(column, column)
		}
		for i := range t.rows {
			to := dst[i*h+lo:][:n]
			for c := range to {
				to[c] = t.columns[c*t.rows+i]
			}
		}
	}
}
