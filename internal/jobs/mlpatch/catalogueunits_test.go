package mlpatch

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
)

// catalogueIn writes ten galaxies whose positions are degrees times scale, in columns of a unit, "" = none.
func catalogueIn(t *testing.T, unit string, scale float64, weights bool) string {
	t.Helper()
	var b strings.Builder
	if unit != "" {
		fmt.Fprintf(&b, "# - {name: ra, unit: %s}\n# - {name: dec, unit: %s}\n", unit, unit)
	}
	b.WriteString("ra,dec,e1,e2,weight\n")
	for i := range 10 {
		x, w := float64(i), 1.0
		if weights && i > 4 {
			w = 3
		}
		fmt.Fprintf(&b, "%.17g,%.17g,%g,%g,%g\n", (40+0.03*x)*scale, (10+0.1*math.Sin(x))*scale, 0.3*math.Cos(2*x), 0.2+0.01*x, w)
	}
	path := filepath.Join(t.TempDir(), "galaxies.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// skyOf reads a catalogue with settings of the config.
func skyOf(t *testing.T, path string, sets ...string) (*sky, error) {
	t.Helper()
	f, err := config.Parse("test.toml", []byte(`job = "darkmatter"`), append(sets, "catalogue.path="+path))
	if err != nil {
		t.Fatal(err)
	}
	c := darkDefaults()
	f.Decode(&c)
	c.check(f)
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	s, _, err := c.sky()
	return s, err
}

// A catalogue has the same grid in every unit of angle that its file says, with a word; another unit is refused.
func TestCatalogueUnits(t *testing.T) {
	want, err := skyOf(t, catalogueIn(t, "deg", 1, true))
	if err != nil {
		t.Fatal(err)
	}
	for unit, scale := range map[string]float64{"": 1, "rad": math.Pi / 180, "hourangle": 1. / 15, "arcmin": 60, "arcsec": 3600, "mas": 3.6e6} {
		s, err := skyOf(t, catalogueIn(t, unit, scale, true))
		if err != nil {
			t.Errorf("%s: %v", unit, err)
			continue
		}
		if s.rows != want.rows || s.cols != want.cols || jobtest.Farthest(s.shear[0], want.shear[0]) > 1e-12 {
			t.Errorf("%s: %d x %d pixels, want %d x %d with the same shear", unit, s.rows, s.cols, want.rows, want.cols)
		}
		if told := strings.Contains(s.catalogue.Note, "dec converted from "+unit+" to deg"); told != (unit != "") {
			t.Errorf("%s: note %q", unit, s.catalogue.Note)
		}
	}
	for _, unit := range []string{"m", "gradian"} {
		if _, err := skyOf(t, catalogueIn(t, unit, 1, true)); err == nil || !strings.Contains(err.Error(), `column ra is in "`+unit+`"`) {
			t.Errorf("%s: %v, want an error that names column and unit", unit, err)
		}
	}
	s, err := skyOf(t, catalogueIn(t, "", math.Pi/180, true))
	if err != nil || !strings.Contains(s.catalogue.Note, "are these radians?") {
		t.Errorf("radians without a unit: %v, %+v", err, s)
	}
}

// Without shear.sigma the noise of a galaxy is the root mean square of its ellipticities, with a word; what the config gives
// stays.
func TestCatalogueSpread(t *testing.T) {
	for _, weights := range []bool{false, true} {
		path := catalogueIn(t, "deg", 1, weights)
		sum, all := 0.0, 0.0
		for i := range 10 {
			x, w := float64(i), 1.0
			if weights && i > 4 {
				w = 3
			}
			e1, e2 := 0.3*math.Cos(2*x), 0.2+0.01*x
			sum, all = sum+w*(e1*e1+e2*e2)/2, all+w
		}
		spread := math.Sqrt(sum / all)
		given, err := skyOf(t, path, fmt.Sprintf("shear.sigma=%.17g", spread))
		if err != nil {
			t.Fatal(err)
		}
		for _, sets := range [][]string{nil, {"shear.sigma=0.03"}} {
			s, err := skyOf(t, path, sets...)
			if err != nil {
				t.Fatal(err)
			}
			d := 0.0
			for i, w := range s.weights[0] {
				if w > 0 {
					d = max(d, math.Abs(w/given.weights[0][i]-1))
				}
			}
			if same := d < 1e-4; same != (sets == nil) { // ellipticities have six digits in the file
				t.Errorf("weights %v, %v: the weights differ by %g from those of sigma = %g", weights, sets, d, spread)
			}
			if told := strings.Contains(s.catalogue.Note, fmt.Sprintf("shear.sigma is not given: the noise of one galaxy is the root mean square of the ellipticities, %.4g", spread)); told != (sets == nil) {
				t.Errorf("weights %v, %v: note %q", weights, sets, s.catalogue.Note)
			}
		}
	}
}

// The config of a result holds the noise that was estimated, and running it again makes the same map.
func TestCatalogueSpreadAgain(t *testing.T) {
	path := catalogueIn(t, "deg", 1, true)
	spectrum := jobtest.WriteNpy(t, t.TempDir(), "spectrum.npy", []float64{100, 10000, 1e-7, 1e-9}, 2, 2)
	dir, err := jobtest.Run(t, LoadDark, 2, darkText, "catalogue.path="+path, "shear.pixel=1", "spectrum.path="+spectrum)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, lifecycle.ConfigName))
	if err != nil {
		t.Fatal(err)
	}
	again, err := jobtest.Run(t, LoadDark, 1, string(text), "noise.realisations=3")
	if err != nil {
		t.Fatal(err)
	}
	first := jobtest.ReadNpy(t, dir, "solution.npy")
	if d := jobtest.Farthest(first, jobtest.ReadNpy(t, again, "solution.npy")); !(d < 1e-6*jobtest.Farthest(first, make([]float64, len(first)))) {
		t.Errorf("the map of the config of a result differs by %g", d)
	}
}
