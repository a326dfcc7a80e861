package imageio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"codeberg.org/astrogo/fitsio"
	"pgregory.net/rapid"
)

// writeStack writes data in pieces of the given numbers of images.
func writeStack(path string, count, rows, cols int, single bool, data []float64, pieces ...int) error {
	w, err := CreateStack(path, count, rows, cols, single, nil)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, n := range pieces {
		n *= rows * cols
		if err := w.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return w.Close()
}

func TestStackRoundTrip(t *testing.T) {
	dir := t.TempDir()
	formats := map[string]string{"a.npy": "npy", "a.fits": "fits", "a.FIT": "fits", "a.fts": "fits", "a": "npy"}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"a.npy", "a.fits", "a.FIT", "a.fts", "a"}).Draw(t, "name")
		single := rapid.Bool().Draw(t, "single")
		rows, cols := rapid.IntRange(1, 20).Draw(t, "rows"), rapid.IntRange(1, 20).Draw(t, "cols")
		pieces := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 5).Filter(func(p []int) bool { return slices.Max(p) > 0 }).Draw(t, "pieces")
		count := 0
		for _, n := range pieces {
			count += n
		}
		data := make([]float64, count*rows*cols)
		want := make([]float64, len(data))
		for i := range data {
			data[i] = math.Sqrt(float64(i)) - 3
			if i%7 == 2 {
				data[i] = math.NaN()
			}
			want[i] = data[i]
			if single {
				want[i] = float64(float32(data[i]))
			}
		}
		path := filepath.Join(dir, name)
		if err := writeStack(path, count, rows, cols, single, data, pieces...); err != nil {
			t.Fatal(err)
		}
		typ := map[bool]string{false: "float64", true: "float32"}[single]
		check := func(s *Stack, err error, want []float64) {
			if err != nil {
				t.Fatal(err)
			}
			if s.Count != count || s.Rows != rows || s.Cols != cols || s.Format != formats[name] || s.Type != typ {
				t.Fatalf("%s %s %d x %d x %d, want %s %s %d x %d x %d", s.Format, s.Type, s.Count, s.Rows, s.Cols, formats[name], typ, count, rows, cols)
			}
			if !same(s.Data, want) {
				t.Fatalf("%v, want %v", s.Data, want)
			}
		}
		s, err := StatStack(path)
		check(s, err, nil)
		s, err = ReadStack(path, 0, count)
		check(s, err, want)
		lo := rapid.IntRange(0, count).Draw(t, "lo")
		hi := rapid.IntRange(lo, count).Draw(t, "hi")
		s, err = ReadStack(path, lo, hi)
		check(s, err, want[lo*rows*cols:hi*rows*cols])
	})
}

func TestStackOrdersAndRanges(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(1, 6), 2, 3).Draw(t, "shape")
		// Lengths a frame reader would take for colours count images here.
		full := append(slices.Repeat([]int{1}, rapid.IntRange(0, 2).Draw(t, "ones")*(len(shape)-2)), shape...)
		fortran := rapid.Bool().Draw(t, "fortran")
		n, _ := product(full)
		stored := make([]byte, 2*n)
		for i := range n {
			binary.BigEndian.PutUint16(stored[2*i:], uint16(i))
		}
		path := filepath.Join(dir, "a.npy")
		if err := os.WriteFile(path, npyBytes(">u2", fortran, full, stored), 0o666); err != nil {
			t.Fatal(err)
		}
		if len(shape) == 2 {
			shape = append([]int{1}, shape...)
		}
		lo := rapid.IntRange(0, shape[0]).Draw(t, "lo")
		hi := rapid.IntRange(lo, shape[0]).Draw(t, "hi")
		var want []float64
		for i := lo; i < hi; i++ {
			for r := range shape[1] {
				for c := range shape[2] {
					want = append(want, float64(element([]int{i, r, c}, shape, fortran)))
				}
			}
		}
		s, err := ReadStack(path, lo, hi)
		if err != nil {
			t.Fatal(err)
		}
		if got := []int{s.Count, s.Rows, s.Cols}; !slices.Equal(got, shape) || s.Type != "uint16" || !same(s.Data, want) {
			t.Fatalf("%v %v, want %v %v", got, s.Data, shape, want)
		}
	})
}

// counter counts the bytes read.
type counter struct {
	io.ReaderAt
	bytes int
}

func (c *counter) ReadAt(b []byte, at int64) (int, error) {
	c.bytes += len(b)
	return c.ReaderAt.ReadAt(b, at)
}

func TestStackReadsOnlyItsImages(t *testing.T) {
	const count, side = 50, 64
	data := make([]float64, count*side*side)
	for i := range data {
		data[i] = float64(i)
	}
	for _, name := range []string{"a.npy", "a.fits"} {
		path := filepath.Join(t.TempDir(), name)
		if err := writeStack(path, count, side, side, false, data, count); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r := &counter{ReaderAt: bytes.NewReader(file)}
		s, err := newStackSource(r, int64(len(file)), "")
		if err != nil {
			t.Fatal(err)
		}
		r.bytes = 0
		if err := s.read(20, 23); err != nil {
			t.Fatal(err)
		}
		if !same(s.Data, data[20*side*side:23*side*side]) || r.bytes != 3*side*side*8 {
			t.Errorf("%s: %d bytes read, want those of 3 images", name, r.bytes)
		}
	}
}

func TestStackFITS(t *testing.T) {
	file := fitsBytes(
		cards(8, nil, "EXTEND  = T", "OBJECT  = 'M 51'"),
		extension("IMAGE", 16, []int{2, 1, 3}, "EXTNAME = 'SCI'", "INHERIT = T", "BSCALE  = 2", "BZERO   = 10", "BLANK   = -1"), []int16{0, 1, -1, 3, 4, 5},
		extension("IMAGE", -32, []int{2, 2}, "EXTNAME = 'PSF'"), []float32{1, 2, 3, 4},
		extension("IMAGE", 8, []int{1, 2, 2, 1, 1}, "EXTNAME = 'FIVE'"), []uint8{1, 2, 3, 4},
		extension("IMAGE", 8, []int{3}, "EXTNAME = 'LINE'"), []uint8{1, 2, 3},
	)
	path := save(t, "a.fits", file)
	nan := math.NaN()
	for _, c := range []struct {
		unit   string
		shape  [3]int
		typ    string
		lo, hi int
		want   []float64
	}{
		{"", [3]int{3, 1, 2}, "int16", 0, 3, []float64{10, 12, nan, 16, 18, 20}},
		{"[sci]", [3]int{3, 1, 2}, "int16", 1, 2, []float64{nan, 16}},
		{"[PSF]", [3]int{1, 2, 2}, "float32", 0, 1, []float64{1, 2, 3, 4}},
		{"[3]", [3]int{2, 2, 1}, "uint8", 1, 2, []float64{3, 4}},
	} {
		s, err := ReadStack(path+c.unit, c.lo, c.hi)
		if err != nil {
			t.Errorf("%s: %v", c.unit, err)
			continue
		}
		if got := [3]int{s.Count, s.Rows, s.Cols}; got != c.shape || s.Type != c.typ || s.Format != "fits" || !same(s.Data, c.want) {
			t.Errorf("%s: %s %v %v, want %s %v %v", c.unit, s.Type, got, s.Data, c.typ, c.shape, c.want)
		}
	}
	s, err := StatStack(path)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := s.Header.Get("OBJECT"); v != "M 51" {
		t.Errorf("the header inherited is %q", s.Header)
	}
	for unit, want := range map[string]string{"[LINE]": "want (count, rows, cols)", "[0]": "not an image", "[NONE]": "no HDU [NONE]"} {
		if _, err := StatStack(path + unit); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path+unit) {
			t.Errorf("%s: %v, want %q", unit, err, want)
		}
	}
}

// The library is an independent reader of the cube written here, one image included.
func TestStackFITSReadByLibrary(t *testing.T) {
	for _, count := range []int{1, 4} {
		path := filepath.Join(t.TempDir(), "out.fits")
		header := Header{Card(fmt.Sprintf("%-80s", "OBJECT  = 'M 51'")), Card(fmt.Sprintf("%-80s", "NAXIS3  = 99"))}
		w, err := CreateStack(path, count, 2, 3, true, header, "one line", "another")
		if err != nil {
			t.Fatal(err)
		}
		data := make([]float64, 6*count)
		for i := range data {
			data[i] = float64(i)
		}
		for at := range count {
			if err := w.Write(data[6*at : 6*at+6]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(path); err != nil || st.Size() != 2*blockBytes {
			t.Errorf("%v %v, want two blocks", st.Size(), err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		lib, err := fitsio.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		img := lib.HDU(0).(fitsio.Image)
		got := make([]float32, len(data))
		if err := img.Read(&got); err != nil {
			t.Fatal(err)
		}
		if axes := img.Header().Axes(); !slices.Equal(axes, []int{3, 2, count}) {
			t.Errorf("axes %v", axes)
		}
		for i, v := range got {
			if float64(v) != data[i] {
				t.Errorf("element %d is %v", i, v)
			}
		}
		s, err := StatStack(path)
		if err != nil {
			t.Fatal(err)
		}
		var cards []string
		for _, c := range s.Header {
			cards = append(cards, strings.TrimRight(string(c), " "))
		}
		if !slices.Equal(cards, []string{"OBJECT  = 'M 51'", "HISTORY one line", "HISTORY another"}) {
			t.Errorf("header %q", cards)
		}
	}
}

func TestStackUnfinished(t *testing.T) {
	for _, name := range []string{"a.npy", "a.fits"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		begin := func() *StackWriter {
			t.Helper()
			w, err := CreateStack(path, 3, 2, 2, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		alone := func(when, want string) {
			t.Helper()
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := os.ReadFile(path)
			if len(files) > 1 || string(b) != want {
				t.Errorf("%s: %d files, content %q, want %q", when, len(files), b, want)
			}
		}
		fails := func(err error, want string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want %q and the path", err, want)
			}
		}
		w := begin()
		w.Abort()
		w.Abort()
		alone("aborted with no old file", "")
		if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
			t.Fatal(err)
		}

		fails(begin().Close(), "0 of 3 images")
		alone("none written", "old")

		w = begin()
		if err := w.Write(make([]float64, 8)); err != nil {
			t.Fatal(err)
		}
		fails(w.Close(), "2 of 3 images")
		alone("too few", "old")

		// Too many, though those before were complete.
		w = begin()
		if err := w.Write(make([]float64, 12)); err != nil {
			t.Fatal(err)
		}
		fails(w.Write(make([]float64, 4)), "1 images after 3 of 3")
		fails(w.Close(), "1 images after 3 of 3")
		alone("too many", "old")

		// Nothing can mend a piece refused.
		w = begin()
		fails(w.Write(make([]float64, 5)), "5 values are not a whole number of images of 2 x 2")
		fails(w.Write(make([]float64, 12)), "5 values")
		fails(w.Close(), "5 values")
		alone("a part of an image", "old")

		w = begin()
		if err := w.Write(make([]float64, 12)); err != nil {
			t.Fatal(err)
		}
		w.Abort()
		if err := w.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Close after Abort: %v", err)
		}
		alone("aborted", "old")

		w = begin()
		if err := w.Write(make([]float64, 12)); err != nil {
			t.Fatal(err)
		}
		// The old file stays until Close.
		if b, _ := os.ReadFile(path); string(b) != "old" {
			t.Errorf("%q before Close", b)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		whole, _ := os.ReadFile(path)
		w.Abort()
		if err := w.Write(make([]float64, 4)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Write after Close: %v", err)
		}
		if err := w.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		alone("closed", string(whole))
		if s, err := ReadStack(path, 0, 3); err != nil || len(s.Data) != 12 {
			t.Errorf("%v %v", s, err)
		}
	}
}

func TestCreateStackChecks(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name  string
		shape [3]int
		cards Header
		want  string
	}{
		{"a.npy", [3]int{0, 2, 2}, nil, "0 images of 2 x 2"},
		{"a.fits", [3]int{1, 0, 2}, nil, "1 images of 0 x 2"},
		{"a.npy", [3]int{1, 2, -2}, nil, "negative"},
		{"a.npy", [3]int{1 << 30, 1 << 30, 4}, nil, "too large"},
		{"a.fits", [3]int{1, 2, 2}, Header{"SHORT"}, "card of 5 bytes"},
		{"none/a.npy", [3]int{1, 2, 2}, nil, "no such file"},
	} {
		path := filepath.Join(dir, c.name)
		_, err := CreateStack(path, c.shape[0], c.shape[1], c.shape[2], false, c.cards)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want %q and the path", err, c.want)
		}
	}
	// The new name is taken by a directory: the rename fails.
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := writeStack(taken, 1, 1, 1, false, []float64{1}, 1); err == nil {
		t.Error("a directory was replaced")
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestStackErrors(t *testing.T) {
	whole := npyBytes("<f8", false, []int{2, 2, 2}, make([]byte, 64))
	const want = "want (count, rows, cols)"
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "the file is empty; a stack"},
		{"npy cut in header", whole[:30], "npy header of"},
		{"npy cut in data", whole[:len(whole)-1], "needs 8 elements, the file holds 7"},
		{"npy huge", npyBytes("<f8", false, []int{1 << 20, 1 << 10, 1 << 10}, nil), "the file holds 0"},
		{"FITS cut in header", fitsBytes(cards(-64, []int{2, 2, 2}))[:1000], "no END card"},
		{"FITS cut in data", fitsBytes(cards(-64, []int{9, 9, 9}), make([]float64, 9)), "announces 5832 bytes"},
		{"FITS 1-D", fitsBytes(cards(8, []int{4}), make([]byte, 4)), want},
		{"FITS 4-D", fitsBytes(cards(8, []int{2, 2, 2, 2}), make([]byte, 16)), want},
		{"FITS no images", fitsBytes(cards(8, []int{2, 2, 0})), "no image in this FITS file"},
		{"FITS bscale", fitsBytes(cards(8, []int{1, 1}, "BSCALE  = 0"), []uint8{1}), "BSCALE"},
		{"0-D", npyBytes("<f8", false, []int{}, make([]byte, 8)), want},
		{"1-D", npyBytes("<f8", false, []int{4}, make([]byte, 32)), want},
		{"4-D", npyBytes("|u1", false, []int{2, 2, 2, 2}, make([]byte, 16)), "shape (2, 2, 2, 2), " + want},
		{"no pixels", npyBytes("<f8", false, []int{4, 0, 2}, nil), "without pixels"},
		{"structured", npyRaw(1, `{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (4,)}`, nil), "structured"},
		{"colours", tiffFile(binary.LittleEndian, 1, 1, 3, 8, 1, []byte{1, 2, 3}, 1), "a tiff picture of 3 different channels; a stack of images is an npy, npz or FITS file"},
		{"png cut", pngBytes(t, image.NewGray(image.Rect(0, 0, 3, 2)))[:20], "a stack of images is"},
		{"npz", []byte("PK\x03\x04 and more"), "not an npz file"},
		{"text", []byte("1,2,3\n"), "a stack of images is"},
	} {
		path := save(t, "bad", c.file)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := StatStack(path)
		if err == nil {
			t.Errorf("%s: StatStack took it", c.name)
		}
		_, err = ReadStack(path, 0, 1)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the path", c.name, err, c.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: %d bytes were allocated for a bad file", c.name, took)
		}
	}
	path := save(t, "a.npy", whole)
	for _, c := range [][2]int{{-1, 2}, {2, 1}, {0, 3}, {3, 3}} {
		if _, err := ReadStack(path, c[0], c[1]); err == nil || !strings.Contains(err.Error(), "of a stack of 2") {
			t.Errorf("images %v of 2: %v", c, err)
		}
	}
	if _, err := StatStack(path + "[1]"); err == nil || !strings.Contains(err.Error(), "HDU of a FITS file") {
		t.Errorf("an HDU of an npy file: %v", err)
	}
	if _, err := StatStack(path + "x"); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path+"x") {
		t.Errorf("no file: %v", err)
	}
	for _, fortran := range []bool{false, true} {
		path := save(t, "none.npy", npyBytes("<f8", fortran, []int{0, 4, 5}, nil))
		s, err := ReadStack(path, 0, 0)
		if err != nil || s.Count != 0 || s.Rows != 4 || s.Cols != 5 || len(s.Data) != 0 {
			t.Errorf("no images: %v %v", s, err)
		}
	}
}

// A picture of one channel, or of several equal ones, is a stack of one image with the values of
// a frame.
func TestStackPicture(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 3, 2))
	copy(grey.Pix, []byte{0, 50, 100, 150, 200, 250})
	equal := tiffFile(binary.LittleEndian, 1, 2, 3, 8, 1, []byte{7, 7, 7, 9, 9, 9}, 1)
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, grey, nil); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"png": pngBytes(t, grey), "jpeg": photo.Bytes(), "tiff of equal channels": equal,
		"tiff": tiffFile(binary.BigEndian, 2, 2, 1, 16, 1, []byte{0, 1, 0, 2, 0, 3, 0, 4}, 1),
	} {
		path := save(t, "picture", file)
		f, err := ReadPlane(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := StatStack(path)
		if err != nil || s.Count != 1 || s.Rows != f.Rows || s.Cols != f.Cols || s.Format != f.Format || s.Data != nil {
			t.Errorf("%s: %v, %v", name, s, err)
		}
		if s, err = ReadStack(path, 0, 1); err != nil || !slices.Equal(s.Data, f.Data) {
			t.Errorf("%s: %v, %v, want %v", name, s, err, f.Data)
		}
		if s, err = ReadStack(path, 1, 1); err != nil || len(s.Data) != 0 {
			t.Errorf("%s: no images: %v, %v", name, s, err)
		}
	}
	order := binary.LittleEndian
	two := tiffFile(order, 1, 1, 1, 8, 1, []byte{1}, 1)
	order.PutUint32(two[len(two)-4:], 8) // another picture follows
	if _, err := StatStack(save(t, "two.tif", two)); err == nil || !strings.Contains(err.Error(), "more than one picture") {
		t.Errorf("a file of two pictures: %v", err)
	}
}

func TestStackSharedData(t *testing.T) {
	base := filepath.Join("..", "..", "..", "shared", "data", "galaxies-100-observed")
	if _, err := os.Stat(base + ".npy"); err != nil {
		t.Skip("no shared data")
	}
	npy, err := ReadStack(base+".npy", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	fits, err := ReadStack(base+".fits", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if npy.Count != 100 || npy.Rows != 41 || npy.Cols != 41 || npy.Type != "float64" || fits.Type != "float64" || !same(npy.Data, fits.Data) {
		t.Errorf("npy %d x %d x %d %s, FITS %d x %d x %d %s", npy.Count, npy.Rows, npy.Cols, npy.Type, fits.Count, fits.Rows, fits.Cols, fits.Type)
	}
	part, err := ReadStack(base+".fits", 40, 43)
	if err != nil || !same(part.Data, npy.Data[40*41*41:43*41*41]) {
		t.Errorf("images 40 to 43 are not a cut of the whole: %v", err)
	}
}
