package forward

import (
	"fmt"
	"math"
)

// leastSum is the smallest sum of a PSF, by the sum of its absolute values, that is taken
// for light. Below it the division by the sum would mostly amplify errors.
const leastSum = 0.1

// Centring says what CentrePSF changed.
type Centring struct {
	Sum float64 // of the values as they were given, in their unit
	// Shift is by how much the PSF was moved along rows and columns by interpolation, in
	// pixels: 0.5 along an axis of even length, 0 where no interpolation was needed.
	Shift [2]float64
	// Padded tells the axes, rows and columns, of even length whose centroid is on one of
	// the two middle pixels. One line of zeros makes that pixel the centre.
	Padded [2]bool
}

// CentrePSF makes a PSF of values, rows x cols and row-major, in any unit. It divides them
// by their sum. A sum that is not positive and finite, or less than a tenth of the sum of
// the absolute values, is refused.
//
// The centre of an axis of n pixels is at (n-1)/2, between two pixels if n is even. If the
// centroid lies within a quarter of a pixel of one of these two, that pixel becomes the
// centre and a line of zeros makes the axis n+1 long; the values stay. Otherwise the PSF is
// moved by half a pixel by cubic interpolation with the weights (-1, 9, 9, -1)/16, and the
// axis becomes n+3 long. That keeps the sum, the symmetry and, exactly, the second moments:
// the PSF does not become wider. What is lost: an amplitude of frequency f, in cycles a
// pixel, is multiplied by (9 cos(pi f) - cos(3 pi f)) / 8, which is 0.98 at f = 0.15, 0.88
// at 0.25 and 0 at 0.5. Beside edges there are negative values, up to 1/16 of the step.
// The mean of two neighbours would keep the sign, but add 1/4 square pixel to the second
// moment and keep 0.71 at f = 0.25.
func CentrePSF(rows, cols int, values []float64) (PSF, Centring, error) {
	var c Centring
	p := PSF{Rows: rows, Cols: cols, Values: append([]float64(nil), values...)}
	err := p.checkValues()
	if err == nil {
		c.Sum, err = p.light()
	}
	if err != nil {
		return PSF{}, c, fmt.Errorf("forward: %w", err)
	}
	centroid := p.Centroid()
	for axis, n := range [2]int{rows, cols} {
		if n%2 == 1 {
			continue
		}
		switch at := centroid[axis]; {
		case math.Abs(at-0.5) <= 0.25:
			p, c.Padded[axis] = p.padded(axis, 0), true
		case math.Abs(at+0.5) <= 0.25:
			p, c.Padded[axis] = p.padded(axis, 1), true
		default:
			p, c.Shift[axis] = p.shifted(axis), 0.5
		}
	}
	for i := range p.Values {
		p.Values[i] /= c.Sum
	}
	return p, c, nil
}

// light is the sum of the values, or an error if it cannot stand for the light of a star.
func (p PSF) light() (float64, error) {
	sum, size := 0.0, 0.0
	for _, v := range p.Values {
		sum += v
		size += math.Abs(v)
	}
	switch {
	case math.IsInf(size, 0):
		return sum, fmt.Errorf("the values of the PSF add up to %g and cannot be normalised to 1", sum)
	case sum == 0 && size == 0:
		return sum, fmt.Errorf("PSF is zero everywhere: its values sum to 0, want a positive sum")
	case !(sum >= leastSum*size):
		return sum, fmt.Errorf("the values of the PSF sum to %.4g, and their absolute values to %.4g: "+
			"it cannot be normalised to 1; want a positive sum of at least a tenth of the other (was too much background subtracted?)", sum, size)
	}
	return sum, nil
}

// Centroid is the mean position of the values, in rows and columns from the centre
// ((Rows-1)/2, (Cols-1)/2). A blur moves the light of a frame by that much. It is not
// finite if the values sum to 0, and 0 for the zero value.
func (p PSF) Centroid() [2]float64 {
	var c [2]float64
	if p.Values == nil {
		return c
	}
	sum := 0.0
	for i, v := range p.Values {
		sum += v
		c[0] += v * (float64(i/p.Cols) - float64(p.Rows-1)/2)
		c[1] += v * (float64(i%p.Cols) - float64(p.Cols-1)/2)
	}
	return [2]float64{c[0] / sum, c[1] / sum}
}

// Edge is the mean of the outermost rows and columns times the number of pixels, as a
// fraction of the sum: the part of the light that a background of that level holds. It is
// near 0 for a PSF whose wings end inside the picture.
func (p PSF) Edge() float64 {
	edge, sum, n := 0.0, 0.0, 0
	for i, v := range p.Values {
		sum += v
		if r, c := i/p.Cols, i%p.Cols; r == 0 || r == p.Rows-1 || c == 0 || c == p.Cols-1 {
			edge += v
			n++
		}
	}
	if n == len(p.Values) { // a line or less: it is all edge
		return 0
	}
	return edge / float64(n) * float64(len(p.Values)) / sum
}

// halfPixel are the weights of cubic interpolation half way between two of four pixels:
// of each of the outer two, and of each of the inner two.
var halfPixel = [2]float64{-1. / 16, 9. / 16}

// shifted is p moved by half a pixel along an axis, 0 = rows, which becomes 3 longer.
func (p PSF) shifted(axis int) PSF {
	return p.lengthen(axis, 3, func(at func(int) float64, i int) float64 {
		// In pairs, so that a mirror image stays one to the last bit.
		return halfPixel[0]*(at(i)+at(i-3)) + halfPixel[1]*(at(i-1)+at(i-2))
	})
}

// padded is p with a line of zeros before or after it along an axis.
func (p PSF) padded(axis, before int) PSF {
	return p.lengthen(axis, 1, func(at func(int) float64, i int) float64 { return at(i - before) })
}

// lengthen is a PSF with so many more pixels along an axis. Its pixel i of a line is
// value(at, i), where at(j) is pixel j of that line of p, and 0 outside of p.
func (p PSF) lengthen(axis, by int, value func(at func(int) float64, i int) float64) PSF {
	out, step, n := PSF{Rows: p.Rows, Cols: p.Cols + by}, 1, p.Cols
	if axis == 0 {
		out, step, n = PSF{Rows: p.Rows + by, Cols: p.Cols}, p.Cols, p.Rows
	}
	out.Values = make([]float64, 0, out.Rows*out.Cols)
	for r := range out.Rows {
		for c := range out.Cols {
			first, i := r*p.Cols, c // of the line in p
			if axis == 0 {
				first, i = c, r
			}
			at := func(j int) float64 {
				if j < 0 || j >= n {
					return 0
				}
				return p.Values[first+j*step]
			}
			out.Values = append(out.Values, value(at, i))
		}
	}
	return out
}
