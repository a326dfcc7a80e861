package frames

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/report"
)

// The scale of a pixel is that of each way in which a header can say it, and is not known without
// celestial axes in degrees.
func TestPixelScale(t *testing.T) {
	for _, c := range []struct {
		name  string
		cards []string
		want  float64
	}{
		{"CD", []string{"CTYPE1  = 'RA---TAN'", "CD1_1   = -1.0E-5", "CD1_2   = 0.0", "CD2_1   = 0.0", "CD2_2   = 1.0E-5"}, 0.036},
		{"CD, turned by 45 degrees", []string{"CTYPE1  = 'RA---TAN-SIP'", "CD1_1   = -1.0E-5", "CD1_2   = 1.0E-5", "CD2_1   = 1.0E-5", "CD2_2   = 1.0E-5"}, 0.036 * math.Sqrt2},
		{"CD, only the diagonal", []string{"CTYPE1  = 'DEC--TAN'", "CD1_1   = 1.0D-5", "CD2_2   = 1.0D-5"}, 0.036},
		{"CDELT", []string{"CTYPE1  = 'GLON-CAR'", "CDELT1  = -0.001", "CDELT2  = 0.004", "CUNIT1  = 'deg     '"}, 7.2},
		{"CDELT and PC", []string{"CTYPE1  = 'RA---SIN'", "CDELT1  = 0.001", "CDELT2  = 0.001", "PC1_1   = 0.0", "PC1_2   = 1.0", "PC2_1   = -1.0", "PC2_2   = 0.0"}, 3.6},
		{"other unit", []string{"CTYPE1  = 'RA---TAN'", "CUNIT1  = 'arcsec'", "CDELT1  = 1.0", "CDELT2  = 1.0"}, 0},
		{"other axes", []string{"CTYPE1  = 'LINEAR'", "CDELT1  = 1.0", "CDELT2  = 1.0"}, 0},
		{"no axes", []string{"CDELT1  = 1.0", "CDELT2  = 1.0"}, 0},
		{"no scale", []string{"CTYPE1  = 'RA---TAN'"}, 0},
	} {
		got := 0.0
		if s := skyOf(headerOf(c.cards)); s != nil {
			got = s.pixel()
		}
		if math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %g arcsec, want %g", c.name, got, c.want)
		}
	}
}

func headerOf(cards []string) (h imageio.Header) {
	for _, card := range cards {
		h = append(h, imageio.Card(fmt.Sprintf("%-80s", card)))
	}
	return h
}

// Axes of figures are offsets on the sky: their ends, names and units, and where they begin, for
// frames that are aligned with the sky, have its axes exchanged, or are turned.
func TestSkyAxes(t *testing.T) {
	equatorial := []string{"CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CRPIX1  = 11.0", "CRPIX2  = 6.0", "CRVAL1  = 10.68", "CRVAL2  = 41.27"}
	with := func(cards ...string) []string { return append(slices.Clone(equatorial), cards...) }
	const rows, cols = 20, 40
	whole := imageio.Box{R1: rows, C1: cols}
	for _, c := range []struct {
		name  string
		cards []string
		box   imageio.Box
		x, y  report.Axis
		note  string
	}{
		{"east to the left", with("CDELT1  = -0.001", "CDELT2  = 0.001"), whole,
			report.Axis{Label: "offset towards east (arcsec)", From: 37.8, To: -106.2}, report.Axis{Label: "offset towards north (arcsec)", From: -19.8, To: 52.2},
			"Offsets are from row 5 and column 10 (RA 10.68000 deg, DEC 41.27000 deg)."},
		{"a crop", with("CDELT1  = -0.001", "CDELT2  = 0.001"), imageio.Box{R0: 5, R1: 6, C0: 10, C1: 12},
			report.Axis{Label: "offset towards east (arcsec)", From: 1.8, To: -5.4}, report.Axis{Label: "offset towards north (arcsec)", From: -1.8, To: 1.8},
			"Offsets are from row 5 and column 10 (RA 10.68000 deg, DEC 41.27000 deg)."},
		{"arcmin", with("CD1_1   = -0.01", "CD2_2   = 0.01"), whole,
			report.Axis{Label: "offset towards east (arcmin)", From: 6.3, To: -17.7}, report.Axis{Label: "offset towards north (arcmin)", From: -3.3, To: 8.7},
			"Offsets are from row 5 and column 10 (RA 10.68000 deg, DEC 41.27000 deg)."},
		{"degrees, reference outside", []string{"CTYPE1  = 'GLON-CAR'", "CTYPE2  = 'GLAT-CAR'", "CRPIX1  = -500.0", "CRPIX2  = 6.0", "CRVAL1  = 0.0", "CRVAL2  = 0.0", "CDELT1  = -0.5", "CDELT2  = 0.5"}, whole,
			report.Axis{Label: "offset in galactic longitude x cos(latitude) (deg)", From: 10, To: -10}, report.Axis{Label: "offset in galactic latitude (deg)", From: -5, To: 5},
			"Offsets are from the middle of the frame, row 9.5 and column 19.5."},
		{"no reference", []string{"CTYPE1  = 'ELON-CAR'", "CDELT1  = -0.5", "CDELT2  = 0.5"}, whole,
			report.Axis{Label: "offset in ecliptic longitude x cos(latitude) (deg)", From: 10, To: -10}, report.Axis{Label: "offset in ecliptic latitude (deg)", From: -5, To: 5},
			"Offsets are from the middle of the frame, row 9.5 and column 19.5."},
		{"quarter of a turn", with("CD1_1   = 0.0", "CD1_2   = 0.001", "CD2_1   = 0.001", "CD2_2   = 0.0"), whole,
			report.Axis{Label: "offset towards north (arcsec)", From: -37.8, To: 106.2}, report.Axis{Label: "offset towards east (arcsec)", From: -19.8, To: 52.2},
			"Offsets are from row 5 and column 10 (RA 10.68000 deg, DEC 41.27000 deg)."},
		{"declination first", []string{"CTYPE1  = 'DEC--TAN'", "CTYPE2  = 'RA---TAN'", "CDELT1  = 0.001", "CDELT2  = 0.001"}, whole,
			report.Axis{Label: "offset towards north (arcsec)", From: -72, To: 72}, report.Axis{Label: "offset towards east (arcsec)", From: -36, To: 36},
			"Offsets are from the middle of the frame, row 9.5 and column 19.5."},
		// North (0, 1) is reached by -sin 30 columns and cos 30 rows.
		{"turned by 30 degrees", with("CD1_1   = -0.000866025404", "CD1_2   = -0.0005", "CD2_1   = -0.0005", "CD2_2   = 0.000866025404"), whole,
			report.Axis{Label: "offset along a row (arcsec)", From: -37.8, To: 106.2}, report.Axis{Label: "offset along a column (arcsec)", From: -19.8, To: 52.2},
			"Offsets are from row 5 and column 10 (RA 10.68000 deg, DEC 41.27000 deg). North is -30 deg from the direction of rising rows towards that of rising columns."},
	} {
		s := skyOf(headerOf(c.cards))
		if s == nil {
			t.Fatalf("%s: no sky", c.name)
		}
		x, y, note := s.axesOf(c.box, rows, cols)
		for _, a := range [][2]report.Axis{{x, c.x}, {y, c.y}} {
			if a[0].Label != a[1].Label || math.Abs(a[0].From-a[1].From) > 1e-6 || math.Abs(a[0].To-a[1].To) > 1e-6 {
				t.Errorf("%s: axis %v, want %v", c.name, a[0], a[1])
			}
		}
		if note != c.note {
			t.Errorf("%s: %q, want %q", c.name, note, c.note)
		}
		// The sky of an enlargement has the same ends.
		u, v, _ := s.enlarged(3, 2).axesOf(imageio.Box{R0: 3 * c.box.R0, R1: 3 * c.box.R1, C0: 2 * c.box.C0, C1: 2 * c.box.C1}, 3*rows, 2*cols)
		for _, a := range [][2]report.Axis{{u, x}, {v, y}} {
			if a[0].Label != a[1].Label || math.Abs(a[0].From-a[1].From) > 1e-9 || math.Abs(a[0].To-a[1].To) > 1e-9 {
				t.Errorf("%s: the axis of an enlargement is %v, want %v", c.name, a[0], a[1])
			}
		}
	}
}
