package jobs

import (
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	textstyle "gonum.org/v1/plot/text"

	"tessera/internal/jobs/jobtest"
	"tessera/internal/report"
)

// properNames may begin with a capital letter within a title or a label.
var properNames = []string{"Kaiser", "Squires", "Wiener", "Tikhonov", "Gaussian"}

// checkWords checks that a title begins with a capital letter and that it and the other texts have no more of them.
func checkWords(t *testing.T, name, title string, texts []string) {
	t.Helper()
	if first := []rune(title)[0]; unicode.IsLower(first) && !strings.Contains(strings.Fields(title)[0], ".") {
		t.Errorf("%s: the title %q begins with a small letter", name, title)
	}
	for _, text := range append(texts, title) {
		words := strings.Fields(text)
		for i, word := range words {
			begins := i == 0 || strings.HasSuffix(words[i-1], ".") || strings.HasSuffix(words[i-1], ")")
			if word = strings.Trim(word, ".,:;()"); !begins && titleCase.MatchString(word) && !slices.Contains(properNames, word) {
				t.Errorf("%s: %q in %q has a capital letter", name, word, text)
			}
		}
	}
}

var titleCase = regexp.MustCompile(`^[A-Z][a-z]+$`)

// checkInside checks that every text of an SVG file, the numbers at the ends of its axes among them, lies inside of it.
func checkInside(t *testing.T, path string) {
	t.Helper()
	var file struct {
		ViewBox string    `xml:"viewBox,attr"`
		Groups  []svgPart `xml:"g"`
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var left, top, wide, high float64
	if _, err := fmt.Sscan(file.ViewBox, &left, &top, &wide, &high); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var look func(parts []svgPart, turned bool)
	look = func(parts []svgPart, turned bool) {
		for _, g := range parts {
			turned := turned || strings.Contains(g.Transform, "rotate(90)")
			for _, text := range g.Texts {
				seen++
				var size float64
				if at := strings.Index(text.Style, "font-size:"); at >= 0 {
					fmt.Sscan(strings.TrimSuffix(text.Style[at+len("font-size:"):], "px"), &size)
				}
				style := textstyle.Style{Font: font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, font.Length(size)), Handler: plot.DefaultTextHandler}
				length, along, across := style.Width(text.Words).Points(), wide, high
				if turned {
					along, across = high, wide
				}
				if base := math.Abs(text.Y); !(size > 4) || text.X < 0 || text.X+length > along || base > across || !turned && base+0.7*size > across {
					t.Errorf("%s: %q of %g points from (%.1f, %.1f) to %.1f does not lie in %g x %g", path, text.Words, size, text.X, base, text.X+length, wide, high)
				}
			}
			look(g.Groups, turned)
		}
	}
	look(file.Groups, false)
	if seen < 6 {
		t.Errorf("%s: %d texts", path, seen)
	}
}

// svgPart is a group of an SVG file.
type svgPart struct {
	Transform string    `xml:"transform,attr"`
	Groups    []svgPart `xml:"g"`
	Texts     []struct {
		X     float64 `xml:"x,attr"`
		Y     float64 `xml:"y,attr"`
		Style string  `xml:"style,attr"`
		Words string  `xml:",chardata"`
	} `xml:"text"`
}

// The numbers at the ends of the axes lie inside of every figure of a job, however long they are.
func TestLongCoordinates(t *testing.T) {
	dir := t.TempDir()
	table := "x,y,temperature\n"
	for i := range 40 {
		table += fmt.Sprintf("%d,%d,%g\n", 400100+i*37%40*250, 5000100+i*13%40*250, float64(i%7))
	}
	path := filepath.Join(dir, "t.csv")
	if err := os.WriteFile(path, []byte(table), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	runOn(t, 2, "kernel", []string{"observations.path=" + path, "kernel.width=3000.0", "evaluate.shape=[32, 32]", fmt.Sprintf("output.dir=%q", out)})
	for _, name := range []string{"map", "panel", "cells"} {
		checkFigure(t, filepath.Join(out, name), report.Usual(), []string{"5010000", "410000"})
	}
}

// Pixels without a galaxy, of a catalogue or of a map of counts, are not outlined as the border of a mask; the figure says how
// many there are.
func TestEmptyPixels(t *testing.T) {
	dir := t.TempDir()
	const rows, cols = 12, 16
	shear, counts := make([]float64, rows*cols), make([]float64, rows*cols)
	table := "ra,dec,e1,e2\n"
	empty := 0
	for i := range shear {
		shear[i], counts[i] = 0.01*float64(i%7), 3
		if i%cols == 5 && i/cols%4 == 2 {
			counts[i] = 0
			empty++
			continue
		}
		table += fmt.Sprintf("%g,%g,%g,%g\n", 10+float64(i%cols)/30, float64(i/cols)/30-0.2, 0.1-0.02*float64(i%11), 0.1-0.05*float64(i%5))
	}
	catalogue := filepath.Join(dir, "c.csv")
	if err := os.WriteFile(catalogue, []byte(table), 0o666); err != nil {
		t.Fatal(err)
	}
	e := jobtest.WriteNpy(t, dir, "e.npy", shear, rows, cols)
	k := jobtest.WriteNpy(t, dir, "k.npy", counts, rows, cols)
	for name, sets := range map[string][]string{
		"catalogue": {"catalogue.path=" + catalogue, "catalogue.weight=", "shear.pixel=2"},
		"counts":    {"shear.e1=" + e, "shear.e2=" + e, "shear.counts=" + k, "shear.sigma=0.3", "shear.pixel=2"},
	} {
		out := filepath.Join(dir, name)
		runOn(t, 2, "darkmatter", append(sets, "noise.realisations=2", fmt.Sprintf("output.dir=%q", out)))
		texts, _, _ := svg(t, filepath.Join(out, "panel.svg"))
		if slices.Contains(texts, "border of the observed area") {
			t.Errorf("%s: empty pixels are outlined", name)
		}
		if all := strings.Join(texts, " "); !strings.Contains(all, fmt.Sprintf("%d of %d pixels have no galaxy.", empty, rows*cols)) {
			t.Errorf("%s: no number of empty pixels in %q", name, all)
		}
	}
}
