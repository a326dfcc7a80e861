package forward

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"

	"tessera/halo"
)

// VaryingPSF is a point spread function that changes over a frame of rows x cols pixels.
// The light of the pixel (r, c) is spread by
//
//	h(r, c) = sum_k Rows_k[r] Cols_k[c] PSF_k,
//
// divided by the sum of its values where UnitSum is set. Bilinear interpolation between PSFs on a
// grid has this form, and so has a polynomial of the position whose coefficients are images.
type VaryingPSF struct {
	Terms []Term
	// UnitSum: every pixel keeps its flux, whatever the sums of the terms are. Without it the terms
	// stand as they are.
	UnitSum bool
}

// Term is one PSF of a VaryingPSF and its weight at every pixel of the frame, a product.
type Term struct {
	PSF  PSF       // of any sum
	Rows []float64 // a factor of the weight for each row of the frame
	Cols []float64 // and for each column
}

// Check says what is wrong with the PSF on a frame of rows x cols pixels: a term without PSF, factors of
// another number or not finite, or a pixel whose PSF sums to 0 or less where UnitSum is set.
func (v *VaryingPSF) Check(rows, cols int) error {
	if len(v.Terms) == 0 {
		return errors.New("varying PSF without terms")
	}
	for k, t := range v.Terms {
		if len(t.Rows) != rows || len(t.Cols) != cols {
			return fmt.Errorf("term %d of the varying PSF is for a frame of %d x %d pixels, want %d x %d", k, len(t.Rows), len(t.Cols), rows, cols)
		}
		err := t.PSF.checkValues()
		if err == nil && (t.PSF.Rows%2 == 0 || t.PSF.Cols%2 == 0) {
			err = t.PSF.Check()
		}
		if err != nil {
			return fmt.Errorf("term %d of the varying PSF: %w", k, err)
		}
		for _, factors := range [][]float64{t.Rows, t.Cols} {
			for i, f := range factors {
				if math.IsNaN(f) || math.IsInf(f, 0) {
					return fmt.Errorf("term %d of the varying PSF: factor %d is %g, want a finite number", k, i, f)
				}
			}
		}
	}
	if v.UnitSum {
		sums := v.sums()
		line := make([]float64, cols)
		for r := range rows {
			v.rowSums(line, sums, r, 0)
			for c, s := range line {
				if !(s > 0) {
					return fmt.Errorf("the varying PSF at row %d, column %d sums to %g, want more than 0", r, c, s)
				}
			}
		}
	}
	return nil
}

// sums are those of the values of the terms.
func (v *VaryingPSF) sums() []float64 {
	list := make([]float64, len(v.Terms))
	for k, t := range v.Terms {
		list[k] = t.PSF.sum()
	}
	return list
}

// rowSums sets line to the sums at the pixels of a row from a column on.
func (v *VaryingPSF) rowSums(line, sums []float64, row, col int) {
	clear(line)
	for k := range v.Terms {
		t := &v.Terms[k]
		f := t.Rows[row]
		if f == 0 {
			continue
		}
		for c, w := range t.Cols[col : col+len(line)] {
			line[c] += f * w * sums[k]
		}
	}
}

// sum of the values.
func (p PSF) sum() float64 {
	s := 0.0
	for _, x := range p.Values {
		s += x
	}
	return s
}

// Size is the number of rows and columns that hold the PSF everywhere, both odd.
func (v *VaryingPSF) Size() (rows, cols int) {
	for _, t := range v.Terms {
		rows, cols = max(rows, t.PSF.Rows), max(cols, t.PSF.Cols)
	}
	return rows, cols
}

// At is the PSF of the light of one pixel.
func (v *VaryingPSF) At(row, col int) PSF {
	var p PSF
	p.Rows, p.Cols = v.Size()
	p.Values = make([]float64, p.Rows*p.Cols)
	for _, t := range v.Terms {
		f := t.Rows[row] * t.Cols[col]
		if f == 0 {
			continue
		}
		top, left := (p.Rows-t.PSF.Rows)/2, (p.Cols-t.PSF.Cols)/2
		for i, x := range t.PSF.Values {
			p.Values[(top+i/t.PSF.Cols)*p.Cols+left+i%t.PSF.Cols] += f * x
		}
	}
	if v.UnitSum {
		s := p.sum()
		for i := range p.Values {
			p.Values[i] /= s
		}
	}
	return p
}

// Crop is the PSF of a part of the frame, the rows r0 to r1 and the columns c0 to c1, half-open. The
// factors are not copied.
func (v *VaryingPSF) Crop(r0, r1, c0, c1 int) *VaryingPSF {
	part := &VaryingPSF{UnitSum: v.UnitSum}
	for _, t := range v.Terms {
		t.Rows, t.Cols = t.Rows[r0:r1], t.Cols[c0:c1]
		part.Terms = append(part.Terms, t)
	}
	return part
}

// Folded is the PSF with every term as PSF.Fold makes it for its frame with this border.
func (v *VaryingPSF) Folded(border halo.Border) *VaryingPSF {
	out := &VaryingPSF{UnitSum: v.UnitSum}
	for _, t := range v.Terms {
		t.PSF = t.PSF.Fold(len(t.Rows), len(t.Cols), border)
		out.Terms = append(out.Terms, t)
	}
	return out
}

// String is a digest of all numbers of the PSF, the same for equal ones alone.
func (v *VaryingPSF) String() string {
	if v == nil {
		return "no varying PSF"
	}
	h := fnv.New64a()
	buffer := make([]byte, 8)
	number := func(bits uint64) {
		for i := range buffer {
			buffer[i] = byte(bits >> (8 * i))
		}
		h.Write(buffer)
	}
	for _, t := range v.Terms {
		number(uint64(t.PSF.Rows))
		number(uint64(t.PSF.Cols))
		for _, list := range [][]float64{t.PSF.Values, t.Rows, t.Cols} {
			number(uint64(len(list)))
			for _, x := range list {
				number(math.Float64bits(x))
			}
		}
	}
	return fmt.Sprintf("varying PSF of %d terms, unit sum %t, digest %016x", len(v.Terms), v.UnitSum, h.Sum64())
}
