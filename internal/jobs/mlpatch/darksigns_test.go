package mlpatch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
)

// A halo away from the middle of a catalogue, whose galaxies are stretched around it, is found at its right ascension and
// declination with the keys that the page gives for the axes of the ellipticities. The strongest value is a peak, and the B mode is weak.
func TestEllipticityAxes(t *testing.T) {
	const ra0, dec0, haloRA, haloDec, pixel = 150.0, 20.0, 150.25, 19.85, 2.0 // degrees, arcmin
	shrink := math.Cos(dec0 * math.Pi / 180)
	for name, c := range map[string]struct {
		angle func(east, north float64) float64 // of a direction
		keys  []string
		row   string
	}{
		"west through north": {func(e, n float64) float64 { return math.Atan2(n, -e) }, nil, "to the west"},
		"east through north": {func(e, n float64) float64 { return math.Atan2(n, e) }, []string{"shear.flip_e2=true"}, "to the east"},
		"north through east": {func(e, n float64) float64 { return math.Atan2(e, n) }, []string{"shear.flip_e1=true", "shear.flip_e2=true"}, "from north through east"},
	} {
		var b strings.Builder
		b.WriteString("ra,dec,e1,e2\n")
		for i := range 31 {
			for j := range 31 {
				ra, dec := ra0+float64(j-15)*pixel/60/shrink, dec0+float64(i-15)*pixel/60
				east, north := (ra-haloRA)*shrink*60, (dec-haloDec)*60 // arcmin
				r2 := (east*east + north*north) / 36
				size := 0.0
				if r2 > 0 {
					size = 0.3 * ((1-math.Exp(-r2/2))/(r2/2) - math.Exp(-r2/2)) // the tangential shear of kappa = 0.3 exp(-r2/2)
				}
				phi := c.angle(-north, east) // across the direction of the halo
				fmt.Fprintf(&b, "%.9f,%.9f,%.9f,%.9f\n", ra, dec, size*math.Cos(2*phi), size*math.Sin(2*phi))
			}
		}
		path := filepath.Join(t.TempDir(), "galaxies.csv")
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		out, err := jobtest.Run(t, LoadDark, 1, darkText, append(c.keys, "catalogue.path="+path, "catalogue.weight=", "shear.sigma=0.05", "noise.realisations=2")...)
		if err != nil {
			t.Fatal(err)
		}
		f, err := imageio.ReadFrame(filepath.Join(out, "solution.fits"))
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for i, v := range f.Data {
			if math.Abs(v) > math.Abs(f.Data[at]) {
				at = i
			}
		}
		ra := ra0 - (float64(at%f.Cols)-float64(f.Cols-1)/2)*pixel/60/shrink
		dec := dec0 + (float64(at/f.Cols)-float64(f.Rows-1)/2)*pixel/60
		rms := jobtest.Metrics(t, out)["rms"].(map[string]any)
		if f.Data[at] <= 0 || math.Abs(ra-haloRA)*shrink > pixel/60 || math.Abs(dec-haloDec) > pixel/60 || !(rms["b"].(float64) < 0.3*rms["e"].(float64)) {
			t.Errorf("%s: the strongest value %.3g is at ra %.3f, dec %.3f, want a peak at %g, %g; rms %v", name, f.Data[at], ra, dec, haloRA, haloDec, rms)
		}
		s := &shearSection{}
		for _, key := range c.keys {
			s.FlipE1, s.FlipE2 = s.FlipE1 || strings.Contains(key, "e1"), s.FlipE2 || strings.Contains(key, "e2")
		}
		if !strings.Contains(s.axes(), c.row) {
			t.Errorf("%s: the table says %q", name, s.axes())
		}
	}
}

// A few places far from all others do not blow up the map: they are left out with a warning of their column and number. Without them
// nothing is left out, and shear.outliers = "keep" takes every place.
func TestFarPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		column int
		value  float64
		set    string
		left   int
	}{
		"none":        {0, 0, "shear.outliers=report", 0},
		"ra 99":       {0, 99, "shear.outliers=report", 30},
		"dec 88":      {1, 88, "shear.outliers=report", 30},
		"ra 65535":    {0, 65535, "shear.outliers=missing", 30},
		"dec 26 kept": {1, 26, "shear.outliers=keep", 0},
	} {
		rng := rand.New(rand.NewPCG(5, 6))
		var b strings.Builder
		b.WriteString("ra,dec,e1,e2\n")
		for i := range 3000 {
			row := []float64{math.Mod(359.7+0.6*rng.Float64(), 360), 20 + rng.Float64()/2}
			if i%100 == 0 && c.value != 0 {
				row[c.column] = c.value
			}
			fmt.Fprintf(&b, "%.6f,%.6f,%.4f,%.4f\n", row[0], row[1], 0.3*rng.NormFloat64(), 0.3*rng.NormFloat64())
		}
		path := filepath.Join(t.TempDir(), "galaxies.csv")
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := config.Parse("test.toml", []byte(darkText), []string{c.set, "catalogue.weight=", "catalogue.path=" + path})
		if err != nil {
			t.Fatal(err)
		}
		d := darkDefaults()
		f.Decode(&d)
		d.check(f)
		s, _, err := d.sky()
		if err != nil {
			t.Fatal(name, err)
		}
		said := strings.Join(s.warnings, "\n")
		if s.galaxies != 3000-c.left || (said != "") != (c.left > 0) || c.left > 0 && !strings.Contains(said, fmt.Sprintf("column %s: %d galaxies are left out whose places are far from all others, such as %g in row 1 ", []string{"ra", "dec"}[c.column], c.left, c.value)) {
			t.Errorf("%s: %d galaxies, %q", name, s.galaxies, said)
		}
		if small := s.rows*s.cols < 400; small == (name == "dec 26 kept") {
			t.Errorf("%s: a map of %d x %d pixels", name, s.rows, s.cols)
		}
	}
}
