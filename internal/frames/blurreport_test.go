package frames

import (
	"math"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
)

// What becomes of a PSF on a frame: its size, the light that is lost, and the notices.
func TestPSFOnFrame(t *testing.T) {
	line := func(n, at int) forward.PSF {
		p := forward.PSF{Rows: 1, Cols: n, Values: make([]float64, n)}
		p.Values[at] = 1
		return p
	}
	box, err := forward.Box(9)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		psf        forward.PSF
		rows, cols int // of the frame
		border     halo.Border
		size       [2]int
		lost       float64
		notice     string // "" = none
		refused    string
	}{
		"fits":             {psf: box, rows: 20, cols: 5, border: halo.Zero, size: [2]int{9, 9}},
		"zero":             {psf: box, rows: 20, cols: 3, border: halo.Zero, size: [2]int{9, 5}, lost: 4. / 9, notice: "0.44 of its light falls outside"},
		"reflect":          {psf: box, rows: 3, cols: 20, border: halo.Reflect, size: [2]int{7, 9}, notice: "its 9 x 9 pixels are more than this frame can tell apart: reduced to 7 x 9"},
		"periodic":         {psf: box, rows: 3, cols: 4, border: halo.Periodic, size: [2]int{3, 5}, notice: "reduced to 3 x 5, with the same result"},
		"no light is left": {psf: line(41, 0), rows: 9, cols: 12, border: halo.Zero, refused: "no light in its 1 x 23 middle pixels"},
		"light far out":    {psf: line(41, 0), rows: 9, cols: 12, border: halo.Periodic, size: [2]int{1, 13}, notice: "(+0.00, -20.00) rows and columns from its centre: the restored frame is moved by (+0.00, +20.00)"},
		"just off centre":  {psf: forward.PSF{Rows: 1, Cols: 3, Values: []float64{0, 0.91, 0.09}}, rows: 9, cols: 9, size: [2]int{1, 3}},
		"off centre":       {psf: forward.PSF{Rows: 1, Cols: 3, Values: []float64{0, 0.88, 0.12}}, rows: 9, cols: 9, size: [2]int{1, 3}, notice: "its centroid is (+0.00, +0.12)"},
	} {
		r := newPSFReport(c.psf)
		err := r.On(c.psf, c.rows, c.cols, c.border)
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v, want %q", name, err, c.refused)
			}
			continue
		}
		if err != nil || [2]int{r.Rows, r.Cols} != c.size || math.Abs(r.Lost-c.lost) > 1e-15 {
			t.Errorf("%s: %v, %d x %d, %g lost", name, err, r.Rows, r.Cols, r.Lost)
		}
		notices := strings.Join(r.Notices(), "\n")
		if (notices == "") != (c.notice == "") || !strings.Contains(notices, c.notice) {
			t.Errorf("%s: notices %q, want %q", name, notices, c.notice)
		}
	}
	var none *PSFReport
	if err := none.On(forward.PSF{}, 9, 9, halo.Zero); err != nil || none.Notices() != nil {
		t.Errorf("no blur: %v, %v", err, none.Notices())
	}
}
