package imageio

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// hcompress decodes a tile of n numbers in lines of side: the coefficients of White's H
// transform, whose bit planes were coded as quadtrees, and their inverse transform. smooth
// interpolates what a lossy compression left of the coefficients.
//
// Source: White, Postman and Lattanzi 1992, in Digitised Optical Sky Surveys, p. 167; FITS
// Standard 4.0, section 10.4.4.
func hcompress(data []byte, n, side int, smooth bool) ([]int64, error) {
	t, sum, scale, err := hcoefficients(data, n, side, true)
	if err != nil {
		return nil, err
	}
	t.a[0] = sum
	if scale > 1 {
		for i := range t.a {
			t.a[i] *= scale
		}
	}
	if smooth {
		t.smooth = scale >> 1
	}
	t.invert()
	return t.a, nil
}

// mostHCompress is the largest tile of HCOMPRESS_1, in numbers, that hcompressHolds goes through:
// it takes a bit and a sixteenth of a byte of memory for each.
const mostHCompress = 1 << 28

// hcompressHolds finds what hcompress would find wrong, without memory for the numbers.
func hcompressHolds(data []byte, n, side int) error {
	if n > mostHCompress {
		return fmt.Errorf("an HCOMPRESS tile of %d numbers, want at most %d: compress the image in tiles of some rows", n, mostHCompress)
	}
	_, _, _, err := hcoefficients(data, n, side, false)
	return err
}

// hcoefficients decodes the coefficients of a tile, but for their sum, which it returns with
// the scale. Without keep it only finds what is wrong.
func hcoefficients(data []byte, n, side int, keep bool) (t *hTransform, sum, scale int64, err error) {
	const head = 2 + 3*4 + 8 + 3
	if len(data) < head || data[0] != 0xdd || data[1] != 0x99 {
		return nil, 0, 0, fmt.Errorf("no HCOMPRESS stream")
	}
	word := func(at int) int { return int(int32(binary.BigEndian.Uint32(data[at:]))) }
	t = &hTransform{rows: word(2), cols: word(6), in: bitReader{data: data[head:]}}
	planes := data[22:25]
	scale, sum = int64(word(10)), int64(binary.BigEndian.Uint64(data[14:]))
	if t.cols != side || t.rows < 1 || t.rows*t.cols != n {
		return nil, 0, 0, fmt.Errorf("an HCOMPRESS stream of %d x %d numbers, want %d in lines of %d", t.rows, t.cols, n, side)
	}
	if keep {
		t.a = make([]int64, n)
	} else {
		t.seen = make([]uint64, (n+63)/64)
	}
	// The mean and the differences along columns, rows and both.
	top, left := (t.rows+1)/2, (t.cols+1)/2
	for _, q := range []struct{ at, rows, cols, planes int }{
		{0, top, left, int(planes[0])},
		{left, top, t.cols / 2, int(planes[1])},
		{t.cols * top, t.rows / 2, left, int(planes[1])},
		{t.cols*top + left, t.rows / 2, t.cols / 2, int(planes[2])},
	} {
		if err := t.quadrant(q.at, q.rows, q.cols, q.planes); err != nil {
			return nil, 0, 0, err
		}
	}
	if t.in.bits(4) != 0 {
		return nil, 0, 0, fmt.Errorf("an HCOMPRESS stream without its end mark")
	}
	t.in.align()
	for i, v := range t.a {
		if v != 0 && t.in.bits(1) == 1 {
			t.a[i] = -v
		}
	}
	for _, word := range t.seen {
		for range bits.OnesCount64(word) {
			t.in.bits(1)
		}
		if t.in.over {
			break
		}
	}
	if t.in.over {
		return nil, 0, 0, errTileEnds
	}
	return t, sum, scale, nil
}

// hTransform is a tile on its way from coefficients to numbers.
type hTransform struct {
	rows, cols int
	a          []int64  // rows x cols; nil = only what is wrong is looked for
	seen       []uint64 // where a is nil: a bit for each coefficient, 1 = not 0
	codes      []uint8  // of a bit plane
	coarse     []uint8  // of its level before
	in         bitReader
	smooth     int64 // the largest change that smoothing makes; 0 = none
	spare      []int64
}

// levels is the number of halvings that bring n down to 1.
func levels(n int) int { return bits.Len(uint(n - 1)) }

// quadrant decodes the magnitudes of the coefficients of rows x cols from a[at] on: one bit
// plane after the other, the highest first.
func (t *hTransform) quadrant(at, rows, cols, planes int) error {
	depth := levels(max(rows, cols, 1))
	if planes > 62 {
		return fmt.Errorf("an HCOMPRESS stream with %d bit planes", planes)
	}
	for bit := planes - 1; bit >= 0; bit-- {
		half := grid{(rows + 1) / 2, (cols + 1) / 2}
		if n := max(1, half.rows) * max(1, half.cols); len(t.codes) < n {
			t.codes = make([]uint8, n) // the first quadrant is the largest
		}
		codes := t.codes
		switch form := t.in.bits(4); form {
		case 0: // as they are
			for i := range half.rows * half.cols {
				codes[i] = uint8(t.in.bits(4))
			}
		case 0xf:
			codes[0] = t.code()
			from := grid{1, 1}
			for k := depth - 1; k > 0; k-- {
				to := grid{max(1, ceilShift(rows, k)), max(1, ceilShift(cols, k))}
				t.expand(codes, from, to)
				from = to
			}
		default:
			return fmt.Errorf("an HCOMPRESS stream with a bit plane of form %d", form)
		}
		if t.in.over {
			return errTileEnds
		}
		for i, c := range codes[:half.rows*half.cols] {
			r, q := 2*(i/half.cols), 2*(i%half.cols)
			for k := range 4 {
				y, x := r+k/2, q+k%2
				switch {
				case y >= rows || x >= cols:
				case t.a == nil:
					if i := at + y*t.cols + x; c>>(3-k)&1 == 1 {
						t.seen[i/64] |= 1 << (i % 64)
					}
				default:
					t.a[at+y*t.cols+x] |= int64(c>>(3-k)&1) << bit
				}
			}
		}
	}
	return nil
}

type grid struct{ rows, cols int }

// ceilShift is n / 2^k, rounded up.
func ceilShift(n, k int) int { return (n + 1<<k - 1) >> k }

// expand replaces every code of a grid by the codes of the 2 x 2 cells below it: a bit of
// the code says whether its cell has one. The codes of the finer grid are read from its end.
func (t *hTransform) expand(codes []uint8, from, to grid) {
	coarse := append(t.coarse[:0], codes[:from.rows*from.cols]...)
	t.coarse = coarse
	for i := to.rows*to.cols - 1; i >= 0; i-- {
		r, c := i/to.cols, i%to.cols
		codes[i] = 0
		if coarse[r/2*from.cols+c/2]>>(3-2*(r%2)-c%2)&1 == 1 {
			codes[i] = t.code()
		}
	}
}

// code reads four bits of a Huffman code.
func (t *hTransform) code() uint8 {
	c := t.in.bits(3)
	if c < 4 {
		return 1 << c
	}
	if c = c<<1 | t.in.bits(1); c < 13 {
		return [5]uint8{3, 5, 10, 12, 15}[c-8]
	}
	if c = c<<1 | t.in.bits(1); c < 31 {
		return [5]uint8{6, 7, 9, 11, 13}[c-26]
	}
	if t.in.bits(1) == 0 {
		return 0
	}
	return 14
}

// rounded is v to a multiple of 2 half; negative values are rounded with bias.
func rounded(v, half, bias int64) int64 {
	if v < 0 {
		half += bias
	}
	return v + half
}

// toward moves h by d away from zero.
func toward(h, d int64) int64 {
	if h < 0 {
		return h - d
	}
	return h + d
}

// invert undoes the transform, from the coarsest level to the finest.
func (t *hTransform) invert() {
	depth := levels(max(t.rows, t.cols))
	if depth == 0 {
		return
	}
	t.spare = make([]int64, max(t.rows, t.cols))
	bit0 := int64(1) << (depth - 1)
	t.a[0] = rounded(t.a[0], 2*bit0, -1) &^ (4*bit0 - 1)
	for k := depth - 1; k >= 0; k-- {
		rows, cols := ceilShift(t.rows, k), ceilShift(t.cols, k)
		for r := range rows {
			t.interleave(r*t.cols, cols, 1)
		}
		for c := range cols {
			t.interleave(c, rows, t.cols)
		}
		if t.smooth > 0 {
			t.smoothen(rows, cols)
		}
		t.level(rows, cols, bit0, k == 0)
		bit0 >>= 1
	}
}

// interleave brings n sums, which stand before their differences, to the even places.
func (t *hTransform) interleave(at, n, step int) {
	half := (n + 1) / 2
	for i := range n {
		from := i / 2
		if i%2 == 1 {
			from += half
		}
		t.spare[i] = t.a[at+from*step]
	}
	for i, v := range t.spare[:n] {
		t.a[at+i*step] = v
	}
}

// level makes 2 x 2 numbers of a mean and three differences. bit0 is the weight of the
// lowest bit of this level, which the transform has shared among the four.
func (t *hTransform) level(rows, cols int, bit0 int64, last bool) {
	bit1 := 2 * bit0
	shift, bias0 := 1, int64(-1)
	if last {
		shift, bias0 = 2, 0 // half of bit0 is 0
	}
	round0 := func(v int64) int64 { return rounded(v, bit0>>1, bias0) &^ (bit0 - 1) }
	round1 := func(v int64) int64 { return rounded(v, bit0, -1) &^ (bit1 - 1) }
	pair := func(i, j int) { // one difference
		h := t.a[i]
		d := round1(t.a[j])
		h = toward(h, -(d & bit1))
		t.a[i], t.a[j] = (h-d)>>shift, (h+d)>>shift
	}
	r := 0
	for ; r+1 < rows; r += 2 {
		for c := 0; c < cols; c += 2 {
			i := r*t.cols + c
			j := i + t.cols
			if c+1 == cols {
				pair(i, j)
				continue
			}
			h, hx, hy, hc := t.a[i], round1(t.a[j]), round1(t.a[i+1]), round0(t.a[j+1])
			low0 := hc & bit0
			hx, hy = toward(hx, -low0), toward(hy, -low0)
			low1 := (hc ^ hx ^ hy) & bit1
			switch {
			case h >= 0:
				h += low0 - low1
			case low0 == 0:
				h += low1
			default:
				h += low0 - low1
			}
			t.a[j+1] = (h + hx + hy + hc) >> shift
			t.a[j] = (h + hx - hy - hc) >> shift
			t.a[i+1] = (h - hx + hy - hc) >> shift
			t.a[i] = (h - hx - hy + hc) >> shift
		}
	}
	if r < rows {
		for c := 0; c < cols; c += 2 {
			i := r*t.cols + c
			if c+1 == cols {
				t.a[i] >>= shift
				continue
			}
			pair(i, i+1)
		}
	}
}
