package psfmodel

import (
	"math"
	"strings"
	"testing"

	"tessera/forward"
)

// Stars are found at their places, the brightest first, on a background with a gradient; hot pixels, cosmic rays and noise are not, and
// what is no use for a PSF is counted by its reason.
func TestFindStars(t *testing.T) {
	const rows, cols = 220, 300
	var places [][2]float64
	for i := range 6 {
		for j := range 8 {
			places = append(places, [2]float64{20.3 + 34*float64(i) + 0.13*float64(j), 22.1 + 34*float64(j) + 0.09*float64(i)})
		}
	}
	good := len(places)
	twin := places[21]
	all := append(places[:good:good],
		[2]float64{100, 3.2},                 // at the edge
		[2]float64{twin[0] + 6, twin[1] + 6}) // beside another one
	frame := skyOf(rows, cols, all)
	for i := range frame {
		frame[i] += 0.02 * float64(i%cols) // a gradient of a hundred standard deviations of the noise
	}
	frame[37*cols+150] += 400                              // a hot pixel
	frame[70*cols+40], frame[70*cols+41] = 600, math.NaN() // another one, beside a missing pixel
	flat, hole := places[10], places[30]                   // saturated; with a missing pixel
	for k := range 49 {                                    // a flat top
		at := (int(flat[0])+k/7-3)*cols + int(flat[1]) + k%7 - 3
		frame[at] = min(frame[at], 25)
	}
	frame[(int(hole[0])+3)*cols+int(hole[1])] = math.NaN()
	wide := places[40] // a galaxy: the same light on a larger area
	for r := range rows {
		for c := range cols {
			q := (float64(r)-wide[0])*(float64(r)-wide[0]) + (float64(c)-wide[1])*(float64(c)-wide[1])
			frame[r*cols+c] += 60 * math.Exp(-q/(2*3.5*3.5))
		}
	}
	stars, found := FindStars(frame, rows, cols)
	if len(stars) != len(all) || found != (Found{Peaks: len(all) + 2, Sharp: 2}) {
		t.Errorf("%d stars of %d: %s", len(stars), len(all), found)
	}
	for _, p := range all {
		nearest := math.Inf(1)
		for _, s := range stars {
			nearest = min(nearest, math.Hypot(s.Place[0]-p[0], s.Place[1]-p[1]))
		}
		if nearest > 0.5 && !(p == flat && nearest < 1.5) { // the peak of a flat top may be at its edge
			t.Errorf("the star at %v was not found: the nearest is %.2f pixels away", p, nearest)
		}
	}
	for k := 1; k < len(stars); k++ {
		if stars[k].Height > stars[k-1].Height {
			t.Errorf("star %d is brighter than the one before", k)
		}
	}
	grid, psfs, counts, _, err := FromFrame(frame, rows, cols, StarOptions{Size: 15, Down: 2, Across: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := StarCounts{Given: len(all), Used: good - 4, AtEdge: 1, Missing: 1, Saturated: 1, Crowded: 2, Odd: 1, Least: 11, Most: 11}
	if counts != want {
		t.Errorf("%+v, want %+v", counts, want)
	}
	for _, reason := range []string{"at the edge", "with missing pixels", "saturated", "with a neighbour", "of another width"} {
		if !strings.Contains(counts.String(), "1 "+reason) && !strings.Contains(counts.String(), "2 "+reason) {
			t.Errorf("%q does not say %q", counts, reason)
		}
	}
	for k, p := range psfs {
		s, fwhm := Measure(p), 2*math.Sqrt(2*math.Ln2)*widthAt(grid.Cols[k%2], cols)
		if math.Abs(s.FWHM/fwhm-1) > 0.04 || s.Ellipticity > 0.02 || math.Hypot(s.Centroid[0], s.Centroid[1]) > 0.03 {
			t.Errorf("cell %d: %+v; want FWHM %.3f", k, s, fwhm)
		}
	}
}

// Frames without stars have none: noise, a constant, nothing but missing pixels, one pixel, an edge of light.
func TestNoStars(t *testing.T) {
	const side = 70
	for name, value := range map[string]func(noise []float64, i int) float64{
		"noise":    func(noise []float64, i int) float64 { return noise[i] },
		"constant": func([]float64, int) float64 { return 3 },
		"missing":  func([]float64, int) float64 { return math.NaN() },
		"infinite": func([]float64, int) float64 { return math.Inf(1) },
	} {
		noise, frame := skyOf(side, side, nil), make([]float64, side*side)
		for i := range frame {
			frame[i] = value(noise, i)
		}
		stars, found := FindStars(frame, side, side)
		if len(stars) != 0 {
			t.Errorf("%s: %d stars, %s", name, len(stars), found)
		}
		if _, _, _, _, err := FromFrame(frame, side, side, StarOptions{Size: 9}); err == nil || !strings.Contains(err.Error(), "no star was found") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if stars, _ := FindStars([]float64{5}, 1, 1); len(stars) != 0 {
		t.Errorf("one pixel: %v", stars)
	}
}

// A common target is round, and as wide as the widest PSF along its long axis.
func TestCommon(t *testing.T) {
	m, err := Field{Size: 31, Grid: 3, FWHM: [2]float64{2.5, 5}, Ellipticity: 0.2, Coma: 0.3}.Model(100, 100)
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.Varying(100, 100, [2]float64{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var psfs []forward.PSF
	for i := range 25 {
		psfs = append(psfs, v.At(i/5*99/4, i%5*99/4))
	}
	widest := 0.0
	target, sigma, err := Common(psfs)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range psfs {
		s := Measure(p)
		widest = max(widest, s.FWHM/math.Sqrt(1-s.Ellipticity))
	}
	s := Measure(target)
	if s.Ellipticity > 1e-6 || !(s.FWHM > widest) || s.FWHM > 1.4*widest || math.Abs(s.FWHM/sigma/2.3548-1) > 0.02 {
		t.Errorf("target %+v of sigma %g, the widest PSF has a long axis of %g", s, sigma, widest)
	}
	if _, _, err := Common(nil); err == nil {
		t.Error("nothing has a common target")
	}
}
