package psfmodel

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// lit is a round PSF of 9 x 9 samples.
func lit(_, row, col int) float64 { return math.Exp(-0.3 * float64((row-4)*(row-4)+(col-4)*(col-4))) }

// A sample that is not finite or marks a missing value is refused in every format, with the file, the image and the sample.
func TestMarksInModels(t *testing.T) {
	table := filepath.Join(t.TempDir(), "places.csv")
	write(t, table, []byte("row,col\n0,0\n0,99\n0,199\n"))
	files := map[Format]func(value func(k, row, col int) float64) (path string, o Options, image int){
		PSFEx: func(value func(k, row, col int) float64) (string, Options, int) {
			return psfexFile(t, 9, 9, 3, value, polynomialCards(1)...), Options{}, 2
		},
		STPSF: func(value func(k, row, col int) float64) (string, Options, int) {
			return cubeFile(t, [3]int{9, 9, 3}, value, "DET_YX0 = '(0, 199)'", "DET_YX1 = '(0, 99)'", "DET_YX2 = '(0, 0)'", "OVERSAMP= 1"), Options{}, 2
		},
		STDPSF: func(value func(k, row, col int) float64) (string, Options, int) {
			return cubeFile(t, [3]int{9, 9, 3}, value, "NXPSFS  = 3", "NYPSFS  = 1", "IPSFX01 = 1", "IPSFX02 = 100", "IPSFX03 = 200", "JPSFY01 = 1"), Options{}, 2
		},
		Cube: func(value func(k, row, col int) float64) (string, Options, int) {
			return cubeFile(t, [3]int{9, 9, 3}, value), Options{Positions: table}, 2
		},
		Kernel: func(value func(k, row, col int) float64) (string, Options, int) {
			return cubeFile(t, [3]int{9, 9, 1}, func(_, row, col int) float64 { return value(2, row, col) }), Options{Format: Kernel}, 0
		},
	}
	for _, format := range Formats() {
		file := files[format]
		if file == nil {
			t.Errorf("no file of the format %s in this test", format)
			continue
		}
		path, o, _ := file(lit)
		if _, err := Read(path, o); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		for _, mark := range []float64{1e30, -1e30, -9999, math.NaN(), math.Inf(1)} {
			path, o, image := file(func(k, row, col int) float64 {
				if k == 2 && row == 1 && col == 6 {
					return mark
				}
				return lit(k, row, col)
			})
			_, err := Read(path, o)
			want := fmt.Sprintf("image %d: the value at row 1, column 6 is ", image)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s with %g: error %v, want the file and ... %s ...", format, mark, err, want)
			}
		}
	}
}

// Images of a cube count by their places, whatever their sums are; a note says that these differ. One without light is refused.
func TestSumsInCubes(t *testing.T) {
	table := filepath.Join(t.TempDir(), "places.csv")
	write(t, table, []byte("row,col\n0,0\n0,100\n"))
	wider := func(k, row, col int) float64 { return math.Pow(lit(k, row, col), 1/float64(1+k)) }
	read := func(flux [2]float64) (*Model, error) {
		return Read(cubeFile(t, [3]int{9, 9, 2}, func(k, row, col int) float64 { return flux[k] * wider(k, row, col) }), Options{Positions: table})
	}
	sums := [2]float64{}
	for i := range 2 * 81 {
		sums[i/81] += wider(i/81, i%81/9, i%9)
	}
	same, err := read([2]float64{1 / sums[0], 1 / sums[1]})
	if err != nil || len(same.Notes) != 0 {
		t.Fatalf("of sum 1: error %v, notes %q", err, same.Notes)
	}
	other, err := read([2]float64{1, 100})
	if err != nil || !strings.Contains(strings.Join(other.Notes, "\n"), "divided by its own before interpolation") {
		t.Fatalf("of other sums: error %v, notes %q", err, other.Notes)
	}
	for _, at := range []float64{0, 50, 100} {
		a, _ := same.At(0, at, 0)
		b, _ := other.At(0, at, 0)
		for i := range a.Values {
			if math.Abs(a.Values[i]-b.Values[i]) > 1e-14 {
				t.Fatalf("column %g, value %d: %g and %g", at, i, a.Values[i], b.Values[i])
			}
		}
	}
	for flux, want := range map[float64]string{0: "image 1 sums to 0, want", -2: "want a finite number more than 0"} {
		if _, err := read([2]float64{1, flux}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("flux %g: error %v, want ... %s ...", flux, err, want)
		}
	}
}
