package psfmodel

import (
	"math"
	"strings"
	"testing"

	"tessera/forward"
)

// Gaussians and Moffat profiles of known widths, axes and directions.
func TestMeasure(t *testing.T) {
	for _, c := range []struct{ fwhm, ellipticity, angle, y, x float64 }{
		{2.5, 0, 0, 0, 0}, {4, 0.2, 0.5, 0.3, -0.2}, {6, 0.4, -1.2, 0, 0.5}, {3.3, 0.1, 1.5, -0.4, 0.4},
	} {
		p := forward.PSF{Rows: 41, Cols: 45}
		sum := 0.0
		for i := range p.Rows * p.Cols {
			y, x := float64(i/p.Cols-20)-c.y, float64(i%p.Cols-22)-c.x
			a, b := x*math.Cos(c.angle)+y*math.Sin(c.angle), y*math.Cos(c.angle)-x*math.Sin(c.angle)
			q := 1 - c.ellipticity
			v := math.Exp(-4 * math.Ln2 * (a*a*q + b*b/q) / (c.fwhm * c.fwhm))
			p.Values, sum = append(p.Values, v), sum+v
		}
		for i := range p.Values {
			p.Values[i] /= sum
		}
		s := Measure(p)
		if math.Abs(s.FWHM/c.fwhm-1) > 0.01 {
			t.Errorf("%+v: FWHM %g", c, s.FWHM)
		}
		if math.Abs(s.Ellipticity-c.ellipticity) > 0.001 || c.ellipticity > 0 && math.Abs(math.Sin(s.Angle-c.angle)) > 0.001 {
			t.Errorf("%+v: ellipticity %g at %g", c, s.Ellipticity, s.Angle)
		}
		if math.Abs(s.Centroid[0]-c.y) > 1e-3 || math.Abs(s.Centroid[1]-c.x) > 1e-3 {
			t.Errorf("%+v: centroid %v", c, s.Centroid)
		}
	}
	moffat, err := forward.Moffat(61, 3.4, 3)
	if err != nil {
		t.Fatal(err)
	}
	if s := Measure(moffat); math.Abs(s.FWHM/3.4-1) > 0.02 || s.Ellipticity > 1e-6 {
		t.Errorf("Moffat profile of FWHM 3.4: %+v", s)
	}
}

// The made-up field has the widths that were asked for at its left and right edge, is round and without coma in
// the middle, and its tails point outwards.
func TestField(t *testing.T) {
	f := Field{FWHM: [2]float64{2.5, 5}, Ellipticity: 0.2, Coma: 0.5, Size: 41}
	m, err := f.Model(200, 300)
	if err != nil {
		t.Fatal(err)
	}
	shape := func(row, col float64) Shape {
		p, err := m.At(row, col, 0)
		if err != nil {
			t.Fatal(err)
		}
		return Measure(p)
	}
	middle, left, right := shape(99.5, 149.5), shape(99.5, 0), shape(99.5, 299)
	if middle.Ellipticity > 1e-3 || math.Hypot(middle.Centroid[0], middle.Centroid[1]) > 1e-6 || math.Abs(middle.FWHM-3.75) > 0.1 {
		t.Errorf("in the middle %+v", middle)
	}
	if !(left.FWHM > 2.4 && left.FWHM < 3.2 && right.FWHM > 4.9 && right.FWHM < 6.3) {
		t.Errorf("FWHM %g at the left edge, %g at the right one", left.FWHM, right.FWHM)
	}
	for _, corner := range [][2]float64{{0, 0}, {0, 299}, {199, 0}, {199, 299}} {
		s := shape(corner[0], corner[1])
		if s.Centroid[0]*(corner[0]-99.5) <= 0 || s.Centroid[1]*(corner[1]-149.5) <= 0 || s.Ellipticity < 0.1 {
			t.Errorf("at %v: %+v", corner, s)
		}
	}
	for want, bad := range map[string]Field{
		"odd number":    {Size: 4, FWHM: f.FWHM},
		"places along":  {Grid: 65, FWHM: f.FWHM},
		"more than 0":   {FWHM: [2]float64{2, 0}},
		"beta":          {FWHM: f.FWHM, Beta: 1},
		"less than 0.9": {FWHM: f.FWHM, Ellipticity: 0.95},
		"coma":          {FWHM: f.FWHM, Coma: -1},
	} {
		if _, err := bad.Model(10, 10); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want ... %s ...", bad, err, want)
		}
	}
	if m, err := f.Model(1, 3); err != nil || m.Law.Images() != 3 {
		t.Errorf("a frame of 1 x 3 pixels: %v, %v", m, err)
	}
}
