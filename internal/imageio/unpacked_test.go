package imageio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// A picture whose header asks for far more pixels than the file holds, though not for more
// than its compression could make of a file of this length, is refused before memory is taken
// for them.
func TestPictureBombs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := image.NewGray(image.Rect(0, 0, 300, 300))
	for i := range noise.Pix {
		noise.Pix[i] = byte(r.Uint32())
	}
	const side = 9000 // 81 MB
	interlaced := pngBytes(t, noise)
	interlaced[28] = 1
	var packed, small bytes.Buffer
	z := zlib.NewWriter(&packed)
	z.Write(noise.Pix)
	z.Close()
	if err := jpeg.Encode(&small, image.NewGray(image.Rect(0, 0, 16, 16)), nil); err != nil {
		t.Fatal(err)
	}
	wide := append(bytes.Clone(small.Bytes()), make([]byte, 60000)...)
	at := bytes.Index(wide, []byte{0xff, 0xc0}) // start of frame: length, depth, rows, columns
	binary.BigEndian.PutUint16(wide[at+5:], 5000)
	binary.BigEndian.PutUint16(wide[at+7:], 5000)
	tiff := func(compression uint32, data []byte) []byte {
		return tiffOf(binary.LittleEndian, map[uint16][]uint32{
			tagWidth: {side}, tagLength: {side}, tagBits: {8}, tagFormat: {1}, tagPhotometric: {1}, tagSamples: {1},
			tagStripRows: {side}, tagCompression: {compression},
		}, tagStripOffsets, tagStripBytes, data)
	}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"png", claim(pngBytes(t, noise), side, side), "png: its header asks for 81009000 bytes of pixels, and it holds 90300"},
		{"interlaced png", claim(interlaced, side, side), "png: its header asks for"},
		{"jpeg", wide, "jpeg of 5000 rows x 5000 columns in a file of"},
		{"tiff, deflate", tiff(8, packed.Bytes()), "its header asks for 81000000 bytes of pixels, and it holds 90000"},
		{"tiff, LZW", tiff(5, lzwLiterals(noise.Pix)), "its header asks for"},
		{"tiff, PackBits", tiff(32773, make([]byte, 1500000)), "its header asks for"},
	} {
		path := save(t, "bomb", c.file)
		for name, read := range map[string]func() error{
			"whole": func() error { _, err := ReadFrame(path); return err },
			"a box": func() error { _, err := ReadBox(path, Box{0, 100, 0, side}); return err },
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := read()
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: %v, want %q", c.name, name, err, c.want)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 12<<20 {
				t.Errorf("%s, %s: it took %d bytes of memory", c.name, name, took)
			}
		}
	}
}

// The length of the pixels of a PNG is known from its header.
func TestPNGHolds(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {3, 5}, {40, 31}} {
		rows, cols := size[0], size[1]
		file := pngBytes(t, image.NewNRGBA(image.Rect(0, 0, cols, rows)))
		bytes := pngPixelBytes(int64(rows), int64(cols), 32, false)
		if err := pngHolds(strings.NewReader(string(file)), int64(len(file)), bytes); err != nil {
			t.Errorf("%v: %v", size, err)
		}
		if err := pngHolds(strings.NewReader(string(file)), int64(len(file)), bytes+1); err == nil {
			t.Errorf("%v: a byte more is held too", size)
		}
		// Each pixel is in one of the seven passes.
		lines := int64(0)
		for _, p := range [][4]int{{0, 0, 8, 8}, {0, 4, 8, 8}, {4, 0, 8, 4}, {0, 2, 4, 4}, {2, 0, 4, 2}, {0, 1, 2, 2}, {1, 0, 2, 1}} {
			for r := p[0]; r < rows && p[1] < cols; r += p[2] {
				lines++
			}
		}
		if got := pngPixelBytes(int64(rows), int64(cols), 8, true); got != int64(rows*cols)+lines {
			t.Errorf("%v interlaced: %d bytes, want %d", size, got, int64(rows*cols)+lines)
		}
	}
	// Chunks of any length, and what is no picture.
	p := &pngPixels{r: strings.NewReader("\x00\x00\x00\x00IDATcrc.\x00\x00\x00\x02IDATabcrc.\x00\x00\x00\x01tEXtxcrc.\x00\x00\x00\x01IDATccrc.\x00\x00\x00\x00IENDcrc."), size: 1000}
	if got, err := io.ReadAll(p); string(got) != "abc" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := room(2e9, 1e9); err == nil || !strings.Contains(err.Error(), "takes 2.0 GB of memory, and this host has 1.0 GB") {
		t.Error(err)
	}
	if err := room(1e9, 2e9); err != nil {
		t.Error(err)
	}
}
