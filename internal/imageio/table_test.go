package imageio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"codeberg.org/astrogo/fitsio"
)

func TestTableRoundTrip(t *testing.T) {
	want := &Table{Names: []string{"#x", "y, \"up\"", "value"}, Rows: 3, Cols: 3, Data: []float64{1, 2.5, -3e-7, 4, 5, math.Pi, 7, 8, 1e300}}
	for _, ext := range []string{".csv", ".npy", ".fits"} {
		path := filepath.Join(t.TempDir(), "t"+ext)
		if err := WriteTable(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := ReadTable(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rows != 3 || got.Cols != 3 || !slices.Equal(got.Data, want.Data) || ext != ".npy" && !slices.Equal(got.Names, want.Names) || "."+got.Format != ext {
			t.Errorf("%s: %+v", ext, got)
		}
		if c := got.Column("3"); c != 2 {
			t.Errorf("%s: column 3 is number %d", ext, c)
		}
		if c := got.Column("VALUE"); ext != ".npy" && c != 2 || ext == ".npy" && c != -1 {
			t.Errorf("%s: column VALUE is number %d", ext, c)
		}
	}
}

func TestCSV(t *testing.T) {
	for _, c := range []struct {
		text, want string // the data, or the error
		names      string
	}{
		{"1,2\n3,4\n", "1 2 3 4", ""},
		{"\ufeffx,y\r\n1,2\r\n", "1 2", "x y"},
		{"# made by hand\n\nx;y\n1;2\n# end\n3;4", "1 2 3 4", "x y"},
		{"1\t2\n3\t4", "1 2 3 4", ""},
		{"  1   2\n 3 4e-3 ", "1 2 3 0.004", ""},
		{"\"a, b\",c\n1,\" 2\"\n", "1 2", "a, b c"},
		{"1,\n2,nan\n", "1 NaN 2 NaN", ""},
		{"1,2\n3\n", "line 2: 1 fields, where the first line has 2, parted by commas; lines that are no part of the table begin with #", ""},
		{"x,y\n1,2\n\n3,four\n", "1 2 3 NaN", "x y"},
		{"# nothing\n", "no numbers in it", ""},
		// Ends of lines, byte order marks, separators.
		{"x,y\r1,2\r3,4\r", "1 2 3 4", "x y"},
		{"x,y\r\n1,2\r\n\r\n3,4", "1 2 3 4", "x y"},
		{wide("x,y\n1,2\n", 0xfeff, false), "1 2", "x y"},
		{wide("x,y\r\n1,2\r\n", 0xfeff, true), "1 2", "x y"},
		{wide("x\ty\n1,5\t2\n", 0, false), "1.5 2", "x y"},
		{"x\ty\n1\t\n\t2\n", "1 NaN NaN 2", "x y"},
		{"1, \t2\n3,\t4\n", "1 2 3 4", ""},
		{"x|y z\n1 2\n", "1 2", "x|y z"},
		{"sep=;\nx;y\n1;2\n", "1 2", "x y"},
		{"% x y\n1 2\n", "1 2", "x y"},
		{"! a comment\n// one more of them\n1 2\n", "1 2", ""},
		{"\\fixlen = T\n|  ra  | name |  mag |\n| double| char | real |\n|  deg |      |  mag |\n| null | null | null |\n  1.5    a b   2 \n  null   b     3 \n", "1.5 NaN 2 NaN NaN 3", "ra name mag"},
		{"| x |  y |\n| 1 | 2 |\n|   | 4.5 |\n", "1 2 NaN 4.5", "x y"},
		{"| x | y |\n|---|---|\n| 1 | 2 |\n", "1 2", "x y"},
		{"\"x\" \"y\"\n\"1\" 2 3\n\"2\" 4 5\n", "1 2 3 2 4 5", " x y"},
		{"x,y\na,2,3\n", "NaN 2 3", " x y"},
		{"x,y\n1,2,3\n", "line 2: 3 fields, where the first line has 2, parted by commas; lines that are no part of the table begin with #", ""},
		{"# - {name: x, unit: deg, datatype: float64}\nx y\n1 2\n", "1 2", "x y"},
		{"x\ty\nN\t5N\n1\t2\n", "1 2", "x y"},
		// Numbers.
		{"x;y\n1,5;-2\n3;4,25\n", "1.5 -2 3 4.25", "x y"},
		{"1,5;2,5\n", "1.5 2.5", ""},
		{"x;y\n1,5;2\n3;4.5\n", `line 3: "4.5" has a decimal point, and line 2 has a decimal comma: want one of them in the whole file`, ""},
		{"x;y\n1.5;2\n3;4,5\n", `line 3: "4,5" has a decimal comma, and line 2 has a decimal point: want one of them in the whole file`, ""},
		{"x,y\n1.5D+03,-2d-1\n", "1500 -0.2", "x y"},
		{"x,y\n\u22121,+2\n", "-1 2", "x y"},
		{"x,y\nNA,null\n--,N/A\n,None\n1,masked\n", "NaN NaN NaN NaN NaN NaN 1 NaN", "x y"},
		{"x,y\n1e400,2\n", "NaN 2", "x y"},
		// Headings.
		{",x,y\n0,1,2\n1,3,4\n", "0 1 2 1 3 4", " x y"},
		{"name,1,2\n3,4,5\n", "3 4 5", "name 1 2"},
		{"star a,1,2\nstar b,4,5\n", "NaN 1 2 NaN 4 5", ""},
		{"star a,1,2\n", "NaN 1 2", ""},
		{"# x,y\n1,2\n", "1 2", "x y"},
		{"# made by hand\n1 2 3\n", "1 2 3", "made by hand"},
		{"# made by hand\n1,2\n", "1 2", ""},
		{"#  1 NUMBER   Running number\n#  2 X_IMAGE  Position along x  [pixel]\n1 2.5\n", "1 2.5", "NUMBER X_IMAGE"},
		{"ra [deg],mag (mag)\n1,2\n", "1 2", "ra mag"},
		{"ra\tmag\ndeg\tmag\n-----\t----\n1\t2\n", "1 2", "ra mag"},
		{"ra,mag\ndeg,mag\n1,2\n", "1 2", "ra mag"},
		{"name,mag\nstar,NA\nstar b,2\n", "NaN NaN NaN 2", "name mag"},
		{"\"a \"\"b\"\"\" \"c d\"\n1 \"2\"\n", "1 2", `a "b" c d`},
		{"x,y,\n1,2,\n", "1 2 NaN", "x y "},
		{"x,y\n1,2,\n", "1 2", "x y"},
		{"1,\"2\n", "line 1: quotes that do not match", ""},
	} {
		got, err := readCSV(strings.NewReader(c.text), int64(len(c.text)))
		var text string
		if err != nil {
			text = err.Error()
		} else {
			text = strings.Trim(strings.Join(strings.Fields(strings.Trim(sprint(got.Data), "[]")), " "), " ")
			if names := strings.Join(got.Names, " "); names != c.names {
				t.Errorf("%q: names %q", c.text, names)
			}
		}
		if text != c.want {
			t.Errorf("%q: %s, want %s", c.text, text, c.want)
		}
	}
}

// wide is a text in UTF-16, with a byte order mark unless it is 0.
func wide(text string, mark uint16, big bool) string {
	var order binary.AppendByteOrder = binary.LittleEndian
	if big {
		order = binary.BigEndian
	}
	var b []byte
	if mark != 0 {
		b = order.AppendUint16(b, mark)
	}
	for _, c := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, c)
	}
	return string(b)
}

func sprint(v []float64) string {
	var b bytes.Buffer
	(&Table{Rows: 1, Cols: len(v), Data: v}).writeCSV(&b)
	return strings.ReplaceAll(b.String(), ",", " ")
}

// Another library reads what is written here.
func TestFITSTableForOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.fits")
	want := &Table{Names: []string{"ra", "mag"}, Rows: 2, Cols: 2, Data: []float64{10.5, -0.25, 11, 3e-9}}
	if err := WriteTable(path, want); err != nil {
		t.Fatal(err)
	}
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := fitsio.Open(r)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, ok := f.HDU(1).(*fitsio.Table)
	if !ok || table.NumRows() != 2 || table.NumCols() != 2 || table.Col(1).Name != "mag" {
		t.Fatalf("%+v", f.HDU(1))
	}
	rows, err := table.Read(0, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []float64
	for rows.Next() {
		var ra, mag float64
		if err := rows.Scan(&ra, &mag); err != nil {
			t.Fatal(err)
		}
		got = append(got, ra, mag)
	}
	if !slices.Equal(got, want.Data) {
		t.Errorf("%v, want %v", got, want.Data)
	}
}

// Columns of every kind, scaled, missing, and such as are passed over.
func TestFITSTableColumns(t *testing.T) {
	card := func(key, value string) string { return fmt.Sprintf("%-80s", fmt.Sprintf("%-8s= %20s", key, value)) }
	pad := func(s string) string { return s + strings.Repeat(" ", (2880-len(s)%2880)%2880) }
	text := pad(card("SIMPLE", "T") + card("BITPIX", "8") + card("NAXIS", "0") + fmt.Sprintf("%-80s", "END"))
	text += pad(card("XTENSION", "'BINTABLE'") + card("BITPIX", "8") + card("NAXIS", "2") + card("NAXIS1", "18") + card("NAXIS2", "2") +
		card("PCOUNT", "0") + card("GCOUNT", "1") + card("TFIELDS", "6") + card("EXTNAME", "'OBS'") +
		card("TFORM1", "'E'") + card("TTYPE1", "'mag'") +
		card("TFORM2", "'3A'") +
		card("TFORM3", "'1I'") + card("TSCAL3", "0.5") + card("TZERO3", "100") + card("TNULL3", "-1") +
		card("TFORM4", "'J'") + card("TFORM5", "'2I'") + card("TFORM6", "'B'") + fmt.Sprintf("%-80s", "END"))
	row := func(e float32, i int16, j int32, b byte) []byte {
		w := binary.BigEndian.AppendUint32(nil, math.Float32bits(e))
		w = append(w, "abc"...)
		w = binary.BigEndian.AppendUint16(w, uint16(i))
		w = binary.BigEndian.AppendUint32(w, uint32(j))
		return append(w, 0, 1, 0, 2, b)
	}
	data := append([]byte(text), row(1.5, 4, -7, 255)...)
	data = append(data, row(-2, -1, 8, 0)...)
	got, err := readTable(bytes.NewReader(data), int64(len(data)), "obs")
	if err != nil {
		t.Fatal(err)
	}
	want := "1.5 102 -7 255 -2 NaN 8 0\n"
	if s := sprint(got.Data); s != want || !slices.Equal(got.Names, []string{"mag", "col3", "col4", "col6"}) {
		t.Errorf("%v: %q, want %q", got.Names, s, want)
	}
	if _, err := readTable(bytes.NewReader(data), int64(len(data)), "0"); err == nil || !strings.Contains(err.Error(), "no table [0]") {
		t.Errorf("the primary unit is no table: %v", err)
	}
}
