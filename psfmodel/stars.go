package psfmodel

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/forward"
)

// StarOptions say how PSFs are made of the stars in a frame. Lengths are in pixels.
type StarOptions struct {
	Size       int     // side of the PSFs, odd; 0 = 31
	Down       int     // cells of the grid along rows; 0 = 1
	Across     int     // and along columns; 0 = 1
	Saturation float64 // stars with a pixel of this value or more are left out; 0 = none
	Apart      float64 // stars with another one nearer than this are left out; 0 = 3 times the FWHM of the star
	SNR        float64 // least flux in units of its noise, as the ring around the star shows it; 0 = 20
}

func (o StarOptions) withDefaults() StarOptions {
	o.Down, o.Across = max(o.Down, 1), max(o.Across, 1)
	if o.Size == 0 {
		o.Size = 31
	}
	if o.SNR == 0 {
		o.SNR = 20
	}
	return o
}

// StarCounts are the stars that were used and those that were left out, and the cells of the grid without a star of their own.
type StarCounts struct {
	Given, Used                                     int
	Outside, Twice                                  int // places outside of the frame, and within half a pixel of an earlier one
	AtEdge, Missing, Saturated, Crowded, Faint, Off int // Off: the centre that was found is more than 2 pixels from the place given
	Uneven                                          int // the background is no plane: neighbours raise the ring around the star
	Odd                                             int // found in the frame, and much wider or narrower than the stars of their cell
	EmptyCells                                      int
	Least, Most                                     int // stars of a cell that has any
	PoorCells                                       int // cells of 1 or 2 stars
	Swapped                                         int // places that are on stars if rows and columns are swapped; 0 = fewer than as they are
}

func (c StarCounts) String() string {
	var out []string
	for _, v := range []struct {
		n    int
		what string
	}{{c.Outside, "outside of the frame"}, {c.Twice, "given twice"}, {c.AtEdge, "at the edge"}, {c.Missing, "with missing pixels"}, {c.Saturated, "saturated"}, {c.Crowded, "with a neighbour"}, {c.Uneven, "with an uneven background"}, {c.Faint, "too faint"}, {c.Off, "not found at their place"}, {c.Odd, "of another width than the stars around"}} {
		if v.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", v.n, v.what))
		}
	}
	text := fmt.Sprintf("%d of %d stars used", c.Used, c.Given)
	if len(out) > 0 {
		text += ", left out: " + strings.Join(out, ", ")
	}
	switch {
	case c.Least > 0 && c.Least == c.Most:
		text += fmt.Sprintf("; stars of a cell: %d", c.Least)
	case c.Least > 0:
		text += fmt.Sprintf("; stars of a cell: at least %d, at most %d", c.Least, c.Most)
	}
	if c.PoorCells > 0 {
		text += fmt.Sprintf("; warning: cells whose PSF is made of 1 or 2 stars, whose noise and neighbours it has: %d; a grid of fewer cells has more stars in each", c.PoorCells)
	}
	if c.Swapped > 0 {
		text += fmt.Sprintf("; warning: with rows and columns swapped %d places would be on stars, more than as they are: are the names of the columns row and col (or y and x) the right way round?", c.Swapped)
	}
	if c.EmptyCells > 0 {
		text += fmt.Sprintf("; %d cells without a star have the PSF of the nearest cell that has one", c.EmptyCells)
	}
	return text
}

// ring is the width of the ring around a cut-out from which the background is taken.
const ring = 2

// FromFrame is FromStars with the stars that FindStars finds. A neighbour counts if its peak is at least a tenth of that of the
// star; a star with three pixels of the value of its peak counts as saturated; and where a cell has five stars or
// more, those are left out whose width is more than 10 % and 3 standard deviations from the median of the cell.
func FromFrame(frame []float64, rows, cols int, o StarOptions) (*Grid, []forward.PSF, StarCounts, Found, error) {
	stars, found := FindStars(frame, rows, cols)
	grid, psfs, counts, err := fromStars(frame, rows, cols, stars, true, o)
	if err != nil && len(stars) == 0 {
		err = fmt.Errorf("psfmodel: no star was found: %s", found)
	}
	return grid, psfs, counts, found, err
}

// FromStars makes PSFs on a grid of cells of stars at places (row, col) in a frame of rows x cols pixels, row-major; NaN is a missing
// pixel. A star is cut out; the plane that fits best to the ring around it is its background; its centre is that of the Gaussian that fits
// best, to which it is moved by Lanczos interpolation; it is divided by its flux. Pixels that are nearer to another star do not count: for the
// centre and the flux they have the value of the pixel opposite. The PSF of a cell is the mean of its
// stars, without values of more than 3 standard deviations from their median at a pixel, found from the median deviation.
// It stands for the middle of the cell. Missing pixels of a star, at most 5 % of its cut-out and none within its FWHM, are as those
// that are nearer to another star. Places within half a pixel count as one. A star with three pixels of the value of its peak is saturated.
func FromStars(frame []float64, rows, cols int, places [][2]float64, o StarOptions) (*Grid, []forward.PSF, StarCounts, error) {
	stars, twice := distinct(places)
	if len(frame) == rows*cols {
		for k := range stars {
			stars[k].Flat = flatAt(frame, rows, cols, stars[k].Place)
		}
	}
	grid, psfs, counts, err := fromStars(frame, rows, cols, stars, false, o)
	counts.Given, counts.Twice = counts.Given+twice, twice
	if counts.Off+counts.Outside > counts.Given/2 {
		found, _ := FindStars(frame, rows, cols)
		if as, swapped := onStars(stars, found, false), onStars(stars, found, true); swapped > as && swapped > len(stars)/2 {
			counts.Swapped = swapped
		}
	}
	if counts.Used == 0 && counts.Given > 0 && err != nil && counts != (StarCounts{Given: counts.Given, Twice: twice}) {
		err = noStar(counts)
	}
	return grid, psfs, counts, err
}

// fromStars is FromStars, or FromFrame of the stars that were found.
func fromStars(frame []float64, rows, cols int, stars []Star, found bool, o StarOptions) (*Grid, []forward.PSF, StarCounts, error) {
	o = o.withDefaults()
	counts := StarCounts{Given: len(stars)}
	switch {
	case len(frame) != rows*cols || rows < 1 || cols < 1:
		return nil, nil, counts, fmt.Errorf("psfmodel: %d values for a frame of %d x %d", len(frame), rows, cols)
	case o.Size < 5 || o.Size%2 == 0 || o.Size > 255:
		return nil, nil, counts, fmt.Errorf("psfmodel: PSFs of %d pixels a side, want an odd number from 5 to 255", o.Size)
	case o.Down > rows || o.Across > cols || o.Down > mostGrid || o.Across > mostGrid:
		return nil, nil, counts, fmt.Errorf("psfmodel: a grid of %d x %d cells on a frame of %d x %d, want 1 to %d along an axis", o.Down, o.Across, rows, cols, mostGrid)
	}
	cells := make([][]cutout, o.Down*o.Across)
	noise := pixelNoise(frame, cols)
	for k, s := range stars {
		star, reason := cutStar(frame, rows, cols, stars, k, noise, o)
		if reason != nil {
			*reason(&counts)++
			continue
		}
		p := s.Place
		i := min(o.Down-1, int(p[0]*float64(o.Down)/float64(rows)))
		j := min(o.Across-1, int(p[1]*float64(o.Across)/float64(cols)))
		cells[i*o.Across+j] = append(cells[i*o.Across+j], star)
	}
	for c, list := range cells {
		if found {
			cells[c] = alike(list, o.Size)
		}
		counts.Used += len(cells[c])
		counts.Odd += len(list) - len(cells[c])
		if n := len(cells[c]); n > 0 {
			if counts.Most = max(counts.Most, n); counts.Least == 0 || n < counts.Least {
				counts.Least = n
			}
			if n < 3 {
				counts.PoorCells++
			}
		}
	}
	if counts.Used == 0 {
		return nil, nil, counts, noStar(counts)
	}
	grid := &Grid{Rows: middles(rows, o.Down), Cols: middles(cols, o.Across)}
	psfs := make([]forward.PSF, len(cells))
	for c := range cells {
		nearest, far := c, math.Inf(1)
		for d := range cells {
			dy, dx := grid.Rows[c/o.Across]-grid.Rows[d/o.Across], grid.Cols[c%o.Across]-grid.Cols[d%o.Across]
			if len(cells[d]) > 0 && dy*dy+dx*dx < far {
				nearest, far = d, dy*dy+dx*dx
			}
		}
		if nearest != c {
			counts.EmptyCells++
		}
		psfs[c] = forward.PSF{Rows: o.Size, Cols: o.Size, Values: robustMean(cells[nearest])}
	}
	return grid, psfs, counts, nil
}

// Of the stars of a cell.
const (
	leastAlike = 5   // below so many their widths are not compared
	oddWidth   = 0.1 // by which a width may differ from the median, and 3 standard deviations
)

// alike are the stars, size x size pixels, whose width is like that of most of them: the width of the Gaussian that fits best.
func alike(list []cutout, size int) []cutout {
	if len(list) < leastAlike {
		return list
	}
	widths := make([]float64, len(list))
	for k, star := range list {
		yy, _, xx, _, _, ok := adaptive(forward.PSF{Rows: size, Cols: size, Values: star.values})
		if widths[k] = math.Sqrt(yy + xx); !ok {
			widths[k] = math.Inf(1)
		}
	}
	median, deviation := spread(widths)
	var out []cutout
	for k, star := range list {
		if math.Abs(widths[k]-median) <= oddWidth*median+3*deviation {
			out = append(out, star)
		}
	}
	return out
}

// middles are the middles of so many cells of an axis of n pixels.
func middles(n, count int) []float64 {
	list := make([]float64, count)
	for i := range list {
		list[i] = (float64(i)+0.5)*float64(n)/float64(count) - 0.5
	}
	return list
}

// spread is the median, and a standard deviation from the median deviation from it.
func spread(list []float64) (median, deviation float64) {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	median = sorted[len(sorted)/2]
	for i, v := range sorted {
		sorted[i] = math.Abs(v - median)
	}
	slices.Sort(sorted)
	return median, 1.4826 * sorted[len(sorted)/2]
}

// robustMean is the mean of stars pixel by pixel without outliers and without pixels that other stars shine on, of sum 1. Where
// those are all there are they count.
func robustMean(list []cutout) []float64 {
	out := make([]float64, len(list[0].values))
	values := make([]float64, 0, len(list))
	total := 0.0
	for i := range out {
		values = values[:0]
		for _, star := range list {
			if star.own[i] {
				values = append(values, star.values[i])
			}
		}
		if len(values) == 0 {
			for _, star := range list {
				values = append(values, star.values[i])
			}
		}
		median, deviation := spread(values)
		sum, n := 0.0, 0.0
		for _, v := range values {
			if len(values) < 4 || math.Abs(v-median) <= 3*deviation {
				sum, n = sum+v, n+1
			}
		}
		out[i] = sum / n
		total += out[i]
	}
	for i := range out {
		out[i] /= total
	}
	return out
}
