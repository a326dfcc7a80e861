//go:build !native || !cgo

package fourier

import (
	"gonum.org/v1/gonum/dsp/fourier"

	"tessera/internal/linalg"
)

// spectralTransform computes in float64 and keeps the spectrum as complex128.
type spectralTransform[T linalg.Float] struct {
	rows, cols, blocks, lanes int
	row                       *fourier.FFT
	column                    *fourier.CmplxFFT
	line                      []float64
	half                      []complex128
	lane                      []complex128
	spectrum                  []complex128
}

func newSpectralTransform[T linalg.Float](rows, cols, blocks, lanes int) spectralTransform[T] {
	return spectralTransform[T]{
		rows: rows, cols: cols, blocks: blocks, lanes: lanes,
		row: fourier.NewFFT(cols), column: fourier.NewCmplxFFT(rows),
		line: make([]float64, cols), half: make([]complex128, blocks*lanes), lane: make([]complex128, rows),
		spectrum: make([]complex128, rows*blocks*lanes),
	}
}

func (s *Spectral[T]) own() {}

// scatter and gather move a row of the spectrum between half and the blocks.
func (t *spectralTransform[T]) scatter(row int) {
	for b := range t.blocks {
		copy(t.spectrum[(b*t.rows+row)*t.lanes:][:t.lanes], t.half[b*t.lanes:])
	}
}

func (t *spectralTransform[T]) gather(row int) {
	for b := range t.blocks {
		copy(t.half[b*t.lanes:][:t.lanes], t.spectrum[(b*t.rows+row)*t.lanes:])
	}
}

func (t *spectralTransform[T]) zeroRow(row int) {
	for b := range t.blocks {
		clear(t.spectrum[(b*t.rows+row)*t.lanes:][:t.lanes])
	}
}

func (t *spectralTransform[T]) load(src Window) {
	for i := range t.rows {
		if i < src.Row || i >= src.Row+src.Rows {
			t.zeroRow(i)
			continue
		}
		clear(t.line)
		copy(t.line[src.Col:], src.Data[src.Origin+(i-src.Row)*src.Stride:][:src.Cols])
		t.row.Coefficients(t.half[:t.cols/2+1], t.line)
		t.scatter(i)
	}
}

// eachColumn transforms every column of the spectrum there and back, by between.
func (t *spectralTransform[T]) eachColumn(by func(column []complex128, at int)) {
	for b := range t.blocks {
		block := t.spectrum[b*t.rows*t.lanes:][:t.rows*t.lanes]
		for l := range t.lanes {
			if b*t.lanes+l > t.cols/2 {
				break
			}
			for i := range t.lane {
				t.lane[i] = block[i*t.lanes+l]
			}
			t.column.Coefficients(t.lane, t.lane)
			by(t.lane, b*t.rows*t.lanes+l)
			t.column.Sequence(t.lane, t.lane)
			for i, v := range t.lane {
				block[i*t.lanes+l] = v
			}
		}
	}
}

func (t *spectralTransform[T]) multiply(symbol []T) {
	t.eachColumn(func(column []complex128, at int) {
		for i := range column {
			column[i] *= complex(float64(symbol[at+i*t.lanes]), 0)
		}
	})
}

func (t *spectralTransform[T]) convolve(h []T, conjugate bool) {
	t.eachColumn(func(column []complex128, at int) {
		for i := range column {
			re, im := float64(h[2*(at+i*t.lanes)]), float64(h[2*(at+i*t.lanes)+1])
			if conjugate {
				im = -im
			}
			column[i] *= complex(re, im)
		}
	})
}

func (t *spectralTransform[T]) weigh(w Window) {
	for i := range t.rows {
		if i < w.Row || i >= w.Row+w.Rows {
			t.zeroRow(i)
			continue
		}
		t.gather(i)
		t.row.Sequence(t.line, t.half[:t.cols/2+1])
		clear(t.line[:w.Col])
		clear(t.line[w.Col+w.Cols:])
		if w.Data != nil {
			by := w.Data[w.Origin+(i-w.Row)*w.Stride:][:w.Cols]
			for j, v := range by {
				t.line[w.Col+j] *= v
			}
		}
		t.row.Coefficients(t.half[:t.cols/2+1], t.line)
		t.scatter(i)
	}
}

func (t *spectralTransform[T]) store(dst Window, scale T) {
	for i := range dst.Rows {
		t.gather(dst.Row + i)
		t.row.Sequence(t.line, t.half[:t.cols/2+1])
		to := dst.Data[dst.Origin+i*dst.Stride:][:dst.Cols]
		for j := range to {
			to[j] = float64(T(float64(scale) * t.line[dst.Col+j])) // of precision T, as callers may rely on
		}
	}
}
