package psfmodel

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// block pads text or data to whole FITS blocks.
func block(b []byte, with byte) []byte {
	for len(b)%2880 != 0 {
		b = append(b, with)
	}
	return b
}

func fitsHeader(cards ...string) []byte {
	var b strings.Builder
	for _, c := range append(cards, "END") {
		fmt.Fprintf(&b, "%-80s", c)
	}
	return block([]byte(b.String()), ' ')
}

// cubeFile is a FITS file with a cube of float64, the fastest axis first in shape.
func cubeFile(t testing.TB, shape [3]int, value func(k, row, col int) float64, cards ...string) string {
	t.Helper()
	head := []string{"SIMPLE  = T", "BITPIX  = -64", "NAXIS   = 3"}
	for i, n := range shape {
		head = append(head, fmt.Sprintf("NAXIS%d  = %d", i+1, n))
	}
	var data []byte
	for k := range shape[2] {
		for r := range shape[1] {
			for c := range shape[0] {
				data = binary.BigEndian.AppendUint64(data, math.Float64bits(value(k, r, c)))
			}
		}
	}
	path := filepath.Join(t.TempDir(), "cube.fits")
	write(t, path, append(fitsHeader(append(head, cards...)...), block(data, 0)...))
	return path
}

// psfexFile is a PSFEx table of images of nx x ny samples.
func psfexFile(t testing.TB, nx, ny, coefficients int, value func(k, row, col int) float64, cards ...string) string {
	t.Helper()
	n := nx * ny * coefficients
	var data []byte
	for k := range coefficients {
		for r := range ny {
			for c := range nx {
				data = binary.BigEndian.AppendUint32(data, math.Float32bits(float32(value(k, r, c))))
			}
		}
	}
	file := fitsHeader("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", "EXTEND  = T")
	file = append(file, fitsHeader(append([]string{
		"XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", fmt.Sprintf("NAXIS1  = %d", 4*n), "NAXIS2  = 1", "PCOUNT  = 0", "GCOUNT  = 1",
		"TFIELDS = 1", "EXTNAME = 'PSF_DATA'", "TTYPE1  = 'PSF_MASK'", fmt.Sprintf("TFORM1  = '%dE'", n),
		fmt.Sprintf("TDIM1   = '(%d, %d, %d)'", nx, ny, coefficients),
	}, cards...)...)...)
	path := filepath.Join(t.TempDir(), "model.psf")
	write(t, path, append(file, block(data, 0)...))
	return path
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// odd is a value without any symmetry, which float32 holds.
func odd(k, row, col int) float64 {
	return float64(float32(0.001*float64(7*k+1)*math.Exp(-0.1*float64(row*row)) + 0.01*float64(col*(k+1)) + 0.002*float64(row*(k%3)) + 0.5))
}

// places are 20 positions on a detector of 2048 pixels, some beyond the first and the last pixel of a grid.
func places() [][2]float64 {
	list := [][2]float64{{0, 0}, {0, 2047}, {2047, 0}, {2047, 2047}, {681, 1364}, {-1, 511}}
	for i := range 14 {
		list = append(list, [2]float64{float64(i * 997 % 2048), float64(i*i*577%2048) + 0.25})
	}
	return list
}

// psfexValue is the PSF of a PSFEx file by the formula of its manual, at a pixel counted from 1.
func psfexValue(value func(k, row, col int) float64, degree int, zero, scale [2]float64, x, y float64, row, col int) float64 {
	u, v := (x-zero[0])/scale[0], (y-zero[1])/scale[1]
	sum, k := 0.0, 0
	for b := 0; b <= degree; b++ {
		for a := 0; a+b <= degree; a++ {
			sum += math.Pow(u, float64(a)) * math.Pow(v, float64(b)) * value(k, row, col)
			k++
		}
	}
	return sum
}

// polynomialCards are those of a polynomial of a degree.
func polynomialCards(degree int, more ...string) []string {
	return append([]string{
		"POLNAXIS= 2", "POLNAME1= 'X_IMAGE'", "POLNAME2= 'Y_IMAGE'", "POLGRP1 = 1", "POLGRP2 = 1", "POLNGRP = 1",
		"POLZERO1= 900.5", "POLSCAL1= 1800.0", "POLZERO2= 1100.25", "POLSCAL2= 2100.0", fmt.Sprintf("POLDEG1 = %d", degree),
		"PSF_SAMP= 0.75",
	}, more...)
}

func TestPSFExOfEveryDegree(t *testing.T) {
	for degree := range 5 {
		path := psfexFile(t, 6, 5, (degree+1)*(degree+2)/2, odd, polynomialCards(degree)...)
		m, err := Read(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if m.Format != PSFEx || m.Rows != 5 || m.Cols != 6 || m.Step != 0.75 {
			t.Errorf("degree %d: %s, %d x %d samples of %g pixels", degree, m.Format, m.Rows, m.Cols, m.Step)
		}
		for _, p := range places() {
			got := m.Samples(p[0], p[1])
			for i := range got {
				want := psfexValue(odd, degree, [2]float64{900.5, 1100.25}, [2]float64{1800, 2100}, p[1]+1, p[0]+1, i/6, i%6)
				if math.Abs(got[i]-want) > 1e-12 {
					t.Fatalf("degree %d at %v: sample %d is %.15g, want %.15g", degree, p, i, got[i], want)
				}
			}
		}
	}
}

// gridValue is bilinear interpolation between nodes at xs and ys, constant beyond: an oracle of its own.
func gridValue(xs, ys []float64, at func(i, j int) float64, x, y float64) float64 {
	cell := func(nodes []float64, p float64) (int, float64) {
		p = math.Min(math.Max(p, nodes[0]), nodes[len(nodes)-1])
		k := 0
		for k < len(nodes)-2 && p > nodes[k+1] {
			k++
		}
		if len(nodes) == 1 {
			return 0, 0
		}
		return k, (p - nodes[k]) / (nodes[k+1] - nodes[k])
	}
	i, v := cell(ys, y)
	j, u := cell(xs, x)
	up, right := min(i+1, len(ys)-1), min(j+1, len(xs)-1)
	return (1-v)*((1-u)*at(i, j)+u*at(i, right)) + v*((1-u)*at(up, j)+u*at(up, right))
}

// An asymmetric grid, 3 rows and 2 columns of places, in every format that has one: rows and columns, 0 and 1 as the
// first pixel, and the order of the images.
func TestGridsByTheirFormulas(t *testing.T) {
	ys, xs := []float64{10, 700, 2040}, []float64{5, 1900}
	shape := [3]int{4, 3, 6} // columns, rows, images
	// The image of the node (i, j) is number 2 i + j in rows, number 3 j + i in columns.
	byRows := func(i, j int) int { return 2*i + j }
	byColumns := func(i, j int) int { return 3*j + i }
	var det, std []string
	for j, x := range xs {
		for i, y := range ys {
			det = append(det, fmt.Sprintf("DET_YX%d = '(%.1f, %.1f)'", byColumns(i, j), y, x))
		}
		std = append(std, fmt.Sprintf("IPSFX0%d = %d", j+1, int(x)+1))
	}
	for i, y := range ys {
		std = append(std, fmt.Sprintf("JPSFY0%d = %d", i+1, int(y)+1))
	}
	table := filepath.Join(t.TempDir(), "positions.csv")
	text := "col,row\n"
	for i := range ys {
		for j := range xs {
			text += fmt.Sprintf("%g,%g\n", xs[j], ys[i])
		}
	}
	write(t, table, []byte(text))
	for _, c := range []struct {
		format Format
		number func(i, j int) int
		step   float64
		cards  []string
		o      Options
	}{
		{STPSF, byColumns, 0.25, append(det, "OVERSAMP= 4", "NUM_PSFS= 6"), Options{}},
		{STDPSF, byRows, 0.25, append(std, "NXPSFS  = 2", "NYPSFS  = 3"), Options{}},
		{Cube, byRows, 0.5, nil, Options{Positions: table, Oversampling: 2}},
		{Cube, byRows, 1, nil, Options{Positions: table}},
	} {
		path := cubeFile(t, shape, odd, c.cards...)
		m, err := Read(path, c.o)
		if err != nil {
			t.Errorf("%s: %v", c.format, err)
			continue
		}
		if m.Format != c.format || m.Rows != 3 || m.Cols != 4 || m.Step != c.step {
			t.Errorf("%s: read as %s, %d x %d samples of %g pixels", c.format, m.Format, m.Rows, m.Cols, m.Step)
		}
		for _, p := range places() {
			got := m.Samples(p[0], p[1])
			for s := range got {
				at := func(i, j int) float64 {
					v := odd(c.number(i, j), s/4, s%4)
					if c.format == Cube { // whose images are divided by their sums
						sum := 0.0
						for q := range got {
							sum += odd(c.number(i, j), q/4, q%4)
						}
						v /= sum
					}
					return v
				}
				want := gridValue(xs, ys, at, p[1], p[0])
				if math.Abs(got[s]-want) > 1e-12 {
					t.Fatalf("%s at %v: sample %d is %.15g, want %.15g", c.format, p, s, got[s], want)
				}
				if wrong := gridValue(ys[:2], append(xs, 2000), func(i, j int) float64 { return at(j, min(i, 1)) }, p[1], p[0]); p[0] == 681 && math.Abs(got[s]-wrong) < 1e-9 {
					t.Errorf("%s: rows and columns exchanged make no difference here", c.format)
				}
			}
		}
	}
}

// Several detectors in one file: each has the images and the places of its part of the mosaic.
func TestDetectorsOfAMosaic(t *testing.T) {
	const nx, ny = 9, 10
	cards := []string{"NXPSFS  = 9", "NYPSFS  = 10"}
	for j := range nx {
		cards = append(cards, fmt.Sprintf("IPSFX%02d = %d", j+1, 512*j))
	}
	ys := []int{0, 512, 1024, 1536, 2048, 2048, 2560, 3072, 3584, 4096}
	for i, y := range ys {
		cards = append(cards, fmt.Sprintf("JPSFY%02d = %d", i+1, y))
	}
	path := cubeFile(t, [3]int{3, 3, nx * ny}, odd, cards...)
	for want, detector := range map[string]int{"holds 2 detectors: say which": 0, "detector 3 was asked for": 3} {
		_, err := Read(path, Options{Detector: detector})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("detector %d: error %v, want one line with ... %s ...", detector, err, want)
		}
	}
	for detector := 1; detector <= 2; detector++ {
		m, err := Read(path, Options{Detector: detector})
		if err != nil {
			t.Fatal(err)
		}
		// The node in row 2 of the part and column 3 is at y = 1024 and x = 1536 of the detector, counted from 1.
		got, want := m.Samples(1023, 1535), 5*(detector-1)+2
		for s := range got {
			if w := odd(want*nx+3, s/3, s%3); math.Abs(got[s]-w) > 1e-12 {
				t.Errorf("detector %d: sample %d is %g, want %g", detector, s, got[s], w)
			}
		}
	}
}

// Places in strings of five, as the files of WFPC2 and of NIRCam mosaics have them.
func TestPlacesInStrings(t *testing.T) {
	cards := []string{"NXPSFS  = 6", "NYPSFS  = 2", "IPSFXA5 = '0 100 200 300 400'", "IPSFXB5 = '500'", "JPSFYA5 = '0 800'"}
	m, err := Read(cubeFile(t, [3]int{1, 1, 12}, odd, cards...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if g := m.Law.(*Grid); fmt.Sprint(g.Cols, g.Rows) != "[-1 99 199 299 399 499] [-1 799]" {
		t.Errorf("places %v and %v", g.Cols, g.Rows)
	}
}

// What is wrong with a file is one line that says what was found and what is wanted.
func TestRefusedModels(t *testing.T) {
	psfex := func(n int, cards ...string) string { return psfexFile(t, 3, 3, n, odd, cards...) }
	with := func(change ...string) []string {
		list := polynomialCards(1)
		for i, c := range list {
			for _, n := range change {
				if c[:8] == n[:8] {
					list[i] = n
				}
			}
		}
		return list
	}
	cube := func(n int, cards ...string) string { return cubeFile(t, [3]int{3, 3, n}, odd, cards...) }
	cut := cube(4, "DET_YX0 = '(0, 0)'", "OVERSAMP= 4")
	data, err := os.ReadFile(cut)
	if err != nil {
		t.Fatal(err)
	}
	write(t, cut, data[:2880])
	empty := filepath.Join(t.TempDir(), "empty.fits")
	write(t, empty, nil)
	few := filepath.Join(t.TempDir(), "few.csv")
	write(t, few, []byte("row,col\n1,2\n"))
	named := filepath.Join(t.TempDir(), "named.csv")
	write(t, named, []byte("a,b\n1,2\n3,4\n"))
	for _, c := range []struct {
		path, want string
		o          Options
	}{
		{psfex(3, with("POLNGRP = 2")...), "POLNGRP = 2 groups", Options{}},
		{psfex(3, with("POLNAXIS= 3")...), "POLNAXIS = 3 parameters, want 2", Options{}},
		{psfex(3, with("POLNAME1= 'Y_IMAGE'")...), `POLNAME1 = "Y_IMAGE", want X_IMAGE`, Options{}},
		{psfex(3, with("POLNAME2= 'MAG_AUTO'")...), `POLNAME2 = "MAG_AUTO", want Y_IMAGE`, Options{}},
		{psfex(3, with("POLSCAL1= 0")...), "POLSCAL1 = 0", Options{}},
		{psfex(3, with("PSF_SAMP= 0")...), "PSF_SAMP = 0", Options{}},
		{psfex(3, with("PSF_SAMP= 'abc'")...), `PSF_SAMP = "abc", want a number`, Options{}},
		{psfex(3, with("POLZERO2= nan")...), `POLZERO2 = "nan", want a number`, Options{}},
		{psfex(4, with()...), "4 images of coefficients, want 3", Options{}},
		{psfex(3, with("POLDEG1 = 99")...), "POLDEG1 = 99, want 0 to 10", Options{}},
		{psfex(3, with()[:11]...), "no card PSF_SAMP", Options{}},
		{psfexFile(t, 3, 3, 3, func(int, int, int) float64 { return math.NaN() }, with()...), "is NaN, want a finite number", Options{}},
		{psfex(3, with()...), "only stpsf", Options{Detector: 1, Format: "x"}},
		{psfex(3, with()...), "says its own", Options{Oversampling: 3}},
		{psfex(3, with()...), "unknown format", Options{Format: "x"}},
		{cut, "bytes", Options{}},
		{empty, "empty", Options{}},
		{filepath.Join(t.TempDir(), "none.fits"), "no such file", Options{}},
		{cube(4), "4 images without their positions", Options{}},
		{cube(2), "needs a table", Options{Format: Cube}},
		{cube(2), "1 positions, want one for each of 2 images", Options{Positions: few}},
		{cube(2), "want columns row and col, or x (the column) and y (the row); the columns are a, b", Options{Positions: named}},
		{cube(2), "2 images, want one", Options{Format: Kernel}},
		{cube(2, "DET_YX0 = '(0, 0)'", "OVERSAMP= 4"), "no card DET_YX1", Options{}},
		{cube(2, "DET_YX0 = '(0, 0)'", "DET_YX1 = '(0, 5)'"), "no card OVERSAMP", Options{}},
		{cube(2, "DET_YX0 = '(0, 0)'", "DET_YX1 = '(0; 5)'", "OVERSAMP= 4"), "want the place (y, x)", Options{}},
		{cube(2, "DET_YX0 = '(0, 0)'", "DET_YX1 = '(0, 0)'", "OVERSAMP= 4"), "two PSFs at row 0, column 0", Options{}},
		{cube(2, "DET_YX0 = '(0, 0)'", "DET_YX1 = '(1, 1)'", "OVERSAMP= 4"), "a PSF is missing at row 0, column 1", Options{}},
		{cube(2, "DET_YX0 = '(0, 0)'", "DET_YX1 = '(1, 0)'", "OVERSAMP= 4", "NUM_PSFS= 9"), "NUM_PSFS = 9", Options{}},
		{cube(4, "NXPSFS  = 3", "NYPSFS  = 2"), "NXPSFS = 3 and NYPSFS = 2, and the cube has 4", Options{}},
		{cube(2, "NXPSFS  = 2", "NYPSFS  = 1", "IPSFX01 = 5", "IPSFX02 = 5", "JPSFY01 = 1"), "want increasing ones", Options{}},
	} {
		_, err := Read(c.path, c.o)
		want := c.want
		if c.o.Detector == 1 {
			want = "only stdpsf files have several"
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), filepath.Base(c.path)) {
			t.Errorf("%s %+v: error %v, want one line with ... %s ...", filepath.Base(c.path), c.o, err, want)
		}
	}
}

// A file that is cut or has a flipped bit is refused or read, and never a crash.
func TestDamagedModels(t *testing.T) {
	for path, end := range map[string]int{ // of the numbers
		psfexFile(t, 3, 3, 3, odd, polynomialCards(1)...):                                                            5760 + 4*27,
		cubeFile(t, [3]int{3, 3, 2}, odd, "DET_YX0 = '(0, 0)'", "DET_YX1 = '(1, 0)'", "OVERSAMP= 4"):                 2880 + 8*18,
		cubeFile(t, [3]int{3, 3, 2}, odd, "NXPSFS  = 1", "NYPSFS  = 2", "IPSFX01 = 5", "JPSFY01 = 1", "JPSFY02 = 9"): 2880 + 8*18,
	} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(data); i += 331 {
			write(t, path, data[:i])
			if _, err := Read(path, Options{}); err == nil && i < end {
				t.Errorf("%s: the first %d of %d bytes are read without an error", filepath.Base(path), i, len(data))
				break
			}
			changed := append([]byte(nil), data...)
			changed[i] ^= 1 << (i % 8)
			write(t, path, changed)
			Read(path, Options{}) // must return
		}
	}
}

// What PSFEx estimated of its stars is not the FWHM of the model that it made of them: that is said.
func TestPSFExFWHM(t *testing.T) {
	cards := append(polynomialCards(1), "PSF_FWHM= 3.81")
	m, err := Read(psfexFile(t, 6, 5, 3, odd, cards...), Options{})
	if err != nil || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "PSF_FWHM = 3.81 pixels in the file") || !strings.Contains(m.Describe(), m.Notes[0]) {
		t.Errorf("%v, notes %q", err, m.Notes)
	}
	if m, err := Read(psfexFile(t, 6, 5, 3, odd, polynomialCards(1)...), Options{}); err != nil || len(m.Notes) != 0 {
		t.Errorf("%v, %+v", err, m)
	}
}

// Places are found by the names of their columns, as in all tables: x is the column, and what counts from 1 is counted from 0.
func TestPlaces(t *testing.T) {
	for text, want := range map[string]string{
		"row,col\n1,2\n3,4\n": "[[1 2] [3 4]] row row, column col", "col,row\n1,2\n": "[[2 1]]", "x,y\n1,2\n": "[[2 1]] row y, column x",
		"id,X_IMAGE,Y_IMAGE,FLUX_AUTO\n7,1,2,9\n": "[[1 0]] row Y_IMAGE, column X_IMAGE; pixels counted from 1; not used: id, FLUX_AUTO", "id;xcentroid;ycentroid\n7;1,5;2\n": "[[2 1.5]]",
		"1,2\n": "[[1 2]] columns by their place", "1,2,3\n": "want two columns", "name,x,y\na,1,2\n": "[[2 1]]",
		"ra,dec\n1,2\n": "want columns row and col, or x (the column) and y (the row); the columns are ra, dec", "phi,psi\n1,2\n": "the columns are phi, psi",
		"x,y\n1,NA\n": "line 2, column 2 (y): missing", "x,y\n1,a\n": `"a" is not a number`, "row,col,x,y\n1,2,3,4\n": "is coordinate 1 row or y?",
	} {
		path := filepath.Join(t.TempDir(), "t.csv")
		write(t, path, []byte(text))
		got := ""
		if places, said, err := Places(path); err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(places) + strings.TrimPrefix(said, fmt.Sprintf("%d places,", len(places)))
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
