package imageio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
)

// tiffFile is a TIFF file with one strip, or as tiffOf makes it.
func tiffFile(order binary.AppendByteOrder, rows, cols, samples, bits, format int, pixels []byte, way int) []byte {
	return tiffOf(order, map[uint16][]uint32{
		tagWidth: {uint32(cols)}, tagLength: {uint32(rows)}, tagBits: repeated(bits, samples), tagFormat: {uint32(format)},
		tagPhotometric: {map[bool]uint32{true: 2, false: 1}[samples >= 3]}, tagSamples: {uint32(samples)}, tagOrientation: {uint32(way)}, tagStripRows: {uint32(rows)},
	}, tagStripOffsets, tagStripBytes, pixels)
}

func repeated(v, n int) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = uint32(v)
	}
	return out
}

// tiffOf is a TIFF file of the tags, with the blocks behind the head.
func tiffOf(order binary.AppendByteOrder, tags map[uint16][]uint32, offsets, counts uint16, blocks ...[]byte) []byte {
	head := "II*\x00"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		head = "MM\x00*"
	}
	file := append([]byte(head), 0, 0, 0, 0)
	for _, b := range blocks {
		tags[offsets] = append(tags[offsets], uint32(len(file)))
		tags[counts] = append(tags[counts], uint32(len(b)))
		file = append(file, b...)
	}
	lists := map[uint16]uint32{}
	for tag := uint16(0); tag < 400; tag++ {
		if v := tags[tag]; len(v) > 1 {
			lists[tag] = uint32(len(file))
			for _, x := range v {
				file = order.AppendUint32(file, x)
			}
		}
	}
	order.(binary.ByteOrder).PutUint32(file[4:], uint32(len(file)))
	file = order.AppendUint16(file, uint16(len(tags)))
	for tag := uint16(0); tag < 400; tag++ {
		v, ok := tags[tag]
		if !ok {
			continue
		}
		file = order.AppendUint16(file, tag)
		file = order.AppendUint16(file, 4)
		file = order.AppendUint32(file, uint32(len(v)))
		if len(v) > 1 {
			file = order.AppendUint32(file, lists[tag])
		} else {
			file = order.AppendUint32(file, v[0])
		}
	}
	return order.AppendUint32(file, 0)
}

// Every type of sample, compression, predictor and layout gives the values that were written.
func TestTIFF(t *testing.T) {
	const rows, cols = 5, 7
	deflate := func(b []byte) []byte {
		var out bytes.Buffer
		w := zlib.NewWriter(&out)
		w.Write(b)
		w.Close()
		return out.Bytes()
	}
	packed := map[int]func([]byte) []byte{
		1: func(b []byte) []byte { return b },
		8: deflate, 32946: deflate,
		5: lzwPacked,
		32773: func(b []byte) (out []byte) { // a run of one, then the rest as it is
			out = append(out, 0, b[0])
			for b = b[1:]; len(b) > 0; {
				n := min(len(b), 128)
				out = append(append(out, byte(n-1)), b[:n]...)
				b = b[n:]
			}
			return out
		},
	}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, kind := range []struct {
			format, bits int
			top          float64 // what becomes 1; 0 = values stay
		}{{1, 8, 255}, {2, 8, 0}, {1, 16, 65535}, {2, 16, 0}, {1, 32, 0}, {2, 32, 0}, {3, 32, 0}, {3, 64, 0}} {
			for compression, pack := range packed {
				for _, layout := range []struct{ samples, side, predictor, planar int }{{1, 0, 1, 1}, {3, 2, 1, 1}, {3, 0, 1, 2}, {1, 3, 1, 1}, {4, 0, 1, 1}, {3, 0, 2, 1}, {1, 0, 3, 1}} {
					if layout.predictor == 2 && kind.format == 3 || layout.predictor == 3 && kind.format != 3 {
						continue
					}
					name := fmt.Sprintf("%v %+v %d %+v", order, kind, compression, layout)
					channels := layout.samples
					if channels == 4 {
						channels = 3
					}
					value := func(c, r, x int) float64 {
						if c == 3 {
							return float64((r + x) % 2) // alpha
						}
						return float64((c*31 + r*17 + x*5) % 120)
					}
					file := tiffOfValues(order, rows, cols, kind.format, kind.bits, compression, layout.samples, layout.side, layout.predictor, layout.planar, value, pack)
					f, err := ReadFrame(save(t, "a.tif", file))
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if f.Channels != channels || f.Rows != rows || f.Cols != cols || f.Format != "tiff" {
						t.Fatalf("%s: %+v", name, f)
					}
					for i, got := range f.Data {
						c, r, x := i/(rows*cols), i/cols%rows, i%cols
						want := value(c, r, x)
						if kind.top > 0 {
							want /= kind.top
						}
						if layout.samples == 4 && (r+x)%2 == 0 {
							want = math.NaN()
						}
						if !sameBits(got, want) {
							t.Fatalf("%s: value %d is %v, want %v", name, i, got, want)
						}
					}
				}
			}
		}
	}
}

// lzwLiterals is LZW data of literals alone, with a clear code often enough that the codes
// stay 9 bits long.
func lzwLiterals(b []byte) []byte {
	var out []byte
	held, n := uint32(0), 0
	put := func(code uint32) {
		held, n = held<<9|code, n+9
		for ; n >= 8; n -= 8 {
			out = append(out, byte(held>>(n-8)))
		}
	}
	for i, v := range b {
		if i%200 == 0 {
			put(256)
		}
		put(uint32(v))
	}
	put(257)
	put(0)
	return out
}

// tiffOfValues writes strips, or tiles of side x side.
func tiffOfValues(order binary.AppendByteOrder, rows, cols, format, bits, compression, samples, side, predictor, planar int,
	value func(c, r, x int) float64, pack func([]byte) []byte) []byte {
	number := func(v float64) []byte {
		switch {
		case format == 3 && bits == 64:
			return order.AppendUint64(nil, math.Float64bits(v))
		case format == 3:
			return order.AppendUint32(nil, math.Float32bits(float32(v)))
		case bits == 32:
			return order.AppendUint32(nil, uint32(v))
		case bits == 16:
			return order.AppendUint16(nil, uint16(v))
		}
		return []byte{byte(v)}
	}
	high, wide, offsets, counts := 2, cols, uint16(tagStripOffsets), uint16(tagStripBytes)
	if side > 0 {
		high, wide, offsets, counts = side, side, tagTileOffsets, tagTileBytes
	}
	groups := [][]int{{}}
	for c := range samples {
		if planar == 2 {
			groups = append(groups[:min(len(groups), c)], []int{c})
			continue
		}
		groups[0] = append(groups[0], c)
	}
	var blocks [][]byte
	for _, group := range groups {
		for top := 0; top < rows; top += high {
			for left := 0; left < cols; left += wide {
				var block []byte
				for r := top; r < top+high && (side > 0 || r < rows); r++ {
					var line []byte
					for x := left; x < left+wide; x++ {
						for _, c := range group {
							v := 0.0
							if r < rows && x < cols {
								v = value(c, r, x)
								if predictor == 2 && x > left {
									v -= value(c, r, x-1)
								}
							}
							if v < 0 {
								v += math.Ldexp(1, bits)
							}
							line = append(line, number(v)...)
						}
					}
					if predictor == 3 {
						line = floatDifferences(line, bits/8, len(group), order)
					}
					block = append(block, line...)
				}
				blocks = append(blocks, pack(block))
			}
		}
	}
	tags := map[uint16][]uint32{
		tagWidth: {uint32(cols)}, tagLength: {uint32(rows)}, tagBits: repeated(bits, samples), tagFormat: repeated(format, samples),
		tagPhotometric: {map[bool]uint32{true: 2, false: 1}[samples >= 3]}, tagSamples: {uint32(samples)}, tagCompression: {uint32(compression)},
		tagPredictor: {uint32(predictor)}, tagPlanar: {uint32(planar)},
	}
	if samples == 4 {
		tags[tagExtra] = []uint32{2}
	}
	if side > 0 {
		tags[tagTileWidth], tags[tagTileLength] = []uint32{uint32(wide)}, []uint32{uint32(high)}
	} else {
		tags[tagStripRows] = []uint32{uint32(high)}
	}
	return tiffOf(order, tags, offsets, counts, blocks...)
}

// floatDifferences sorts the bytes of a line of real numbers by weight, and takes differences.
func floatDifferences(line []byte, width, samples int, order binary.AppendByteOrder) []byte {
	n := len(line) / width
	out := make([]byte, len(line))
	for i := range n {
		for k := range width {
			from := k
			if order == binary.AppendByteOrder(binary.LittleEndian) {
				from = width - 1 - k
			}
			out[k*n+i] = line[i*width+from]
		}
	}
	for i := len(out) - 1; i >= samples; i-- {
		out[i] -= out[i-samples]
	}
	return out
}

func TestTIFFErrors(t *testing.T) {
	grey := func(change func(tags map[uint16][]uint32)) []byte {
		tags := map[uint16][]uint32{tagWidth: {4}, tagLength: {4}, tagBits: {8}, tagPhotometric: {1}}
		change(tags)
		return tiffOf(binary.LittleEndian, tags, tagStripOffsets, tagStripBytes, make([]byte, 16))
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"BigTIFF":     {[]byte("II+\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "BigTIFF"},
		"truncated":   {[]byte("II*\x00"), "truncated"},
		"no dir":      {[]byte("II*\x00\xff\xff\xff\x00\x00\x00"), "directory"},
		"palette":     {grey(func(m map[uint16][]uint32) { m[tagPhotometric] = []uint32{3} }), "photometric interpretation 3"},
		"JPEG inside": {grey(func(m map[uint16][]uint32) { m[tagCompression] = []uint32{7} }), "compression 7"},
		"12 bits":     {grey(func(m map[uint16][]uint32) { m[tagBits] = []uint32{12} }), "12 bits"},
		"too large":   {grey(func(m map[uint16][]uint32) { m[tagLength] = []uint32{1 << 24} }), "the file holds"},
		"huge":        {grey(func(m map[uint16][]uint32) { m[tagLength], m[tagWidth] = []uint32{1 << 30}, []uint32{1 << 30} }), "rows x"},
		"no pixels":   {grey(func(m map[uint16][]uint32) { m[tagLength] = []uint32{0} }), "0 rows"},
	} {
		if _, err := ReadFrame(save(t, "bad.tif", c.file)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bad.tif") {
			t.Errorf("%s: %v, want %q and the file name", name, err, c.want)
		}
	}
}

func FuzzTIFF(f *testing.F) {
	f.Add(tiffFile(binary.LittleEndian, 2, 3, 1, 8, 1, make([]byte, 6), 6))
	f.Add(tiffFile(binary.BigEndian, 2, 3, 3, 16, 1, make([]byte, 36), 1))
	f.Add(tiffOfValues(binary.LittleEndian, 5, 7, 3, 32, 5, 4, 3, 1, 1, func(c, r, x int) float64 { return 1 }, lzwLiterals))
	f.Fuzz(func(t *testing.T, file []byte) {
		if isTIFF(file[:min(len(file), 32)]) {
			readAll(t, file)
		}
	})
}
