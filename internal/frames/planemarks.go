package frames

import (
	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// marked is what the search for marks of missing values has found in one plane beside the frame.
type marked struct {
	file   string
	text   string
	report *lifecycle.Outliers // nil = nothing
	whole  string              // every value of the file marks a missing one; "" = there are others
}

// leaveMarks makes the values of an error map or of weights NaN that mark missing ones: data has channels x box of
// planes of rows x cols. frame: the ranks have boxes of the same planes; nil = this rank has all. Collective with a frame; the
// result is the same on all ranks.
func (p *plane) leaveMarks(comm ranks.Comm, frame *halo.Decomposition, rule Outliers, data []float64, rows, cols int, box imageio.Box) (marked, error) {
	m := marked{file: p.path}
	switch p.use {
	case useWeights, useSigma, useVariance, usePrecision:
	default:
		return m, nil // a mask, flags and coverage have no mark but 0 and NaN
	}
	if rule == OutliersKeep {
		return m, nil
	}
	pixels := max(1, (box.R1-box.R0)*(box.C1-box.C0))
	channels := max(1, len(data)/pixels)
	if frame != nil {
		wide := []float64{float64(channels)} // a rank may have no pixel
		if err := comm.Allreduce(wide, wide, ranks.Max); err != nil {
			return m, err
		}
		channels = int(wide[0])
	}
	search := OutlierSearch{
		Plane: "channel", Planes: channels, Rows: rows, Cols: cols, Box: box, Data: data, Apart: true, Marks: true, Positive: true, Frame: frame,
	}
	found, err := search.Find(comm)
	if err != nil {
		return m, err
	}
	m.text, m.report = found.Text(&search, "image.outliers", rule), found.Report(&search, "image.outliers", rule)
	if found.Nothing {
		m.whole = NothingBut(found.WholePlanes(&search), "image.outliers")
	}
	found.LeaveOut(&search, rule)
	return m, nil
}

// describeMarks adds what was found in the planes to what was taken from their files; inputs has the files of the planes last.
func describeMarks(inputs []lifecycle.Input, list []marked) {
	for i, m := range list {
		if m.text != "" {
			DescribeOutliers(&inputs[len(inputs)-len(list)+i], m.text)
		}
	}
}
