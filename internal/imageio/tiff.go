package imageio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Tags of TIFF 6.0.
const (
	tagWidth        = 256
	tagLength       = 257
	tagBits         = 258
	tagCompression  = 259
	tagPhotometric  = 262
	tagStripOffsets = 273
	tagSamples      = 277
	tagStripRows    = 278
	tagStripBytes   = 279
	tagPlanar       = 284
	tagPredictor    = 317
	tagTileWidth    = 322
	tagTileLength   = 323
	tagTileOffsets  = 324
	tagTileBytes    = 325
	tagExtra        = 338
	tagFormat       = 339
)

// tiffImage is the first image of a TIFF file: grey or RGB, in strips or tiles.
type tiffImage struct {
	r                       io.ReaderAt
	size                    int64
	order                   binary.ByteOrder
	rows, cols              int
	samples, channels       int  // of a pixel, with alpha and others, and without
	bits, format            int  // of a sample; 1 = unsigned, 2 = signed, 3 = real
	compression, predictor  int  // as the tags have them
	planar                  bool // every sample has its own strips
	inverted                bool // 0 is white
	alpha                   int  // place of the alpha among the samples; -1 = none
	blockRows, blockCols    int
	offsets, counts         []int64
	across, down, blockSide int // blocks in a row, in a column, samples of a pixel in a block
}

func isTIFF(head []byte) bool {
	return bytes.HasPrefix(head, []byte("II*\x00")) || bytes.HasPrefix(head, []byte("MM\x00*")) ||
		bytes.HasPrefix(head, []byte("II+\x00")) || bytes.HasPrefix(head, []byte("MM\x00+"))
}

func tiffSource(r io.ReaderAt, size int64) (*source, error) {
	order, first, err := tiffOrder(r)
	if err != nil {
		return nil, fmt.Errorf("tiff: %w", err)
	}
	d, err := readTIFFDir(r, size, order, first)
	if err != nil {
		return nil, fmt.Errorf("tiff: %w", err)
	}
	t, err := newTIFFImage(d)
	if err != nil {
		return nil, fmt.Errorf("tiff: %w", err)
	}
	s := &source{Frame: Frame{Format: "tiff", Rows: t.rows, Cols: t.cols, Channels: t.channels}}
	s.Type = fmt.Sprintf("%s%d", map[int]string{1: "uint", 2: "int", 3: "float"}[t.format], t.bits)
	if d.next != 0 {
		s.Pages = true
	}
	turn := d.orientation()
	s.turned(turn)
	s.pixels = func(b Box) ([]float64, error) {
		data, err := t.read(s.Channels, b, turn)
		if err != nil {
			return nil, fmt.Errorf("tiff: %w", err)
		}
		return data, nil
	}
	return s, nil
}

func newTIFFImage(d *tiffDir) (*tiffImage, error) {
	var err error
	number := func(tag uint16, otherwise int) int {
		v, e := d.number(tag, otherwise)
		err = errors.Join(err, e)
		return v
	}
	list := func(tag uint16) []int64 {
		v, e := d.list(tag)
		err = errors.Join(err, e)
		return v
	}
	t := &tiffImage{
		r: d.r, size: d.size, order: d.order, rows: number(tagLength, 0), cols: number(tagWidth, 0), samples: number(tagSamples, 1),
		bits: 1, format: number(tagFormat, 1), compression: number(tagCompression, 1), predictor: number(tagPredictor, 1),
		planar: number(tagPlanar, 1) == 2, alpha: -1,
	}
	bits := list(tagBits)
	if len(bits) > 0 {
		t.bits = int(bits[0])
	}
	for _, b := range bits {
		if int(b) != t.bits {
			return nil, fmt.Errorf("samples of %v bits, want one number of bits", bits)
		}
	}
	photometric := number(tagPhotometric, 1)
	colours := 1
	switch photometric {
	case 0:
		t.inverted = true
	case 1:
	case 2:
		colours = 3
	default:
		return nil, fmt.Errorf("photometric interpretation %d, want grey (0 or 1) or RGB (2): convert the picture", photometric)
	}
	t.channels = t.samples
	if extra := list(tagExtra); len(extra) > 0 && (extra[0] == 1 || extra[0] == 2) {
		t.alpha, t.channels = colours, colours
	}
	if colours == 3 {
		t.channels = 3
	}
	if t.blockRows, t.blockCols = number(tagTileLength, 0), number(tagTileWidth, 0); t.blockCols > 0 {
		t.offsets, t.counts = list(tagTileOffsets), list(tagTileBytes)
	} else {
		t.blockRows, t.blockCols = min(number(tagStripRows, t.rows), t.rows), t.cols
		t.offsets, t.counts = list(tagStripOffsets), list(tagStripBytes)
	}
	if err != nil {
		return nil, err
	}
	return t, t.check(colours)
}

// check refuses what cannot be decoded and sizes that the file cannot hold.
func (t *tiffImage) check(colours int) error {
	if t.rows < 1 || t.cols < 1 || int64(t.rows)*int64(t.cols) > mostPixels || t.blockRows < 1 || t.blockCols < 1 || t.blockRows > 1<<24 || t.blockCols > 1<<24 {
		return fmt.Errorf("%d rows x %d columns in blocks of %d x %d", t.rows, t.cols, t.blockRows, t.blockCols)
	}
	if t.samples < colours || t.samples > 64 {
		return fmt.Errorf("%d samples a pixel, want %d or more", t.samples, colours)
	}
	if t.alpha >= t.samples || t.channels > t.samples {
		return fmt.Errorf("%d samples a pixel, want one more for alpha", t.samples)
	}
	whole := t.format == 1 || t.format == 2
	if !(whole && (t.bits == 8 || t.bits == 16 || t.bits == 32) || t.format == 3 && (t.bits == 32 || t.bits == 64) || t.format == 1 && t.bits == 1) {
		return fmt.Errorf("samples of %d bits in format %d, want whole numbers of 8, 16 or 32 bits or real ones of 32 or 64", t.bits, t.format)
	}
	ratio := int64(1)
	switch t.compression {
	case 1:
	case 5: // LZW: codes of 12 bits for strings of at most 4096 bytes
		ratio = 4096
	case 8, 32946: // deflate
		ratio = 1032
	case 32773: // PackBits
		ratio = 64
	default:
		return fmt.Errorf("compression %d, want none, LZW, deflate or PackBits: convert the picture", t.compression)
	}
	if t.predictor < 1 || t.predictor > 3 || t.predictor == 3 && t.format != 3 || t.predictor == 2 && t.bits < 8 {
		return fmt.Errorf("predictor %d", t.predictor)
	}
	t.across, t.down = (t.cols+t.blockCols-1)/t.blockCols, (t.rows+t.blockRows-1)/t.blockRows
	want := t.across * t.down
	if t.blockSide = t.samples; t.planar {
		t.blockSide = 1
		want *= t.samples
	}
	if len(t.offsets) < want || len(t.counts) < want {
		return fmt.Errorf("%d strips or tiles, want %d", min(len(t.offsets), len(t.counts)), want)
	}
	held := int64(0)
	for i := range want {
		if t.offsets[i] < 0 || t.counts[i] < 0 || t.offsets[i] > t.size-t.counts[i] {
			return fmt.Errorf("strip %d is bytes %d to %d of a file of %d", i, t.offsets[i], t.offsets[i]+t.counts[i], t.size)
		}
		held += t.counts[i]
	}
	if need := int64(t.rows) * ((int64(t.cols)*int64(t.samples)*int64(t.bits) + 7) / 8); need/ratio > min(held, t.size) {
		return fmt.Errorf("%d rows x %d columns need %d bytes, the file holds %d", t.rows, t.cols, need, held)
	}
	if block := t.blockBytes(); block/ratio > held {
		return fmt.Errorf("blocks of %d bytes in a file of %d", block, t.size)
	}
	return nil
}

// line is the bytes of a line of a block.
func (t *tiffImage) line() int64 {
	return (int64(t.blockCols)*int64(t.blockSide)*int64(t.bits) + 7) / 8
}

func (t *tiffImage) blockBytes() int64 { return int64(t.blockRows) * t.line() }

// read is a box of the upright picture. Unsigned samples of up to 16 bits become 0..1, others
// stay the numbers they are; pixels that are transparent are NaN.
func (t *tiffImage) read(channels int, b Box, turn orientation) ([]float64, error) {
	n := (b.R1 - b.R0) * (b.C1 - b.C0)
	if !cheap(t.r, max(int64(channels*n), t.blockBytes()/8), t.size) {
		if err := t.verify(); err != nil {
			return nil, err
		}
	}
	planes := make([]float64, channels*n)
	var alpha []float64
	if t.alpha >= 0 {
		alpha = make([]float64, n)
	}
	// The part of the stored picture that holds the box.
	y0, x0 := turn.stored(b.R0, b.C0, t.rows, t.cols)
	y1, x1 := turn.stored(b.R1-1, b.C1-1, t.rows, t.cols)
	y0, y1, x0, x1 = min(y0, y1), max(y0, y1), min(x0, x1), max(x0, x1)
	for i := range t.across * t.down {
		top, left := i/t.across*t.blockRows, i%t.across*t.blockCols
		bottom, right := min(top+t.blockRows, t.rows), min(left+t.blockCols, t.cols)
		if top > y1 || bottom <= y0 || left > x1 || right <= x0 {
			continue
		}
		for s := range t.samples {
			to := alpha
			if s < channels {
				to = planes[s*n : (s+1)*n]
			} else if s != t.alpha {
				continue
			}
			block, first := i, s
			if t.planar {
				block, first = i+s*t.across*t.down, 0
			} else if s > 0 {
				break // below, all samples at once
			}
			raw, err := t.block(block, min(t.blockRows, t.rows-top))
			if err != nil {
				return nil, fmt.Errorf("strip %d: %w", block, err)
			}
			for y := max(top, y0); y < min(bottom, y1+1); y++ {
				for x := max(left, x0); x < min(right, x1+1); x++ {
					r, c := turn.upright(y, x, t.rows, t.cols)
					at := (r-b.R0)*(b.C1-b.C0) + c - b.C0
					if t.planar {
						to[at] = t.sample(raw, y-top, x-left, first)
						continue
					}
					for k := range channels {
						planes[k*n+at] = t.sample(raw, y-top, x-left, k)
					}
					if alpha != nil {
						alpha[at] = t.sample(raw, y-top, x-left, t.alpha)
					}
				}
			}
		}
	}
	for i, a := range alpha {
		for c := 0; a == 0 && c < channels; c++ {
			planes[c*n+i] = math.NaN()
		}
	}
	return planes, nil
}

// block unpacks a strip or tile of so many lines.
func (t *tiffImage) block(i, lines int) ([]byte, error) {
	line := t.line()
	want := line * int64(lines)
	in, done, err := t.unpacked(i)
	if err != nil {
		return nil, err
	}
	defer done()
	raw := make([]byte, want)
	if n, err := io.ReadFull(in, raw); err != nil {
		return nil, fmt.Errorf("%d of %d bytes: %w", n, want, err)
	}
	for y := 0; y < lines && t.predictor > 1; y++ {
		t.undoPredictor(raw[int64(y)*line : int64(y+1)*line])
	}
	return raw, nil
}

// undoPredictor adds up the differences of neighbouring samples in a line. For real numbers
// (predictor 3) those are of bytes, which are sorted by their weight.
func (t *tiffImage) undoPredictor(line []byte) {
	if t.predictor == 3 {
		for i := t.blockSide; i < len(line); i++ {
			line[i] += line[i-t.blockSide]
		}
		width := t.bits / 8
		sorted := unshuffled(line, width) // high byte first
		for i := 0; i < len(line); i += width {
			for k := range width {
				to := i + k
				if t.order == binary.ByteOrder(binary.LittleEndian) {
					to = i + width - 1 - k
				}
				line[to] = sorted[i+k]
			}
		}
		return
	}
	switch width := t.bits / 8; width {
	case 1:
		for i := t.blockSide; i < len(line); i++ {
			line[i] += line[i-t.blockSide]
		}
	case 2:
		for i := 2 * t.blockSide; i+1 < len(line); i += 2 {
			t.order.PutUint16(line[i:], t.order.Uint16(line[i:])+t.order.Uint16(line[i-2*t.blockSide:]))
		}
	case 4:
		for i := 4 * t.blockSide; i+3 < len(line); i += 4 {
			t.order.PutUint32(line[i:], t.order.Uint32(line[i:])+t.order.Uint32(line[i-4*t.blockSide:]))
		}
	}
}

// sample is one number of a block.
func (t *tiffImage) sample(raw []byte, y, x, k int) float64 {
	at := x*t.blockSide + k
	line := raw[int64(y)*t.line():]
	v, top := 0.0, 0.0
	switch t.bits {
	case 1:
		v, top = float64(line[at/8]>>(7-at%8)&1), 1
	case 8:
		if v, top = float64(line[at]), 255; t.format == 2 {
			v, top = float64(int8(line[at])), 0
		}
	case 16:
		u := t.order.Uint16(line[2*at:])
		if v, top = float64(u), 65535; t.format == 2 {
			v, top = float64(int16(u)), 0
		}
	case 32:
		switch u := t.order.Uint32(line[4*at:]); t.format {
		case 1:
			v = float64(u)
		case 2:
			v = float64(int32(u))
		default:
			v = float64(math.Float32frombits(u))
		}
	case 64:
		v = math.Float64frombits(t.order.Uint64(line[8*at:]))
	}
	if top > 0 {
		v /= top
		if t.inverted && k == 0 && t.samples <= 2 {
			v = 1 - v
		}
	}
	return v
}
