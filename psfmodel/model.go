package psfmodel

import (
	"errors"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/internal/outliers"
)

// Format names how a model is stored.
type Format string

const (
	PSFEx  Format = "psfex"
	STPSF  Format = "stpsf"
	STDPSF Format = "stdpsf"
	Cube   Format = "cube"
	Kernel Format = "kernel"
)

// Formats lists them all.
func Formats() []Format { return []Format{PSFEx, STPSF, STDPSF, Cube, Kernel} }

// Model is a PSF that depends on the position.
type Model struct {
	Format     Format
	Path       string      // "" = made up
	Rows, Cols int         // samples of an image
	Step       float64     // pixels of the frame from one sample to the next
	Optical    bool        // the samples do not include the pixel: PSF takes the mean over each
	Images     [][]float64 // P_k, Rows x Cols each, row-major, of any sum
	Law        Law         // their weights
	Detector   string      // of several in the file, in words; "" = there is one
	Notes      []string    // what a reader changed or assumed, a line each
	Places     string      // of a cube: what was taken from the table of positions; "" = none
}

// Law gives the weights of the images at a position. They are products of a factor of the row and one of
// the column.
type Law interface {
	// Images is the number of images.
	Images() int
	// Factors are those of every image at positions along an axis, 0 = rows.
	Factors(axis int, at []float64) [][]float64
	// Describe is the law in words.
	Describe() string
}

// Check says what is wrong with the model itself.
func (m *Model) Check() error {
	switch {
	case m.Rows < 1 || m.Cols < 1:
		return fmt.Errorf("images of %d x %d samples", m.Rows, m.Cols)
	case !(m.Step > 0) || math.IsInf(m.Step, 0):
		return fmt.Errorf("%g pixels from one sample to the next, want more than 0", m.Step)
	case m.Step < 1./64 || m.Step > 16:
		return fmt.Errorf("%g pixels from one sample to the next, want 1/64 to 16", m.Step)
	case len(m.Images) != m.Law.Images():
		return fmt.Errorf("%d images, and weights for %d", len(m.Images), m.Law.Images())
	}
	for k, image := range m.Images {
		if len(image) != m.Rows*m.Cols {
			return fmt.Errorf("image %d has %d values, want %d x %d", k, len(image), m.Rows, m.Cols)
		}
		if err := known(k, image, m.Cols); err != nil {
			return err
		}
	}
	return nil
}

// known refuses an image with a sample that is not finite or marks a missing value.
func known(k int, image []float64, cols int) error {
	for i, v := range image {
		if v-v != 0 {
			return fmt.Errorf("image %d: the value at row %d, column %d is %g, want a finite number", k, i/cols, i%cols, v)
		}
	}
	if i := outliers.FirstMark(image); i >= 0 {
		return fmt.Errorf("image %d: the value at row %d, column %d is %.6g, which marks a missing value; a PSF is known everywhere: write 0 where it has no light",
			k, i/cols, i%cols, image[i])
	}
	return nil
}

// Weights are those of the images at a position.
func (m *Model) Weights(row, col float64) []float64 {
	w := make([]float64, m.Law.Images())
	r, c := m.Law.Factors(0, []float64{row}), m.Law.Factors(1, []float64{col})
	for k := range w {
		w[k] = r[k][0] * c[k][0]
	}
	return w
}

// Samples is the image at a position, Rows x Cols samples of any sum.
func (m *Model) Samples(row, col float64) []float64 {
	out := make([]float64, m.Rows*m.Cols)
	for k, w := range m.Weights(row, col) {
		if w == 0 {
			continue
		}
		for i, v := range m.Images[k] {
			out[i] += w * v
		}
	}
	return out
}

// Size is the number of rows and columns of pixels of the PSF, both odd: as many as lie inside of the samples.
func (m *Model) Size() (rows, cols int) {
	return pixels(m.Rows, m.Step), pixels(m.Cols, m.Step)
}

// At is the PSF of the pixel at a position, of sum 1, cut to at most most pixels a side, an odd number; 0 = all.
func (m *Model) At(row, col float64, most int) (forward.PSF, error) {
	p := m.resampler(most).psf(m.Samples(row, col))
	sum := 0.0
	for _, v := range p.Values {
		sum += v
	}
	if !(sum > 0) {
		return forward.PSF{}, fmt.Errorf("psfmodel: the PSF at row %g, column %g sums to %g, want more than 0", row, col, sum)
	}
	for i := range p.Values {
		p.Values[i] /= sum
	}
	return p, p.Check()
}

// Varying is the model on a frame of rows x cols pixels whose first pixel is at the position first. Its PSF at
// the pixel (r, c) is At(first[0]+r, first[1]+c, most).
func (m *Model) Varying(rows, cols int, first [2]float64, most int) (*forward.VaryingPSF, error) {
	if rows < 1 || cols < 1 {
		return nil, errors.New("psfmodel: a frame without pixels")
	}
	at := func(n int, from float64) []float64 {
		list := make([]float64, n)
		for i := range list {
			list[i] = from + float64(i)
		}
		return list
	}
	down, across := m.Law.Factors(0, at(rows, first[0])), m.Law.Factors(1, at(cols, first[1]))
	r := m.resampler(most)
	v := &forward.VaryingPSF{UnitSum: true}
	for k, image := range m.Images {
		if zero(down[k]) || zero(across[k]) {
			continue
		}
		v.Terms = append(v.Terms, forward.Term{PSF: r.psf(image), Rows: down[k], Cols: across[k]})
	}
	if err := v.Check(rows, cols); err != nil {
		return nil, fmt.Errorf("psfmodel: %w", err)
	}
	return v, nil
}

func zero(list []float64) bool {
	for _, v := range list {
		if v != 0 {
			return false
		}
	}
	return true
}
