package mlpatch

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/outliers"
	"tessera/internal/tables"
	"tessera/mlpatch/massmap"
)

// sky is a whole field as rank 0 reads it; each plane is rows x cols, nil = not there.
type sky struct {
	rows, cols int
	pixel      float64 // arcmin
	shear      [2][]float64
	weights    [2][]float64 // 1/variance
	truth      []float64
	empty      []bool         // pixels in which there is no galaxy; nil = not known, none
	header     imageio.Header // of the maps, or of the grid of a catalogue; nil = none
	galaxies   int            // of a catalogue
	sigma      float64        // noise of each component of one galaxy of a catalogue
	catalogue  *lifecycle.Input
	outliers   []fileOutliers // of the maps or the catalogue
	warnings   []string       // of the catalogue
}

// sky reads the files. done tells what was taken from each of them.
func (c *darkSettings) sky() (s *sky, done []taken, err error) {
	if c.Catalogue.Path != "" {
		return c.gridded()
	}
	s = &sky{rows: c.Simulate.Rows, cols: c.Simulate.Cols, pixel: c.Shear.Pixel}
	planes := map[string][]float64{}
	for i, p := range c.maps() {
		f, err := imageio.ReadFrame(p[1])
		if err != nil {
			return nil, nil, err
		}
		if i == 0 {
			s.rows, s.cols = f.Rows, f.Cols
			if f.Format == "fits" {
				s.header = f.Header
			}
		}
		if f.Channels != 1 || f.Rows != s.rows || f.Cols != s.cols {
			return nil, nil, fmt.Errorf("%s: %d x %d x %d values, want one plane of %d x %d pixels", p[1], f.Channels, f.Rows, f.Cols, s.rows, s.cols)
		}
		planes[p[0]] = f.Data
		done = append(done, taken{path: p[1], frame: f})
	}
	s.shear, s.truth = [2][]float64{planes["shear.e1"], planes["shear.e2"]}, planes["simulate.from"]
	for i, v := range s.truth {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, nil, fmt.Errorf("%s: row %d, column %d is %g: a true convergence must be finite", c.Simulate.From, i/s.cols, i%s.cols, v)
		}
	}
	if i := outliers.FirstMark(s.truth); i >= 0 {
		return nil, nil, fmt.Errorf("%s: row %d, column %d is %.6g, which marks a missing value: a true convergence must be known everywhere", c.Simulate.From, i/s.cols, i%s.cols, s.truth[i])
	}
	if err := s.leaveOut(c, planes, done); err != nil {
		return nil, nil, err
	}
	sigmas := [2][]float64{planes["shear.sigma1"], planes["shear.sigma2"]}
	n, observed := s.rows*s.cols, 0
	for part := range 2 {
		s.weights[part] = make([]float64, n)
	}
	if planes["shear.counts"] != nil {
		s.empty = make([]bool, n)
	}
	positive := func(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
	for i := range n {
		good := true
		if m := planes["shear.mask"]; m != nil {
			good = m[i] != 0 && !math.IsNaN(m[i])
		}
		if k := planes["shear.counts"]; k != nil && good && k[i] == 0 {
			s.empty[i] = true
		}
		for part := range 2 {
			sigma := c.Shear.Sigma
			if k := planes["shear.counts"]; k != nil {
				sigma /= math.Sqrt(k[i])
			}
			if sigmas[part] != nil {
				sigma = sigmas[part][i]
			}
			s.weights[part][i] = 1 / (sigma * sigma)
			good = good && positive(sigma) && positive(s.weights[part][i])
			if g := s.shear[part]; g != nil {
				good = good && !math.IsNaN(g[i]) && !math.IsInf(g[i], 0)
			}
		}
		if !good {
			s.weights[0][i], s.weights[1][i] = 0, 0
			continue
		}
		observed++
	}
	if observed == 0 {
		return nil, nil, fmt.Errorf("no pixel has a shear, a noise and a mask that is not 0: look at the planes of %s with tessera info", c.maps()[0][1])
	}
	s.flip(c)
	return s, done, nil
}

// outlined is a plane that is 0 at masked pixels, around which pictures have a line, else 1, and the number of pixels that are not
// masked and have no galaxy.
func (s *sky) outlined() (plane []float64, empty int) {
	plane = make([]float64, s.rows*s.cols)
	for i := range plane {
		if s.empty != nil && s.empty[i] {
			plane[i] = 1
			empty++
		} else if s.weights[0][i] > 0 {
			plane[i] = 1
		}
	}
	return plane, empty
}

// flip turns the signs that the config says.
func (s *sky) flip(c *darkSettings) {
	for part, flip := range []bool{c.Shear.FlipE1, c.Shear.FlipE2} {
		if flip {
			for i := range s.shear[part] {
				s.shear[part][i] *= -1
			}
		}
	}
}

// axes says about which axes the ellipticities of a catalogue are taken to be.
func (s *shearSection) axes() string {
	switch {
	case s.FlipE1 && s.FlipE2:
		return "taken as position angles from north through east (shear.flip_e1, shear.flip_e2)"
	case s.FlipE2:
		return "taken about axes to the east (rising ra) and north (shear.flip_e2)"
	case s.FlipE1:
		return "taken about axes to the west (falling ra) and north, with the other sign of e1 (shear.flip_e1)"
	}
	return "taken about axes to the west (falling ra) and north; shear.flip_e2 = true: to the east and north"
}

// ellipticities are names of a component of the ellipticity or of the shear in catalogues.
func ellipticities(component int) []string {
	var list []string
	for _, stem := range []string{"e", "g", "gamma", "ellip", "ellipticity", "shear", "epsilon"} {
		list = append(list, fmt.Sprint(stem, component), fmt.Sprint(stem, "_", component))
	}
	return list
}

// mostPixels is the largest grid of a catalogue.
const mostPixels = 1 << 26

// gridded puts the galaxies of the catalogue on a grid about the middle of their positions: x = -(ra - ra_0) cos dec_0
// and y = dec - dec_0. Columns go with falling right ascension, rows with rising declination, and the ellipticities are
// about these axes, west and north, but for what shear.flip_e1 and shear.flip_e2 turn. The shear of a pixel is the weighted mean of its galaxies.
func (c *darkSettings) gridded() (*sky, []taken, error) {
	k := &c.Catalogue
	t, err := imageio.ReadTable(k.Path)
	if err != nil {
		return nil, nil, err
	}
	var cols [5][]float64
	var names, notes []string
	var at [5]int
	for i, p := range []struct {
		key, name, usual string
		like             []string
	}{
		{"ra", k.RA, "ra", tables.Names("equatorial", 0)}, {"dec", k.Dec, "dec", tables.Names("equatorial", 1)},
		{"e1", k.E1, "e1", ellipticities(1)}, {"e2", k.E2, "e2", ellipticities(2)}, {"weight", k.Weight, "weight", tables.Weights()},
	} {
		if p.key == "weight" && p.name == "" {
			break
		}
		if p.name != p.usual {
			p.like = nil // the config says which
		}
		j, err := tables.Find(t, "catalogue."+p.key, p.name, p.like...)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", k.Path, err)
		}
		cols[i], at[i] = tables.Column(t, j), j
		if i < 2 {
			scale, said, err := tables.InDegrees(t, j)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", k.Path, err)
			}
			if said != "" {
				notes = append(notes, said)
			}
			for row := range cols[i] {
				cols[i][row] *= scale
			}
		}
		names = append(names, fmt.Sprintf("%s %s", p.key, t.Names[j]))
	}
	sum, said, err := c.leaveOut(cols)
	if err != nil {
		return nil, nil, err
	}
	notes = append(notes, said...)
	good := func(i int) bool {
		for _, col := range cols {
			if col != nil && (math.IsNaN(col[i]) || math.IsInf(col[i], 0)) {
				return false
			}
		}
		return cols[4] == nil || cols[4][i] > 0
	}
	hint := tables.RadianHint(t, at[0], at[1], func(yield func(ra, dec float64) bool) {
		for i := range t.Rows {
			if good(i) && !yield(cols[0][i], cols[1][i]) {
				return
			}
		}
	})
	if hint != "" {
		notes = append(notes, hint)
	}
	given := [2][]float64{slices.Clone(cols[0]), cols[1]}
	if !wrap(cols[0], good) {
		return nil, nil, fmt.Errorf("%s: no galaxy with a place, an ellipticity and a weight of more than 0", k.Path)
	}
	warnings := c.leaveFar(cols, given, good)
	ends := [4]float64{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
	for i := range t.Rows {
		if !good(i) {
			continue
		}
		ends[0], ends[1] = min(ends[0], cols[0][i]), max(ends[1], cols[0][i])
		ends[2], ends[3] = min(ends[2], cols[1][i]), max(ends[3], cols[1][i])
	}
	ra0, dec0 := (ends[0]+ends[1])/2, (ends[2]+ends[3])/2
	shrink, pixel := math.Cos(dec0*math.Pi/180), c.Shear.Pixel/60 // degrees
	wide, high := (ends[1]-ends[0])*shrink/pixel, (ends[3]-ends[2])/pixel
	if !(wide < mostPixels) || !(high < mostPixels) || (wide+1)*(high+1) > mostPixels {
		return nil, nil, fmt.Errorf("%s: a field of %.4g x %.4g pixels of %g arcmin, want at most %d pixels: give a larger shear.pixel, or ra and dec in degrees", k.Path, high, wide, c.Shear.Pixel, mostPixels)
	}
	s := &sky{rows: max(4, int(high+1e-6)+1), cols: max(4, int(wide+1e-6)+1), pixel: c.Shear.Pixel, outliers: []fileOutliers{{k.Path, sum}}, warnings: warnings}
	n := s.rows * s.cols
	sums := make([]float64, n) // of the squares of the weights
	for part := range 2 {
		s.shear[part], s.weights[part] = make([]float64, n), make([]float64, n)
	}
	for i := range t.Rows {
		if !good(i) {
			continue
		}
		w := 1.0
		if cols[4] != nil {
			w = cols[4][i]
		}
		x := (float64(s.cols)-1)/2 - (cols[0][i]-ra0)*shrink/pixel
		y := (float64(s.rows)-1)/2 + (cols[1][i]-dec0)/pixel
		at := min(max(int(math.Round(y)), 0), s.rows-1)*s.cols + min(max(int(math.Round(x)), 0), s.cols-1)
		for part := range 2 {
			s.shear[part][at] += w * cols[2+part][i]
			s.weights[part][at] += w
		}
		sums[at] += w * w
		s.galaxies++
	}
	sigma := c.Shear.Sigma
	if c.estimate {
		if sigma = spreadOf(cols[2], cols[3], cols[4], good); !(sigma > 0) {
			return nil, nil, fmt.Errorf("%s: the ellipticities are all 0, so that their noise cannot be estimated: write shear.sigma = NUMBER, the noise of each component of one galaxy", k.Path)
		}
		notes = append(notes, fmt.Sprintf("shear.sigma is not given: the noise of one galaxy is the root mean square of the ellipticities, %.4g for each component", sigma))
	}
	s.sigma = sigma
	s.empty = make([]bool, n)
	for i, w := range s.weights[0] {
		s.empty[i] = w == 0
	}
	for part := range 2 {
		for i, w := range s.weights[part] {
			if w > 0 {
				s.shear[part][i] /= w
				s.weights[part][i] = w * w / (sums[i] * sigma * sigma)
			}
		}
	}
	card := func(key, value string) imageio.Card {
		return imageio.Card(fmt.Sprintf("%-80s", fmt.Sprintf("%-8s= %20s", key, value)))
	}
	number := func(v float64) string { return fmt.Sprintf("%.12G", v) }
	s.header = imageio.Header{
		card("CTYPE1", "'RA---CAR'"), card("CTYPE2", "'DEC--CAR'"), card("CUNIT1", "'deg     '"), card("CUNIT2", "'deg     '"),
		card("CRPIX1", number((float64(s.cols)+1)/2)), card("CRPIX2", number((float64(s.rows)+1)/2)),
		card("CRVAL1", number(math.Mod(ra0+360, 360))), card("CRVAL2", number(dec0)),
		card("CDELT1", number(-pixel)), card("CDELT2", number(pixel)),
	}
	s.flip(c)
	s.catalogue = &lifecycle.Input{
		File: k.Path, Part: t.Part,
		Axes:    fmt.Sprintf("%d rows, %s; %d galaxies on %d rows x %d columns of %g arcmin", t.Rows, strings.Join(names, ", "), s.galaxies, s.rows, s.cols, s.pixel),
		Missing: "none missing", Note: strings.Join(notes, "; "),
	}
	if left := t.Rows - s.galaxies; left > 0 {
		rows := "rows"
		if left == 1 {
			rows = "row"
		}
		s.catalogue.Missing = fmt.Sprintf("%d %s left out, a number is missing or the weight is not above 0", left, rows)
	}
	return s, nil, nil
}

// spreadOf is the root mean square of the ellipticities of a component, sqrt(sum w (e1^2 + e2^2) / (2 sum w)), over the rows
// that are good; weights nil = 1. It is that of the shapes of the galaxies with their errors, beside which the shear is small.
func spreadOf(e1, e2, weights []float64, good func(i int) bool) float64 {
	sum, all := 0.0, 0.0
	for i := range e1 {
		if !good(i) {
			continue
		}
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		sum += w * (e1[i]*e1[i] + e2[i]*e2[i])
		all += 2 * w
	}
	return math.Sqrt(sum / all)
}

// readSpectrum reads a table of ell and C_ell: two columns without names, columns with known names, or two rows of an array.
// said tells which is which.
func readSpectrum(path string) (s *massmap.Spectrum, said lifecycle.Input, err error) {
	said = lifecycle.Input{File: path}
	if a, e := imageio.ReadNpy(path); e == nil && len(a.Shape) == 2 && a.Shape[0] == 2 {
		n := a.Shape[1]
		s = &massmap.Spectrum{Ell: a.Data[:n], Power: a.Data[n:]}
		said.Part, said.Axes = "npy array", fmt.Sprintf("row 1 is ell, row 2 C_ell, %d numbers", n)
	} else {
		t, err := imageio.ReadTable(path)
		if err != nil {
			return nil, said, err
		}
		ell, power := 0, 1
		switch {
		case t.Names != nil:
			if ell, err = tables.Find(t, "ell", "ell", "l", "multipole"); err == nil {
				power, err = tables.Find(t, "C_ell", "c_ell", "cl", "c_l", "cell", "power", "cl_kappa", "cl_kk", "value")
			}
		case t.Cols != 2:
			err = fmt.Errorf("%d columns, want two, ell and C_ell, or columns that are called so", t.Cols)
		}
		if err != nil {
			return nil, said, fmt.Errorf("%s: %w", path, err)
		}
		s = &massmap.Spectrum{Ell: tables.Column(t, ell), Power: tables.Column(t, power)}
		said.Part, said.Axes = t.Part, fmt.Sprintf("%d rows, column %d is ell, column %d C_ell", t.Rows, ell+1, power+1)
	}
	if err := s.Check(); err != nil {
		return nil, said, fmt.Errorf("%s: %w", path, err)
	}
	return s, said, nil
}
