package frames

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/internal/imageio"
)

// Rims that hold less than 1e-6 of a large PSF are left out, the rest has the sum 1 and its centre
// where it was; small PSFs, and those with light at their edges, stay as they are.
func TestWithoutRim(t *testing.T) {
	made := func(rows, cols int, value func(r, c float64) float64) forward.PSF {
		k := forward.PSF{Rows: rows, Cols: cols}
		sum := 0.0
		for i := range rows * cols {
			v := value(float64(i/cols-rows/2), float64(i%cols-cols/2))
			k.Values = append(k.Values, v)
			sum += v
		}
		for i := range k.Values {
			k.Values[i] /= sum
		}
		return k
	}
	gauss := func(sr, sc float64) func(r, c float64) float64 {
		return func(r, c float64) float64 { return math.Exp(-r*r/(2*sr*sr) - c*c/(2*sc*sc)) }
	}
	for name, c := range map[string]struct {
		k          forward.PSF
		rows, cols bool // some are left out
	}{
		"small":            {made(33, 21, gauss(1, 1)), false, false},
		"large":            {made(101, 101, gauss(4, 4)), true, true},
		"long":             {made(101, 41, gauss(3, 12)), true, false},
		"light at the rim": {made(61, 61, func(r, c float64) float64 { return 1 / (1 + r*r + c*c) }), false, false},
	} {
		got, rows, cols := withoutRim(c.k)
		if (rows > 0) != c.rows || (cols > 0) != c.cols || got.Rows != c.k.Rows-2*rows || got.Cols != c.k.Cols-2*cols {
			t.Errorf("%s: %d rows and %d columns are left out of %d x %d", name, rows, cols, c.k.Rows, c.k.Cols)
		}
		sum, most := 0.0, 0.0
		for i, v := range got.Values {
			sum += v
			most = max(most, math.Abs(v-c.k.Values[(i/got.Cols+rows)*c.k.Cols+i%got.Cols+cols]))
		}
		if math.Abs(sum-1) > 1e-12 || most > 2e-6*c.k.Values[len(c.k.Values)/2] || rimNote(rows, cols) == "" != (rows+cols == 0) {
			t.Errorf("%s: sum %.15g, a pixel has changed by %g", name, sum, most)
		}
		if lost := 1 / (1 - rimShare); rows+cols > 0 && got.Values[len(got.Values)/2]/c.k.Values[len(c.k.Values)/2] > lost+1e-9 {
			t.Errorf("%s: more than %g is left out", name, rimShare)
		}
	}
	// A file says so in what was read of it.
	path := filepath.Join(t.TempDir(), "psf.npy")
	k := made(101, 101, gauss(3, 3))
	if err := imageio.WriteNpy(path, []int{101, 101}, k.Values); err != nil {
		t.Fatal(err)
	}
	got, file, err := (&BlurSection{Path: path}).read()
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows > 45 || file.Rows != 101 || !strings.Contains(file.input.Note, "rows and ") {
		t.Errorf("%d rows of %d, %q", got.Rows, file.Rows, file.input.Note)
	}
}
