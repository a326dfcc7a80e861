package mlpatch

import (
	"fmt"
	"math"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/outliers"
)

// taken is a file that was read.
type taken struct {
	path     string
	frame    *imageio.Frame
	outliers string // what was found far from all other values
	taken    int    // how many of them are missing
}

// fileOutliers is what was found in one file far from all other values.
type fileOutliers struct {
	path   string
	report *lifecycle.Outliers
}

// leaveOut makes the shears NaN that are none, and the standard deviations and counts that mark missing ones: marks of
// missing values, and what shear.outliers says. It notes what it finds beside the files.
func (s *sky) leaveOut(c *darkSettings, planes map[string][]float64, done []taken) error {
	if c.Shear.Outliers == frames.OutliersKeep {
		return nil
	}
	files := map[string]bool{} // searched
	for i, p := range c.maps() {
		data, known := planes[p[0]]
		if !known || p[0] == "simulate.from" || p[0] == "shear.mask" {
			continue
		}
		beside := p[0] != "shear.e1" && p[0] != "shear.e2"
		search := frames.OutlierSearch{
			Planes: 1, Rows: s.rows, Cols: s.cols, Box: imageio.Box{R1: s.rows, C1: s.cols}, Data: data, Marks: beside, Positive: beside,
		}
		found, err := search.Find(nil)
		if err != nil {
			return err
		}
		if found.Nothing {
			return fmt.Errorf("%s: %s", p[1], frames.NothingBut(found.WholePlanes(&search), "shear.outliers"))
		}
		done[i].outliers = found.Text(&search, "shear.outliers", c.Shear.Outliers)
		done[i].taken = found.Taken(c.Shear.Outliers)
		found.LeaveOut(&search, c.Shear.Outliers)
		if report := found.Report(&search, "shear.outliers", c.Shear.Outliers); report != nil && !files[p[1]] {
			files[p[1]] = true // one file may hold the noise of both components
			s.outliers = append(s.outliers, fileOutliers{p[1], report})
		}
	}
	return nil
}

// leaveOut makes the numbers of a catalogue NaN that mark missing ones, and ellipticities that shear.outliers takes out: columns ra, dec, e1, e2, weight, of which the
// last may be nil. It adds up what it found, and says it column by column.
func (c *darkSettings) leaveOut(cols [5][]float64) (sum *lifecycle.Outliers, notes []string, err error) {
	k := &c.Catalogue
	if c.Shear.Outliers == frames.OutliersKeep {
		return nil, nil, nil
	}
	for i, name := range []string{k.RA, k.Dec, k.E1, k.E2, k.Weight} {
		if cols[i] == nil {
			continue
		}
		shear := i == 2 || i == 3
		search := frames.OutlierSearch{
			Planes: 1, Rows: len(cols[i]), Cols: 1, Box: imageio.Box{R1: len(cols[i]), C1: 1}, Data: cols[i], Scattered: true, Marks: !shear, Positive: i == 4,
		}
		found, err := search.Find(nil)
		if err != nil {
			return nil, nil, err
		}
		if found.Nothing {
			return nil, nil, fmt.Errorf("%s: column %s: %s", k.Path, name, frames.NothingBut(found.WholePlanes(&search), "shear.outliers"))
		}
		sum = sum.Plus(found.Report(&search, "shear.outliers", c.Shear.Outliers))
		if text := found.Text(&search, "shear.outliers", c.Shear.Outliers); text != "" {
			notes = append(notes, name+": "+text)
		}
		found.LeaveOut(&search, c.Shear.Outliers)
	}
	return sum, notes, nil
}

// wrap takes whole turns from right ascensions in degrees, so that those that are good are within half a turn of their mean
// direction, as a field across 0 h is not as numbers. It tells whether there are any.
func wrap(ra []float64, good func(i int) bool) bool {
	x, y, n := 0.0, 0.0, 0
	for i, v := range ra {
		if good(i) {
			sin, cos := math.Sincos(v * math.Pi / 180)
			x, y, n = x+cos, y+sin, n+1
		}
	}
	middle := math.Round(math.Atan2(y, x) * 180 / math.Pi)
	for i, v := range ra {
		if good(i) {
			ra[i] = middle + math.Remainder(v-middle, 360)
		}
	}
	return n > 0
}

// leaveFar makes right ascensions and declinations NaN that lie far from all others, as a place does that is wrong or unknown: a
// few of them would make the map many times as large. It says so, column by column, with the numbers that were given, in degrees.
func (c *darkSettings) leaveFar(cols [5][]float64, given [2][]float64, good func(i int) bool) (warnings []string) {
	if c.Shear.Outliers == frames.OutliersKeep {
		return nil
	}
	k := &c.Catalogue
	for i, name := range []string{k.RA, k.Dec} {
		known := make([]float64, len(cols[i]))
		for row, v := range cols[i] {
			if known[row] = v; !good(row) {
				known[row] = math.NaN()
			}
		}
		far := outliers.Apart(known)
		if far == nil {
			continue
		}
		warnings = append(warnings, fmt.Sprintf(`%s, column %s: %d galaxies are left out whose places are far from all others, such as %.6g in row %d of the data; the others are from %.6g to %.6g degrees; shear.outliers = "keep" takes them as data`,
			k.Path, name, len(far.Far), given[i][far.Far[0]], far.Far[0]+1, far.Low, far.High))
		for _, row := range far.Far {
			cols[i][row] = math.NaN()
		}
	}
	return warnings
}
