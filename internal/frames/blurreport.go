package frames

import (
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/lifecycle"
)

// PSFReport says in metrics.json and on the console which PSF a blur has, and how it differs from
// what the config's file holds.
type PSFReport struct {
	Rows     int        `json:"rows"`     // pixels, as the solver uses it: odd, and folded where it is larger than the frame
	Cols     int        `json:"cols"`     // likewise
	Centroid [2]float64 `json:"centroid"` // rows and columns from the centre, in pixels
	Lost     float64    `json:"lost"`     // fraction of the light that a zero border leaves no place for; 0 = none
	*filePSF            // nil of a made PSF

	whole [2]int // rows and columns before folding
}

// filePSF is what is known of a PSF that a file holds.
type filePSF struct {
	Path   string     `json:"path"`
	Rows   int        `json:"file_rows"` // pixels in the file
	Cols   int        `json:"file_cols"`
	Sum    float64    `json:"sum"`    // of the values in the file, which the PSF was divided by
	Shift  [2]float64 `json:"shift"`  // pixels along rows and columns by which it was moved by interpolation
	Padded [2]bool    `json:"padded"` // the axes to which a line of zeros was added
	Edge   float64    `json:"edge"`   // fraction of the light in a background of the level of the outermost pixels

	input lifecycle.Input
}

// farCentroid is how far, in pixels along an axis, a centroid may be from the centre without a notice;
// highEdge is that for PSFReport.Edge. Wings of a Moffat profile that are cut at two FWHM
// have an edge of 0.08.
const (
	farCentroid = 0.1
	highEdge    = 0.1
)

func newPSFReport(k forward.PSF) *PSFReport {
	return &PSFReport{Rows: k.Rows, Cols: k.Cols, whole: [2]int{k.Rows, k.Cols}, Centroid: k.Centroid()}
}

// On adds what happens to the PSF k on a frame of rows x cols pixels. An error says that no
// light is left. A nil report stays nil.
func (r *PSFReport) On(k forward.PSF, rows, cols int, border halo.Border) error {
	if r == nil {
		return nil
	}
	k = k.Fold(rows, cols, border)
	sum := 0.0
	for _, v := range k.Values {
		sum += v
	}
	if r.Rows, r.Cols = k.Rows, k.Cols; border == halo.Zero && r.folded() {
		if r.Lost = 1 - sum; math.Abs(r.Lost) < 1e-12 {
			r.Lost = 0 // rounding
		}
	}
	if k.Check() != nil {
		return fmt.Errorf("the PSF of %d x %d pixels has no light in its %d x %d middle pixels, and a frame of %d x %d with a zero border sees no others",
			r.whole[0], r.whole[1], k.Rows, k.Cols, rows, cols)
	}
	return nil
}

// Input is what was taken from the file of the PSF; false of a made PSF, and on other ranks than 0.
func (r *PSFReport) Input() (in lifecycle.Input, ok bool) {
	if r == nil || r.filePSF == nil {
		return in, false
	}
	return r.input, true
}

func (r *PSFReport) folded() bool { return r.whole != [2]int{r.Rows, r.Cols} }

// Notices are what a user should know of the PSF, a line each: its file, and Unusual.
func (r *PSFReport) Notices() []string {
	if r == nil {
		return nil
	}
	var list []string
	if f := r.filePSF; f != nil {
		list = append(list, fmt.Sprintf("%s, %d x %d pixels, divided by its sum of %.6g", f.Path, f.Rows, f.Cols, f.Sum))
	}
	return append(list, r.Unusual()...)
}

// Unusual is what a PSF does that few do, a line each; none for one with its centroid at its centre.
func (r *PSFReport) Unusual() []string {
	if r == nil {
		return nil
	}
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if f := r.filePSF; f != nil {
		for axis, name := range [2]string{"rows", "columns"} {
			n := [2]int{f.Rows, f.Cols}[axis]
			switch {
			case f.Shift[axis] != 0:
				say("its centre is between two of its %d %s: moved by half a pixel, now %d %s", n, name, r.whole[axis], name)
			case f.Padded[axis]:
				say("its centroid is on one of the two middle ones of its %d %s: one of zeros added, now %d %s", n, name, r.whole[axis], name)
			}
		}
		if math.Abs(f.Edge) > highEdge {
			say("its outermost pixels are not near 0: a background of their mean would be %.0f %% of its light; subtract it if it is sky", 100*f.Edge)
		}
	}
	if c := r.Centroid; math.Abs(c[0]) > farCentroid || math.Abs(c[1]) > farCentroid {
		say("its centroid is (%+.2f, %+.2f) rows and columns from its centre: the restored frame is moved by (%+.2f, %+.2f) against the observed one",
			cents(c[0]), cents(c[1]), cents(-c[0]), cents(-c[1]))
	}
	if r.folded() {
		say("its %d x %d pixels are more than this frame can tell apart: reduced to %d x %d, with the same result", r.whole[0], r.whole[1], r.Rows, r.Cols)
		if r.Lost != 0 {
			say("%.2g of its light falls outside of every frame of this size, which has a zero border", r.Lost)
		}
	}
	return list
}

// Tell shows what is unusual about the PSF on the console of a run.
func (r *PSFReport) Tell(run *lifecycle.Run) {
	for _, line := range r.Unusual() {
		run.Progress.Say("PSF: " + line)
	}
}

// cents rounds to two decimals, and never to -0.
func cents(v float64) float64 { return math.Round(100*v)/100 + 0 }
