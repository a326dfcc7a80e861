package imageio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// matrixFiles writes one matrix in every form there is: the FITS image behind a unit
// without data.
func matrixFiles(t testing.TB, dir string, rows, cols int, data []float64) map[string]string {
	t.Helper()
	var c, f bytes.Buffer
	binary.Write(&c, binary.LittleEndian, data)
	for j := range cols {
		for i := range rows {
			binary.Write(&f, binary.BigEndian, data[i*cols+j])
		}
	}
	var text [4]strings.Builder
	for k, separator := range []string{",", ";", "\t", "  "} {
		fmt.Fprintf(&text[k], "# made up\n\n")
		for i := range rows {
			for j, v := range data[i*cols : (i+1)*cols] {
				if j > 0 {
					text[k].WriteString(separator)
				}
				text[k].WriteString(strconv.FormatFloat(v, 'g', -1, 64))
			}
			text[k].WriteString("\n")
		}
	}
	paths := map[string]string{}
	put := func(name string, b []byte) {
		paths[name] = filepath.Join(dir, name)
		if err := os.WriteFile(paths[name], b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	put("c.npy", npyBytes("<f8", false, []int{rows, cols}, c.Bytes()))
	put("f.npy", npyBytes(">f8", true, []int{rows, cols}, f.Bytes()))
	put("image.fits", fitsBytes(cards(8, nil, "EXTEND  = T"), extension("IMAGE", -64, []int{cols, rows}), data))
	for k, name := range []string{"comma.csv", "semicolon.csv", "tab.csv", "blank.csv"} {
		put(name, []byte(text[k].String()))
	}
	put("names.csv", []byte(strings.Repeat("name;", cols-1)+"\"a; b\"\n"+text[1].String()))
	paths["table.fits"] = filepath.Join(dir, "table.fits")
	if err := WriteTable(paths["table.fits"], &Table{Rows: rows, Cols: cols, Data: data}); err != nil {
		t.Fatal(err)
	}
	return paths
}

// cutOut is what ReadMatrix shall give.
func cutOut(data []float64, cols int, b Box) []float64 {
	var part []float64
	for i := b.R0; i < b.R1; i++ {
		part = append(part, data[i*cols+b.C0:i*cols+b.C1]...)
	}
	return part
}

func TestMatrixParts(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		rows, cols := rapid.IntRange(1, 12).Draw(rt, "rows"), rapid.IntRange(1, 12).Draw(rt, "cols")
		data := make([]float64, rows*cols)
		for i := range data {
			data[i] = math.Sqrt(float64(i)) - 2
		}
		var b Box
		b.R0 = rapid.IntRange(0, rows).Draw(rt, "R0")
		b.R1 = rapid.IntRange(b.R0, rows).Draw(rt, "R1")
		b.C0 = rapid.IntRange(0, cols).Draw(rt, "C0")
		b.C1 = rapid.IntRange(b.C0, cols).Draw(rt, "C1")
		for name, path := range matrixFiles(t, dir, rows, cols, data) {
			if r, c, err := StatMatrix(path); err != nil || r != rows || c != cols {
				rt.Fatalf("%s: %d x %d, %v, want %d x %d", name, r, c, err, rows, cols)
			}
			got, err := ReadMatrix(path, b)
			if err != nil || !same(got, cutOut(data, cols, b)) {
				rt.Fatalf("%s %+v: %v, %v, want %v", name, b, got, err, cutOut(data, cols, b))
			}
			if name == "image.fits" {
				continue
			}
			// The whole by another way.
			whole, err := ReadTable(path)
			if err != nil || whole.Rows != rows || whole.Cols != cols || !same(whole.Data, data) {
				rt.Fatalf("%s: %+v, %v", name, whole, err)
			}
		}
	})
}

// A part of a large matrix takes the reading of that part alone.
func TestMatrixReadsOnlyItsPart(t *testing.T) {
	const rows, cols = 4000, 100
	data := make([]float64, rows*cols)
	for i := range data {
		data[i] = float64(i % 1000)
	}
	all := int64(8 * rows * cols)
	for name, path := range matrixFiles(t, t.TempDir(), rows, cols, data) {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			box  Box
			want int64 // bytes, at most, of npy and FITS files
			text int64 // of the text
		}{
			{Box{rows / 4, rows / 2, 0, cols}, all / 4, int64(len(file))*6/10 + 2*bufferBytes},
			{Box{0, rows / 4, 0, cols}, all / 4, int64(len(file))*3/10 + 2*bufferBytes},
			{Box{0, rows, 40, 65}, all / 4, int64(len(file))},
		} {
			r := &counter{ReaderAt: bytes.NewReader(file)}
			m, err := openMatrix(r, int64(len(file)), "")
			if err != nil {
				t.Fatal(err)
			}
			r.bytes = 0
			got, err := readPart(m, c.box)
			if err != nil || !same(got, cutOut(data, cols, c.box)) {
				t.Fatalf("%s: %v", name, err)
			}
			want := c.want
			switch {
			case strings.HasSuffix(name, "csv"):
				want = c.text
			case name == "table.fits" && c.box.R1-c.box.R0 == rows:
				want = all
			}
			if int64(r.bytes) > want {
				t.Errorf("%s: %d bytes read for %+v, want %d", name, r.bytes, c.box, want)
			}
		}
	}
}

// Lines of megabytes, a sample a column, and memory far below the whole matrix.
func TestMatrixLongLines(t *testing.T) {
	const rows, cols = 25, 200000
	var b bytes.Buffer
	for i := range rows {
		for j := range cols {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Itoa((i*cols + j) % 100003))
		}
		b.WriteByte('\n')
	}
	path := save(t, "long.csv", b.Bytes())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, c, err := StatMatrix(path)
	if err != nil || r != rows || c != cols {
		t.Fatalf("%d x %d, %v", r, c, err)
	}
	got, err := ReadMatrix(path, Box{0, rows, cols - 1000, cols})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		for j := range 1000 {
			if want := float64((i*cols + cols - 1000 + j) % 100003); got[i*1000+j] != want {
				t.Fatalf("%d, %d: %v, want %v", i, j, got[i*1000+j], want)
			}
		}
	}
	// Two passes, each with a buffer that has grown by doubling to at least a line.
	line := uint64(b.Len() / rows)
	if took := after.TotalAlloc - before.TotalAlloc; took > 12*line {
		t.Errorf("%d bytes allocated, a line has %d", took, line)
	}
}

func TestMatrixErrors(t *testing.T) {
	inf := math.Inf(1)
	table := func(rows, cols int, data ...float64) []byte {
		var b bytes.Buffer
		if err := (&Table{Rows: rows, Cols: cols, Data: data}).writeFITS(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	array := func(descr string, fortran bool, shape []int, data any) []byte {
		var b bytes.Buffer
		binary.Write(&b, binary.LittleEndian, data)
		return npyBytes(descr, fortran, shape, b.Bytes())
	}
	for _, c := range []struct {
		name, text string
		box        Box
		stat, read string // the errors; "" = none
	}{
		{"ragged.csv", "1,2\n3,4,5\n", Box{0, 2, 0, 2}, "line 2: 3 fields, where the first line has 2", "line 2: 3 fields, where the first line has 2"},
		// What is beyond the part is left to whoever reads that.
		{"ragged-later.csv", "1,2\n3\n", Box{0, 1, 0, 2}, "line 2: 1 fields", ""},
		{"word.csv", "a,b\n1,2\n\n3,x\n", Box{0, 2, 0, 2}, "", `line 4, column 2: "x" is not a number`},
		{"word-elsewhere.csv", "1,2\n3,x\n", Box{0, 2, 0, 1}, "", ""},
		{"nan.csv", "1;2\n3;nan\n", Box{1, 2, 1, 2}, "", "line 2, column 2: NaN"},
		{"missing.csv", "1,2\n,4\n", Box{0, 2, 0, 2}, "", "line 2, column 1: NaN"},
		{"infinite.csv", "1 -Inf\n", Box{0, 1, 0, 2}, "", "line 1, column 2: -Inf"},
		{"short.csv", "1,2\n3,4\n", Box{1, 3, 0, 2}, "", "rows 1 to 3 and columns 0 to 2 of a matrix of 2 x 2"},
		{"narrow.csv", "1,2\n3,4\n", Box{0, 1, 1, 3}, "", "columns 1 to 3 of a matrix of 2"},
		{"huge.csv", "1,2\n", Box{0, 1 << 40, 0, 1 << 40}, "", "too large"},
		{"large.csv", "1,2\n", Box{0, 1 << 50, 0, 2}, "", "of a matrix of 1 x 2"},
		{"names-only.csv", "a,b\n", Box{0, 1, 0, 1}, "no numbers in it", "rows 0 to 1 and columns 0 to 1 of a matrix of 0 x 2"},
		{"comments.csv", "# nothing\n", Box{0, 1, 0, 1}, "no numbers in it", "no numbers in it"},
		{"empty.csv", "", Box{}, "the file is empty", "the file is empty"},
		{"one.csv", "5", Box{0, 1, 0, 1}, "", ""},
		{"backwards.csv", "5", Box{1, 0, 0, 1}, "", "rows 1 to 0"},
		{"a.csv[2]", "5", Box{}, "", "no such file"},
		{"p.png", pngMagic, Box{}, "a picture", "a picture"},
		{"h.h5", "\x89HDF\r\n\x1a\n", Box{}, "HDF5", "HDF5"},
		{"nan.npy", string(array("<f8", false, []int{2, 2}, []float64{1, 2, 3, math.NaN()})), Box{1, 2, 0, 2}, "", "row 2, column 2, counted from 1: NaN"},
		{"inf-f.npy", string(array("<f4", true, []int{2, 2}, []float32{1, 2, float32(inf), 4})), Box{0, 1, 1, 2}, "", "row 1, column 2, counted from 1: +Inf"},
		{"line.npy", string(array("<f8", false, []int{2}, []float64{1, 2})), Box{}, "shape (2,), want rows x columns", "want rows x columns"},
		{"one.npy", string(array("<f8", false, nil, []float64{1})), Box{}, "shape (), want rows x columns", "want rows x columns"},
		{"empty.npy", string(array("<f8", false, []int{0, 4}, []float64{})), Box{}, "shape (0, 4), want", "shape (0, 4), want"},
		{"short.npy", string(array("<f8", false, []int{2, 2}, []float64{1, 2})), Box{}, "needs 4 elements, the file holds 2", "needs 4"},
		{"beyond.npy", string(array("<f8", false, []int{1, 2}, []float64{1, 2})), Box{0, 1, 2, 3}, "", "columns 2 to 3 of a matrix of 1 x 2"},
		{"nan.fits", string(table(2, 1, 1, inf)), Box{1, 2, 0, 1}, "", "row 2, column 1, counted from 1: +Inf"},
		{"beyond.fits", string(table(2, 1, 1, 2)), Box{1, 3, 0, 1}, "", "rows 1 to 3"},
		{"empty.fits", string(table(0, 3)), Box{}, "no numbers in it", ""},
		{"cube.fits", string(fitsBytes(cards(8, []int{1, 2, 1}), []byte{1, 2})), Box{}, "no image of two axes and no binary table in this FITS file; it has [0] primary (1, 2, 1)", "no image"},
		{"blank.fits", string(fitsBytes(cards(8, []int{1, 2}, "BLANK   = 2"), []byte{1, 2})), Box{0, 2, 0, 1}, "", "row 2, column 1, counted from 1: NaN"},
	} {
		path := filepath.Join(t.TempDir(), c.name)
		if strings.Contains(c.read, "no such file") {
			if _, err := ReadMatrix(path, c.box); err == nil || !strings.Contains(err.Error(), c.read) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, _, stat := StatMatrix(path)
		_, read := ReadMatrix(path, c.box)
		for _, e := range []struct {
			err  error
			want string
		}{{stat, c.stat}, {read, c.read}} {
			if e.want == "" && e.err != nil || e.want != "" && (e.err == nil || !strings.Contains(e.err.Error(), e.want) || !strings.Contains(e.err.Error(), c.name)) {
				t.Errorf("%s: %v, want %q", c.name, e.err, e.want)
			}
		}
	}
}

// The first image or table of a file is its matrix, or the one named.
func TestMatrixUnits(t *testing.T) {
	path := save(t, "a.fits", fitsBytes(
		cards(8, []int{1, 1, 2}, "EXTEND  = T"), []uint8{1, 2},
		extension("BINTABLE", 8, []int{2, 3}, "TFIELDS = 1", "TFORM1  = 'I'", "EXTNAME = 'T'"), []int16{5, 6, 7},
		extension("IMAGE", 16, []int{2, 1}, "EXTNAME = 'LOW'", "BSCALE  = 2"), []int16{1, 2},
		extension("IMAGE", 16, []int{2, 1}, "EXTNAME = 'LOW'", "EXTVER  = 2"), []int16{3, 4},
	))
	for _, c := range []struct {
		unit       string
		rows, cols int
		want       []float64
	}{
		{"", 3, 1, []float64{5, 6, 7}},
		{"[t]", 3, 1, []float64{5, 6, 7}},
		{"[LOW]", 1, 2, []float64{2, 4}},
		{"[low,2]", 1, 2, []float64{3, 4}},
		{"[3]", 1, 2, []float64{3, 4}},
	} {
		rows, cols, err := StatMatrix(path + c.unit)
		if err != nil || rows != c.rows || cols != c.cols {
			t.Errorf("%s: %d x %d, %v", c.unit, rows, cols, err)
			continue
		}
		got, err := ReadMatrix(path+c.unit, Box{0, rows, 0, cols})
		if err != nil || !same(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.unit, got, err, c.want)
		}
	}
	for _, unit := range []string{"[0]", "[HIGH]"} {
		if _, _, err := StatMatrix(path + unit); err == nil || !strings.Contains(err.Error(), "called "+unit) {
			t.Errorf("%s: %v", unit, err)
		}
	}
}

// Whatever bytes come, there is a matrix whose parts are those of the whole, or an error.
func FuzzMatrix(f *testing.F) {
	var b bytes.Buffer
	if err := (&Table{Rows: 2, Cols: 2, Data: []float64{1, 2, 3, 4}}).writeFITS(&b); err != nil {
		f.Fatal(err)
	}
	for _, data := range [][]byte{
		b.Bytes(), npyBytes("|u1", true, []int{2, 2}, []byte{1, 2, 3, 4}), fitsBytes(cards(8, []int{2, 2}), []byte{1, 2, 3, 4}),
		[]byte("x,\"y,z\"\n1,2\n\"3\",4\n"), []byte("\ufeff1 2\n# 3\n 3\u00a04\r\n"), []byte("1\t2\n;3"), []byte("1;2\n3;nan"),
	} {
		f.Add(data, uint16(0), uint16(2), uint16(0), uint16(2))
		f.Add(data, uint16(1), uint16(2), uint16(1), uint16(2))
	}
	f.Fuzz(func(t *testing.T, data []byte, r0, r1, c0, c1 uint16) {
		m, err := openMatrix(bytes.NewReader(data), int64(len(data)), "")
		if err != nil {
			return
		}
		rows, cols, err := m.size()
		if err != nil {
			return
		}
		part := Box{int(r0), int(r1), int(c0), int(c1)}
		got, err := readPart(m, part)
		inside := part.R0 <= part.R1 && part.C0 <= part.C1 && part.R1 <= rows && part.C1 <= cols
		if err == nil && len(got) > 0 && !inside {
			t.Fatalf("%+v of %d x %d", part, rows, cols)
		}
		whole, wrong := readPart(m, Box{0, rows, 0, cols})
		if wrong == nil && inside && (err != nil || !same(got, cutOut(whole, cols, part))) {
			t.Fatalf("%+v of %d x %d: %v, %v, of %v", part, rows, cols, got, err, whole)
		}
		if _, text := m.(*csvMatrix); text {
			all, err := readTable(bytes.NewReader(data), int64(len(data)), "")
			if wrong == nil && rows > 0 && (err != nil || all.Rows != rows || all.Cols != cols || !same(all.Data, whole)) {
				t.Fatalf("%v, %v, want %v", all, err, whole)
			}
		}
	})
}
