package imageio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/image/tiff/lzw"
)

// look refuses a picture that is too large for the memory or for what its strips or tiles
// hold, before memory is taken for values of it.
func (t *tiffImage) look(values int) error {
	if err := room(8*float64(values)+float64(t.blockBytes()), HostMemory()); err != nil {
		return err
	}
	blocks, held := t.across*t.down, int64(0)
	if t.planar {
		blocks *= t.samples
	}
	for i := range blocks {
		held += t.counts[i]
	}
	if !unusual(int64(blocks)*t.blockBytes(), held) {
		return nil
	}
	for i := range blocks {
		lines := min(t.blockRows, t.rows-i/t.across%t.down*t.blockRows)
		in, err := t.unpack(i)
		if err == nil {
			err = errors.Join(holds(in, t.line()*int64(lines)), in.Close())
		}
		if err != nil {
			return fmt.Errorf("strip %d: %w", i, err)
		}
	}
	return nil
}

// block unpacks a strip or tile of so many lines.
func (t *tiffImage) block(i, lines int) ([]byte, error) {
	line := t.line()
	want := line * int64(lines)
	in, err := t.unpack(i)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	raw := make([]byte, want)
	if n, err := io.ReadFull(in, raw); err != nil {
		return nil, fmt.Errorf("%d of %d bytes: %w", n, want, err)
	}
	for y := 0; y < lines && t.predictor > 1; y++ {
		t.undoPredictor(raw[int64(y)*line : int64(y+1)*line])
	}
	return raw, nil
}

// unpack reads the content of a strip or tile.
func (t *tiffImage) unpack(i int) (io.ReadCloser, error) {
	packed := io.NewSectionReader(t.r, t.offsets[i], t.counts[i])
	switch t.compression {
	case 5:
		return lzw.NewReader(packed, lzw.MSB, 8), nil
	case 8, 32946:
		return zlib.NewReader(packed)
	case 32773:
		data, err := io.ReadAll(packed)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(unpackBits(data, int(t.blockBytes())))), nil
	}
	return io.NopCloser(packed), nil
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

// unpackBits undoes PackBits: a byte n and n+1 bytes as they are, or a negative n and one byte
// that stands 1-n times.
func unpackBits(data []byte, most int) []byte {
	out := make([]byte, 0, min(most, 2*len(data)))
	for i := 0; i < len(data) && len(out) < most; {
		n := int(int8(data[i]))
		i++
		switch {
		case n >= 0:
			end := min(i+n+1, len(data))
			out = append(out, data[i:end]...)
			i = end
		case n > -128 && i < len(data):
			for range 1 - n {
				out = append(out, data[i])
			}
			i++
		}
	}
	return out
}
