package frames

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// Info says how a job would read every kind of file.
func TestInfo(t *testing.T) {
	dir := t.TempDir()
	shape := []int{2, 3}
	values := []float64{1, 2, math.NaN(), 4, 5, 6}
	product := fitsFile(t, filepath.Join(dir, "jw_cal.fits"), []string{"TELESCOP= 'JWST'"},
		hdu{name: "SCI", shape: shape, values: values, cards: []string{"BUNIT   = 'MJy/sr'"}},
		hdu{name: "ERR", shape: shape, values: []float64{1, 1, 1, 1, 1, 0}}, hdu{name: "DQ", shape: shape, values: []float64{1, 0, 4, 0, 0, 0}, whole: true})
	picture := filepath.Join(dir, "a.jpg")
	if err := os.WriteFile(picture, jpegFile(t), 0o666); err != nil {
		t.Fatal(err)
	}
	for path, wants := range map[string][]string{
		product: {"as image.path   HDU [1] SCI, float32; 2 rows x 3 columns; 1 of 6 values missing", "in MJy/sr", "[ERR,1]: ", "standard deviations",
			"[DQ,1]: ", "1 of 6 pixels missing", "DO_NOT_USE", "HDUs", "[3] DQ [2 3]", "[1] SCI [2 3], read"},
		jobtest.WriteNpy(t, dir, "flat.npy", values, 2, 3, 1):                {"2 rows x 3 columns, stored as (2, 3, 1)", "as image.mask"},
		jobtest.WriteNpy(t, dir, "zero.npy", make([]float64, 6), 2, 3):       {"as image.mask  refused: ", "image.dq = "},
		jobtest.WriteNpy(t, dir, "nan.npy", []float64{math.NaN()}, 1, 1):     {"refused: image.path = ", "nothing was observed"},
		jobtest.WriteNpy(t, dir, "rgb.npy", make([]float64, 4*5*3), 4, 5, 3): {"4 rows x 5 columns x 3 channels, stored as (4, 5, 3)"},
		picture: {"jpeg, uint8", "0 to 1 of 255", "as image.mask  refused: "},
	} {
		got := strings.ReplaceAll(Info(path), "path   F", "path  F") // columns are as wide as they need
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s:\n%s\nwant %q", filepath.Base(path), got, want)
			}
		}
	}
	if got := Info(filepath.Join(dir, "none.fits")); got != "" {
		t.Errorf("a file that is not there: %q", got)
	}
}
