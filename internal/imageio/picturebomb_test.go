package imageio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/jpeg"
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
		{"png", claim(pngBytes(t, noise), side, side), "png: filter"},
		{"interlaced png", claim(interlaced, side, side), "png: filter"},
		{"jpeg", wide, "jpeg of 5000 rows x 5000 columns in a file of"},
		{"tiff, deflate", tiff(8, packed.Bytes()), "90000 of 81000000 bytes"},
		{"tiff, LZW", tiff(5, lzwLiterals(noise.Pix)), "of 81000000 bytes"},
		{"tiff, PackBits", tiff(32773, make([]byte, 1500000)), "of 81000000 bytes"},
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
