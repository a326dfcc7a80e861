package imageio

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// tookMemory is what a call allocates, what the collector has freed meanwhile included.
func tookMemory(call func() error) (uint64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}

// A reader takes at most twice the length of a file and 64 MB before it finds what is wrong.
const memoryBeforeError = 64 << 20

// squeezed are so many zeros and what follows them, packed.
func squeezed(t testing.TB, zeros int, tail string, writer func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	z := writer(&b)
	for block := make([]byte, 1<<16); zeros > 0; zeros -= len(block) {
		z.Write(block[:min(zeros, len(block))])
	}
	io.WriteString(z, tail)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func toZlib(w io.Writer) io.WriteCloser {
	z, _ := zlib.NewWriterLevel(w, zlib.BestSpeed)
	return z
}

func toGzip(w io.Writer) io.WriteCloser {
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	return z
}

// broken has another last byte.
func broken(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 0x55
	return b
}

// pngOf is a PNG file of these compressed data.
func pngOf(rows, cols uint32, depth, kind, interlaced byte, data []byte) []byte {
	chunk := func(to []byte, kind string, data []byte) []byte {
		to = append(binary.BigEndian.AppendUint32(to, uint32(len(data))), kind...)
		to = append(to, data...)
		return binary.BigEndian.AppendUint32(to, crc32.ChecksumIEEE(to[len(to)-len(data)-4:]))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, cols), rows)
	b := chunk([]byte(pngMagic), "IHDR", append(head, depth, kind, 0, 0, interlaced))
	half := len(data) / 2
	b = chunk(chunk(b, "IDAT", data[:half]), "IDAT", data[half:])
	return chunk(b, "IEND", nil)
}

// oneTile is a FITS image of 3000 x 3000 numbers of one byte in a single tile.
func oneTile(algorithm string, data []byte, more ...string) []byte {
	more = append([]string{
		"TFIELDS = 1", "TTYPE1  = 'COMPRESSED_DATA'", "TFORM1  = '1PB'", "ZIMAGE  = T", "ZCMPTYPE= '" + algorithm + "'", "ZBITPIX = 8",
		"ZNAXIS  = 2", "ZNAXIS1 = 3000", "ZNAXIS2 = 3000", "ZTILE1  = 3000", "ZTILE2  = 3000",
	}, more...)
	head := strings.Replace(extension("BINTABLE", 8, []int{8, 1}, more...), "PCOUNT  = 0", fmt.Sprintf("PCOUNT  = %d", len(data)), 1)
	row := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	return fitsBytes(cards(8, nil), head, append(append(row, 0, 0, 0, 0), data...))
}

// hostileFiles claim or unpack to far more than they hold, and are wrong at their end.
func hostileFiles(t testing.TB) map[string][]byte {
	const n = 9_000_000 // as float64 more than is allowed
	zeros := broken(squeezed(t, n, "", toZlib))
	lines := squeezed(t, 3000*(1+3000*6)-1, "", toZlib)
	filter := squeezed(t, 3000*(1+3000*6)-1-3000*6, "\x05"+strings.Repeat("\x00", 3000*6), toZlib)
	member := zipped(t, true, [2]string{"a.npy", string(npyBytes("|u1", false, []int{n}, make([]byte, n)))})
	damaged := bytes.Replace(member, binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(npyBytes("|u1", false, []int{n}, make([]byte, n)))), []byte("\x01\x02\x03\x04"), -1)
	record := npyRaw(1, fmt.Sprintf("{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (%d,), }", n), make([]byte, n))
	records := zipped(t, true, [2]string{"a.npy", string(record)})
	damagedRecords := bytes.Replace(records, binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(record)), []byte("\x01\x02\x03\x04"), -1)
	var plioWords []byte
	for _, w := range append(append([]uint16{0, 7, 0, 2300, 0, 0, 0}, slices.Repeat([]uint16{4095}, 2292)...), 0x8000) {
		plioWords = binary.BigEndian.AppendUint16(plioWords, w)
	}
	tiff := func(compression uint32, data []byte) []byte {
		return tiffOf(binary.LittleEndian, map[uint16][]uint32{
			tagWidth: {3000}, tagLength: {3000}, tagBits: {8}, tagFormat: {1}, tagPhotometric: {1}, tagSamples: {1}, tagStripRows: {3000}, tagCompression: {compression},
		}, tagStripOffsets, tagStripBytes, data)
	}
	return map[string][]byte{
		"npy that claims":             npyBytes("<f8", false, []int{1 << 40}, make([]byte, 80)),
		"npz with a wrong checksum":   damaged,
		"npz of records":              damagedRecords,
		"PNG that claims":             claim(pngOf(4, 4, 16, 6, 0, squeezed(t, 4*33, "", toZlib)), 1<<20, 1<<20),
		"PNG that ends early":         pngOf(3000, 3000, 16, 2, 0, lines),
		"PNG with a wrong filter":     pngOf(3000, 3000, 16, 2, 0, filter),
		"interlaced PNG, ends early":  pngOf(3000, 3000, 16, 2, 1, lines),
		"PNG with a wrong checksum":   pngOf(3000, 3000, 16, 2, 0, broken(squeezed(t, 3000*(1+3000*6), "", toZlib))),
		"JPEG that was cut":           jpegThatClaims(8000, 8000),
		"TIFF, deflate":               tiff(8, zeros),
		"TIFF, deflate, ends early":   tiff(8, squeezed(t, n-1, "", toZlib)),
		"TIFF, PackBits":              tiff(32773, append(bytes.Repeat([]byte{0x81, 0}, n/128), 5)),
		"FITS that claims":            fitsBytes(cards(-64, []int{1 << 40, 1 << 20})),
		"FITS table that claims":      fitsBytes(cards(8, nil), extension("BINTABLE", 8, []int{1 << 40, 1 << 20}, "TFIELDS = 1", "TFORM1  = '1D'")),
		"FITS column of large images": fitsBytes(cards(8, nil), extension("BINTABLE", 8, []int{8, 1}, "TFIELDS = 1", "TFORM1  = '1000000000000D'", "TDIM1   = '(1000000,1000000)'")),
		"FITS tile, GZIP_1":           oneTile("GZIP_1", broken(squeezed(t, n, "", toGzip))),
		"FITS tile, GZIP_2":           oneTile("GZIP_2", squeezed(t, n-1, "", toGzip)),
		"FITS tile, RICE_1":           oneTile("RICE_1", append(make([]byte, 1+(n/32)*3/8-1), 0xff), "ZNAME1  = 'BYTEPIX'", "ZVAL1   = 1"),
		"FITS tile, PLIO_1":           oneTile("PLIO_1", plioWords),
		"FITS tile, HCOMPRESS_1":      oneTile("HCOMPRESS_1", hStream(3000, 3000, append([]byte{0xff, 0xbc}, make([]byte, 3000)...)...)), // as many bytes as so many numbers need
		"gzip that was cut":           squeezed(t, 4*n, "", toGzip)[:30000],
		"gzip of what is nothing":     squeezed(t, 4*n, "", toGzip),
	}
}

// hStream is an HCOMPRESS stream with one bit plane of the means, and none of the differences.
func hStream(rows, cols uint32, bits ...byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0xdd, 0x99}, rows)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, cols), 1)
	return append(append(b, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0), bits...)
}

// jpegThatClaims is the beginning of a JPEG file of these sides, with as many bytes as one of
// them has at least.
func jpegThatClaims(rows, cols int) []byte {
	b := []byte(jpegMagic + "\xdb\x00\x43\x00" + strings.Repeat("\x01", 64))
	b = append(b, 0xff, 0xc0, 0, 17, 8, byte(rows>>8), byte(rows), byte(cols>>8), byte(cols), 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)
	return append(b, make([]byte, rows*cols/512+100)...)
}

// longTexts are long lines of text with an error behind them.
func longTexts() map[string][]byte {
	return map[string][]byte{
		"names":             append(bytes.Repeat([]byte("a,"), 6_000_000), "a\nx\n"...),
		"fields in quotes":  append(bytes.Repeat([]byte(`"1",`), 4_000_000), "\"1\"\nx\n"...),
		"ASCII FITS table":  fitsBytes(cards(8, nil), extension("TABLE", 8, []int{1, 12_000_000}, "TFIELDS = 1", "TBCOL1  = 1", "TFORM1  = 'I1'"), append(bytes.Repeat([]byte("1"), 11_999_999), 'x')),
		"no line ends here": bytes.Repeat([]byte("x"), 30_000_000),
	}
}

func TestMemoryOnTheWayToAnError(t *testing.T) {
	files := hostileFiles(t)
	if !testing.Short() { // FuzzReaders has their short forms
		maps.Copy(files, longTexts())
	}
	dir := t.TempDir()
	for _, title := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, files[title], 0o666); err != nil {
			t.Fatal(err)
		}
		refused := false
		for _, name := range slices.Sorted(maps.Keys(readers)) {
			took, err := tookMemory(func() error { return readers[name](path) })
			refused = refused || err != nil && strings.HasPrefix(name, "Read")
			if most := 2*uint64(len(files[title])) + memoryBeforeError; err != nil && took > most {
				t.Errorf("%s, %s: %d MB taken before the error, want at most %d: %v", title, name, took>>20, most>>20, err)
			}
		}
		if !refused {
			t.Errorf("%s: no reader of values refuses it", title)
		}
	}
}

// FuzzReaders gives one file to every reader by its path, and holds the memory before an error.
func FuzzReaders(f *testing.F) {
	const most = 4000 // bytes: more may unpack to so much that an input takes seconds
	for _, b := range hostileFiles(f) {
		f.Add(b[:min(len(b), most)])
	}
	for _, c := range tableForms(f) {
		f.Add(c.data)
	}
	f.Add(fitsBytes(cards(8, nil), extension("IMAGE", -32, []int{2, 2}), stamp4(1), extension("IMAGE", -32, []int{2, 2}), stamp4(5)))
	f.Add(npyBytes("<f8", true, []int{2, 1, 2}, make([]byte, 32)))
	f.Add(tiffFile(binary.LittleEndian, 2, 3, 1, 8, 1, make([]byte, 6), 6))
	path := filepath.Join(f.TempDir(), "file")
	names := slices.Sorted(maps.Keys(readers))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2*most {
			return
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			took, err := tookMemory(func() error { return readers[name](path) })
			if err != nil && took > 2*uint64(len(data))+memoryBeforeError {
				t.Errorf("%s: %d MB taken before %v", name, took>>20, err)
			}
		}
	})
}
