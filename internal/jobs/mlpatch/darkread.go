package mlpatch

import (
	"fmt"
	"math"
	"strings"

	"tessera/internal/imageio"
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
	header     imageio.Header // of the maps, or of the grid of a catalogue; nil = none
	galaxies   int            // of a catalogue
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
		done = append(done, taken{p[1], f})
	}
	s.shear, s.truth = [2][]float64{planes["shear.e1"], planes["shear.e2"]}, planes["simulate.from"]
	for i, v := range s.truth {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, nil, fmt.Errorf("%s: row %d, column %d is %g: a true convergence must be finite", c.Simulate.From, i/s.cols, i%s.cols, v)
		}
	}
	sigmas := [2][]float64{planes["shear.sigma1"], planes["shear.sigma2"]}
	n, observed := s.rows*s.cols, 0
	for part := range 2 {
		s.weights[part] = make([]float64, n)
	}
	positive := func(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
	for i := range n {
		good := true
		if m := planes["shear.mask"]; m != nil {
			good = m[i] != 0 && !math.IsNaN(m[i])
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

// taken is a file that was read.
type taken struct {
	path  string
	frame *imageio.Frame
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

// mostPixels is the largest grid of a catalogue.
const mostPixels = 1 << 26

// gridded puts the galaxies of the catalogue on a grid about the middle of their positions: x = (ra - ra_0) cos dec_0
// and y = dec - dec_0. Columns go with falling right ascension, rows with rising declination. The shear of a
// pixel is the weighted mean of its galaxies.
func (c *darkSettings) gridded() (*sky, []taken, error) {
	k := &c.Catalogue
	t, err := imageio.ReadTable(k.Path)
	if err != nil {
		return nil, nil, err
	}
	column := func(key, name string) ([]float64, error) {
		for j, have := range t.Names {
			if strings.EqualFold(have, name) {
				return tables.Column(t, j), nil
			}
		}
		return nil, fmt.Errorf("%s: no column %q among %s: give its name with catalogue.%s", k.Path, name, strings.Join(t.Names, ", "), key)
	}
	var cols [5][]float64
	for i, p := range [][2]string{{"ra", k.RA}, {"dec", k.Dec}, {"e1", k.E1}, {"e2", k.E2}, {"weight", k.Weight}} {
		if i == 4 && p[1] == "" {
			break
		}
		if cols[i], err = column(p[0], p[1]); err != nil {
			return nil, nil, err
		}
	}
	good := func(i int) bool {
		for _, col := range cols {
			if col != nil && (math.IsNaN(col[i]) || math.IsInf(col[i], 0)) {
				return false
			}
		}
		return cols[4] == nil || cols[4][i] > 0
	}
	ends := [4]float64{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
	first := math.NaN()
	for i := range t.Rows {
		if !good(i) {
			continue
		}
		if math.IsNaN(first) {
			first = cols[0][i]
		}
		cols[0][i] = first + math.Remainder(cols[0][i]-first, 360) // a field across 0 h
		ends[0], ends[1] = min(ends[0], cols[0][i]), max(ends[1], cols[0][i])
		ends[2], ends[3] = min(ends[2], cols[1][i]), max(ends[3], cols[1][i])
	}
	if math.IsNaN(first) {
		return nil, nil, fmt.Errorf("%s: no galaxy with a place, an ellipticity and a weight of more than 0", k.Path)
	}
	ra0, dec0 := (ends[0]+ends[1])/2, (ends[2]+ends[3])/2
	shrink, pixel := math.Cos(dec0*math.Pi/180), c.Shear.Pixel/60 // degrees
	wide, high := (ends[1]-ends[0])*shrink/pixel, (ends[3]-ends[2])/pixel
	if !(wide < mostPixels) || !(high < mostPixels) || (wide+1)*(high+1) > mostPixels {
		return nil, nil, fmt.Errorf("%s: a field of %.4g x %.4g pixels of %g arcmin, want at most %d pixels: give a larger shear.pixel, or ra and dec in degrees", k.Path, high, wide, c.Shear.Pixel, mostPixels)
	}
	s := &sky{rows: max(4, int(high+1e-6)+1), cols: max(4, int(wide+1e-6)+1), pixel: c.Shear.Pixel}
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
	for part := range 2 {
		for i, w := range s.weights[part] {
			if w > 0 {
				s.shear[part][i] /= w
				s.weights[part][i] = w * w / (sums[i] * c.Shear.Sigma * c.Shear.Sigma)
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
	return s, nil, nil
}

// readSpectrum reads a table of ell and C_ell.
func readSpectrum(path string) (*massmap.Spectrum, error) {
	a, err := imageio.ReadNpy(path)
	if err != nil {
		return nil, err
	}
	if len(a.Shape) != 2 || a.Shape[0] != 2 {
		return nil, fmt.Errorf("%s: an array of shape %v, want (2, n): ell and C_ell", path, a.Shape)
	}
	n := a.Shape[1]
	s := &massmap.Spectrum{Ell: a.Data[:n], Power: a.Data[n:]}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
