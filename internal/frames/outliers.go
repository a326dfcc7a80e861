package frames

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/internal/lifecycle"
	"tessera/internal/outliers"
	"tessera/ranks"
)

// Outliers says what happens to values that are far from all others: the key image.outliers.
type Outliers string

const (
	OutliersReport  Outliers = "report"  // certain marks of missing values are missing, others are reported
	OutliersMissing Outliers = "missing" // values that stand alone are missing, too
	OutliersKeep    Outliers = "keep"    // every finite value is data; nothing is looked for
)

// Check records a rule that there is not.
func (o Outliers) Check(f *config.File, key string) {
	f.OneOf(key, string(o), string(OutliersReport), string(OutliersMissing), string(OutliersKeep))
}

// raisedBy is what the neighbours of a pixel have at most of its height if it is not a star
// that is seen with this PSF: half of what they have in the PSF, and 0.15 at most.
func raisedBy(psf forward.PSF) float64 {
	if len(psf.Values) < 9 || psf.Rows < 3 || psf.Cols < 3 {
		return outliers.Raised
	}
	peak := 0
	for i, v := range psf.Values {
		if v > psf.Values[peak] {
			peak = i
		}
	}
	var sides []float64
	for _, d := range around[:4] {
		r, c := peak/psf.Cols+d[0], peak%psf.Cols+d[1]
		if r >= 0 && r < psf.Rows && c >= 0 && c < psf.Cols {
			sides = append(sides, math.Abs(psf.Values[r*psf.Cols+c]))
		}
	}
	slices.Sort(sides)
	half := sides[len(sides)/2] / psf.Values[peak] / 2
	if !(half > 0) {
		return outliers.Raised // the PSF is one pixel
	}
	return min(half, 0.15)
}

// findOutliers looks for values of the frame that are no light, seen with this PSF, notes
// what it finds beside the frame's file, and takes out what the rule says. Collective; the
// error is the same on all ranks.
func (o *Observation) findOutliers(comm ranks.Comm, s *ImageSection, psf forward.PSF) error {
	if s.Outliers == OutliersKeep {
		return nil
	}
	rows, cols := o.Shape()
	search := OutlierSearch{
		Plane: "channel", Planes: o.Channels, Rows: rows, Cols: cols, Box: o.ownBox(comm), Data: o.Data, Absent: o.Weights.Missing,
		Apart: true, Raised: raisedBy(psf), Frame: o.Frame,
	}
	found, err := search.Find(comm)
	if err != nil {
		return err
	}
	text := found.Text(&search, "image.outliers", s.Outliers)
	if text == "" {
		return nil
	}
	o.Outliers = found.Report("image.outliers", s.Outliers)
	if comm.Rank() == 0 && len(o.Inputs) > 0 {
		DescribeOutliers(&o.Inputs[0], text)
		if n := found.Taken(s.Outliers); n > 0 {
			o.Inputs[0].Missing = fmt.Sprintf("%s, but for %d outliers", o.Inputs[0].Missing, n)
		}
	}
	for i := range found.Own {
		if found.Own[i].Taken(s.Outliers) {
			o.Data[found.Own[i].at] = math.NaN()
		}
	}
	return o.leaveOut(comm, o.Data, s.PerChannel)
}

// leaveMarks makes the values of a true frame NaN that certainly mark missing ones, and says
// what it found. Stars of a true frame may stand alone. Collective; the error and the text
// are the same on all ranks.
func (o *Observation) leaveMarks(comm ranks.Comm, s *ImageSection) (string, error) {
	if s.Outliers == OutliersKeep {
		return "", nil
	}
	rows, cols := o.Shape()
	search := OutlierSearch{
		Plane: "channel", Planes: o.Channels, Rows: rows, Cols: cols, Box: o.ownBox(comm), Data: o.Truth, Apart: true, Marks: true, Frame: o.Frame,
	}
	found, err := search.Find(comm)
	if err != nil {
		return "", err
	}
	for i := range found.Own {
		o.Truth[found.Own[i].at] = math.NaN()
	}
	return found.Text(&search, "image.outliers", s.Outliers), nil
}

// DescribeOutliers adds what a search has found to what was taken from a file.
func DescribeOutliers(in *lifecycle.Input, text string) {
	in.Note = strings.Trim(in.Note+"; "+text, "; ")
}
