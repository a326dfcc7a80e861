package imageio

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// bytesOf are the bytes of values as FITS has them.
func bytesOf(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		binary.Write(&b, binary.BigEndian, v)
	}
	return b.Bytes()
}

// stamp4 are four pixels from v on.
func stamp4(v float32) []float32 { return []float32{v, v + 1, v + 2, v + 3} }

// A stack may be spread over the extensions of a FITS file, as cut-out services write it,
// or be a column of a table, as SExtractor writes it. What does not belong to it is left
// out by name, and what is not clear is refused.
func TestStackParts(t *testing.T) {
	empty := cards(8, nil, "OBJECT  = 'field'")
	image := func(name string, side int) string {
		more := []string{"CRVAL1  = 1"}
		if name != "" {
			more = append(more, "EXTNAME = '"+name+"'")
		}
		return extension("IMAGE", -32, []int{side, side}, more...)
	}
	nine := make([]float32, 9)
	vignet := extension("BINTABLE", 8, []int{22, 2}, "TFIELDS = 3", "EXTNAME = 'LDAC_OBJECTS'",
		"TFORM1  = '1I'", "TTYPE1  = 'NUMBER'", "TFORM2  = '4E'", "TTYPE2  = 'VIGNET'", "TDIM2   = '(2,2)'", "TFORM3  = '4A'", "TTYPE3  = 'NAME'")
	rows := []any{int16(1), []float32{1, 2, -1e30, 4}, []byte("abcd"), int16(2), stamp4(5), []byte("abcd")}
	pair := extension("BINTABLE", 8, []int{12, 1}, "TFIELDS = 2", "EXTNAME = 'CAT'",
		"TFORM1  = '4I'", "TTYPE1  = 'IMAGE'", "TDIM1   = '(2,2)'", "TSCAL1  = 0.5", "TNULL1  = -1", "TFORM2  = '4B'", "TTYPE2  = 'BITS'", "TDIM2   = '( 2, 2)'")
	nan := math.NaN()
	for _, c := range []struct {
		name  string
		units []any
		unit  string
		part  string
		want  []float64 // of images of 2 x 2; nil for an error with the text of part
	}{
		{"no names", []any{empty, image("", 2), stamp4(1), image("", 2), stamp4(5)}, "", "2 extensions, [1] to [2]", []float64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"one name", []any{empty, image("SCI", 2), stamp4(1), image("ERR", 2), stamp4(0), image("SCI", 2), stamp4(5)}, "",
			"2 extensions, [1] SCI to [3] SCI; left out: ERR", []float64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"a name asked for", []any{empty, image("SCI", 2), stamp4(1), image("ERR", 2), stamp4(0), image("ERR", 2), stamp4(5)}, "[err]",
			"2 extensions, [2] ERR to [3] ERR", []float64{0, 1, 2, 3, 5, 6, 7, 8}},
		{"names of their own", []any{empty, image("GAL_1", 2), stamp4(1), image("GAL_2", 2), stamp4(5), image("MASK", 2), stamp4(0)}, "",
			"2 extensions, [1] GAL_1 to [2] GAL_2; left out: MASK", []float64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"planes of one picture", []any{empty, image("SCI", 2), stamp4(1), image("ERR", 2), stamp4(0), image("VAR_RNOISE", 3), nine}, "",
			"[1] SCI; left out: ERR, VAR_RNOISE", []float64{1, 2, 3, 4}},
		{"one by number", []any{empty, image("", 2), stamp4(1), image("", 2), stamp4(5)}, "[2]", "[2]", []float64{5, 6, 7, 8}},
		{"primary too", []any{cards(-32, []int{2, 2}), stamp4(1), image("", 2), stamp4(5)}, "", "2 extensions, [0] to [1]", []float64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"sizes", []any{empty, image("", 2), stamp4(1), image("", 3), nine}, "", "images of different sizes: [1] IMAGE (2, 2), and [2] IMAGE (3, 3)", nil},
		{"two names", []any{empty, image("A", 2), stamp4(1), image("A", 2), stamp4(1), image("B", 2), stamp4(1)}, "", `2 images "A" of one size, and others such as [3] B`, nil},
		{"table", []any{empty, vignet, bytesOf(rows...)}, "", "column VIGNET of [1] LDAC_OBJECTS", []float64{1, 2, nan, 4, 5, 6, 7, 8}},
		{"table by its name", []any{empty, vignet, bytesOf(rows...)}, "[LDAC_OBJECTS]", "column VIGNET", []float64{1, 2, nan, 4, 5, 6, 7, 8}},
		{"column by its name", []any{empty, pair, bytesOf([]int16{2, 4, -1, 8}, []byte{1, 2, 3, 4})}, "[image]", "column IMAGE of [1] CAT", []float64{1, 2, nan, 4}},
		{"two columns", []any{empty, pair, bytesOf([]int16{2, 4, -1, 8}, []byte{1, 2, 3, 4})}, "", "2 columns of images: IMAGE, BITS; choose one", nil},
	} {
		path := save(t, "a.fits", fitsBytes(c.units...))
		s, err := StatStack(path + c.unit)
		if c.want == nil {
			if err == nil || !strings.Contains(err.Error(), c.part) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v, want one that says %q", c.name, err, c.part)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		count := len(c.want) / 4
		if s.Count != count || s.Rows != 2 || s.Cols != 2 || !strings.HasPrefix(s.Part, c.part) {
			t.Errorf("%s: %d images of %d x %d, %q", c.name, s.Count, s.Rows, s.Cols, s.Part)
		}
		if _, place := s.Header.Get("CRVAL1"); place && count > 1 {
			t.Errorf("%s: the position of one image is that of all", c.name)
		}
		for lo := range count {
			got, err := ReadStack(path+c.unit, lo, count)
			if err != nil || !same(got.Data, c.want[4*lo:]) {
				t.Errorf("%s: images from %d on: %v, %v", c.name, lo, got, err)
			}
		}
	}
}

// Four axes of which one has length 1 are a stack; with the count last the error has the
// line that mends it.
func TestStackAxes(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  [3]int
		says  string // of Square
	}{
		{[]int{2, 3, 3}, [3]int{2, 3, 3}, ""},
		{[]int{2, 1, 3, 3}, [3]int{2, 3, 3}, ""},
		{[]int{2, 3, 3, 1}, [3]int{2, 3, 3}, ""},
		{[]int{1, 1, 3, 3}, [3]int{1, 3, 3}, ""},
		{[]int{3, 3, 5}, [3]int{3, 3, 5}, "its shape is (3, 3, 5): if the last axis counts the images, write it with that axis first"},
		{[]int{3, 3, 1}, [3]int{3, 3, 1}, "numpy.moveaxis(a, -1, 0)"},
		{[]int{2, 3, 4}, [3]int{2, 3, 4}, "holds 2 images of 3 x 4 pixels, want square ones"},
	} {
		n, _ := product(c.shape)
		npy := save(t, "a.npy", npyBytes("|u1", false, c.shape, make([]byte, n)))
		fits := save(t, "a.fits", fitsBytes(cards(8, reversed(c.shape)), make([]byte, n)))
		for _, path := range []string{npy, fits} {
			s, err := ReadStack(path, 0, 1)
			if err != nil {
				t.Errorf("%v: %v", c.shape, err)
				continue
			}
			if got := [3]int{s.Count, s.Rows, s.Cols}; got != c.want || len(s.Data) != s.Rows*s.Cols {
				t.Errorf("%v: %v, want %v", c.shape, got, c.want)
			}
			switch err := s.Square(); {
			case c.says == "" && err != nil, c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%v: %v, want %q", c.shape, err, c.says)
			}
		}
	}
	if s, err := StatStack(save(t, "b.npy", npyBytes("|u1", false, []int{3, 3, 5}, make([]byte, 45)))); err != nil || !slices.Equal(s.Shape, []int{3, 3, 5}) {
		t.Errorf("%v, %v", s, err)
	}
}

// Info says how a stack is read, or why it is none, and nothing about a single picture.
func TestInfoStack(t *testing.T) {
	image := extension("IMAGE", -32, []int{2, 2})
	vignet := extension("BINTABLE", 8, []int{16, 1}, "TFIELDS = 1", "TFORM1  = '4E'", "TTYPE1  = 'VIGNET'", "TDIM1   = '(2,2)'", "EXTNAME = 'CAT'")
	for _, c := range []struct {
		name string
		file []byte
		want string // "" = nothing
	}{
		{"a.npy", npyBytes("|u1", false, []int{5, 3, 3}, make([]byte, 45)), "as a stack  5 stamps of 3 rows x 3 columns: npy uint8, array; NaN is missing"},
		{"b.npy", npyBytes("|u1", false, []int{3, 3, 5}, make([]byte, 45)), "none: it holds 3 images of 3 x 5 pixels, want square ones; its shape is (3, 3, 5)"},
		{"c.npy", npyBytes("|u1", false, []int{3, 3}, make([]byte, 9)), ""},
		{"d.npy", npyBytes("|u1", false, []int{9}, make([]byte, 9)), ""},
		{"e.fits", fitsBytes(cards(8, nil), image, stamp4(1), image, stamp4(5)), "2 stamps of 2 rows x 2 columns: fits float32, 2 extensions, [1] to [2]"},
		{"f.fits", fitsBytes(cards(8, nil), image, stamp4(1), extension("IMAGE", 8, []int{3, 3}), make([]byte, 9)), "none: it has images of different sizes"},
		{"g.fits", fitsBytes(cards(8, nil), vignet, stamp4(1)), "1 stamps of 2 rows x 2 columns: fits float32, column VIGNET of [1] CAT"},
		{"h.fits", fitsBytes(cards(8, []int{3, 2}), make([]byte, 6)), ""},
	} {
		text, err := Info(save(t, c.name, c.file))
		if err != nil || !strings.Contains(text, c.want) || c.want == "" && strings.Contains(text, "as a stack") {
			t.Errorf("%s: %v, %s, want %q", c.name, err, text, c.want)
		}
	}
}

// Whatever the bytes say, a stack is opened and read or refused.
func FuzzStack(f *testing.F) {
	f.Add(fitsBytes(cards(8, nil), extension("IMAGE", -32, []int{2, 2}), stamp4(1), extension("IMAGE", -32, []int{2, 2}), stamp4(5)))
	f.Add(fitsBytes(cards(8, nil), extension("BINTABLE", 8, []int{16, 1}, "TFIELDS = 1", "TFORM1  = '4E'", "TTYPE1  = 'VIGNET'", "TDIM1   = '(2,2)'"), stamp4(1)))
	f.Add(fitsBytes(cards(8, []int{2, 2, 1, 3}), make([]byte, 12)))
	f.Add(npyBytes("<f8", true, []int{2, 1, 2}, make([]byte, 32)))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := newStackSource(bytes.NewReader(file), int64(len(file)), "")
		if err != nil {
			return
		}
		s.Square()
		if n := min(s.Count, 3); s.Rows*s.Cols <= len(file) {
			if err := s.read(s.Count-n, s.Count); err == nil && len(s.Data) != n*s.Rows*s.Cols {
				t.Fatalf("%d numbers of %d images of %d x %d", len(s.Data), n, s.Rows, s.Cols)
			}
		}
	})
}
