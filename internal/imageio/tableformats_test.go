package imageio

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// recordsNpy is an npy file of two records, with fields that are passed over.
func recordsNpy() []byte {
	descr := "[('x', '<f8'), ('name', '<U2'), (('the value', 'v'), '>f4'), ('', '|V2'), ('c', '<f4', (3,)), ('in', [('a', '<i2'), ('t', '<M8[s]')]), ('n', '<i2')]"
	var b bytes.Buffer
	for i := range 2 {
		binary.Write(&b, binary.LittleEndian, float64(i)+0.5)
		b.WriteString("a\x00\x00\x00b\x00\x00\x00")
		binary.Write(&b, binary.BigEndian, float32(10*i))
		b.Write(make([]byte, 2+12+10))
		binary.Write(&b, binary.LittleEndian, int16(-i))
	}
	head := fmt.Sprintf("{'descr': %s, 'fortran_order': False, 'shape': (2,), }\n", descr)
	out := append([]byte(npyMagic), 1, 0)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(head)))
	return append(append(out, head...), b.Bytes()...)
}

// asciiFITS is a FITS file with an ASCII table.
func asciiFITS(rows ...string) []byte {
	card := func(key, value string) string { return fmt.Sprintf("%-80s", fmt.Sprintf("%-8s= %20s", key, value)) }
	pad := func(s, with string) string { return s + strings.Repeat(with, (2880-len(s)%2880)%2880) }
	text := pad(card("SIMPLE", "T")+card("BITPIX", "8")+card("NAXIS", "0")+fmt.Sprintf("%-80s", "END"), " ")
	text += pad(card("XTENSION", "'TABLE'")+card("BITPIX", "8")+card("NAXIS", "2")+card("NAXIS1", "24")+card("NAXIS2", fmt.Sprint(len(rows)))+
		card("PCOUNT", "0")+card("GCOUNT", "1")+card("TFIELDS", "4")+
		card("TBCOL1", "1")+card("TFORM1", "'A5'")+card("TTYPE1", "'star'")+
		card("TBCOL2", "7")+card("TFORM2", "'I4'")+card("TTYPE2", "'x'")+card("TNULL2", "'-99'")+
		card("TBCOL3", "12")+card("TFORM3", "'F6.2'")+card("TTYPE3", "'mag'")+card("TUNIT3", "'mag'")+
		card("TBCOL4", "19")+card("TFORM4", "'D6.1'")+card("TTYPE4", "'err'")+card("TSCAL4", "2")+fmt.Sprintf("%-80s", "END"), " ")
	return []byte(text + pad(strings.Join(rows, ""), " "))
}

func npzOf(t testing.TB, members ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i].(string))
		if err != nil {
			t.Fatal(err)
		}
		w.Write(members[i+1].([]byte))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

func column(v ...float64) []byte {
	var b bytes.Buffer
	writeNpy(&b, []int{len(v)}, v)
	return b.Bytes()
}

// mrtText is a machine-readable table: notes stand between the description and the data.
const mrtText = `Title: Two stars
Authors: Nobody A.
Table: Magnitudes
================================================================================
Byte-by-byte Description of file: stars.txt
--------------------------------------------------------------------------------
   Bytes Format Units   Label     Explanations
--------------------------------------------------------------------------------
       3 I1     ---     Seq       Running number
   5-  9 F5.1   deg     RA        Right ascension, in a text
                                  that goes on in 2 lines
  11- 15 F5.2   mag     Vmag      ?=99.99 Magnitude (1)
  17- 20 F4.2   mag     e_Vmag    [0/9]? Its error
  22- 23 A2     ---     Sp        Spectral type
--------------------------------------------------------------------------------
Note (1): of the first night
  17- 20 F4.2   mag     no_column in a note
--------------------------------------------------------------------------------
  1  10.5 12.25 0.50 K5
  2 -11.0 99.99      M
`

// tableForms is a table, or the error, of every form of file that holds one.
func tableForms(t testing.TB) []struct {
	name string
	data []byte
	want string // names | numbers | passed, or a part of the error
} {
	var two bytes.Buffer
	writeNpy(&two, []int{2, 3}, []float64{1, 2, 3, 4, 5, 6})
	ascii := asciiFITS("star1   12   3.50 1.5D+1", "star2  -99           2.0")
	return []struct {
		name string
		data []byte
		want string
	}{
		{"npy of two axes", two.Bytes(), " | 1 2 3 4 5 6 | "},
		{"npy of one axis", column(1, 2, 3), " | 1 2 3 | "},
		{"npy records", recordsNpy(), "x,v,n | 0.5 0 0 1.5 10 -1 | name,c,in"},
		{"npz of columns", npzOf(t, "x.npy", column(1, 2), "v.npy", column(3, 4)), "x,v | 1 3 2 4 | "},
		{"npz of one array", npzOf(t, "arr_0.npy", two.Bytes()), " | 1 2 3 4 5 6 | "},
		{"npz of records", npzOf(t, "arr_0.npy", recordsNpy()), "x,v,n | 0.5 0 0 1.5 10 -1 | name,c,in"},
		{"npz of different lengths", npzOf(t, "x.npy", column(1, 2), "v.npy", column(3)), "x of 2 numbers and v of 1"},
		{"FITS ASCII table", ascii, "x,mag,err | 12 3.5 30 NaN NaN 4 | star"},
		{"FITS ASCII table, a word", asciiFITS("star1 twelv  3.50 1.5D+1"), `row 0, column "x": "twel" is not a number`},
		{"machine-readable table", []byte(mrtText), "Seq,RA,Vmag,e_Vmag,Sp | 1 10.5 12.25 0.5 NaN 2 -11 NaN NaN NaN | "},
		{"machine-readable table, gzip", packed([]byte(mrtText)), "Seq,RA,Vmag,e_Vmag,Sp | 1 10.5 12.25 0.5 NaN 2 -11 NaN NaN NaN | "},
		{"machine-readable table without a description", []byte("Title: A\nAuthors: B\n 1 2 3\n"), "Byte-by-byte Description"},
		{"machine-readable table without data", []byte(mrtText[:strings.Index(mrtText, "  1 ")]), "with data behind it"},
		{"a frame of +, - and =", []byte("+---+---+\n| x | v |\n+===+===+\n| 1 | 2 |\n+---+---+\n"), "x,v | 1 2 | "},
		{"lines of =", []byte("=== ===\nx   v\n=== ===\n1   2\n=== ===\n"), "x,v | 1 2 | "},
		{"FITS with two tables", append(append([]byte{}, ascii...), ascii[2880:]...), "x,mag,err | 12 3.5 30 NaN NaN 4 | star"},
		{"npz of a column and another array", npzOf(t, "a.npy", column(1), "b.npy", two.Bytes()), "a | 1 | b (2, 3)"},
		{"text, gzip", packed([]byte("x,v\n1,2\n")), "x,v | 1 2 | "},
		{"UTF-16, gzip", packed([]byte(wide("x\tv\n1\t2\n", 0xfeff, false))), "x,v | 1 2 | "},
		{"FITS, gzip", packed(ascii), "x,mag,err | 12 3.5 30 NaN NaN 4 | star"},
		{"npy, gzip", packed(two.Bytes()), " | 1 2 3 4 5 6 | "},
		{"gzip twice", packed(packed([]byte("x,v\n1,2\n"))), "compressed with gzip twice"},
		{"PNG", []byte(pngMagic + "...."), "a PNG picture"},
		{"HDF5", []byte("\x89HDF\r\n\x1a\n...."), "an HDF5 file"},
		{"Parquet", []byte("PAR1...."), "a Parquet file"},
		{"xlsx", npzOf(t, "[Content_Types].xml", []byte("<"), "xl/workbook.xml", []byte("<")), "an Excel workbook"},
		{"another zip", npzOf(t, "a.txt", []byte("1,2\n")), `a zip archive that holds "a.txt"`},
		{"VOTable", []byte(" <?xml version='1.0'?>"), "an XML file (a VOTable?)"},
		{"JSON", []byte(`{"x": [1, 2]}`), "a JSON file"},
		{"PNG, gzip", packed([]byte(pngMagic + "....")), "a PNG picture"},
		{"binary", []byte("1,2\x00\x01\n"), "binary data of an unknown format"},
		{"BMP", []byte("BM\x10\x00\x00\x00\x00\x00\x00\x00\x36"), "a BMP picture"},
		{"MATLAB 7.3", []byte("MATLAB 7.3 MAT-file"), "a MATLAB 7.3 file, which is HDF5"},
		{"git-lfs", []byte("version https://git-lfs.github.com/spec/v1\noid"), "git lfs pull"},
		{"empty", nil, "the file is empty"},
	}
}

func TestTableForms(t *testing.T) {
	for _, c := range tableForms(t) {
		data := io.ReaderAt(bytes.NewReader(c.data))
		size := int64(len(c.data))
		if strings.Contains(c.name, "gzip") {
			var err error
			if data, size, err = gunzip(data, size); err != nil {
				t.Fatal(err)
			}
		}
		got, err := readTable(data, size, "")
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
			if strings.Contains(c.want, " is not a number") {
				continue // only where the numbers are read
			}
			if _, _, e := sampleTable(data, size, "", 10); e == nil || e.Error() != err.Error() {
				t.Errorf("%s: a sample has the error %v, the table %v", c.name, e, err)
			}
			continue
		}
		text := func(t *Table) string {
			return strings.Join(t.Names, ",") + " | " + strings.TrimSpace(sprint(t.Data)) + " | " + strings.Join(t.Passed, ",")
		}
		if text(got) != c.want || got.Rows*got.Cols != len(got.Data) || got.Part == "" {
			t.Errorf("%s: %s, want %s", c.name, text(got), c.want)
		}
		part, rows, err := sampleTable(data, size, "", 10)
		if err != nil || rows != got.Rows || text(part) != c.want {
			t.Errorf("%s: a sample of %d rows: %v, want %s", c.name, rows, err, c.want)
		}
		if strings.Contains(c.name, "ASCII") && !slices.Equal(got.Units, []string{"", "mag", ""}) {
			t.Errorf("%s: units %q", c.name, got.Units)
		}
		var b bytes.Buffer
		if err := describe(&b, data, size, ""); err != nil {
			t.Errorf("%s: info: %v", c.name, err)
		}
	}
}

// What is no table ends with an error before memory for its contents is taken.
func TestTableErrorMemory(t *testing.T) {
	blanks := packed(bytes.Repeat([]byte(" "), 20<<20))
	zeros := packed(append(bytes.Repeat([]byte("0 0 0 0\n"), 500000), "1 2"...)) // 16 MB of numbers
	for _, c := range []struct {
		name string
		data []byte
		most uint64 // bytes, added over the whole time
	}{{"one long line", blanks, 96 << 20}, {"many rows", zeros, 12 << 20}} {
		path := save(t, "t.csv.gz", c.data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadTable(path)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > c.most+2*uint64(len(c.data)) {
			t.Errorf("%s, %d bytes packed: %v after %d MB, want an error before %d MB", c.name, len(c.data), err, took>>20, c.most>>20)
		}
	}
}

// Whatever bytes come, there is a table or an error, from every reader of tables and of
// matrices.
func FuzzTable(f *testing.F) {
	f.Add([]byte("x,y\n1,2\n"))
	f.Add([]byte("# x y\n\"1\" 2,5\n"))
	for _, c := range tableForms(f) {
		f.Add(c.data)
	}
	var b bytes.Buffer
	t := &Table{Rows: 1, Cols: 2, Data: []float64{1, 2}}
	if err := t.writeFITS(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(npyMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readTable(bytes.NewReader(data), int64(len(data)), "")
		if err == nil && (got.Cols < 1 || len(got.Data) != got.Rows*got.Cols || got.Names != nil && len(got.Names) != got.Cols || got.Units != nil && len(got.Units) != got.Cols) {
			t.Errorf("%d x %d with %d numbers, names %q, units %q", got.Rows, got.Cols, len(got.Data), got.Names, got.Units)
		}
		part, rows, e := sampleTable(bytes.NewReader(data), int64(len(data)), "", 3)
		if err == nil && (e != nil || rows != got.Rows || part.Cols != got.Cols) {
			t.Errorf("a sample of %d rows: %v; the table has %d", rows, e, got.Rows)
		}
		if err == nil {
			got.describe(io.Discard)
		}
		m, err := openMatrix(bytes.NewReader(data), int64(len(data)), "")
		if err == nil {
			m.size()
			m.read(Box{0, 1, 0, 1})
		}
	})
}

// A number that is wider than its column in an IPAC table is not cut in two.
func TestIPACColumns(t *testing.T) {
	for text, want := range map[string]string{
		"|  x |  y |\n|real|real|\n 1.5  2.5\n":      "",
		"|  x |  y |\n|real|real|\n 1.50 2.5\n":      "",
		"|  x |  y |\n|real|real|\n 12.345 2.5\n":    "line 3: text from character 5 to 6, where the bars of the heading part the columns 1 and 2",
		"|  x |  y |\n|real|real|\n1234567890\n":     "line 3: text from character 5 to 6",
		"|  x |  y |\n|real|real|\n 1.5  2.512345\n": "",
	} {
		got, err := readTable(strings.NewReader(text), int64(len(text)), "")
		switch {
		case want == "" && (err != nil || got.Data[0] != 1.5 || got.Data[1] < 2.5):
			t.Errorf("%q: %v, %v", text, got, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
