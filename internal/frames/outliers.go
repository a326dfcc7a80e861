package frames

import (
	"errors"
	"math"
	"slices"
	"strings"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/internal/imageio"
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
	if found.Nothing {
		return &keyError{"image.path", s.Path, NothingBut(found.WholePlanes(&search), "image.outliers")}
	}
	o.Outliers = found.Report(&search, "image.outliers", s.Outliers)
	if n := found.Taken(s.Outliers); n > 0 {
		notFinite := []float64{0}
		for _, v := range o.Data {
			if v-v != 0 {
				notFinite[0]++
			}
		}
		if err := comm.Allreduce(notFinite, notFinite, ranks.Sum); err != nil {
			return err
		}
		if comm.Rank() == 0 && len(o.Inputs) > 0 {
			o.Inputs[0].Missing = MissingText(int(notFinite[0]), n, o.Channels*rows*cols)
		}
	}
	if comm.Rank() == 0 && len(o.Inputs) > 0 {
		DescribeOutliers(&o.Inputs[0], text)
	}
	found.LeaveOut(&search, s.Outliers)
	if err := o.leaveOut(comm, o.Data, s.PerChannel); err != nil {
		return err
	}
	counts, err := o.Observed(comm)
	if err == nil && slices.Max(counts) == 0 {
		err = &keyError{"image.path", s.Path, nothingLeft}
	}
	return err
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
	text := found.Text(&search, "image.outliers", s.Outliers)
	found.LeaveOut(&search, s.Outliers)
	if found.Nothing {
		return "", errors.New(NothingBut(found.WholePlanes(&search), "image.outliers"))
	}
	return text, nil
}

// DescribeOutliers adds what a search has found to what was taken from a file.
func DescribeOutliers(in *lifecycle.Input, text string) {
	in.Note = strings.Trim(in.Note+"; "+text, "; ")
}

// checkMarks refuses a frame of which every observed value marks a missing one, as findOutliers does. It reads no further
// than to the first value of a channel that looks like none.
func (s *ImageSection) checkMarks(frame *imageio.Frame, weights []float64) error {
	if s.Path == "" || s.Outliers == OutliersKeep {
		return nil
	}
	search := OutlierSearch{
		Plane: "channel", Planes: frame.Channels, Rows: frame.Rows, Cols: frame.Cols, Box: imageio.Box{R1: frame.Rows, C1: frame.Cols}, Data: frame.Data,
		Absent: forward.Weights(weights).Missing, Apart: true, Marks: true,
	}
	f, only := &Found{}, outliers.Scale{Most: math.Inf(-1)} // as if there were no other values
	if err := search.findWhole(nil, f, func(int) *outliers.Scale { return &only }); err != nil || !f.Nothing {
		return err
	}
	return &keyError{"image.path", s.Path, NothingBut(f.WholePlanes(&search), "image.outliers")}
}
