package mlpatch

import (
	"errors"
	"fmt"

	"tessera/halo"
	"tessera/internal/random"
)

// Noisy are true pictures to which white noise of different levels is added, for a denoiser: a
// network of one plane, the noisy picture, and one level, the standard deviation of its noise. Every
// rank holds all pictures.
type Noisy struct {
	Rows, Cols int
	Pictures   [][]float32 // rows x cols each, in units of about 1
	Kept       int         // the last pictures, of which the blocks of the validation are
	Low, High  float64     // standard deviations, low ones drawn more often: Low + (High - Low) u^2, u uniform
	Seed       uint64
}

const forNoisy = 32 // the purpose of the random numbers

// Check says what is wrong.
func (d *Noisy) Check(side int) error {
	switch {
	case len(d.Pictures) == 0 || d.Kept < 0 || d.Kept >= len(d.Pictures):
		return fmt.Errorf("mlpatch: %d pictures, of which %d are kept for the validation: want one more", len(d.Pictures), d.Kept)
	case side < 1 || side > d.Rows || side > d.Cols:
		return fmt.Errorf("mlpatch: blocks of %d pixels in pictures of %d x %d pixels", side, d.Rows, d.Cols)
	case !(d.Low >= 0) || !(d.High >= d.Low):
		return fmt.Errorf("mlpatch: noise of %g to %g, want 0 or more, the lower one first", d.Low, d.High)
	}
	for _, p := range d.Pictures {
		if len(p) != d.Rows*d.Cols {
			return errors.New("mlpatch: pictures of different sizes")
		}
	}
	return nil
}

// Draw makes block i of a step: a place in a picture, turned by a symmetry of the square, with
// noise. A reflecting border surrounds the picture.
func (d *Noisy) Draw(step, i int, b *Block[float32]) {
	draw := random.New(d.Seed, forNoisy, uint64(int64(step)), uint64(i))
	pick := func(k uint64, n int) int { return int(draw.Bits(k) % uint64(n)) }
	picture := pick(0, len(d.Pictures)-d.Kept)
	if step < 0 && d.Kept > 0 {
		picture = len(d.Pictures) - d.Kept + i%d.Kept
	}
	from := d.Pictures[picture]
	row, col, symmetry := pick(1, d.Rows-b.Side+1), pick(2, d.Cols-b.Side+1), pick(3, Symmetries)
	u := draw.Uniform(4)
	level := d.Low + (d.High-d.Low)*u*u
	wide := b.Side + 2*b.Room
	middle := float64(b.Side-1) / 2
	at := func(r, c int) float32 { // of the turned block
		y, x := Turn(float64(r)-middle, float64(c)-middle, symmetry)
		return from[halo.Reflect.Source(row+int(y+middle), d.Rows)*d.Cols+halo.Reflect.Source(col+int(x+middle), d.Cols)]
	}
	const first = 8 // the numbers before are used above
	for r := range wide {
		for c := range wide {
			k := r*wide + c
			v := at(r-b.Room, c-b.Room)
			if in, jn := r-b.Room, c-b.Room; in >= 0 && jn >= 0 && in < b.Side && jn < b.Side {
				b.Truth[in*b.Side+jn] = v
				b.Levels[in*b.Side+jn] = float32(level)
			}
			if k%2 == 0 {
				even, odd := draw.Normals(uint64(first + k/2))
				b.Planes[k] = float32(level * even)
				if k+1 < len(b.Planes) {
					b.Planes[k+1] = float32(level * odd)
				}
			}
			b.Planes[k] += v
		}
	}
}
