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

	"pgregory.net/rapid"
)

// npyBytes is a file with the given header values, version 1.
func npyBytes(descr string, fortran bool, shape []int, data []byte) []byte {
	order := "False"
	if fortran {
		order = "True"
	}
	return npyRaw(1, fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, order, shapeString(shape)), data)
}

func npyRaw(version byte, dict string, data []byte) []byte {
	b := append([]byte(npyMagic), version, 0)
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)+1))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dict)+1))
	}
	return append(append(append(b, dict...), '\n'), data...)
}

func save(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// same compares with NaN equal to NaN.
func same(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return x == y || x != x && y != y })
}

func TestNpyTypes(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		descr, typ string
		stored     any // written in the byte order of descr
		want       []float64
	}{
		{"f8", "float64", []float64{0, -1.5, 1e300, inf, nan}, []float64{0, -1.5, 1e300, inf, nan}},
		{"f4", "float32", []float32{0, -1.5, 0.1, float32(inf)}, []float64{0, -1.5, float64(float32(0.1)), inf}},
		// binary16: 1, -2, largest, smallest subnormal, largest subnormal, -inf, NaN, 1/3
		{"f2", "float16", []uint16{0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0xfc00, 0x7e01, 0x3555},
			[]float64{1, -2, 65504, 0x1p-24, 1023 * 0x1p-24, -inf, nan, 0.333251953125}},
		{"i1", "int8", []int8{-128, 0, 127}, []float64{-128, 0, 127}},
		{"u1", "uint8", []uint8{0, 255}, []float64{0, 255}},
		{"b1", "bool", []uint8{0, 1}, []float64{0, 1}},
		{"i2", "int16", []int16{-32768, 258}, []float64{-32768, 258}},
		{"u2", "uint16", []uint16{65535, 258}, []float64{65535, 258}},
		{"i4", "int32", []int32{math.MinInt32, 66051}, []float64{math.MinInt32, 66051}},
		{"u4", "uint32", []uint32{math.MaxUint32, 66051}, []float64{math.MaxUint32, 66051}},
		{"i8", "int64", []int64{math.MinInt64, 1<<53 - 1}, []float64{-0x1p63, 1<<53 - 1}},
		{"u8", "uint64", []uint64{1 << 63, 1<<53 - 1}, []float64{0x1p63, 1<<53 - 1}},
	} {
		for mark, order := range map[string]binary.ByteOrder{"<": binary.LittleEndian, ">": binary.BigEndian} {
			var b bytes.Buffer
			if err := binary.Write(&b, order, c.stored); err != nil {
				t.Fatal(err)
			}
			a, err := ReadNpy(save(t, "a.npy", npyBytes(mark+c.descr, false, []int{len(c.want)}, b.Bytes())))
			if err != nil {
				t.Errorf("%s%s: %v", mark, c.descr, err)
				continue
			}
			if a.Type != c.typ || !same(a.Data, c.want) {
				t.Errorf("%s%s: %s %v, want %s %v", mark, c.descr, a.Type, a.Data, c.typ, c.want)
			}
		}
	}
}

// element is the oracle for both orders: the flat index of a multi-index.
func element(index, shape []int, fortran bool) int {
	at, stride := 0, 1
	for k := range shape {
		d := len(shape) - 1 - k
		if fortran {
			d = k
		}
		at += index[d] * stride
		stride *= shape[d]
	}
	return at
}

func TestNpyOrdersAndRows(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(1, 5), 1, 4).Draw(t, "shape")
		fortran := rapid.Bool().Draw(t, "fortran")
		n, _ := product(shape)
		raw := make([]byte, 2*n)
		for i := range n {
			binary.LittleEndian.PutUint16(raw[2*i:], uint16(i))
		}
		path := filepath.Join(dir, "a.npy")
		if err := os.WriteFile(path, npyBytes("<u2", fortran, shape, raw), 0o666); err != nil {
			t.Fatal(err)
		}
		all, err := ReadNpy(path)
		if err != nil {
			t.Fatal(err)
		}
		index := make([]int, len(shape))
		for i, v := range all.Data {
			for d, rest := len(shape)-1, i; d >= 0; d-- {
				index[d] = rest % shape[d]
				rest /= shape[d]
			}
			if want := element(index, shape, fortran); int(v) != want {
				t.Fatalf("element %v = %v, want %d", index, v, want)
			}
		}
		lo := rapid.IntRange(0, shape[0]).Draw(t, "lo")
		hi := rapid.IntRange(lo, shape[0]).Draw(t, "hi")
		part, err := ReadNpyRows(path, lo, hi)
		if err != nil {
			t.Fatal(err)
		}
		row := n / shape[0]
		if part.Shape[0] != hi-lo || !slices.Equal(part.Data, all.Data[lo*row:hi*row]) {
			t.Fatalf("rows %d:%d = %v of %v", lo, hi, part.Data, all.Data)
		}
	})
}

func TestNpyRoundTrip(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 6), 0, 4).Draw(t, "shape")
		n, _ := product(shape)
		data := rapid.SliceOfN(rapid.Float64(), n, n).Draw(t, "data")
		path := filepath.Join(dir, "a.npy")
		if err := WriteNpy(path, shape, data); err != nil {
			t.Fatal(err)
		}
		a, err := ReadNpy(path)
		if err != nil {
			t.Fatal(err)
		}
		if a.Type != "float64" || !slices.Equal(a.Shape, shape) || !same(a.Data, data) {
			t.Fatalf("wrote %v %v, read %v %v", shape, data, a.Shape, a.Data)
		}
	})
	path := filepath.Join(dir, "single.npy")
	if err := WriteNpy(path, []int{2, 2}, []float32{1, 2.5, 0.1, -4}); err != nil {
		t.Fatal(err)
	}
	a, err := ReadNpy(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{1, 2.5, float64(float32(0.1)), -4}; a.Type != "float32" || !same(a.Data, want) {
		t.Errorf("float32 came back as %s %v", a.Type, a.Data)
	}
	if b, _ := os.ReadFile(path); (len(b)-16)%64 != 0 {
		t.Errorf("data start at %d, numpy wants a multiple of 64", len(b)-16)
	}
	if err := WriteNpy(path, []int{3}, []float64{1}); err == nil {
		t.Error("one value was written as an array of three")
	}
}

// Larger than the read buffer, so that it is filled more than once.
func TestNpyLarge(t *testing.T) {
	n := 3*bufferBytes/8 + 5
	data := make([]float64, n)
	for i := range data {
		data[i] = float64(i)
	}
	path := filepath.Join(t.TempDir(), "a.npy")
	if err := WriteNpy(path, []int{n}, data); err != nil {
		t.Fatal(err)
	}
	a, err := ReadNpy(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Data, data) {
		t.Error("differs")
	}
}

func TestNpyHeaderForms(t *testing.T) {
	data := make([]byte, 6*8)
	for _, c := range []struct {
		version byte
		dict    string
	}{
		{1, `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }`},
		{1, `{"shape":(2,3),"descr":"<f8","fortran_order":False}`},
		{1, `{'shape': (2L, 3L), 'fortran_order': False, 'descr': '<f8'}   `},
		{2, `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }`},
		{3, `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }`},
	} {
		a, err := ReadNpy(save(t, "a.npy", npyRaw(c.version, c.dict, data)))
		if err != nil || !slices.Equal(a.Shape, []int{2, 3}) {
			t.Errorf("version %d %s: %v %v", c.version, c.dict, a, err)
		}
	}
	a, err := ReadNpy(save(t, "a.npy", npyBytes("<f8", false, []int{}, data[:8])))
	if err != nil || len(a.Shape) != 0 || len(a.Data) != 1 {
		t.Errorf("a single number: %v %v", a, err)
	}
}

func TestNpyErrors(t *testing.T) {
	const tail = `, 'fortran_order': False, 'shape': (4,)}`
	whole := npyBytes("<f8", false, []int{4}, make([]byte, 32))
	lyingHeader := slices.Clone(whole)
	lyingHeader[8], lyingHeader[9] = 0xff, 0xff
	hugeHeader := npyRaw(2, "{}", nil)
	copy(hugeHeader[8:], "\xff\xff\xff\xff")
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "not an npy file"},
		{"magic", []byte("NUMPY and then some more"), "not an npy file"},
		{"version", npyRaw(9, "{}", nil), "npy version 9.0"},
		{"cut in header", whole[:30], "npy header of"},
		{"header length", lyingHeader, "npy header of 65535 bytes in a file of"},
		{"header length 2", hugeHeader, "npy header of 4294967295 bytes"},
		{"cut in data", whole[:len(whole)-1], "needs 4 elements, the file holds 3"},
		{"huge", npyBytes("<f8", false, []int{1 << 20, 1 << 20}, nil), "needs 1099511627776 elements, the file holds 0"},
		{"overflow", npyBytes("|u1", false, []int{1 << 31, 1 << 31, 1 << 31}, nil), "too large"},
		{"overflow times zero", npyBytes("|u1", false, []int{1 << 40, 1 << 40, 0}, nil), "too large"},
		{"negative", npyBytes("<f8", false, []int{-1, 4}, make([]byte, 32)), "negative"},
		{"object", npyRaw(1, `{'descr': '|O'`+tail, nil), `"|O"`},
		{"object 8", npyRaw(1, `{'descr': '|O8'`+tail, nil), "Python objects"},
		{"complex", npyRaw(1, `{'descr': '<c16'`+tail, nil), "complex"},
		{"string", npyRaw(1, `{'descr': '<U5'`+tail, nil), "not supported"},
		{"long double", npyRaw(1, `{'descr': '<f16'`+tail, nil), "not supported"},
		{"no size", npyRaw(1, `{'descr': '<f'`+tail, nil), "not a number type"},
		{"structured", npyRaw(1, `{'descr': [('a', '<f8')]`+tail, nil), "structured"},
		{"no shape", npyRaw(1, `{'descr': '<f8', 'fortran_order': False}`, nil), `no "shape"`},
		{"twice", npyRaw(1, `{'descr': '<f8', 'descr': '<f4'`+tail, nil), "twice"},
		{"unknown key", npyRaw(1, `{'colour': '<f8'`+tail, nil), `unknown key "colour"`},
		{"not a dict", npyRaw(1, `['descr']`, nil), "want '{'"},
		{"unfinished", npyRaw(1, `{'descr': '<f8`, nil), "end of a string"},
		{"shape of text", npyRaw(1, `{'descr': '<f8', 'fortran_order': False, 'shape': ('a',)}`, nil), "axis lengths"},
		{"shape overflows int", npyRaw(1, `{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}`, nil), "axis lengths"},
	} {
		path := save(t, "bad.npy", c.file)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadNpy(path)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bad.npy") {
			t.Errorf("%s: %v, want %q and the file name", c.name, err, c.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: %d bytes were allocated for a bad file", c.name, took)
		}
	}
	path := save(t, "a.npy", whole)
	for _, rows := range [][2]int{{-1, 2}, {3, 2}, {0, 5}} {
		if _, err := ReadNpyRows(path, rows[0], rows[1]); err == nil {
			t.Errorf("rows %v of 4 were read", rows)
		}
	}
}

func FuzzNpy(f *testing.F) {
	f.Add(npyBytes("<f8", false, []int{2, 2}, make([]byte, 32)))
	f.Add(npyBytes(">f2", true, []int{3, 1, 2}, make([]byte, 12)))
	f.Add(npyBytes("|b1", true, []int{2, 3, 4}, make([]byte, 24)))
	f.Add(npyBytes("<f2", true, []int{}, make([]byte, 2)))
	f.Add(npyBytes("<u1", false, []int{1 << 40, 1 << 40, 0}, nil))
	f.Add(npyRaw(2, `{'descr': [('a', '<f8')], 'shape': (-1,)}`, nil))
	f.Add(npyRaw(3, `{'shape': (1L,), 'fortran_order': True, 'descr': "|i1"}`, []byte{1}))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, size := bytes.NewReader(file), int64(len(file))
		if h, err := parseNpyHeader(r, size); err == nil {
			if int64(h.count)*int64(h.size) > size {
				t.Fatalf("%d elements of %d bytes in a file of %d", h.count, h.size, size)
			}
			rows := 1
			if len(h.shape) > 0 {
				rows = h.shape[0]
			}
			a, err := h.readRows(r, 0, rows)
			if err != nil || len(a.Data) != h.count {
				t.Fatalf("%d of %d elements: %v", len(a.Data), h.count, err)
			}
		}
		readAll(t, file)
	})
}

// readAll reads a file as an image, if it is one, and checks the result's shape.
func readAll(t *testing.T, file []byte) {
	s, err := newSource(bytes.NewReader(file), int64(len(file)), "")
	if err != nil {
		return
	}
	f, err := s.read(Box{0, s.Rows, 0, s.Cols})
	if err != nil {
		return
	}
	if n := f.Channels * f.Rows * f.Cols; n == 0 || n != len(f.Data) {
		t.Fatalf("%d values for %d x %d x %d", len(f.Data), f.Channels, f.Rows, f.Cols)
	}
}
