package psfmodel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tessera/internal/imageio"
)

const (
	psfexTable  = "PSF_DATA"
	psfexColumn = "PSF_MASK"
	mostDegree  = 10
)

// readPSFEx reads the table PSF_DATA that PSFEx writes: one row with images of coefficients, and cards
// for the polynomial.
func readPSFEx(path string) (*Model, error) {
	shape, values, header, err := imageio.ReadCell(path, psfexTable, psfexColumn)
	if err != nil {
		return nil, err
	}
	h := &cards{header: header}
	axes, groups := h.integerOr("POLNAXIS", 0), 1
	law := &Polynomial{Scale: [2]float64{1, 1}}
	switch axes {
	case 0:
	case 2:
		if groups = h.integerOr("POLNGRP", 1); groups != 1 {
			return nil, fmt.Errorf("POLNGRP = %d groups of parameters, want 1: the PSF may depend on x and y together alone", groups)
		}
		law.Degree = h.integer("POLDEG1")
		for i := 1; i <= 2; i++ {
			name, axis := strings.ToUpper(h.text("POLNAME"+strconv.Itoa(i))), -1
			switch {
			case strings.HasPrefix(name, "X"):
				axis = 1
			case strings.HasPrefix(name, "Y"):
				axis = 0
			}
			if h.err == nil && (axis < 0 || axis != 2-i) {
				return nil, fmt.Errorf("POLNAME%d = %q, want %s: the PSF may depend on x and y alone, in this order", i, name, []string{"X_IMAGE", "Y_IMAGE"}[i-1])
			}
			if axis >= 0 {
				law.Zero[axis] = h.number("POLZERO"+strconv.Itoa(i)) - 1 // the first pixel is 1 in the file
				law.Scale[axis] = h.number("POLSCAL" + strconv.Itoa(i))
			}
		}
	default:
		return nil, fmt.Errorf("POLNAXIS = %d parameters, want 2 (x and y) or 0", axes)
	}
	sampling := h.number("PSF_SAMP")
	switch {
	case h.err != nil:
		return nil, h.err
	case law.Degree < 0 || law.Degree > mostDegree:
		return nil, fmt.Errorf("POLDEG1 = %d, want 0 to %d", law.Degree, mostDegree)
	case law.Scale[0] == 0 || law.Scale[1] == 0:
		return nil, fmt.Errorf("POLSCAL1 = %g and POLSCAL2 = %g, want numbers other than 0", law.Scale[1], law.Scale[0])
	case !(sampling > 0):
		return nil, fmt.Errorf("PSF_SAMP = %g pixels a sample, want more than 0", sampling)
	}
	if len(shape) == 2 {
		shape = slices.Insert(shape, 0, 1)
	}
	if len(shape) != 3 {
		return nil, fmt.Errorf("%s has the shape %v, want (coefficients, rows, columns)", psfexColumn, shape)
	}
	if shape[0] != law.Images() {
		return nil, fmt.Errorf("%d images of coefficients, want %d for a polynomial of degree %d", shape[0], law.Images(), law.Degree)
	}
	m := &Model{Format: PSFEx, Rows: shape[1], Cols: shape[2], Step: sampling, Law: law}
	if has(header, "PSF_FWHM") {
		m.Notes = append(m.Notes, fmt.Sprintf("PSF_FWHM = %.4g pixels in the file is what PSFEx estimated of its stars before it made the model, to choose PSF_SAMP; a FWHM of the model is measured",
			h.number("PSF_FWHM")))
	}
	if h.err != nil {
		return nil, h.err
	}
	n := shape[1] * shape[2]
	for k := range shape[0] {
		m.Images = append(m.Images, values[k*n:(k+1)*n])
	}
	return m, nil
}

// cards reads numbers from a header; the first that is missing or wrong is kept as err.
type cards struct {
	header imageio.Header
	err    error
}

func (c *cards) text(key string) string {
	v, ok := c.header.Get(key)
	if !ok {
		c.fail("no card %s in the header", key)
	}
	return strings.TrimSpace(v)
}

func (c *cards) number(key string) float64 {
	text := c.text(key)
	v, err := strconv.ParseFloat(strings.ReplaceAll(text, "D", "E"), 64)
	if err != nil || v-v != 0 {
		c.fail("%s = %q, want a number", key, text)
	}
	return v
}

func (c *cards) integer(key string) int {
	text := c.text(key)
	v, err := strconv.Atoi(text)
	if err != nil {
		c.fail("%s = %q, want a whole number", key, text)
	}
	return v
}

// integerOr is a number that a header may leave out.
func (c *cards) integerOr(key string, other int) int {
	if !has(c.header, key) {
		return other
	}
	return c.integer(key)
}

func (c *cards) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}
