package frames

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"tessera/internal/imageio"
)

// withoutKeys takes out of a text what the keys of a job would change, which the command that takes stars from a frame does not have.
var withoutKeys = strings.NewReplacer(
	fmt.Sprintf(" (image.planes = %q leaves them out)", PlanesNone), "",
	fmt.Sprintf("; found by image.planes = %q", PlanesAuto), "",
	fmt.Sprintf(" (image.outliers = %q takes all finite values as data)", OutliersKeep), "",
	fmt.Sprintf(" (image.outliers = %q takes them as they are)", OutliersKeep), "",
)

// StarFrame reads one plane, rows x cols, to take stars from, as the jobs of images read image.path: pixels that are
// missing by the planes of the product, flags and errors, are NaN, and so are values that mark a missing one. notes say what was
// read, a line for each file.
func StarFrame(path string) (f *imageio.Frame, notes []string, err error) {
	if f, err = imageio.ReadPlane(path); err != nil {
		return nil, nil, err
	}
	s := DefaultImage()
	s.Path = path
	weights, inputs, _, err := readWeights(&s, f, nil)
	if err != nil {
		return nil, nil, err
	}
	notFinite := 0
	for i, v := range f.Data {
		if v-v != 0 {
			notFinite++
		}
		if v-v != 0 || weights != nil && weights[i] == 0 {
			f.Data[i] = math.NaN()
		}
	}
	search := OutlierSearch{
		Plane: "channel", Planes: 1, Rows: f.Rows, Cols: f.Cols, Box: imageio.Box{R1: f.Rows, C1: f.Cols}, Data: f.Data, Apart: true, Marks: true,
	}
	found, err := search.Find(nil)
	if err != nil {
		return nil, nil, err
	}
	if found.Nothing {
		return nil, nil, errors.New(path + ": " + found.WholePlanes(&search) + ": nothing was observed")
	}
	text := found.Text(&search, "image.outliers", OutliersReport)
	found.LeaveOut(&search, OutliersReport)
	for k, in := range inputs {
		if k == 0 {
			in.Missing = MissingText(notFinite, found.Taken(OutliersReport), len(f.Data))
			if text != "" {
				DescribeOutliers(&in, text)
			}
		}
		notes = append(notes, withoutKeys.Replace(strings.TrimSpace(in.String())))
	}
	return f, notes, nil
}
