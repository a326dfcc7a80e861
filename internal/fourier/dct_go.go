//go:build !native || !cgo

package fourier

import "gonum.org/v1/gonum/dsp/fourier"

// cosineTransform computes in place, along both axes of data,
//
//	type2  X(k) = 2 sum_i x(i) cos(pi (i+1/2) k / n)
//	type3  x(i) = X(0) + 2 sum_k>0 X(k) cos(pi (i+1/2) k / n)
type cosineTransform struct {
	rows, cols  int
	row, column *fourier.QuarterWaveFFT
	line        []float64 // one column
	data        []float64 // rows x cols
}

func newCosineTransform(rows, cols int) cosineTransform {
	return cosineTransform{
		rows: rows, cols: cols,
		row: fourier.NewQuarterWaveFFT(cols), column: fourier.NewQuarterWaveFFT(rows),
		line: make([]float64, rows), data: make([]float64, rows*cols),
	}
}

func (t *cosineTransform) clone() cosineTransform { return newCosineTransform(t.rows, t.cols) }

func (t *cosineTransform) type2() {
	// gonum's has a factor 4 where ours has 2, along each axis.
	t.bothAxes(t.row.CosSequence, t.column.CosSequence)
	for i := range t.data {
		t.data[i] /= 4
	}
}

func (t *cosineTransform) type3() { t.bothAxes(t.row.CosCoefficients, t.column.CosCoefficients) }

func (t *cosineTransform) bothAxes(row, column func(dst, src []float64) []float64) {
	for i := range t.rows {
		line := t.data[i*t.cols:][:t.cols]
		row(line, line)
	}
	for j := range t.cols {
		for i := range t.line {
			t.line[i] = t.data[i*t.cols+j]
		}
		column(t.line, t.line)
		for i, v := range t.line {
			t.data[i*t.cols+j] = v
		}
	}
}
