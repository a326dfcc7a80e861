package psfmodel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/internal/random"
)

// skyOf is a frame of stars at subpixel places with Gaussian profiles that widen from left to right, on a background with noise.
func skyOf(rows, cols int, places [][2]float64) []float64 {
	frame := make([]float64, rows*cols)
	for i := range frame {
		frame[i] = 10 + 0.05*random.New(5).Normal(uint64(i))
	}
	for _, p := range places {
		s := widthAt(p[1], cols)
		for r := max(0, int(p[0])-20); r < min(rows, int(p[0])+21); r++ {
			for c := max(0, int(p[1])-20); c < min(cols, int(p[1])+21); c++ {
				dy, dx := float64(r)-p[0], float64(c)-p[1]
				frame[r*cols+c] += 300 / (2 * math.Pi * s * s) * math.Exp(-(dy*dy+dx*dx)/(2*s*s))
			}
		}
	}
	return frame
}

func widthAt(col float64, cols int) float64 { return 1.2 + 0.8*col/float64(cols) }

// PSFs from stars have the width of the stars in their cell, are centred and of sum 1; a bad pixel in one of several stars does
// not show, and stars that are of no use are counted by the reason.
func TestFromStars(t *testing.T) {
	const rows, cols = 200, 300
	var places [][2]float64
	for i := range 6 {
		for j := range 9 {
			places = append(places, [2]float64{18.3 + 32*float64(i) + 0.13*float64(j), 20.1 + 32*float64(j) + 0.09*float64(i)})
		}
	}
	good := len(places)
	frame := skyOf(rows, cols, places)
	frame[(18+3)*cols+20+2] += 50 // a cosmic ray in the first star
	saturated, missing, twin := places[10], places[20], places[30]
	frame[int(saturated[0])*cols+int(saturated[1])] = 1000
	frame[(int(missing[0])+2)*cols+int(missing[1])] = math.NaN()
	given := append(places[:good:good], [2]float64{3, 100}, [2]float64{twin[0] + 4, twin[1]}, [2]float64{100.5, 5}, [2]float64{0, math.NaN()})
	grid, psfs, counts, err := FromStars(frame, rows, cols, given, StarOptions{Size: 15, Down: 2, Across: 3, Saturation: 500})
	if err != nil {
		t.Fatal(err)
	}
	want := StarCounts{Given: good + 4, Used: good - 3, AtEdge: 2, Missing: 1, Saturated: 1, Crowded: 2, Off: 1}
	if counts.Least < 7 || counts.Most > 10 || counts.PoorCells != 0 {
		t.Errorf("%+v: of 51 stars in six cells", counts)
	}
	counts.Least, counts.Most = 0, 0
	if counts != want {
		t.Errorf("%+v, want %+v", counts, want)
	}
	if fmt.Sprint(grid.Rows, grid.Cols) != "[49.5 149.5] [49.5 149.5 249.5]" {
		t.Errorf("cells at %v and %v", grid.Rows, grid.Cols)
	}
	for k, p := range psfs {
		s, sum := Measure(p), 0.0
		for _, v := range p.Values {
			sum += v
		}
		fwhm := 2 * math.Sqrt(2*math.Ln2) * widthAt(grid.Cols[k%3], cols)
		if math.Abs(s.FWHM/fwhm-1) > 0.03 || s.Ellipticity > 0.02 || math.Hypot(s.Centroid[0], s.Centroid[1]) > 0.03 || math.Abs(sum-1) > 1e-12 {
			t.Errorf("cell %d: %+v, sum %.15g; want FWHM %.3f", k, s, sum, fwhm)
		}
		if v := p.Values[(7+3)*15+7+2]; v > 0.02 {
			t.Errorf("cell %d: the cosmic ray is there: %g", k, v)
		}
	}
}

// A cell without stars has the PSF of its nearest neighbour, and says so; without any star there is an error.
func TestFromFewStars(t *testing.T) {
	places := [][2]float64{{30, 30}, {31, 70}}
	frame := skyOf(100, 100, places)
	_, psfs, counts, err := FromStars(frame, 100, 100, places, StarOptions{Size: 15, Down: 2, Across: 2})
	if err != nil {
		t.Fatal(err)
	}
	if counts.EmptyCells != 2 || psfs[2].Values[7*15+7] != psfs[0].Values[7*15+7] || !strings.Contains(counts.String(), "2 cells without a star") {
		t.Errorf("%+v: %s", counts, counts)
	}
	faint := [][2]float64{{50, 50}}
	for want, call := range map[string]func() error{
		"1 too faint": func() error {
			_, _, _, err := FromStars(frame, 100, 100, places[:1], StarOptions{SNR: 1e6})
			return err
		},
		"no star is left":          func() error { _, _, _, err := FromStars(frame, 100, 100, faint, StarOptions{Size: 9}); return err },
		"0 of 0 stars":             func() error { _, _, _, err := FromStars(frame, 100, 100, nil, StarOptions{}); return err },
		"odd number from 5":        func() error { _, _, _, err := FromStars(frame, 100, 100, places, StarOptions{Size: 6}); return err },
		"a grid of 65 x 1 cells":   func() error { _, _, _, err := FromStars(frame, 100, 100, places, StarOptions{Down: 65}); return err },
		"10000 values for a frame": func() error { _, _, _, err := FromStars(frame, 10, 100, places, StarOptions{}); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want ... %s ...", err, want)
		}
	}
}

// What tessera info prints of a model, and that it prints nothing of other files.
func TestInfo(t *testing.T) {
	g := &Grid{Rows: []float64{0, 99}, Cols: []float64{0, 199}}
	var psfs []forward.PSF
	for k := range 4 {
		p, err := forward.Gaussian(15, 1+0.3*float64(k))
		if err != nil {
			t.Fatal(err)
		}
		psfs = append(psfs, p)
	}
	path := filepath.Join(t.TempDir(), "grid.fits")
	if err := WriteGrid(path, g, psfs); err != nil {
		t.Fatal(err)
	}
	text := Info(path)
	for _, want := range []string{"(stpsf)", "bilinear between 2 x 2 places", "4 images of 15 x 15", "FWHM", "49.5"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	if n := strings.Count(text, " px"); n != 9 {
		t.Errorf("%d places, want 9:\n%s", n, text)
	}
	if text := Info(cubeFile(t, [3]int{3, 3, 1}, odd)); text != "" {
		t.Errorf("of one image: %q", text)
	}
	if text := Info(psfexFile(t, 3, 3, 3, odd, polynomialCards(1, "POLNGRP = 1")[:3]...)); !strings.Contains(text, "refused") {
		t.Errorf("of a model without its cards: %q", text)
	}
}

// In a field in which most stars have another one within the size of the PSF, these do not disturb: every cell has stars of its own, as wide as
// they are there and without a second star in the image.
func TestStarsWithNeighbours(t *testing.T) {
	const rows, cols = 300, 260
	rng := rand.New(rand.NewPCG(3, 4))
	var places [][2]float64
	for range 60 {
		places = append(places, [2]float64{20 + rng.Float64()*(rows-40), 20 + rng.Float64()*(cols-40)})
	}
	frame := skyOf(rows, cols, places)
	for i := range frame {
		frame[i] += 0.01*float64(i/cols) + 0.02*float64(i%cols) // the background is inclined
	}
	for name, make := range map[string]func(o StarOptions) (*Grid, []forward.PSF, StarCounts, error){
		"given": func(o StarOptions) (*Grid, []forward.PSF, StarCounts, error) {
			return FromStars(frame, rows, cols, places, o)
		},
		"found": func(o StarOptions) (*Grid, []forward.PSF, StarCounts, error) {
			grid, psfs, counts, _, err := FromFrame(frame, rows, cols, o)
			return grid, psfs, counts, err
		},
	} {
		for _, size := range []int{15, 31} {
			grid, psfs, counts, err := make(StarOptions{Size: size, Down: 3, Across: 3})
			if err != nil {
				t.Fatal(err)
			}
			if counts.Used < counts.Given/2 || counts.EmptyCells > 0 {
				t.Errorf("%s, %d pixels: %s", name, size, counts)
			}
			for k, p := range psfs {
				s, fwhm := Measure(p), 2*math.Sqrt(2*math.Ln2)*widthAt(grid.Cols[k%3], cols)
				far := 0.0 // light in the outer half, where a neighbour would be
				for i, v := range p.Values {
					if max(math.Abs(float64(i/size-size/2)), math.Abs(float64(i%size-size/2))) > float64(size)/4 {
						far = max(far, v)
					}
				}
				if math.Abs(s.FWHM/fwhm-1) > 0.16 || s.Ellipticity > 0.05 || far > 0.02 { // it changes by 9 % to the edge of a cell
					t.Errorf("%s, %d pixels, cell %d: %+v, up to %.3f in the outer half; want FWHM %.3f", name, size, k, s, far, fwhm)
				}
			}
		}
	}
}
