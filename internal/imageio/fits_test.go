package imageio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"codeberg.org/astrogo/fitsio"
)

// fitsBytes is a file of units; each unit is its cards (free format after the
// keyword, padded here), then its data.
func fitsBytes(units ...any) []byte {
	var b bytes.Buffer
	pad := func(fill byte) {
		for b.Len()%blockBytes != 0 {
			b.WriteByte(fill)
		}
	}
	for _, u := range units {
		switch u := u.(type) {
		case string:
			for line := range strings.SplitSeq(strings.TrimSpace(u), "\n") {
				fmt.Fprintf(&b, "%-80s", strings.TrimLeft(line, "\t"))
			}
			fmt.Fprintf(&b, "%-80s", "END")
			pad(' ')
		default:
			binary.Write(&b, binary.BigEndian, u)
			pad(0)
		}
	}
	return b.Bytes()
}

// cards is the header of an image, primary or extension.
func cards(bitpix int, axes []int, more ...string) string {
	s := fmt.Sprintf("SIMPLE  = T\nBITPIX  = %d\nNAXIS   = %d\n", bitpix, len(axes))
	for i, n := range axes {
		s += fmt.Sprintf("NAXIS%-3d= %d\n", i+1, n)
	}
	return s + strings.Join(more, "\n")
}

func extension(kind string, bitpix int, axes []int, more ...string) string {
	more = append([]string{"PCOUNT  = 0", "GCOUNT  = 1"}, more...)
	return strings.Replace(cards(bitpix, axes, more...), "SIMPLE  = T", "XTENSION= '"+kind+"'", 1)
}

func TestFITSValues(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		bitpix int
		more   []string
		stored any
		typ    string
		want   []float64
	}{
		{"8", 8, nil, []uint8{0, 1, 128, 255}, "uint8", []float64{0, 1, 128, 255}},
		{"8 signed", 8, []string{"BZERO   = -128"}, []uint8{0, 1, 128, 255}, "int8", []float64{-128, -127, 0, 127}},
		{"16", 16, nil, []int16{-32768, -1, 258, 32767}, "int16", []float64{-32768, -1, 258, 32767}},
		{"16 unsigned", 16, []string{"BZERO   = 32768", "BSCALE  = 1"}, []int16{-32768, -1, 0, 32767}, "uint16", []float64{0, 32767, 32768, 65535}},
		{"16 blank", 16, []string{"BLANK   = -1"}, []int16{-32768, -1, 0, 1}, "int16", []float64{-32768, nan, 0, 1}},
		{"16 scaled blank", 16, []string{"BSCALE  = 1.5D-1 / comment", "BZERO   = .5", "BLANK   = 0"}, []int16{0, 2, 10, -10}, "int16", []float64{nan, 0.5 + 0.15*2, 2, -1}},
		{"16 blank out of range", 16, []string{"BLANK   = 70000"}, []int16{4464, 1, 2, 3}, "int16", []float64{4464, 1, 2, 3}},
		{"32", 32, nil, []int32{math.MinInt32, -1, 66051, math.MaxInt32}, "int32", []float64{math.MinInt32, -1, 66051, math.MaxInt32}},
		{"32 unsigned", 32, []string{"BZERO   = 2147483648"}, []int32{math.MinInt32, -1, 0, math.MaxInt32}, "uint32", []float64{0, 1<<31 - 1, 1 << 31, 1<<32 - 1}},
		{"64", 64, []string{"BLANK   = -9223372036854775808"}, []int64{math.MinInt64, -1, 1<<53 - 1, 0}, "int64", []float64{nan, -1, 1<<53 - 1, 0}},
		// 5 - 2^63 has no float64, so adding 2^63 after the conversion gives 0.
		{"64 unsigned", 64, []string{"BZERO   = 9223372036854775808"}, []int64{math.MinInt64, math.MinInt64 + 5, -1, 0}, "uint64", []float64{0, 5, 0x1p63, 0x1p63}},
		{"-32", -32, nil, []float32{0.1, -1, float32(nan), 3e38}, "float32", []float64{float64(float32(0.1)), -1, nan, float64(float32(3e38))}},
		{"-32 scaled", -32, []string{"BSCALE  = 2", "BZERO   = 1", "BLANK   = 3"}, []float32{0, 1, float32(nan), 3}, "float32", []float64{1, 3, nan, 7}},
		{"-64", -64, nil, []float64{0.1, -1, nan, 1e300}, "float64", []float64{0.1, -1, nan, 1e300}},
	} {
		f, err := ReadFrame(save(t, "a.fits", fitsBytes(cards(c.bitpix, []int{2, 2}, c.more...), c.stored)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if f.Type != c.typ || !same(f.Data, c.want) {
			t.Errorf("%s: %s %v, want %s %v", c.name, f.Type, f.Data, c.typ, c.want)
		}
	}
}

func TestFITSUnits(t *testing.T) {
	file := fitsBytes(
		cards(8, nil, "EXTEND  = T", "OBJECT  = 'M 51'", "FILTER  = 'primary'"),
		extension("BINTABLE", 8, []int{10, 3}, "EXTNAME = 'CAT'", "TFIELDS = 0"), make([]uint8, 30),
		extension("IMAGE", 16, []int{3, 2}, "EXTNAME = 'SCI'", "EXTVER  = 1", "INHERIT = T", "FILTER  = 'F606W'"), []int16{1, 2, 3, 4, 5, 6},
		extension("IMAGE", -32, []int{1, 1, 2}, "EXTNAME = 'SCI'", "EXTVER  = 2"), []float32{7, 8},
		extension("IMAGE", 8, []int{1, 1}, "EXTNAME = 'DQ'"), []uint8{9},
	)
	file = append(file, "special records may follow the last unit"...)
	path := save(t, "hst.fits", file)
	for _, c := range []struct {
		unit  string
		hdu   int
		shape [3]int
		first float64
	}{
		{"", 2, [3]int{1, 2, 3}, 1},
		{"[2]", 2, [3]int{1, 2, 3}, 1},
		{"[sci]", 2, [3]int{1, 2, 3}, 1},
		{"[SCI,1]", 2, [3]int{1, 2, 3}, 1},
		{"[SCI,2]", 3, [3]int{2, 1, 1}, 7},
		{"[DQ,1]", 4, [3]int{1, 1, 1}, 9},
		{"[4]", 4, [3]int{1, 1, 1}, 9},
	} {
		f, err := ReadFrame(path + c.unit)
		if err != nil {
			t.Errorf("%s: %v", c.unit, err)
			continue
		}
		if got := [3]int{f.Channels, f.Rows, f.Cols}; f.HDU != c.hdu || got != c.shape || f.Data[0] != c.first {
			t.Errorf("%s: unit %d %v %v", c.unit, f.HDU, got, f.Data)
		}
	}
	f, err := Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"OBJECT": "M 51", "FILTER": "F606W", "EXTNAME": "SCI"} {
		if got, _ := f.Header.Get(key); got != want {
			t.Errorf("INHERIT: %s = %q, want %q", key, got, want)
		}
	}
	for unit, want := range map[string]string{
		"[0]":   "primary without data, not an image",
		"[CAT]": "BINTABLE CAT (3, 10), not an image",
		"[7]":   "no HDU [7]",
		"[-1]":  "no HDU [-1]",
		"[ERR]": "[4] IMAGE DQ (1, 1)",
	} {
		if _, err := ReadFrame(path + unit); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", unit, err, want)
		}
	}
	// A file that really has brackets in its name is that file.
	odd := filepath.Join(t.TempDir(), "a[2].fits[3]")
	if err := os.WriteFile(odd, file, 0o666); err != nil {
		t.Fatal(err)
	}
	if f, err := ReadFrame(odd); err != nil || f.HDU != 2 {
		t.Errorf("%s: %v %v", odd, f, err)
	}
}

func TestFITSHeaderIsKept(t *testing.T) {
	kept := []string{
		"OBJECT  = 'O''Neill''s  star'  / quotes / and a slash",
		"EXPTIME =  1.2345678901234567E2 / digits",
		"HIERARCH ESO DET OUT1 GAIN = 2.54 / long keyword",
		"LONGSTR = 'a string that goes on &'",
		"CONTINUE  'and on'",
		"COMMENT   free text = not a value",
		"HISTORY flat-fielded",
		"BADCARD =  NaN or whatever",
		"FILTER  =",
	}
	head := append([]string{"BZERO   = 32768", "BSCALE  = 1"}, kept...)
	head = append(head, "CHECKSUM= 'abc'", "DATAMAX = 7")
	f, err := ReadFrame(save(t, "in.fits", fitsBytes(cards(16, []int{2, 2}, head...), []int16{0, 1, 2, 3})))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"OBJECT": "O'Neill's  star", "EXPTIME": "1.2345678901234567E2", "HIERARCH ESO DET OUT1 GAIN": "2.54", "FILTER": "",
	} {
		if got, ok := f.Header.Get(key); !ok || got != want {
			t.Errorf("%s = %q %v, want %q", key, got, ok, want)
		}
	}
	path := filepath.Join(t.TempDir(), "out.fits")
	line := "restored by deconvolution with a kernel that was measured on the stars of the very same frame, " + strings.Repeat("x", 90)
	if err := WriteFITS(path, f, "one line", line); err != nil {
		t.Fatal(err)
	}
	g, err := ReadFrame(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var history strings.Builder
	for _, c := range g.Header {
		got = append(got, strings.TrimRight(string(c), " "))
		if text, ok := strings.CutPrefix(string(c), "HISTORY "); ok {
			history.WriteString(strings.TrimRight(text, " ") + " ")
		}
	}
	if !slices.Equal(got[:len(kept)], kept) {
		t.Errorf("cards came back as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(kept, "\n"))
	}
	// The 90 x's take one card and a part of the next.
	if want := "flat-fielded one line " + line; strings.ReplaceAll(history.String(), "x ", "x") != strings.ReplaceAll(want+" ", "x ", "x") {
		t.Errorf("history %q, want %q", history.String(), want)
	}
	if !same(g.Data, f.Data) || g.Type != "float64" {
		t.Errorf("data came back as %s %v, want %v", g.Type, g.Data, f.Data)
	}
}

// The library is an independent reader of what is written here.
func TestFITSReadByLibrary(t *testing.T) {
	f := &Frame{Channels: 3, Rows: 2, Cols: 5, Data: make([]float64, 30)}
	for i := range f.Data {
		f.Data[i] = math.Sqrt(float64(i))
	}
	f.Data[7] = math.NaN()
	for _, typ := range []string{"float64", "float32"} {
		f.Type = typ
		path := filepath.Join(t.TempDir(), "out.fits")
		if err := WriteFITS(path, f, "made by a test"); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		lib, err := fitsio.Open(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		img := lib.HDU(0).(fitsio.Image)
		if axes := img.Header().Axes(); !slices.Equal(axes, []int{5, 2, 3}) {
			t.Errorf("axes %v", axes)
		}
		var got []float64
		if typ == "float64" {
			got = make([]float64, 30)
			err = img.Read(&got)
		} else {
			single := make([]float32, 30)
			err = img.Read(&single)
			for _, v := range single {
				got = append(got, float64(v))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range f.Data {
			if typ == "float32" {
				v = float64(float32(v))
			}
			if got[i] != v && !(math.IsNaN(v) && math.IsNaN(got[i])) {
				t.Errorf("%s: pixel %d = %v, want %v", typ, i, got[i], v)
			}
		}
	}
}

// And what the library writes is read here.
func TestFITSWrittenByLibrary(t *testing.T) {
	for bitpix, data := range map[int]any{
		8: []uint8{1, 2, 3, 4, 5, 6}, 16: []int16{-1, 2, 3, 4, 5, 6}, 32: []int32{-1, 2, 3, 4, 5, 6},
		64: []int64{-1, 2, 3, 4, 5, 6}, -32: []float32{-1, 2, 3, 4, 5, 6}, -64: []float64{-1, 2, 3, 4, 5, 6},
	} {
		var b bytes.Buffer
		lib, err := fitsio.Create(&b)
		if err != nil {
			t.Fatal(err)
		}
		img := fitsio.NewImage(bitpix, []int{3, 2})
		if err := img.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := lib.Write(img); err != nil {
			t.Fatal(err)
		}
		f, err := ReadFrame(save(t, "lib.fits", b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		want := []float64{-1, 2, 3, 4, 5, 6}
		if bitpix == 8 {
			want[0] = 1
		}
		if f.Rows != 2 || f.Cols != 3 || !same(f.Data, want) {
			t.Errorf("BITPIX %d: %d x %d %v", bitpix, f.Rows, f.Cols, f.Data)
		}
	}
}

func TestFITSErrors(t *testing.T) {
	whole := fitsBytes(cards(16, []int{2, 2}), []int16{1, 2, 3, 4})
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"cut in header", whole[:1000], "no END card"},
		{"cut in data", whole[:blockBytes+7], "announces 8 bytes of data"},
		{"no END", bytes.Repeat([]byte(fmt.Sprintf("%-80s", "SIMPLE  = T")), 72), "no END card"},
		{"huge", fitsBytes(cards(-64, []int{1 << 30, 1 << 20})), "the file holds 0"},
		{"overflow", fitsBytes(cards(-64, []int{1 << 40, 1 << 40})), "too large"},
		{"negative", fitsBytes(cards(8, []int{-2, 2})), "negative"},
		{"bitpix", fitsBytes(cards(12, []int{2, 2})), "BITPIX = 12"},
		{"bitpix text", fitsBytes(strings.Replace(cards(8, nil), "= 8", "= 'x'", 1)), "want an integer"},
		{"no bitpix", fitsBytes("SIMPLE  = T\nNAXIS   = 0"), "has no BITPIX"},
		{"naxis", fitsBytes("SIMPLE  = T\nBITPIX  = 8\nNAXIS   = 1000"), "NAXIS = 1000"},
		{"no naxis2", fitsBytes("SIMPLE  = T\nBITPIX  = 8\nNAXIS   = 2\nNAXIS1  = 1"), "has no NAXIS2"},
		{"one axis", fitsBytes(cards(8, []int{4}), []uint8{1, 2, 3, 4}), "want (rows, cols)"},
		{"no image", fitsBytes(cards(8, nil)), "no image in this FITS file; it has [0] primary without data"},
		{"no pixels", fitsBytes(cards(8, []int{0, 5})), "no image"},
		{"random groups", fitsBytes(cards(-32, []int{0, 2, 2}, "GROUPS  = T", "PCOUNT  = 1", "GCOUNT  = 2"), make([]float32, 10)), "no image"},
		{"compressed", fitsBytes(cards(8, nil), extension("BINTABLE", 8, []int{8, 1}, "ZIMAGE  = T"), make([]uint8, 8)), "ZNAXIS"},
		{"bscale", fitsBytes(cards(8, []int{1, 1}, "BSCALE  = 'a'"), []uint8{1}), "want a number"},
		{"bscale 0", fitsBytes(cards(8, []int{1, 1}, "BSCALE  = 0"), []uint8{1}), "BSCALE"},
		{"bzero inf", fitsBytes(cards(8, []int{1, 1}, "BZERO   = Inf"), []uint8{1}), "finite"},
		{"blank", fitsBytes(cards(8, []int{1, 1}, "BLANK   = 1.5"), []uint8{1}), "want an integer"},
		{"gcount", fitsBytes(cards(8, nil), strings.Replace(extension("BINTABLE", 8, []int{2, 2}), "GCOUNT  = 1", "GCOUNT  = -1", 1)), "GCOUNT = -1"},
		{"gcount of an image", fitsBytes(cards(8, nil), strings.Replace(extension("IMAGE", -64, []int{9999, 9999}), "GCOUNT  = 1", "GCOUNT  = 0", 1)), "the file holds 0"},
		{"pcount", fitsBytes(cards(8, nil), strings.Replace(extension("BINTABLE", 8, []int{2, 2}), "PCOUNT  = 0", "PCOUNT  = 9223372036854775807", 1)), "PCOUNT = 9223372036854775807"},
	} {
		path := save(t, "bad.fits", c.file)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadFrame(path)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bad.fits") {
			t.Errorf("%s: %v, want %q and the file name", c.name, err, c.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: %d bytes were allocated for a bad file", c.name, took)
		}
	}
	// A large file that only starts like FITS is not taken in as a header.
	big := filepath.Join(t.TempDir(), "big.fits")
	if err := os.WriteFile(big, whole[:80], 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 1<<30); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFrame(big); err == nil || !strings.Contains(err.Error(), "no END card in") {
		t.Errorf("1 GB of header: %v", err)
	}
}

func TestWriteFITSChecks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.fits")
	for want, f := range map[string]*Frame{
		"3 values":          {Channels: 1, Rows: 2, Cols: 2, Data: make([]float64, 3)},
		"0 values":          {},
		"card of 5 bytes":   {Channels: 1, Rows: 1, Cols: 1, Data: []float64{1}, Header: Header{"SHORT"}},
		"negative":          {Channels: 1, Rows: -1, Cols: -1, Data: []float64{1}},
		"too large for any": {Channels: 1 << 30, Rows: 1 << 30, Cols: 1 << 30},
	} {
		if err := WriteFITS(path, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file was written", want)
		}
	}
}

func FuzzFITS(f *testing.F) {
	f.Add(fitsBytes(cards(16, []int{2, 2}, "BZERO   = 32768", "BLANK   = 1"), []int16{1, 2, 3, 4}))
	f.Add(fitsBytes(cards(8, nil), extension("IMAGE", -32, []int{2, 1, 2}, "INHERIT = T"), make([]float32, 4)))
	f.Add(fitsBytes(cards(-32, []int{0, 2}, "GROUPS  = T", "PCOUNT  = 1", "GCOUNT  = 2"), make([]float32, 6)))
	f.Add(fitsBytes(cards(8, nil), extension("BINTABLE", 8, []int{8, 1}, "HIERARCH A B = 'x''", "CONTINUE"), make([]uint8, 8)))
	f.Add(fitsBytes(cards(-64, []int{1 << 40, 1 << 40})))
	f.Fuzz(func(t *testing.T, file []byte) {
		if !bytes.HasPrefix(file, []byte(fitsMagic)) {
			return
		}
		r, size := bytes.NewReader(file), int64(len(file))
		if u, _, err := findUnit(r, size, ""); err == nil && u.data+u.bytes > size {
			t.Fatalf("data end at %d of %d", u.data+u.bytes, size)
		}
		findUnit(r, size, "SCI,2")
		readAll(t, file)
	})
}
