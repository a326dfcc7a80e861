package mlpatch

import (
	"errors"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/random"
)

// Shrunk are true pictures of which a coarser grid has the means over its pixels, for a network of one plane, the
// coarse picture, and one level, Enlargement of the scale: the answer is the fine picture at places between
// the coarse pixels. Every rank holds all pictures.
type Shrunk struct {
	Rows, Cols int
	Pictures   [][]float32 // rows x cols each, in units of about 1
	Kept       int         // the last pictures, of which the blocks of the validation are
	Low, High  float64     // scales: fine pixels along a coarse one, 1 or more, drawn uniformly
	Noise      float64     // standard deviation of the noise of a coarse pixel
	Seed       uint64
}

const forShrunk = 37 // the purpose of the random numbers

// MostScale is the largest scale.
const MostScale = 16

// Enlargement is the level of a network that enlarges by a scale: 1 - 1/scale. At the scale 1 it is 0, and a residual
// network leaves the picture as it is.
func Enlargement(scale float64) float64 { return 1 - 1/scale }

// Enlarged is the number of fine pixels whose middle lies within n coarse ones.
func Enlarged(n int, scale float64) int { return int(math.Ceil(float64(n)*scale - 0.5)) }

// placeAt is the coordinate of the middle of fine pixel i in coarse pixels, whose grid begins at from in fine pixels.
func placeAt(i int, from, scale float64) float64 { return (float64(i)+0.5-from)/scale - 0.5 }

// Check says what is wrong.
func (d *Shrunk) Check(side int) error {
	switch {
	case len(d.Pictures) == 0 || d.Kept < 0 || d.Kept >= len(d.Pictures):
		return fmt.Errorf("mlpatch: %d pictures, of which %d are kept for the validation: want one more", len(d.Pictures), d.Kept)
	case side < 1 || side > d.Rows || side > d.Cols:
		return fmt.Errorf("mlpatch: blocks of %d pixels in pictures of %d x %d pixels", side, d.Rows, d.Cols)
	case !(d.Low >= 1) || !(d.High >= d.Low) || d.High > MostScale:
		return fmt.Errorf("mlpatch: scales of %g to %g, want 1 to %d, the lower one first", d.Low, d.High, MostScale)
	case !(d.Noise >= 0) || math.IsInf(d.Noise, 0):
		return fmt.Errorf("mlpatch: noise of %g, want 0 or more", d.Noise)
	}
	for _, p := range d.Pictures {
		if len(p) != d.Rows*d.Cols {
			return errors.New("mlpatch: pictures of different sizes")
		}
	}
	return nil
}

// Draw makes block i of a step: fine pixels of a picture, turned by a symmetry of the square, and a coarse grid of a
// scale and a beginning of its own. A reflecting border surrounds the picture.
func (d *Shrunk) Draw(step, i int, b *Block[float32]) {
	draw := random.New(d.Seed, forShrunk, uint64(int64(step)), uint64(i))
	pick := func(k uint64, n int) int { return int(draw.Bits(k) % uint64(n)) }
	picture := pick(0, len(d.Pictures)-d.Kept)
	if step < 0 && d.Kept > 0 {
		picture = len(d.Pictures) - d.Kept + i%d.Kept
	}
	from := d.Pictures[picture]
	row, col, symmetry := pick(1, d.Rows-b.Side+1), pick(2, d.Cols-b.Side+1), pick(3, Symmetries)
	scale := d.Low + (d.High-d.Low)*draw.Uniform(4)
	middle := float64(b.Side-1) / 2
	at := func(r, c int) float64 { // of the turned block, fine pixels
		y, x := Turn(float64(r)-middle, float64(c)-middle, symmetry)
		return float64(from[halo.Reflect.Source(row+int(y+middle), d.Rows)*d.Cols+halo.Reflect.Source(col+int(x+middle), d.Cols)])
	}
	y0, x0 := -scale*draw.Uniform(5), -scale*draw.Uniform(6) // where the coarse grid begins
	for k := range b.at {
		r, c := k/b.Side, k%b.Side
		b.at[k] = placeOf(placeAt(r, y0, scale), placeAt(c, x0, scale))
		b.Truth[k], b.Levels[k] = float32(at(r, c)), float32(Enlargement(scale))
	}
	wide := b.Side + 2*b.Room
	used := int(math.Ceil(float64(b.Side)/scale)) + 1 + 2*(b.Room-1) // coarse pixels that patches may read
	rows, cols := means(used, float64(1-b.Room), y0, scale), means(used, float64(1-b.Room), x0, scale)
	const first = 8 // the numbers before are used above
	fine := make([]float64, cols[used-1].hi-cols[0].lo)
	for r, m := range rows {
		clear(fine)
		for y := m.lo; y < m.hi; y++ {
			w := m.weight(y)
			for x := range fine {
				fine[x] += w * at(y, cols[0].lo+x)
			}
		}
		for c, q := range cols {
			v := 0.0
			for x := q.lo; x < q.hi; x++ {
				v += q.weight(x) * fine[x-cols[0].lo]
			}
			if d.Noise > 0 {
				v += d.Noise * draw.Normal(uint64(first+r*used+c))
			}
			b.Planes[(r+1)*wide+c+1] = float32(v)
		}
	}
}

// span is a coarse pixel along an axis: the fine pixels lo ... hi - 1, of which it has the mean between two coordinates.
type span struct {
	lo, hi   int
	from, to float64
}

// means are n coarse pixels from number first on, of a grid that begins at fine coordinate from.
func means(n int, first, from, scale float64) []span {
	list := make([]span, n)
	for k := range list {
		a := from + (first+float64(k))*scale
		b := a + scale
		list[k] = span{int(math.Floor(a + 1e-9)), int(math.Ceil(b - 1e-9)), a, b}
	}
	return list
}

// weight is the share of fine pixel i in the mean.
func (s *span) weight(i int) float64 {
	return (min(s.to, float64(i+1)) - max(s.from, float64(i))) / (s.to - s.from)
}

// Shrink is the coarse picture of a fine one, rows x cols, whose grid begins with it: as many whole coarse pixels as it
// has. high is the number of fine rows and columns that they cover, those of Enlarged.
func Shrink(x []float64, rows, cols int, scale float64) (coarse []float64, low, high [2]int) {
	for k, n := range []int{rows, cols} {
		low[k] = int(float64(n)/scale + 1e-9)
		high[k] = min(Enlarged(low[k], scale), n)
	}
	across := means(low[1], 0, 0, scale)
	fine := make([]float64, cols)
	for _, m := range means(low[0], 0, 0, scale) {
		clear(fine)
		for y := m.lo; y < min(m.hi, rows); y++ {
			w := m.weight(y)
			for c, v := range x[y*cols : (y+1)*cols] {
				fine[c] += w * v
			}
		}
		for _, q := range across {
			v := 0.0
			for c := q.lo; c < min(q.hi, cols); c++ {
				v += q.weight(c) * fine[c]
			}
			coarse = append(coarse, v)
		}
	}
	return coarse, low, high
}
