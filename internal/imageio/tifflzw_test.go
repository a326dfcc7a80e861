package imageio

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
)

// lzwPacked compresses as TIFF 6.0 says: a table of strings, and codes that become wider one
// entry early.
func lzwPacked(b []byte) []byte {
	var out []byte
	held, n, width := uint64(0), 0, 9
	put := func(code int) {
		held, n = held<<width|uint64(code), n+width
		for ; n >= 8; n -= 8 {
			out = append(out, byte(held>>(n-8)))
		}
	}
	var table map[string]int
	code := func(s []byte) int {
		if len(s) == 1 {
			return int(s[0])
		}
		return table[string(s)]
	}
	clear := func() {
		put(256)
		table, width = map[string]int{}, 9
	}
	clear()
	var have []byte
	for _, c := range b {
		longer := append(have[:len(have):len(have)], c)
		if _, ok := table[string(longer)]; len(longer) == 1 || ok {
			have = longer
			continue
		}
		put(code(have))
		next := 258 + len(table)
		table[string(longer)] = next
		switch next {
		case 511, 1023, 2047: // the table of the reader is one entry behind
			width++
		case 4094:
			clear()
		}
		have = []byte{c}
	}
	if len(have) > 0 {
		put(code(have))
		if next := 258 + len(table); next == 511 || next == 1023 || next == 2047 {
			width++
		}
	}
	put(257)
	if n > 0 {
		out = append(out, byte(held<<(8-n)))
	}
	return out
}

// What was packed is read, whatever its length and however often its strings repeat.
func TestTIFFLZW(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, letters := range []int{1, 2, 7, 256} {
		for _, length := range []int{0, 1, 2, 3, 254, 255, 256, 257, 511, 1000, 5000, 60000} {
			b := make([]byte, length)
			for i := range b {
				b[i] = byte(r.IntN(letters))
			}
			got, err := io.ReadAll(newTIFFLZW(bytes.NewReader(lzwPacked(b))))
			if err != nil || !bytes.Equal(got, b) {
				t.Errorf("%d bytes of %d values: %d bytes, %v", length, letters, len(got), err)
			}
		}
	}
	for _, codes := range [][]byte{{0x80, 0x4b, 0}, {0x80, 0x10, 0x72, 0}} {
		if _, err := io.ReadAll(newTIFFLZW(bytes.NewReader(codes))); err == nil {
			t.Errorf("% x is read", codes)
		}
	}
}

// A file that Pillow 9.4 has written with compression="tiff_lzw"; its tables are full several times.
func TestTIFFOfPillow(t *testing.T) {
	f, err := ReadFrame("testdata/tiff/pillow-lzw.tif")
	if err != nil || f.Rows != 40 || f.Cols != 60 {
		t.Fatalf("%+v, %v", f, err)
	}
	for i, v := range f.Data {
		y, x := i/60, i%60
		if want := float64((x*7+y*13)%251^x*y%17) / 255; v != want {
			t.Fatalf("row %d, column %d: %g, want %g", y, x, v, want)
		}
	}
}

func FuzzTIFFLZW(f *testing.F) {
	f.Add(lzwPacked([]byte("abababab")))
	f.Add([]byte{0x80, 0x10, 0x72, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, _ := io.Copy(io.Discard, io.LimitReader(newTIFFLZW(bytes.NewReader(b)), 1<<24))
		if most := int64(len(b)) * 4096; n > most {
			t.Errorf("%d bytes of %d", n, len(b))
		}
	})
}
