package frames

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
)

// The frame that stars are taken from has the missing pixels of image.path: those of flags, of the error map, of values that are not finite
// and of marks. It says how many there are, and names no key that the command does not have.
func TestStarFrame(t *testing.T) {
	const rows, cols = 20, 30
	fill := func(value func(i int) float64) []float64 {
		list := make([]float64, rows*cols)
		for i := range list {
			list[i] = value(i)
		}
		return list
	}
	frame := func(bad float64) []float64 {
		return fill(func(i int) float64 {
			switch i {
			case 5:
				return bad
			case 6:
				return math.NaN()
			}
			return 10 + 0.1*math.Sin(float64(i*i))
		})
	}
	shape := []int{rows, cols}
	file := func(bad float64, more ...hdu) string {
		return fitsFile(t, filepath.Join(t.TempDir(), "frame.fits"), nil, append([]hdu{{name: "SCI", shape: shape, values: frame(bad)}}, more...)...)
	}
	at := func(k int, there, elsewhere float64) []float64 {
		return fill(func(i int) float64 {
			if i == k {
				return there
			}
			return elsewhere
		})
	}
	for name, c := range map[string]struct {
		path    string
		missing []int
		said    string
	}{
		"plain":      {file(20), []int{6}, "1 of 600 values missing"},
		"flags":      {file(20000, hdu{name: "DQ", shape: shape, values: at(5, 1, 0), whole: true}), []int{5, 6}, "[DQ,1]"},
		"errors":     {file(20, hdu{name: "ERR", shape: shape, values: at(8, 0, 0.1)}), []int{6, 8}, "[ERR,1]"},
		"both":       {file(20, hdu{name: "ERR", shape: shape, values: at(8, -9999, 0.1)}, hdu{name: "DQ", shape: shape, values: at(9, 1, 0), whole: true}), []int{6, 8, 9}, "[ERR,1]"},
		"mark -9999": {file(-9999), []int{5, 6}, "a number that marks missing values"},
		"mark 1e30":  {file(1e30), []int{5, 6}, "a number that marks missing values"},
	} {
		f, notes, err := StarFrame(c.path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var missing []int
		for i, v := range f.Data {
			if math.IsNaN(v) {
				missing = append(missing, i)
			}
		}
		if len(missing) != len(c.missing) {
			t.Errorf("%s: missing pixels %v, want %v", name, missing, c.missing)
		} else {
			for k := range missing {
				if missing[k] != c.missing[k] {
					t.Errorf("%s: missing pixels %v, want %v", name, missing, c.missing)
				}
			}
		}
		if text := strings.Join(notes, "\n"); !strings.Contains(text, c.said) || strings.Contains(text, "image.") {
			t.Errorf("%s: %q, want ... %s ... without the keys of a job", name, text, c.said)
		}
	}
	nothing := filepath.Join(t.TempDir(), "nothing.npy")
	if err := imageio.WriteNpy(nothing, shape, fill(func(int) float64 { return -9999 })); err != nil {
		t.Fatal(err)
	}
	if _, _, err := StarFrame(nothing); err == nil || !strings.Contains(err.Error(), "nothing was observed") {
		t.Errorf("of marks alone: error %v", err)
	}
}
