package psfmodel

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// manyPlaces are those of 20 stars that stand apart in a frame of 200 x 260 pixels.
func manyPlaces() (list [][2]float64) {
	for i := range 20 {
		list = append(list, [2]float64{30.2 + 42*float64(i/5) + 0.07*float64(i), 28.6 + 49*float64(i%5) - 0.03*float64(i)})
	}
	return list
}

// Every reason for which a place that was given is not used has its count and its words.
func TestReasonsInWords(t *testing.T) {
	const rows, cols = 200, 260
	at := func(p [2]float64, dy, dx int) int {
		return (int(math.Round(p[0]))+dy)*cols + int(math.Round(p[1])) + dx
	}
	for want, change := range map[string]func(frame []float64, list [][2]float64) [][2]float64{
		"20 of 22 stars used, left out: 2 outside of the frame; stars of a cell: 20": func(_ []float64, list [][2]float64) [][2]float64 {
			return append(list, [2]float64{-3, 50}, [2]float64{50, 260})
		},
		"left out: 1 at the edge;": func(_ []float64, list [][2]float64) [][2]float64 { return append(list, [2]float64{2, 50}) },
		"20 of 22 stars used, left out: 2 given twice;": func(_ []float64, list [][2]float64) [][2]float64 {
			return append(list, [2]float64{list[3][0] + 0.3, list[3][1] - 0.3}, list[7])
		},
		"19 of 20 stars used, left out: 1 saturated;": func(frame []float64, list [][2]float64) [][2]float64 {
			for _, d := range [][2]int{{0, 0}, {0, 1}, {1, 0}, {0, -1}} {
				frame[at(list[4], d[0], d[1])] = 60
			}
			return list
		},
		"19 of 20 stars used, left out: 1 with missing pixels;": func(frame []float64, list [][2]float64) [][2]float64 {
			frame[at(list[4], 1, 1)] = math.NaN()
			return list
		},
		"20 of 20 stars used;": func(frame []float64, list [][2]float64) [][2]float64 { // pixels away from the middles of stars
			for _, p := range list {
				frame[at(p, 6, -3)], frame[at(p, -2, 7)] = math.NaN(), math.Inf(1)
			}
			return list
		},
		"with rows and columns swapped 20 places would be on stars": func(_ []float64, list [][2]float64) [][2]float64 {
			for i, p := range list {
				list[i] = [2]float64{p[1], p[0]}
			}
			return list
		},
	} {
		list := manyPlaces()
		frame := skyOf(rows, cols, list)
		_, psfs, counts, err := FromStars(frame, rows, cols, change(frame, slices.Clone(list)), StarOptions{Size: 15})
		text := counts.String()
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, want) {
			t.Errorf("%q, want ... %s ...", text, want)
		}
		for _, p := range psfs {
			if s := Measure(p); math.Abs(s.FWHM/(2*math.Sqrt(2*math.Ln2)*widthAt(cols/2, cols))-1) > 0.1 {
				t.Errorf("%s: %+v", want, s)
			}
		}
	}
	list := manyPlaces()
	frame := skyOf(rows, cols, list)
	for i := 0; i < len(frame); i += 2 {
		frame[i] = math.NaN()
	}
	if _, _, _, err := FromStars(frame, rows, cols, list, StarOptions{Size: 15}); err == nil || !strings.Contains(err.Error(), "20 with missing pixels; PSFs with fewer pixels a side (-size N, odd)") {
		t.Errorf("error %v, want the size that mends it", err)
	}
}

// A faint star whose ring is raised by others makes no PSF with a bowl around it: it is left out and counted. A faint star on a plane is not.
func TestUnevenBackground(t *testing.T) {
	const rows, cols = 100, 200
	list := [][2]float64{{50.3, 50.2}, {49.8, 150.1}}
	for name, light := range map[string]func(angle float64) float64{ // around the second star, more than noise and less than stars
		"a raised ring":   func(float64) float64 { return 0.6 },
		"light and shade": func(angle float64) float64 { return 0.5 * math.Sin(3*angle) },
	} {
		frame := skyOf(rows, cols, list)
		for i := range frame {
			dy, dx := float64(i/cols)-list[1][0], float64(i%cols)-list[1][1]
			if d := math.Hypot(dy, dx); d > 9 && i%cols > cols/2 {
				frame[i] += light(math.Atan2(dy, dx))
			}
		}
		_, psfs, counts, err := FromStars(frame, rows, cols, list, StarOptions{Size: 21, Across: 2})
		if err != nil {
			t.Fatal(err)
		}
		if counts.Uneven != 1 || counts.Used != 1 || !strings.Contains(counts.String(), "1 with an uneven background") {
			t.Errorf("%s: %s", name, counts)
		}
		if text := counts.String(); !strings.Contains(text, "made of 1 or 2 stars") || counts.PoorCells != 1 {
			t.Errorf("no warning of a cell of one star: %s", text)
		}
		for k, p := range psfs {
			if v := slices.Min(p.Values); v < -0.002 {
				t.Errorf("PSF %d: least value %g", k, v)
			}
		}
		if fmt.Sprint(counts.Least, counts.Most) != "1 1" {
			t.Errorf("%+v", counts)
		}
	}
}
