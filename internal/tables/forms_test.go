package tables

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"tessera/internal/imageio"
)

// form writes columns of numbers to a file in one of the forms in which people have tables.
type form struct {
	name  string // of the file
	named bool   // it has the names of the columns
	write func(names []string, rows [][]float64) []byte
}

// lines makes text of a table; number writes one number.
func lines(names []string, rows [][]float64, separator, end string, number func(float64) string) string {
	var b strings.Builder
	if names != nil {
		b.WriteString(strings.Join(names, separator) + end)
	}
	for _, row := range rows {
		var fields []string
		for _, v := range row {
			fields = append(fields, number(v))
		}
		b.WriteString(strings.Join(fields, separator) + end)
	}
	return b.String()
}

func short(v float64) string { return fmt.Sprint(v) }

func wideText(s string, order binary.AppendByteOrder) []byte {
	b := order.AppendUint16(nil, 0xfeff)
	for _, c := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, c)
	}
	return b
}

func npyRecords(names []string, rows [][]float64) []byte {
	var fields []string
	for _, n := range names {
		fields = append(fields, fmt.Sprintf("('%s', '<f8')", n))
	}
	head := fmt.Sprintf("{'descr': [%s, ('label', '<U3')], 'fortran_order': False, 'shape': (%d,), }\n", strings.Join(fields, ", "), len(rows))
	b := append([]byte("\x93NUMPY"), 1, 0)
	b = append(binary.LittleEndian.AppendUint16(b, uint16(len(head))), head...)
	for _, row := range rows {
		b, _ = binary.Append(b, binary.LittleEndian, row)
		b = append(b, make([]byte, 12)...)
	}
	return b
}

// asciiTable is a FITS file with an ASCII table of fields of 20 characters.
func asciiTable(names []string, rows [][]float64) []byte {
	var h strings.Builder
	card := func(key string, value any) { fmt.Fprintf(&h, "%-80s", fmt.Sprintf("%-8s= %20v", key, value)) }
	end := func() {
		fmt.Fprintf(&h, "%-80s", "END")
		h.WriteString(strings.Repeat(" ", (2880-h.Len()%2880)%2880))
	}
	card("SIMPLE", "T")
	card("BITPIX", 8)
	card("NAXIS", 0)
	end()
	card("XTENSION", "'TABLE'")
	card("BITPIX", 8)
	card("NAXIS", 2)
	card("NAXIS1", 20*len(names))
	card("NAXIS2", len(rows))
	card("PCOUNT", 0)
	card("GCOUNT", 1)
	card("TFIELDS", len(names))
	for i, n := range names {
		card(fmt.Sprint("TTYPE", i+1), "'"+n+"'")
		card(fmt.Sprint("TFORM", i+1), "'D20.12'")
		card(fmt.Sprint("TBCOL", i+1), 20*i+1)
	}
	end()
	for _, row := range rows {
		for _, v := range row {
			fmt.Fprintf(&h, "%20s", strings.Replace(fmt.Sprintf("%.12E", v), "E", "D", 1))
		}
	}
	h.WriteString(strings.Repeat(" ", (2880-h.Len()%2880)%2880))
	return []byte(h.String())
}

// written is what imageio writes to a file of this name.
func written(name string, write func(path string) error) []byte {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, name)
	if err := write(path); err != nil {
		panic(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return b
}

func table(names []string, rows [][]float64) *imageio.Table {
	return &imageio.Table{Names: names, Rows: len(rows), Cols: len(rows[0]), Data: slices.Concat(rows...)}
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

var forms = []form{
	{"comma.csv", true, func(n []string, r [][]float64) []byte { return []byte(lines(n, r, ",", "\n", short)) }},
	{"dos.csv", true, func(n []string, r [][]float64) []byte { return []byte("\ufeff" + lines(n, r, ",", "\r\n", short)) }},
	{"mac.csv", true, func(n []string, r [][]float64) []byte { return []byte(lines(n, r, ",", "\r", short)) }},
	{"tab.tsv", true, func(n []string, r [][]float64) []byte { return []byte(lines(n, r, "\t", "\n", short)) }},
	{"blank.txt", true, func(n []string, r [][]float64) []byte { return []byte(lines(n, r, "   ", "\n", short)) }},
	{"comment.txt", true, func(n []string, r [][]float64) []byte { return []byte("# " + lines(n, r, " ", "\n", short)) }},
	{"decimal.csv", true, func(n []string, r [][]float64) []byte {
		return []byte(lines(n, r, ";", "\n", func(v float64) string { return strings.Replace(short(v), ".", ",", 1) }))
	}},
	{"fortran.dat", true, func(n []string, r [][]float64) []byte {
		return []byte(lines(n, r, " ", "\n", func(v float64) string { return strings.Replace(fmt.Sprintf("%.12e", v), "e", "D", 1) }))
	}},
	{"unicode.txt", true, func(n []string, r [][]float64) []byte {
		return wideText(lines(n, r, "\t", "\r\n", short), binary.LittleEndian)
	}},
	{"big.csv", true, func(n []string, r [][]float64) []byte {
		return wideText(lines(n, r, ",", "\n", short), binary.BigEndian)
	}},
	{"pandas.csv", true, func(n []string, r [][]float64) []byte {
		var b strings.Builder
		for i, line := range strings.Split(strings.TrimSpace(lines(n, r, ",", "\n", short)), "\n") {
			if i > 0 {
				fmt.Fprint(&b, i-1)
			}
			fmt.Fprintf(&b, ",%s\n", line)
		}
		return []byte(b.String())
	}},
	{"packed.csv.gz", true, func(n []string, r [][]float64) []byte { return gzipped([]byte(lines(n, r, ",", "\n", short))) }},
	{"records.npy", true, npyRecords},
	{"columns.npz", true, func(n []string, r [][]float64) []byte {
		var m []imageio.Member
		for j, name := range n {
			a := imageio.Member{Name: name, Array: imageio.Array{Shape: []int{len(r)}}}
			for _, row := range r {
				a.Data = append(a.Data, row[j])
			}
			m = append(m, a)
		}
		return written("a.npz", func(path string) error { return imageio.WriteNpz(path, m) })
	}},
	{"binary.fits", true, func(n []string, r [][]float64) []byte {
		return written("a.fits", func(path string) error { return imageio.WriteTable(path, table(n, r)) })
	}},
	{"ascii.fits", true, asciiTable},
	{"ascii.fits.gz", true, func(n []string, r [][]float64) []byte { return gzipped(asciiTable(n, r)) }},
	{"array.npy", false, func(n []string, r [][]float64) []byte {
		return written("a.npy", func(path string) error { return imageio.WriteTable(path, table(n, r)) })
	}},
	{"array.npy.gz", false, func(n []string, r [][]float64) []byte {
		return gzipped(written("a.npy", func(path string) error { return imageio.WriteTable(path, table(n, r)) }))
	}},
	{"plain.txt", false, func(_ []string, r [][]float64) []byte { return []byte(lines(nil, r, " ", "\n", short)) }},
}

// The same columns in every form are the same observations, places, pixels and numbers of
// PSFs; with names in any order.
func TestEveryForm(t *testing.T) {
	rows := [][]float64{{1.5, 20, 3.25, 0.5}, {2.5, -21.75, 4, 0.25}, {3, 22, 1e-7, 2e10}}
	for _, f := range forms {
		path := filepath.Join(t.TempDir(), f.name)
		read := func(names []string, rows [][]float64) *imageio.Table {
			if err := os.WriteFile(path, f.write(names, rows), 0o666); err != nil {
				t.Fatal(err)
			}
			table, err := imageio.ReadTable(path)
			if err != nil {
				t.Fatalf("%s: %v", f.name, err)
			}
			return table
		}
		for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}} {
			if !f.named && order[0] != 0 {
				continue
			}
			names, moved := make([]string, 4), make([][]float64, len(rows))
			for k, j := range order {
				names[k] = []string{"x", "y", "flux", "flux_err"}[j]
				for i := range rows {
					moved[i] = append(moved[i], rows[i][j])
				}
			}
			for _, pixels := range []bool{false, true} {
				table := read(names, moved)
				c, err := Observations(table, Want{Dim: 2, Pixels: pixels})
				if err != nil {
					t.Errorf("%s: %v", f.name, err)
					continue
				}
				got, err := Take(table, c, Refuse, "", nil)
				if err != nil {
					t.Fatal(err)
				}
				for i, row := range rows {
					want := []float64{row[0], row[1]}
					if pixels && f.named { // x is the column; without names the row comes first
						want = []float64{row[1], row[0]}
					}
					if !slices.Equal(got.X[2*i:2*i+2], want) || got.Y[i] != row[2] || got.Sigma[i] != row[3] {
						t.Errorf("%s, pixels %v, row %d: %v, %v +- %v, want %v, %v", f.name, pixels, i, got.X[2*i:2*i+2], got.Y[i], got.Sigma[i], want, row[2:])
					}
				}
				at := read(names[:2:2], [][]float64{moved[0][:2], moved[1][:2]})
				if order[0] != 0 {
					continue
				}
				places, err := Places(at, c, Want{Pixels: pixels})
				if err != nil {
					t.Errorf("%s: places: %v", f.name, err)
				} else if p, err := Take(at, places, Refuse, "", nil); err != nil || !slices.Equal(p.X, got.X[:4]) {
					t.Errorf("%s: places %v, %v, want %v", f.name, p, err, got.X[:4])
				}
			}
		}
		numbers, _, err := Index(read([]string{"psf"}, [][]float64{{3}, {0}, {2}}), "psf")
		if err != nil || !slices.Equal(numbers, []float64{3, 0, 2}) {
			t.Errorf("%s: numbers of PSFs %v, %v", f.name, numbers, err)
		}
	}
}
