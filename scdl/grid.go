package scdl

import "fmt"

// Grid ties images of two resolutions to each other: pixel (i, j) of the low one lies
// on pixel (Scale i, Scale j) of the high one, whose light it gathers under a Gaussian
// of Blur high pixels. A low patch of Patch x Patch pixels and the high patch between
// its outermost pixels, Scale (Patch-1) + 1 a side, are a pair of samples; the mean of
// the low patch is taken from both.
type Grid struct {
	Scale int     // 2, 3 or 4
	Patch int     // low pixels, odd
	Blur  float64 // standard deviation, high pixels
}

// High is the side of a high patch.
func (g Grid) High() int { return g.Scale*(g.Patch-1) + 1 }

// Check finds what is wrong with it.
func (g Grid) Check() error {
	if g.Scale < 2 || g.Scale > 4 || g.Patch < 3 || g.Patch > 15 || g.Patch%2 == 0 || !(g.Blur >= 0) || g.Blur > 4 {
		return fmt.Errorf("scdl: scale %d, patches of %d pixels, blur %g; want 2 to 4, an odd number from 3 to 15, and 0 to 4", g.Scale, g.Patch, g.Blur)
	}
	return nil
}

// Image is a grey picture, rows x cols, of values about 0 to 1.
type Image struct {
	Rows, Cols int
	Data       []float64
}

// lines are the rows of a picture that are at hand, from row first on. Those beyond its
// borders are mirrored on the first and last one, which keeps the two grids on each
// other: high row -Scale is high row Scale, low row -1 is low row 1.
type lines struct {
	first, total int // rows
	cols         int
	data         []float64
}

// row is row i, inside or outside of the picture. At most as many rows beyond the border
// may be asked for as rows are at hand on both sides of those that somebody answers for.
func (l lines) row(i int) []float64 {
	at := (reflect(i, l.total) - l.first) * l.cols
	return l.data[at : at+l.cols]
}

// lines are all rows of an image.
func (x *Image) lines() lines { return lines{total: x.Rows, cols: x.Cols, data: x.Data} }

func reflect(i, n int) int {
	if n == 1 {
		return 0
	}
	i %= 2 * (n - 1)
	if i < 0 {
		i += 2 * (n - 1)
	}
	return min(i, 2*(n-1)-i)
}
