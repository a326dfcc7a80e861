package imageio

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// tiledNumbers reads boxes of a tile-compressed image. It decodes the tiles that a box
// touches, one at a time.
type tiledNumbers struct {
	*tiles
	r      io.ReaderAt
	decode decoder      // of the numbers of the image that was compressed
	sound  map[int]bool // tiles that were verified
}

// read decodes the elements first, first+1, ... into dst.
func (t *tiledNumbers) read(first int64, dst []float64) error {
	total, _ := product(t.axes)
	return t.gather(dst, run(first, len(dst), total))
}

// gather reads a box, as elements.gather does.
func (t *tiledNumbers) gather(dst []float64, ax [3]axis) error {
	return t.each(ax, func(i int, lo, hi []int) error {
		values, err := t.tile(i, lo, hi)
		if err == nil {
			t.place(dst, ax, values, lo, hi)
		}
		return err
	})
}

// each calls use with the tiles that a box touches: their number and their box.
func (t *tiles) each(ax [3]axis, use func(i int, lo, hi []int) error) error {
	grid, count := make([]int, len(t.axes)), 1
	for k, n := range t.axes {
		grid[k] = (n + t.size[k] - 1) / t.size[k]
		count *= grid[k]
	}
	lo, hi := make([]int, len(t.axes)), make([]int, len(t.axes))
	for i := range count {
		for k, rest := 0, i; k < len(grid); k++ {
			lo[k] = rest % grid[k] * t.size[k]
			hi[k] = min(lo[k]+t.size[k], t.axes[k])
			rest /= grid[k]
		}
		if !t.touches(lo, hi, ax) {
			continue
		}
		if err := use(i, lo, hi); err != nil {
			return fmt.Errorf("tile %d of %d: %w", i+1, count, err)
		}
	}
	return nil
}

// touches tells whether a tile may have elements in the box. Several axes of the file may
// be one of the box.
func (t *tiles) touches(lo, hi []int, ax [3]axis) bool {
	for _, a := range ax {
		first, last, stride := 0, 0, int64(1)
		for k, n := range t.axes {
			if stride >= a.stride && stride < a.stride*int64(a.length) {
				first += lo[k] * int(stride/a.stride)
				last += (hi[k] - 1) * int(stride/a.stride)
			} else if stride < a.stride && n > 1 && a.stride < stride*int64(n) {
				return true // not along axes of the file
			}
			stride *= int64(n)
		}
		if last < a.lo || first >= a.hi {
			return false
		}
	}
	return true
}

// place copies those of a tile's elements that lie in the box.
func (t *tiles) place(dst []float64, ax [3]axis, values []float64, lo, hi []int) {
	strides := make([]int64, len(t.axes))
	stride := int64(1)
	for k, n := range t.axes {
		strides[k] = stride
		stride *= int64(n)
	}
	at := append([]int(nil), lo...)
	for len(values) > 0 {
		flat := int64(0)
		for k, x := range at {
			flat += int64(x) * strides[k]
		}
		n := hi[0] - lo[0]
		for i, v := range values[:n] {
			to, in := 0, true
			for _, a := range ax {
				x := int((flat + int64(i)) / a.stride % int64(a.length))
				if x < a.lo || x >= a.hi {
					in = false
					break
				}
				to += (x - a.lo) * a.dstStep
			}
			if in {
				dst[to] = v
			}
		}
		values = values[n:]
		for k := 1; k < len(at); k++ {
			if at[k]++; at[k] < hi[k] {
				break
			}
			at[k] = lo[k]
		}
	}
}

// tile decodes one tile.
func (t *tiledNumbers) tile(i int, lo, hi []int) ([]float64, error) {
	n := 1
	for k := range lo {
		n *= hi[k] - lo[k]
	}
	row, err := t.readRow(t.r, i)
	if err != nil {
		return nil, err
	}
	raw, err := t.raw(row, i, n, hi[0]-lo[0])
	if err != nil {
		return nil, err
	}
	values := make([]float64, n)
	t.decode(values, raw)
	return values, nil
}

// raw is the n numbers of a tile as the image that was compressed had them: ZBITPIX,
// big-endian. side is the tile's length along the first axis.
func (t *tiledNumbers) raw(row tileRow, i, n, side int) ([]byte, error) {
	width := max(t.bitpix, -t.bitpix) / 8
	switch {
	case row.packed.count > 0:
		data, err := t.heapBytes(t.r, t.packed, row.packed)
		if err != nil {
			return nil, err
		}
		if t.bitpix < 0 && !t.quantised {
			return t.lossless(data, n, width)
		}
		if t.quantised {
			ints, err := t.integers(data, n, side, 4)
			if err != nil {
				return nil, err
			}
			return t.unquantised(ints, i, row, width), nil
		}
		ints, err := t.integers(data, n, side, width)
		if err != nil {
			return nil, err
		}
		return appendIntegers(make([]byte, 0, n*width), ints, width), nil
	case row.gzipped.count > 0:
		data, err := t.heapBytes(t.r, t.gzipped, row.gzipped)
		if err != nil {
			return nil, err
		}
		if data, err = inflate(data, n*width); err == nil && len(data) != n*width {
			err = fmt.Errorf("%d bytes of %d numbers of %d bytes", len(data), n, width)
		}
		return data, err
	case row.plain.count > 0:
		data, err := t.heapBytes(t.r, t.plain, row.plain)
		if err == nil && len(data) != n*width {
			err = fmt.Errorf("%d bytes of %d numbers of %d bytes", len(data), n, width)
		}
		return data, err
	}
	return nil, errors.New("no data")
}

// lossless is real numbers whose bytes were compressed.
func (t *tiles) lossless(data []byte, n, width int) ([]byte, error) {
	var err error
	switch t.algorithm {
	case "GZIP_1":
		data, err = inflate(data, n*width)
	case "GZIP_2":
		if data, err = inflate(data, n*width); err == nil && len(data) == n*width {
			data = unshuffled(data, width)
		}
	case "NOCOMPRESS":
	default:
		return nil, fmt.Errorf("%s of real numbers without ZSCALE and ZZERO", t.algorithm)
	}
	if err == nil && len(data) != n*width {
		err = fmt.Errorf("%d bytes, want %d numbers of %d", len(data), n, width)
	}
	return data, err
}

// integers are the n whole numbers of a tile that stands for ones of width bytes.
func (t *tiles) integers(data []byte, n, side, width int) ([]int64, error) {
	switch t.algorithm {
	case "RICE_1":
		return rice(data, n, t.block, t.bytepix)
	case "PLIO_1":
		return plio(data, n)
	case "HCOMPRESS_1":
		ints, err := hcompress(data, n, side, t.smooth)
		for i, v := range ints { // lossy compression leaves the range of the type
			switch width {
			case 1:
				ints[i] = max(0, min(v, math.MaxUint8))
			case 2:
				ints[i] = max(math.MinInt16, min(v, math.MaxInt16))
			case 4:
				ints[i] = int64(int32(v)) // as funpack has it
			}
		}
		return ints, err
	case "GZIP_1", "GZIP_2":
		var err error
		if data, err = inflate(data, n*8); err != nil {
			return nil, err
		}
	}
	// Some writers widen the numbers before they compress them.
	size := len(data) / n
	if size*n != len(data) || size != 1 && size != 2 && size != 4 && size != 8 {
		return nil, fmt.Errorf("%d bytes of %d numbers of %d bytes", len(data), n, width)
	}
	if t.algorithm == "GZIP_2" {
		data = unshuffled(data, size)
	}
	ints := make([]int64, n)
	for i := range ints {
		switch b := data[i*size:]; size {
		case 1:
			ints[i] = int64(b[0])
		case 2:
			ints[i] = int64(int16(binary.BigEndian.Uint16(b)))
		case 4:
			ints[i] = int64(int32(binary.BigEndian.Uint32(b)))
		case 8:
			ints[i] = int64(binary.BigEndian.Uint64(b))
		}
	}
	return ints, nil
}

// appendIntegers writes whole numbers of width bytes, big-endian.
func appendIntegers(to []byte, ints []int64, width int) []byte {
	for _, v := range ints {
		switch width {
		case 1:
			to = append(to, byte(v))
		case 2:
			to = binary.BigEndian.AppendUint16(to, uint16(v))
		case 4:
			to = binary.BigEndian.AppendUint32(to, uint32(v))
		case 8:
			to = binary.BigEndian.AppendUint64(to, uint64(v))
		}
	}
	return to
}

// inflate unpacks gzip to at most so many bytes.
func inflate(data []byte, most int) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	z.Multistream(false)
	// Deflate makes at most 1032 bytes of one.
	var out bytes.Buffer
	out.Grow(int(min(int64(most)+bytes.MinRead, 1032*int64(len(data))+bytes.MinRead)))
	if _, err := io.Copy(&out, io.LimitReader(z, int64(most)+1)); err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	if out.Len() > most {
		return nil, fmt.Errorf("gzip: more than %d bytes", most)
	}
	return out.Bytes(), nil
}

// unshuffled puts the bytes of numbers together that GZIP_2 has sorted by their weight: first
// the highest byte of all numbers, then the next one.
func unshuffled(data []byte, width int) []byte {
	out, n := make([]byte, len(data)), len(data)/width
	for k := range width {
		for i, b := range data[k*n : (k+1)*n] {
			out[i*width+k] = b
		}
	}
	return out
}

// Integers that stand for no number where real numbers were quantised.
const quantisedZero = math.MinInt32 + 2 // SUBTRACTIVE_DITHER_2: exactly 0

// unquantised makes the real numbers of the integers of tile i (counted from 0), ZBITPIX of
// width bytes each:
//
//	value = ZSCALE (i - r + 1/2) + ZZERO, without dither ZSCALE i + ZZERO
//
// in double precision, rounded once to single. r runs through a list of 10,000 numbers in [0, 1)
// from a place that the number of the tile and ZDITHER0 decide.
func (t *tiles) unquantised(ints []int64, i int, row tileRow, width int) []byte {
	out := make([]byte, 0, len(ints)*width)
	var d *dither
	if t.dither > 0 {
		d = newDither(i + t.seed - 1)
	}
	for _, v := range ints {
		x := 0.0
		switch {
		case d != nil:
			r := d.next()
			x = float64((float64(v)-r+0.5)*row.scale) + row.zero
		default:
			x = float64(float64(v)*row.scale) + row.zero
		}
		switch {
		case v == row.null || v == math.MinInt32+1:
			x = math.NaN()
		case t.dither == 2 && v == quantisedZero:
			x = 0
		}
		if width == 4 {
			out = binary.BigEndian.AppendUint32(out, math.Float32bits(float32(x)))
		} else {
			out = binary.BigEndian.AppendUint64(out, math.Float64bits(x))
		}
	}
	return out
}

const ditherCount = 10000

// dither is a place in the list of dithers, which the FITS Standard defines: the generator
// of Park and Miller, seed' = 16807 seed mod (2^31 - 1), from 1 on, in single precision.
type dither struct {
	list     []float32
	seed, at int
}

func newDither(seed int) *dither {
	d := &dither{list: ditherList(), seed: ((seed % ditherCount) + ditherCount) % ditherCount}
	d.at = int(d.list[d.seed] * 500)
	return d
}

func (d *dither) next() float64 {
	r := float64(d.list[d.at])
	if d.at++; d.at == ditherCount {
		d.seed = (d.seed + 1) % ditherCount
		d.at = int(d.list[d.seed] * 500)
	}
	return r
}

// ditherLast is the last state of the generator, by which an implementation is checked.
const ditherLast = 1043618065

func ditherStates() []uint64 {
	s, seed := make([]uint64, ditherCount), uint64(1)
	for i := range s {
		seed = seed * 16807 % math.MaxInt32
		s[i] = seed
	}
	return s
}

func ditherList() []float32 {
	list := make([]float32, ditherCount)
	for i, s := range ditherStates() {
		list[i] = float32(float64(s) / math.MaxInt32)
	}
	return list
}
