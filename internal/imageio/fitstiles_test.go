package imageio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every kind of compression, type, quantisation and shape of tiles that astropy and fpack
// write is read with the same bits that astropy reads.
func TestTilesAgainstAstropy(t *testing.T) {
	if testing.Short() {
		t.Skip("long; TestTilesOfTestdata has a file of each kind")
	}
	python := "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import astropy.io.fits, numpy").Run(); err != nil {
		t.Skip("needs python3-astropy and python3-numpy")
	}
	dir := t.TempDir()
	if out, err := exec.Command(python, "-W", "ignore", "testdata/tiles.py", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.fits.fz"))
	if len(names) < 100 {
		t.Fatalf("only %d files", len(names))
	}
	for _, name := range names {
		sameAsReference(t, name, strings.TrimSuffix(name, ".fits.fz")+".npy")
	}
	t.Logf("%d files", len(names))
}

// sameAsReference compares a file and a box of it with the values in an npy file.
func sameAsReference(t *testing.T, name, reference string) {
	t.Helper()
	want, err := ReadNpy(reference)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadFrame(name)
	if err != nil {
		t.Errorf("%s: %v", filepath.Base(name), err)
		return
	}
	if bad := different(got.Data, want.Data); bad != 0 {
		i := 0
		for ; sameBits(got.Data[i], want.Data[i]); i++ {
		}
		t.Errorf("%s: %d of %d values differ; number %d is %v, want %v", filepath.Base(name), bad, len(want.Data), i, got.Data[i], want.Data[i])
		return
	}
	b := Box{R0: got.Rows / 3, R1: got.Rows/3 + 5, C0: got.Cols / 2, C1: got.Cols - 1}
	box, err := ReadBox(name, b)
	if err != nil {
		t.Errorf("%s: %v", filepath.Base(name), err)
		return
	}
	var cut []float64
	for c := range got.Channels {
		for r := b.R0; r < b.R1; r++ {
			at := (c*got.Rows + r) * got.Cols
			cut = append(cut, got.Data[at+b.C0:at+b.C1]...)
		}
	}
	if different(box.Data, cut) != 0 {
		t.Errorf("%s: a box is not a cut of the whole", filepath.Base(name))
	}
}

func sameBits(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}

// different is the number of values that have other bits; NaN is NaN.
func different(a, b []float64) int {
	if len(a) != len(b) {
		return max(len(a), len(b))
	}
	n := 0
	for i, v := range a {
		if !sameBits(v, b[i]) {
			n++
		}
	}
	return n
}

// The files of testdata/tiles, a selection of what testdata/tiles.py writes, each packed with
// gzip once more. The number is the CRC-32 of the values that astropy, or for files of fpack
// funpack, has: float64, little-endian, every NaN the same.
func TestTilesOfTestdata(t *testing.T) {
	want := map[string]struct {
		sum     uint32
		packing string
	}{
		"cube-fpack-h":                   {0x54cb60ff, "HCOMPRESS_1"},
		"cubef-RICE_1-19x12x1-16-1-9001": {0x8113061f, "RICE_1"},
		"f4nan-GZIP_2-0.0-10x10":         {0x6d833af0, "GZIP_2"},
		"f4nan-RICE_1-19x12-16-2-9002":   {0x0f7d7c92, "RICE_1"},
		"f4nan-fpack-r-qz4":              {0x35882caf, "RICE_1"},
		"f8nan-GZIP_1-0.0":               {0x63f064ab, "GZIP_1"},
		"f8nan-GZIP_2-19x12-16--1-8999":  {0xdbc3d1ab, "GZIP_2"},
		"i2-RICE_1-11x7":                 {0xd345be61, "RICE_1"},
		"i2-fpack-h-s4smooth":            {0xa323c6ae, "HCOMPRESS_1"},
		"mask-fpack-p":                   {0x2cd69afb, "PLIO_1"},
		"mask4-PLIO_1-11x7":              {0x80e63593, "PLIO_1"},
		"u1-fpack-r":                     {0x6eae6899, "RICE_1"},
		"u2-fpack-r":                     {0xb3414eb6, "RICE_1"},
		"u4-GZIP_1":                      {0x7f54e3f0, "GZIP_1"},
		"wild-RICE_1":                    {0xf364ea7e, "RICE_1"},
		"wild-fpack-h":                   {0xf364ea7e, "HCOMPRESS_1"},
		"wild2-GZIP_2-11x7":              {0x3c9c660d, "GZIP_2"},
		"wild2-fpack-w-r":                {0x3c9c660d, "RICE_1"},
	}
	names, _ := filepath.Glob("testdata/tiles/*.fits.fz.gz")
	if len(names) != len(want) {
		t.Errorf("%d files, want %d", len(names), len(want))
	}
	for _, name := range names {
		short := strings.TrimSuffix(filepath.Base(name), ".fits.fz.gz")
		f, err := ReadFrame(name)
		if err != nil {
			t.Errorf("%s: %v", short, err)
			continue
		}
		if got := valueSum(f.Data); got != want[short].sum || f.Packing != packedGzip {
			t.Errorf("%s: %#08x, %s, want %#08x", short, got, f.Packing, want[short].sum)
		}
		inner := filepath.Join(t.TempDir(), short+".fits.fz")
		packed, _, err := open(name)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(io.NewSectionReader(packed, 0, 1<<20))
		packed.Close()
		if err := errors.Join(err, os.WriteFile(inner, content, 0o666)); err != nil {
			t.Fatal(err)
		}
		s, err := Stat(inner)
		if err != nil || s.Packing != want[short].packing || !s.ReadsBoxes() {
			t.Errorf("%s: %+v %v, want %s", short, s, err, want[short].packing)
			continue
		}
		for _, c := range s.Header {
			if strings.HasPrefix(string(c), "Z") || strings.HasPrefix(string(c), "TFORM") || strings.HasPrefix(string(c), "TTYPE") {
				t.Errorf("%s: the header keeps %q", short, c)
			}
		}
		// A stack and a matrix are read from tiles too.
		if s.Channels > 1 {
			st, err := ReadStack(inner, 1, 2)
			if n := s.Rows * s.Cols; err != nil || different(st.Data, f.Data[n:2*n]) != 0 {
				t.Errorf("%s: image 1 of the stack differs: %v", short, err)
			}
			continue
		}
		if m, err := ReadMatrix(inner, Box{R1: f.Rows, C1: f.Cols}); err == nil && different(m, f.Data) != 0 {
			t.Errorf("%s: the matrix differs", short)
		} else if err != nil && !strings.Contains(err.Error(), "NaN") {
			t.Errorf("%s: %v", short, err)
		}
	}
}

func valueSum(data []float64) uint32 {
	h := crc32.NewIEEE()
	for _, v := range data {
		if math.IsNaN(v) {
			v = math.NaN()
		}
		binary.Write(h, binary.LittleEndian, v)
	}
	return h.Sum32()
}

// A box needs its tiles only: the other tiles may be destroyed.
func TestTilesOfABox(t *testing.T) {
	const name = "testdata/tiles/i2-RICE_1-11x7.fits.fz.gz"
	whole, err := ReadFrame(name)
	if err != nil {
		t.Fatal(err)
	}
	packed, size, err := open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	content := make([]byte, size)
	if _, err := packed.ReadAt(content, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	u, _, err := findUnit(bytes.NewReader(content), size, "")
	if err != nil {
		t.Fatal(err)
	}
	// Rows 7 to 14 and columns 11 to 22 are tile 6 of 5 x 6.
	row, err := u.tiles.readRow(bytes.NewReader(content), 6)
	if err != nil {
		t.Fatal(err)
	}
	for i := u.tiles.heap; i < u.tiles.heap+u.tiles.bytes; i++ {
		if at := i - u.tiles.heap; at < row.packed.offset || at >= row.packed.offset+row.packed.count {
			content[i] = 0xff
		}
	}
	path := save(t, "holed.fits", content)
	b := Box{R0: 8, R1: 14, C0: 12, C1: 22}
	got, err := ReadBox(path, b)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got.Data {
		if want := whole.Data[(b.R0+i/10)*whole.Cols+b.C0+i%10]; v != want {
			t.Fatalf("pixel %d is %v, want %v", i, v, want)
		}
	}
	if f, err := ReadFrame(path); err == nil && different(f.Data, whole.Data) == 0 {
		t.Error("the rest of the file was not destroyed")
	}
}

func TestDitherGenerator(t *testing.T) {
	if s := ditherStates(); s[len(s)-1] != ditherLast {
		t.Errorf("the last state is %d, want %d", s[len(s)-1], ditherLast)
	}
}

// FuzzTiles feeds the decoders and whole files of tiles.
func FuzzTiles(f *testing.F) {
	names, _ := filepath.Glob("testdata/tiles/*.fits.fz.gz")
	for _, name := range names {
		packed, size, err := open(name)
		if err != nil {
			f.Fatal(err)
		}
		content := make([]byte, size)
		packed.ReadAt(content, 0)
		packed.Close()
		f.Add(content)
	}
	f.Add(hStream(10, 10, 0xff, 0xbc))
	f.Add(hStream(10, 10, 0xff, 0x80, 0, 0, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, block := range []int{1, 16, 32} {
			for _, bytepix := range []int{1, 2, 4} {
				rice(data, 100, block, bytepix)
			}
		}
		plio(data, 100)
		if _, err := hcompress(data, 100, 10, true); (err == nil) != (hcompressHolds(data, 100, 10) == nil) {
			t.Fatalf("hcompress: %v, and what only looks for errors: %v", err, hcompressHolds(data, 100, 10))
		}
		inflate(data, 1000)
		if bytes.HasPrefix(data, []byte(fitsMagic)) {
			readAll(t, data)
		}
	})
}
