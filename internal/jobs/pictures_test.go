package jobs

import (
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/report"
)

// drawn is what a kind of job draws. A kind without one fails TestPicturesAreLabelled.
type drawn struct {
	plain   []string            // PNG files that are images alone, to be read by programs: without title and axes
	figures map[string][]string // by name, without .png: what each must say besides a title and its axes or scales
}

// scales are what the panel of a restored frame with a truth says of its intensity.
func scales(images, residual string) []string {
	said := []string{images + " intensity", "row (pixel)", "column (pixel)", "Row 0 is at the top."}
	if residual != "" {
		said = append(said, residual+" residual", "symmetric about 0")
	}
	return said
}

var pictures = map[string]drawn{
	"tikhonov": {
		[]string{"solution.png", "observed.png", "residual.png", "truth.png", "homogenised.png"},
		map[string][]string{"panel": append(scales("(a) (b) (d) (e)", "(c)"), "lambda = "), "lambda": {"chosen: lambda"}, "sigma": {"standard deviation", "column (pixel)", "Sampling error"}},
	},
	"two-layer": {[]string{"solution.png", "layer1.png"}, map[string][]string{"panel": {"intensity", "(c) second layer", "Row 0 is at the top."}}},
	"tv": {
		[]string{"solution.png", "observed.png", "residual.png", "truth.png"},
		map[string][]string{"panel": append(scales("(a) (b) (d)", "(c)"), "lambda = "), "gap": {"iteration"}, "lambda": {"chosen: lambda"}},
	},
	"tppa": {
		[]string{"solution.png", "tikhonov.png", "tv.png", "wavelet.png", "observed.png", "truth.png"},
		map[string][]string{"panel": append(scales("", ""), "(f) learned")},
	},
	"tppa-train":       {nil, map[string][]string{"losses": {"step"}, "functions": {"phi(u) - u"}}},
	"mlpatch-train":    {nil, map[string][]string{"losses": {"step", "validation"}}},
	"mlpatch-denoise":  {[]string{"solution.png", "tv.png", "observed.png", "truth.png"}, map[string][]string{"panel": append(scales("", ""), "(c) learned")}},
	"mlpatch-admm":     {[]string{"solution.png", "tv.png", "tikhonov.png", "wiener.png", "observed.png", "truth.png"}, map[string][]string{"panel": append(scales("", ""), "(b) Tikhonov", "(c) Wiener", "learned")}},
	"mlpatch-superres": {[]string{"solution.png", "cubic.png", "truth.png"}, map[string][]string{"panel": append(scales("", ""), "(a) cubic interpolation", "(b) learned"), "losses": {"step", "validation"}}},
	"darkmatter": {nil, map[string][]string{
		"panel":   {"(a) (b) convergence of Kaiser and Squires", "(c) (d) (f) convergence of the Wiener map", "(e) Wiener map / its standard deviation", "x (arcmin)", "Row 0 is at the bottom."},
		"learned": {"convergence"}, "losses": {"step", "validation"},
		"wiener": {"convergence", "y (arcmin)"}, "ks_e": {"convergence"}, "ks_b": {"convergence"}, "snr": {"standard deviation"}, "truth": {"convergence"}, "spread": {"standard deviation"},
	}},
	"kernel": {[]string{"solution.png"}, map[string][]string{
		"map": {"x (unit square)", "y (unit square)", "value (unit of the simulation), linear scale"}, "panel": {"(a) (b) (c) value (unit of the simulation), linear scale", "(d) fit - truth", "lambda = "},
		"cells": {"log10(1 + number of observations in a pixel)", "border between the cells of two ranks", "(b) balanced cells"},
	}},
	"deep-kernel":  {nil, map[string][]string{"panel": {"(a) (b) (c) value", "(d) first feature", "x (unit square)"}}},
	"psf":          {nil, map[string][]string{"mosaic": {"observed, restored, truth: intensity", "residual: ", "15 x 15 pixels", "Row 0 is at the top."}, "convergence": {"iteration"}}},
	"scdl-train":   {nil, map[string][]string{"error": {"iteration"}, "atoms": {"atom, each shifted by 0.5"}}},
	"scdl-spectra": {},
	"scdl-upscale": {[]string{"solution.png", "bicubic.png"}, map[string][]string{"panel": {"intensity (1 = white)", "(b) learned", "Crop: rows", "row (pixel)"}}},
}

// more are settings with which a kind draws all that it can.
var more = map[string][]string{
	"tikhonov":     {"tikhonov.lambda=gcv", "output.errors=posterior", "output.error_samples=4", "target.kind=gaussian", "target.size=5"},
	"tv":           {"tv.lambda=discrepancy", "tv.tolerance=0.01", "simulate.noise=0.05"},
	"tppa":         {"tv.tolerance=0.05"},
	"mlpatch-admm": {"tv.rule=discrepancy", "tv.tolerance=0.1"},
}

// svg is what an SVG file draws: its texts, its title, and whether there are images in it.
func svg(t *testing.T, path string) (texts []string, title string, images int) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for d, in := xml.NewDecoder(file), ""; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts, title, images
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if in = token.Name.Local; in == "image" {
				images++
			}
		case xml.EndElement:
			in = ""
		case xml.CharData:
			switch in {
			case "text":
				texts = append(texts, string(token))
			case "title":
				title = string(token)
			}
		}
	}
}

// vector is the one format of figures of tests that look at their words alone: a PNG file takes much longer.
var vector = []string{"svg"}

var aNumber = regexp.MustCompile(`^-?[0-9][0-9.e-]*$`)

// Every PNG file that any kind of job leaves is an image alone, with a pixel for each of the
// array, or a figure: with an SVG file beside it, and in both a title, numbers along its axes or
// bars, and for the colours of an image the quantity, the unit and the kind of scale. Only those
// in the table above may be images alone; a new kind of job, and a new picture, has to be put there.
func TestPicturesAreLabelled(t *testing.T) {
	for _, k := range Kinds() {
		want, known := pictures[k.Name]
		if !known {
			t.Fatalf("no pictures of a job %q in pictures_test.go", k.Name)
		}
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			out := filepath.Join(dir, "out")
			sets := append(tinySets(t, k.Name, dir), more[k.Name]...)
			f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
			if err != nil {
				t.Fatal(err)
			}
			k.Load(f)
			if _, can := f.Values()["output.pictures"]; can {
				sets = append(sets, "output.pictures=true")
			}
			if _, can := f.Values()["output.formats"]; can {
				sets = append(sets, `output.formats=["svg", "pdf", "png"]`)
			} else if len(want.figures) > 0 {
				t.Error("no key output.formats")
			}
			sets = append(sets, fmt.Sprintf("output.dir=%q", out))
			runOn(t, 1, k.Name, sets)
			j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), sets)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range j.Files {
				figure, isPNG := strings.CutSuffix(name, ".png")
				if _, labelled := want.figures[figure]; isPNG && !labelled && !slices.Contains(want.plain, name) {
					t.Errorf("%s is not in the table of pictures_test.go", name)
				} else if isPNG && labelled {
					for _, format := range report.Formats() {
						if !slices.Contains(j.Files, figure+"."+format) {
							t.Errorf("no %s.%s beside %s", figure, format, name)
						}
					}
				}
			}
			if answer := filepath.Join(out, j.Answer); len(want.plain) > 0 && strings.HasSuffix(answer, ".npy") {
				sizes(t, out, want.plain)
			}
			for figure, said := range want.figures {
				checkFigure(t, filepath.Join(out, figure), report.Formats(), said)
			}
		})
	}
}

// sizes checks that images alone have the same size.
func sizes(t *testing.T, out string, names []string) {
	t.Helper()
	first := ""
	for _, name := range names {
		file, err := os.Open(filepath.Join(out, name))
		if err != nil {
			t.Errorf("no %s", name)
			continue
		}
		c, err := png.DecodeConfig(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		size := fmt.Sprintf("%d x %d", c.Height, c.Width)
		if first == "" {
			first = size
		}
		if size != first || c.Height > 150 || c.Width > 150 {
			t.Errorf("%s has %s pixels, the first image %s", name, size, first)
		}
	}
}

// checkFigure checks that a figure is there in some formats, and what it says.
func checkFigure(t *testing.T, path string, formats, said []string) {
	t.Helper()
	name := filepath.Base(path)
	for _, format := range report.Formats() {
		if _, err := os.Stat(path + "." + format); (err == nil) != slices.Contains(formats, format) {
			t.Errorf("%s.%s: %v, want %v", name, format, err, formats)
			return
		}
	}
	texts, title, images := svg(t, path+".svg")
	all := strings.Join(texts, " ")
	checkInside(t, path+".svg")
	checkWords(t, name, title, texts)
	if title == "" || !strings.HasPrefix(all, title) && !slices.Contains(texts, title) {
		t.Errorf("%s: no title %q among %q", name, title, texts)
	}
	numbers := 0
	for _, text := range texts {
		if aNumber.MatchString(text) {
			numbers++
		}
	}
	if numbers < 4 {
		t.Errorf("%s: %d numbers on its axes and bars: %q", name, numbers, texts)
	}
	if images > 0 && !strings.Contains(all, "linear scale") && !strings.Contains(all, "asinh scale") {
		t.Errorf("%s: no scale of its colours among %q", name, texts)
	}
	for _, words := range said {
		if !strings.Contains(all, words) {
			t.Errorf("%s does not say %q: %q", name, words, all)
		}
	}
}

// fitsReader is how a kind reads a FITS image or stack of which it draws pictures, and the figure
// that has it.
func fitsReader(t *testing.T, kind, dir string) (sets []string, figure string) {
	t.Helper()
	r := readings[kind]
	switch r.family {
	case "frame":
		return r.sets(t, dir, families(t, dir)["frame"]["FITS"]), "panel"
	case "stack":
		return r.sets(t, dir, families(t, dir)["stack"]["FITS"]), "mosaic"
	}
	return nil, ""
}

// Pictures of what a FITS file holds have row 0 at the bottom, as ds9 shows it, unless
// output.origin says another place; figures say where it is, and images alone are turned with
// them. The array of the answer is not turned.
func TestOrigin(t *testing.T) {
	for _, k := range Kinds() {
		if family := readings[k.Name].family; family != "frame" && family != "stack" {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			sets, figure := fitsReader(t, k.Name, dir)
			f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
			if err != nil {
				t.Fatal(err)
			}
			k.Load(f)
			if _, can := f.Values()["output.pictures"]; can {
				sets = append(sets, "output.pictures=true")
			}
			sets = append(sets, `output.formats=["svg"]`)
			answers, drawings := map[string][]float64{}, map[string][]float64{}
			for origin, says := range map[string]string{"": "Row 0 is at the bottom.", "lower": "Row 0 is at the bottom.", "upper": "Row 0 is at the top."} {
				out := filepath.Join(dir, "out"+origin)
				all := append(slices.Clone(sets), fmt.Sprintf("output.dir=%q", out))
				if origin != "" {
					all = append(all, "output.origin="+origin)
				}
				runOn(t, 1, k.Name, all)
				j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), all)
				if err != nil {
					t.Fatal(err)
				}
				checkFigure(t, filepath.Join(out, figure), vector, []string{says})
				answers[origin] = answerOf(t, out, j.Answer)
				if plain := pictures[k.Name].plain; len(plain) > 0 {
					p, err := imageio.ReadFrame(filepath.Join(out, plain[0]))
					if err != nil {
						t.Fatal(err)
					}
					if origin == "upper" {
						p = p.Flipped()
					}
					drawings[origin] = p.Data
				}
			}
			for _, origin := range []string{"lower", "upper"} {
				if !slices.Equal(answers[""], answers[origin]) {
					t.Errorf("%s: the array is turned", origin)
				}
				if !slices.Equal(drawings[""], drawings[origin]) {
					t.Errorf("%s: %s is not turned as it has to be", origin, pictures[k.Name].plain[0])
				}
			}
		})
	}
}

// Formats of figures that there are not, or that stand twice, are refused; with one format no other
// file of a figure is left, and those of an earlier run go.
func TestFigureFormats(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	sets := append(tinySets(t, "psf", dir), fmt.Sprintf("output.dir=%q", out))
	for _, formats := range []string{`["eps"]`, `["png", "png"]`} {
		if _, err := Load("test.toml", []byte(`job = "psf"`), append(sets, "output.formats="+formats)); err == nil || !strings.Contains(err.Error(), "a list of png, svg, pdf, each once") {
			t.Errorf("%s: %v", formats, err)
		}
	}
	for _, formats := range [][]string{nil, {"pdf"}} {
		more := sets
		want := report.Usual()
		if formats != nil {
			more, want = append(sets, `output.formats=["pdf"]`), formats
		}
		runOn(t, 2, "psf", more)
		for _, name := range []string{"mosaic", "convergence"} {
			for _, format := range report.Formats() {
				if _, err := os.Stat(filepath.Join(out, name+"."+format)); (err == nil) != slices.Contains(want, format) {
					t.Errorf("formats %v: %s.%s: %v", formats, name, format, err)
				}
			}
		}
	}
}

// Figures of frames in FITS files with celestial axes have offsets on the sky along their axes, an
// enlargement those of its file.
func TestSkyAxes(t *testing.T) {
	for _, k := range Kinds() {
		if readings[k.Name].family != "frame" {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			f, err := imageio.ReadFrame(families(t, dir)["frame"]["FITS"])
			if err != nil {
				t.Fatal(err)
			}
			for _, card := range []string{"CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CRPIX1  = 1.0", "CRPIX2  = 1.0", "CDELT1  = -0.0001", "CDELT2  = 0.0001", "CRVAL1  = 150.0", "CRVAL2  = 2.0"} {
				f.Header = append(f.Header, imageio.Card(fmt.Sprintf("%-80s", card)))
			}
			path := filepath.Join(dir, "sky.fits")
			if err := imageio.WriteFITS(path, f); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, "out")
			sets := append(readings[k.Name].sets(t, dir, path), `output.formats=["svg"]`, fmt.Sprintf("output.dir=%q", out))
			c, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
			if err != nil {
				t.Fatal(err)
			}
			k.Load(c)
			if _, can := c.Values()["output.pictures"]; can {
				sets = append(sets, "output.pictures=true")
			}
			runOn(t, 2, k.Name, sets)
			if own, has := map[string]string{"kernel": "row (pixel)", "scdl-upscale": "row (pixel)", "darkmatter": "y (arcmin)"}[k.Name]; has {
				checkFigure(t, filepath.Join(out, "panel"), vector, []string{own})
				return
			}
			checkFigure(t, filepath.Join(out, "panel"), vector, []string{"offset towards east (arcsec)", "offset towards north (arcsec)", "Offsets are from row ", "(RA 150.00000 deg, DEC 2.00000 deg).", "arcsec wide."})
		})
	}
}

// A mass map of a field with a hole has a line around the observed area, and a field without one has none.
func TestMassMapBorder(t *testing.T) {
	dir := t.TempDir()
	const rows, cols = 16, 20
	shear, mask := make([]float64, rows*cols), make([]float64, rows*cols)
	for i := range shear {
		shear[i], mask[i] = 0.01*float64(i%7), 1
	}
	for i := range 5 {
		mask[(4+i)*cols+9] = 0
	}
	e := jobtest.WriteNpy(t, dir, "e.npy", shear, rows, cols)
	m := jobtest.WriteNpy(t, dir, "m.npy", mask, rows, cols)
	for _, masked := range []bool{false, true} {
		out := filepath.Join(dir, fmt.Sprint(masked))
		sets := []string{"shear.e1=" + e, "shear.e2=" + e, "shear.sigma=0.1", "shear.pixel=30", "noise.realisations=2", `output.formats=["svg"]`, fmt.Sprintf("output.dir=%q", out)}
		if masked {
			sets = append(sets, "shear.mask="+m)
		}
		runOn(t, 1, "darkmatter", sets)
		for _, name := range []string{"panel", "wiener"} {
			texts, _, _ := svg(t, filepath.Join(out, name+".svg"))
			if got := slices.Contains(texts, "border of the observed area"); got != masked {
				t.Errorf("%s, masked %v: a border %v", name, masked, got)
			}
			if !slices.Contains(texts, "x (deg)") {
				t.Errorf("%s: a field of 10 degrees has axes in %q", name, texts)
			}
		}
	}
}
