package imageio

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"codeberg.org/astrogo/fitsio"
	"pgregory.net/rapid"
)

func TestWhichAxisIsWhich(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  [3]int // channels, rows, cols
		bad   string
	}{
		{[]int{4, 5}, [3]int{1, 4, 5}, ""},
		{[]int{1, 4, 5}, [3]int{1, 4, 5}, ""},
		{[]int{3, 4, 5}, [3]int{3, 4, 5}, ""},
		{[]int{4, 5, 3}, [3]int{3, 4, 5}, ""},
		{[]int{4, 5, 4}, [3]int{3, 4, 5}, ""},
		{[]int{3, 5, 3}, [3]int{3, 5, 3}, ""},
		{[]int{1, 5, 3}, [3]int{1, 5, 3}, ""},
		{[]int{7, 4, 5}, [3]int{7, 4, 5}, ""},
		{[]int{1, 1, 4, 5}, [3]int{1, 4, 5}, ""},
		{[]int{1, 3, 4, 5}, [3]int{3, 4, 5}, ""},
		{[]int{5}, [3]int{}, "shape (5,) is not an image"},
		{[]int{}, [3]int{}, "shape () is not an image"},
		{[]int{2, 3, 4, 5}, [3]int{}, "shape (2, 3, 4, 5) is not an image"},
		{[]int{4, 0}, [3]int{}, "shape (4, 0) has no pixels"},
	} {
		n, _ := product(c.shape)
		f, err := ReadFrame(save(t, "a.npy", npyBytes("|u1", false, c.shape, make([]byte, n))))
		if c.bad != "" {
			if err == nil || !strings.Contains(err.Error(), c.bad) || !strings.Contains(err.Error(), "a.npy") {
				t.Errorf("%v: %v, want %q", c.shape, err, c.bad)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", c.shape, err)
		} else if got := [3]int{f.Channels, f.Rows, f.Cols}; got != c.want {
			t.Errorf("%v: %v, want %v", c.shape, got, c.want)
		}
	}
}

// cut is the oracle of ReadBox.
func cut(f *Frame, b Box) []float64 {
	var out []float64
	for c := range f.Channels {
		for r := b.R0; r < b.R1; r++ {
			for x := b.C0; x < b.C1; x++ {
				out = append(out, f.Data[(c*f.Rows+r)*f.Cols+x])
			}
		}
	}
	return out
}

func TestReadBoxIsACut(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 9).Draw(t, "rows"), rapid.IntRange(1, 9).Draw(t, "cols")
		kind := rapid.SampledFrom([]string{"C", "F", "C last", "F last", "fits", "png"}).Draw(t, "kind")
		shape := []int{rapid.SampledFrom([]int{1, 2, 3}).Draw(t, "channels"), rows, cols}
		if strings.HasSuffix(kind, "last") {
			shape = []int{rows, cols, rapid.SampledFrom([]int{3, 4}).Draw(t, "colours")}
		}
		n, _ := product(shape)
		raw := make([]byte, n)
		for i := range raw {
			raw[i] = byte(i % 251)
		}
		path := filepath.Join(dir, "frame")
		var err error
		switch kind {
		case "fits":
			err = os.WriteFile(path, fitsBytes(cards(8, []int{cols, rows, shape[0]}), raw), 0o666)
		case "png":
			f := &Frame{Channels: 3, Rows: rows, Cols: cols}
			for i := range 3 * rows * cols {
				f.Data = append(f.Data, float64(i%7)/7)
			}
			err = WritePNG(path, f, Linear(0, 1))
		default:
			err = os.WriteFile(path, npyBytes("|u1", kind[0] == 'F', shape, raw), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		whole, err := ReadFrame(path)
		if err != nil {
			t.Fatal(err)
		}
		// The whole itself, against the index formula.
		if kind != "fits" && kind != "png" {
			for c := range whole.Channels {
				for r := range whole.Rows {
					for x := range whole.Cols {
						index := []int{c, r, x}
						if (shape[2] == 3 || shape[2] == 4) && shape[0] != 1 && shape[0] != 3 || shape[2] == 1 && shape[0] > 1 && shape[1] > 1 {
							index = []int{r, x, c}
						}
						at := element(index, shape, kind[0] == 'F')
						got := whole.Data[(c*whole.Rows+r)*whole.Cols+x]
						if got != float64(raw[at]) && !math.IsNaN(got) {
							t.Fatalf("%s %v: pixel %v = %v, want %d", kind, shape, index, got, raw[at])
						}
					}
				}
			}
		}
		var b Box
		b.R0 = rapid.IntRange(0, whole.Rows-1).Draw(t, "r0")
		b.R1 = rapid.IntRange(b.R0+1, whole.Rows).Draw(t, "r1")
		b.C0 = rapid.IntRange(0, whole.Cols-1).Draw(t, "c0")
		b.C1 = rapid.IntRange(b.C0+1, whole.Cols).Draw(t, "c1")
		part, err := ReadBox(path, b)
		if err != nil {
			t.Fatal(err)
		}
		if want := cut(whole, b); part.Rows != b.R1-b.R0 || part.Cols != b.C1-b.C0 || !same(part.Data, want) {
			t.Fatalf("%s: box %v = %v, want %v", kind, b, part.Data, want)
		}
		for _, bad := range []Box{{-1, 1, 0, 1}, {0, whole.Rows + 1, 0, 1}, {0, 0, 0, 1}, {0, 1, 0, whole.Cols + 1}} {
			if _, err := ReadBox(path, bad); err == nil {
				t.Fatalf("box %v of %d x %d was read", bad, whole.Rows, whole.Cols)
			}
		}
	})
}

// Fortran order and colour last, with more in a line than the line buffer takes.
func TestGatherLongLines(t *testing.T) {
	rows, cols := 3, bufferBytes/16
	raw := make([]byte, rows*cols*3)
	for i := range raw {
		raw[i] = byte(i * 7 % 253)
	}
	f, err := ReadFrame(save(t, "a.npy", npyBytes("|u1", false, []int{1, rows, cols, 3}[1:], raw)))
	if err != nil {
		t.Fatal(err)
	}
	// rows is 3, so the first axis is the channel: what is wanted is the other way.
	if f.Channels != 3 || f.Rows != cols {
		t.Fatalf("%d x %d x %d", f.Channels, f.Rows, f.Cols)
	}
	rows, cols = 2, rows*cols/2
	f, err = ReadFrame(save(t, "a.npy", npyBytes("|u1", false, []int{rows, cols, 3}, raw)))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range raw {
		if got := f.Data[i%3*rows*cols+i/3]; got != float64(v) {
			t.Fatalf("byte %d read as %v, want %d", i, got, v)
		}
	}
}

func TestReadPlane(t *testing.T) {
	plane := []byte{0, 1, 1, 0, 1, 1}
	grey := npyBytes("|b1", false, []int{2, 3}, plane)
	colour := npyBytes("|b1", false, []int{3, 2, 3}, slices.Concat(plane, plane, plane))
	for _, file := range [][]byte{grey, colour} {
		f, err := ReadPlane(save(t, "mask.npy", file))
		if err != nil {
			t.Fatal(err)
		}
		if f.Channels != 1 || !slices.Equal(f.Data, []float64{0, 1, 1, 0, 1, 1}) {
			t.Errorf("%d channels, %v", f.Channels, f.Data)
		}
	}
	file := npyBytes("|b1", false, []int{3, 2, 3}, slices.Concat(plane, plane, make([]byte, 6)))
	if _, err := ReadPlane(save(t, "mask.npy", file)); err == nil || !strings.Contains(err.Error(), "3 different channels of 2x3, want one plane") {
		t.Errorf("a colour picture as mask: %v", err)
	}
	var nan bytes.Buffer
	binary.Write(&nan, binary.LittleEndian, []float64{math.NaN(), 1, math.NaN(), 1, math.NaN(), 1})
	if _, err := ReadPlane(save(t, "mask.npy", npyBytes("<f8", false, []int{3, 1, 2}, nan.Bytes()))); err != nil {
		t.Errorf("channels with NaN at the same pixels: %v", err)
	}
}

func TestNotAnImage(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"empty.fits", "", "the file is empty"},
		{"text.png", "P3 2 2", "not an image that can be read"},
		{"a.npz", "PK\x03\x04....", "not an npz file"},
		{"a.fits.gz", "\x1f\x8b....", "compressed with gzip, and damaged"},
		{"a.h5", "\x89HDF\r\n\x1a\n", "an HDF5 file, not an image that can be read: save it as npy, npz, FITS, PNG, JPEG or TIFF; in Python: numpy.save"},
		{"a.bmp", "BM\x10\x00\x00\x00\x00\x00\x00\x00\x36", "a BMP picture"}, {"a.webp", "RIFF\x10\x00\x00\x00WEBPVP8 ", "a WebP picture"}, {"a.heic", "\x00\x00\x00\x18ftypheic", "a HEIC"},
		{"a.dcm", strings.Repeat("\x00", 128) + "DICM", "a DICOM file"}, {"a.nii", "\x5c\x01\x00\x00" + strings.Repeat("\x00", 340) + "n+1\x00", "a NIfTI file"},
		{"a.tar", "a.fits" + strings.Repeat("\x00", 251) + "ustar", "a tar archive"}, {"a.root", "root\x00\x00", "a ROOT file"}, {"a.pgm", "P5\n1 1\n255\n\x00", "a PNM picture"},
		{"a.fits.bz2", "BZh9", "unpack it first: bunzip2 FILE"}, {"a.fits.xz", "\xfd7zXZ\x00", "unxz FILE"}, {"a.fits.Z", "\x1f\x9d\x90", "uncompress FILE"}, {"a.fits.zst", "\x28\xb5\x2f\xfd", "unzstd FILE"},
		{"a.asdf", "#ASDF 1.0.0\n", "asdf.open"}, {"a.jp2", "\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"}, {"lfs.fits", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
		{"a.parquet", "PAR1", "a Parquet file"}, {"a.gif", "GIF89a", "PIL.Image.open"},
	} {
		path := save(t, c.name, []byte(c.content))
		if _, err := ReadFrame(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := ReadFrame(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not an ordinary file") {
		t.Errorf("a directory: %v", err)
	}
	if _, err := ReadFrame(filepath.Join(t.TempDir(), "none.fits[SCI]")); err == nil || !strings.Contains(err.Error(), "none.fits") {
		t.Errorf("no file: %v", err)
	}
	path := save(t, "a.npy", npyBytes("|u1", false, []int{1, 1}, []byte{1}))
	if _, err := ReadFrame(path + "[1]"); err == nil || !strings.Contains(err.Error(), "[1] selects an HDU of a FITS file") {
		t.Errorf("a unit of an npy file: %v", err)
	}
}

// The data beside the project, where they are: two formats of the same numbers, and
// an independent reader of a real header.
func TestSharedData(t *testing.T) {
	const dir = "../../../shared/data"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no shared data")
	}
	for _, name := range []string{"galaxies-100-observed", "galaxies-100-psfs"} {
		a, err := ReadNpy(filepath.Join(dir, name+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := ReadFrame(filepath.Join(dir, name+".fits"))
		if err != nil {
			t.Fatal(err)
		}
		if f.Channels != 100 || f.Rows != 41 || f.Cols != 41 || !slices.Equal(a.Shape, []int{100, 41, 41}) || !same(a.Data, f.Data) {
			t.Errorf("%s: the npy and FITS files differ", name)
		}
	}
	path := filepath.Join(dir, "simple.fits")
	f, err := ReadFrame(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lib, err := fitsio.Open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	want := make([]int16, 256*256)
	if err := lib.HDU(0).(fitsio.Image).Read(&want); err != nil {
		t.Fatal(err)
	}
	if len(f.Data) != len(want) {
		t.Fatalf("%d pixels", len(f.Data))
	}
	for i, v := range want {
		if f.Data[i] != float64(v) {
			t.Fatalf("pixel %d = %v, the library reads %d", i, f.Data[i], v)
		}
	}
	if v, _ := f.Header.Get("OBJECT"); v != "m51  B  600s" {
		t.Errorf("OBJECT %q", v)
	}
	for name, want := range map[string][3]int{
		"hubble-deep-field.jpg": {3, 872, 1000}, "moon.png": {1, 512, 512}, "cell.png": {1, 660, 550}, "astronaut.png": {3, 512, 512},
	} {
		f, err := ReadFrame(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := slices.Min(f.Data), slices.Max(f.Data)
		if got := [3]int{f.Channels, f.Rows, f.Cols}; got != want || lo < 0 || hi > 1 || hi < 0.5 {
			t.Errorf("%s: %v, values %v to %v", name, got, lo, hi)
		}
	}
}
