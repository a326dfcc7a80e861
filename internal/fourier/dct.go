package fourier

import "math"

// DCT2 is the orthonormal two-dimensional cosine transform of one size. Not
// for use by several goroutines at once: see Clone.
type DCT2 struct {
	rows, cols int
	transform  cosineTransform
	rowScale   scales
	colScale   scales
}

// scales are the factors between the unnormalised transform and the
// orthonormal one, for index 0 and for the others. They are the same in both
// directions: the unnormalised DCT-II has a factor 2 at every term, the DCT-III
// at every term but the first.
type scales struct{ toFirst, fromFirst, others float64 }

func newScales(n int) scales {
	return scales{
		toFirst:   math.Sqrt(1 / (4 * float64(n))),
		fromFirst: math.Sqrt(1 / float64(n)),
		others:    math.Sqrt(1 / (2 * float64(n))),
	}
}

// NewDCT2 prepares for images of rows x cols, at least 1 x 1.
func NewDCT2(rows, cols int) *DCT2 {
	checkSize("NewDCT2", rows, cols)
	return &DCT2{
		rows: rows, cols: cols, transform: newCosineTransform(rows, cols),
		rowScale: newScales(rows), colScale: newScales(cols),
	}
}

// Clone returns a plan for another goroutine.
func (d *DCT2) Clone() *DCT2 {
	c := *d
	c.transform = d.transform.clone()
	return &c
}

// Forward computes the DCT-II of src. dst and src, rows x cols, may be the
// same.
func (d *DCT2) Forward(dst, src []float64) {
	checkLength("DCT2.Forward dst", len(dst), d.rows*d.cols)
	checkLength("DCT2.Forward src", len(src), d.rows*d.cols)
	work := d.transform.data
	copy(work, src)
	d.transform.type2()
	for i := range d.rows {
		r := d.rowScale.others
		if i == 0 {
			r = d.rowScale.toFirst
		}
		from, to := work[i*d.cols:][:d.cols], dst[i*d.cols:][:d.cols]
		for j, v := range from {
			to[j] = r * d.colScale.others * v
		}
		to[0] = r * d.colScale.toFirst * from[0]
	}
}

// Inverse computes the DCT-III of src, the inverse and the transpose of
// Forward. dst and src, rows x cols, may be the same.
func (d *DCT2) Inverse(dst, src []float64) {
	checkLength("DCT2.Inverse dst", len(dst), d.rows*d.cols)
	checkLength("DCT2.Inverse src", len(src), d.rows*d.cols)
	work := d.transform.data
	for i := range d.rows {
		r := d.rowScale.others
		if i == 0 {
			r = d.rowScale.fromFirst
		}
		from, to := src[i*d.cols:][:d.cols], work[i*d.cols:][:d.cols]
		for j, v := range from {
			to[j] = r * d.colScale.others * v
		}
		to[0] = r * d.colScale.fromFirst * from[0]
	}
	d.transform.type3()
	copy(dst, work)
}
