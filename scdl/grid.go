package scdl

import "fmt"

// Grid relates pictures of two resolutions. A pixel is an area, as in Pillow, OpenCV and
// scikit-image: pixel (i, j) of the low picture covers the Scale x Scale pixels of the high
// picture from (Scale i, Scale j) on, so that its centre is at Scale i + (Scale-1)/2 along
// the rows. Its value is the mean of the high pixels around its centre with the weights of
// a Gaussian, or the mean of those that it covers. A pair of samples is a low patch of
// Patch x Patch pixels and the high patch that it covers, Scale Patch pixels a side, both
// minus the mean of the low patch.
type Grid struct {
	Scale int     // high pixels a low pixel, along an axis: 2, 3 or 4
	Patch int     // low pixels along an axis: odd, 3 to 15
	Blur  float64 // standard deviation of the Gaussian, high pixels: 0 to 4; 0 = the mean of the covered pixels
}

// High is the number of high pixels of a high patch along an axis.
func (g Grid) High() int { return g.Scale * g.Patch }

// Check returns what is wrong with g. NewStrips calls it.
func (g Grid) Check() error {
	if g.Scale < 2 || g.Scale > 4 || g.Patch < 3 || g.Patch > 15 || g.Patch%2 == 0 || !(g.Blur >= 0) || g.Blur > 4 {
		return fmt.Errorf("scdl: scale %d, patches of %d pixels, blur %g; want 2 to 4, an odd number from 3 to 15, and 0 to 4", g.Scale, g.Patch, g.Blur)
	}
	return nil
}

// CheckPicture returns an error if a picture of rows x cols high pixels is too small for a
// patch. NewStrips calls it.
func (g Grid) CheckPicture(rows, cols int) error {
	if r, c := g.lowSide(rows), g.lowSide(cols); r < g.Patch || c < g.Patch {
		return fmt.Errorf("scdl: a picture of %d x %d low pixels is smaller than a patch of %d x %d", r, c, g.Patch, g.Patch)
	}
	return nil
}

// Reach is how many rows around its own a rank of Strips gets from its neighbours, of the
// low and of the high picture.
func (g Grid) Reach() (low, high int) {
	return max(g.Patch-1, bicubicReach), max(g.reach(), windowReach)
}

// Image is a whole grey picture.
type Image struct {
	Rows, Cols int
	Data       []float64 // Rows x Cols, values of about 0 to 1
}

// lines are consecutive rows of a picture, in the memory of a rank. Rows beyond the border
// are mirrored at the border, where the areas of the first and of the last row end, which
// keeps the two grids aligned: low row -1 is low row 0, high row -1 is high row 0.
type lines struct {
	first int // number of the first row in memory
	total int // rows of the whole picture
	cols  int
	data  []float64 // rows x cols
}

// row is row i of the picture, which may be beyond the border. The row itself, or its
// mirror image, must be in memory.
func (l lines) row(i int) []float64 {
	at := (reflect(i, l.total) - l.first) * l.cols
	return l.data[at : at+l.cols]
}

// lines are all rows of x.
func (x *Image) lines() lines { return lines{total: x.Rows, cols: x.Cols, data: x.Data} }

// reflect mirrors index i at the borders -1/2 and n - 1/2 until it is inside.
func reflect(i, n int) int {
	i %= 2 * n
	if i < 0 {
		i += 2 * n
	}
	return min(i, 2*n-1-i)
}
