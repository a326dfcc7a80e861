package psfmodel

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Thresholds of FindStars.
const (
	leastHeight = 5      // of a peak above the background, in standard deviations of the smoothed frame
	leastSpread = 0.15   // mean height of the four neighbours of a peak, by its own: less is a hot pixel or a cosmic ray
	flatTop     = 3      // pixels of a star with the value of its peak: it is saturated
	nearBright  = 0.1    // height of a neighbour, by the star's, from which it disturbs
	mostStars   = 20_000 // the brightest peaks that are looked at
	meshSide    = 64     // pixels: side of the cells of the background
)

// Star is a peak of a frame.
type Star struct {
	Place  [2]float64 // row and column
	Height float64    // above the background, in the unit of the frame
	Flat   bool       // at least flatTop of its pixels have the value of the peak
}

// Found says what FindStars made of the peaks of a frame.
type Found struct {
	Peaks int // above the threshold
	Sharp int // of those: hot pixels and cosmic rays
	More  int // not looked at, the fainter ones of very many
}

// String is the search in words.
func (f Found) String() string {
	text := fmt.Sprintf("%d peaks of more than %d standard deviations of the smoothed background", f.Peaks, leastHeight)
	if f.Sharp > 0 {
		text += fmt.Sprintf(", %d of them sharper than a star", f.Sharp)
	}
	if f.More > 0 {
		text += fmt.Sprintf(", the %d faintest not looked at", f.More)
	}
	return text
}

// FindStars looks for the stars of a frame of rows x cols pixels, row-major; NaN is a missing pixel. The background is the median
// of each cell of a mesh of 64 pixels, interpolated between the cells, its noise the median deviation there. A peak is a pixel that
// is the largest within two pixels in the frame smoothed with a Gaussian of 1 pixel, more than five standard deviations
// above the background; where its four neighbours are dark it is a hot pixel or a cosmic ray. The brightest star is the first.
func FindStars(frame []float64, rows, cols int) ([]Star, Found) {
	var found Found
	if rows < 1 || cols < 1 || len(frame) != rows*cols {
		return nil, found
	}
	back, noise := mesh(frame, rows, cols)
	flat := make([]float64, len(frame)) // frame without background, 0 where it is missing
	for i, v := range frame {
		if v-v == 0 {
			flat[i] = v - back.at(i/cols, i%cols)
		}
	}
	smooth := smoothed(flat, rows, cols)
	const quiet = 0.2821 // standard deviation of white noise after that Gaussian: 1/(2 sqrt(pi))
	var list []Star
	for r := range rows {
		for c := range cols {
			v := smooth[r*cols+c]
			if !(v > leastHeight*quiet*noise.at(r, c)) || !(v > 0) || !largest(smooth, rows, cols, r, c) {
				continue
			}
			found.Peaks++
			s, sharp := star(frame, flat, rows, cols, r, c)
			if sharp {
				found.Sharp++
				continue
			}
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b Star) int { return cmp.Compare(b.Height, a.Height) })
	if len(list) > mostStars {
		found.More = len(list) - mostStars
		list = list[:mostStars]
	}
	return list, found
}

// star is the peak near a pixel, and whether it is too sharp for a star. The place is the mean of the pixels around the peak,
// weighted with their heights.
func star(frame, flat []float64, rows, cols, r, c int) (s Star, sharp bool) {
	top := r*cols + c
	inside := func(i, j int) bool { return i >= 0 && j >= 0 && i < rows && j < cols }
	around := func(f func(at, i, j int)) {
		for i := r - 1; i <= r+1; i++ {
			for j := c - 1; j <= c+1; j++ {
				if inside(i, j) {
					f(i*cols+j, i, j)
				}
			}
		}
	}
	around(func(at, _, _ int) {
		if flat[at] > flat[top] {
			top = at
		}
	})
	r, c = top/cols, top%cols
	s.Height = flat[top]
	beside, n, equal := 0.0, 0.0, 0
	var sum, y, x float64
	around(func(at, i, j int) {
		if frame[at] == frame[top] {
			equal++
		}
		if (i == r) != (j == c) {
			beside, n = beside+flat[at], n+1
		}
		if w := flat[at]; w > 0 {
			sum, y, x = sum+w, y+w*float64(i), x+w*float64(j)
		}
	})
	s.Flat = equal >= flatTop
	s.Place = [2]float64{y / sum, x / sum}
	return s, !(n > 0) || beside/n < leastSpread*s.Height
}

// largest tells whether a pixel is the largest one within two pixels; of equal ones the first is.
func largest(image []float64, rows, cols, r, c int) bool {
	v := image[r*cols+c]
	for i := max(0, r-2); i <= min(rows-1, r+2); i++ {
		for j := max(0, c-2); j <= min(cols-1, c+2); j++ {
			w := image[i*cols+j]
			if w > v || w == v && (i < r || i == r && j < c) {
				return false
			}
		}
	}
	return true
}

// smoothed is an image convolved with a Gaussian of standard deviation 1 pixel, zero beyond its border.
func smoothed(image []float64, rows, cols int) []float64 {
	const radius = 3
	var g [2*radius + 1]float64
	sum := 0.0
	for k := range g {
		g[k] = math.Exp(-0.5 * float64((k-radius)*(k-radius)))
		sum += g[k]
	}
	across, out := make([]float64, len(image)), make([]float64, len(image))
	for i := range image {
		c := i % cols
		for k := max(0, radius-c); k < len(g) && c+k-radius < cols; k++ {
			across[i] += g[k] / sum * image[i+k-radius]
		}
	}
	for i := range image {
		r := i / cols
		for k := max(0, radius-r); k < len(g) && r+k-radius < rows; k++ {
			out[i] += g[k] / sum * across[i+(k-radius)*cols]
		}
	}
	return out
}

// surface is bilinear between the middles of cells.
type surface struct {
	rows, cols   []float64 // middles
	values       []float64
	height, wide int // of the frame
}

// mesh is the background of a frame and its standard deviation.
func mesh(frame []float64, rows, cols int) (back, noise *surface) {
	down, across := max(1, (rows+meshSide/2)/meshSide), max(1, (cols+meshSide/2)/meshSide)
	back = &surface{rows: middles(rows, down), cols: middles(cols, across), height: rows, wide: cols}
	noise = &surface{rows: back.rows, cols: back.cols, height: rows, wide: cols}
	for i := range down {
		for j := range across {
			var list []float64
			for r := i * rows / down; r < (i+1)*rows/down; r++ {
				for c := j * cols / across; c < (j+1)*cols/across; c++ {
					if v := frame[r*cols+c]; v-v == 0 {
						list = append(list, v)
					}
				}
			}
			m, d := math.NaN(), math.NaN()
			for range 3 { // without the stars
				if len(list) == 0 {
					break
				}
				m, d = spread(list)
				list = slices.DeleteFunc(list, func(v float64) bool { return math.Abs(v-m) > 3*d })
			}
			back.values, noise.values = append(back.values, m), append(noise.values, d)
		}
	}
	for _, s := range []*surface{back, noise} { // cells without pixels
		var seen []float64
		for _, v := range s.values {
			if v-v == 0 {
				seen = append(seen, v)
			}
		}
		if len(seen) == 0 {
			continue
		}
		typical, _ := spread(seen)
		for k, v := range s.values {
			if v-v != 0 {
				s.values[k] = typical
			}
		}
	}
	return back, noise
}

// at is the surface at a pixel.
func (s *surface) at(row, col int) float64 {
	i, u := between(s.rows, float64(row), s.height)
	j, v := between(s.cols, float64(col), s.wide)
	n := len(s.cols)
	down, right := min(i+1, len(s.rows)-1), min(j+1, n-1)
	return (1-u)*((1-v)*s.values[i*n+j]+v*s.values[i*n+right]) + u*((1-v)*s.values[down*n+j]+v*s.values[down*n+right])
}

// between is the node before a position on an axis of n pixels with equal cells, and how far it is from there to the next one.
func between(nodes []float64, at float64, n int) (k int, part float64) {
	t := (at - nodes[0]) / (float64(n) / float64(len(nodes)))
	t = min(max(t, 0), float64(len(nodes)-1))
	k = int(t)
	return k, t - float64(k)
}
