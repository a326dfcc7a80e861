package jobs

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
)

// outlierTest says how a kind of job meets a value that is no light. A kind without one fails
// TestOutliers.
type outlierTest struct {
	unsearched string // why its data are not searched; then the rest is not used
	file       string // npy file of unitTest.input that gets such a value
	key        string // of the rule
	sets       []string
	input      func(t *testing.T, dir string) []string // in place of unitTest.input
	refuses    bool                                    // missing values are refused, and so are large marks of them; then key is not used
	table      bool                                    // values are rows of a table, which have no neighbours
}

var outlierTests = map[string]outlierTest{
	"tikhonov":         {file: "frame.npy", key: "image.outliers", sets: []string{"tikhonov.lambda=0.01", "blur.kind=gaussian"}},
	"two-layer":        {file: "frame.npy", key: "image.outliers", sets: []string{"layers.tile=8", "layers.overlap=3"}},
	"tv":               {file: "frame.npy", key: "image.outliers", sets: []string{"tv.lambda=0.01", "tv.tolerance=1e-2", "blur.kind=gaussian"}},
	"tppa":             {file: "frame.npy", key: "image.outliers", sets: []string{"tv.tolerance=0.5"}},
	"mlpatch-denoise":  {file: "frame.npy", key: "image.outliers", sets: []string{"tv.tolerance=0.5"}},
	"mlpatch-admm":     {file: "frame.npy", key: "image.outliers", sets: []string{"tv.rule=none", "admm.max_iterations=3"}},
	"mlpatch-superres": {file: "frame.npy", key: "image.outliers"},
	"psf":              {file: "stamps.npy", key: "stack.outliers"},
	"darkmatter":       {file: "e1.npy", key: "shear.outliers", sets: []string{"spectrum.path=%dir/spectrum.npy"}},
	"kernel":           {file: "table.npy", key: "observations.outliers", input: tableIn, sets: []string{"observations.missing=skip", "kernel.lambda=0.01", "kernel.width=0.5"}, table: true},
	"deep-kernel":      {file: "table.npy", key: "observations.outliers", input: tableIn, sets: []string{"observations.missing=skip", "deep.starts=1", "deep.steps=2"}, table: true},
	"scdl-train":       {unsearched: "samples are spectra or patches, of which none is beside another"},
	"scdl-spectra":     {unsearched: "samples are spectra, of which none is beside another"},
	"scdl-upscale":     {unsearched: "a picture of 8 or 16 bits has no such value"},
	"tppa-train":       {file: "cells.npy", refuses: true},
	"mlpatch-train":    {file: "cells.npy", refuses: true},
}

// prepare makes the inputs of a job in a folder. It returns the values of its config, and the file that is searched, with
// what is in it.
func (o *outlierTest) prepare(t *testing.T, kind string) (dir string, sets []string, path string, clean *imageio.Array) {
	t.Helper()
	dir = t.TempDir()
	if o.input != nil {
		sets = o.input(t, dir)
	} else {
		sets = unitTests[kind].input(t, dir, 1)
	}
	sets = append(sets, unpictured(t, kind)...)
	for _, set := range o.sets {
		sets = append(sets, strings.ReplaceAll(set, "%dir", dir))
	}
	path = filepath.Join(dir, o.file)
	clean, err := imageio.ReadNpy(path)
	if err != nil {
		t.Fatal(err)
	}
	return dir, sets, path, clean
}

// tableIn writes observations: columns x, y, value.
func tableIn(t *testing.T, dir string) []string {
	var x []float64
	for i := range 60 {
		a, b := math.Mod(float64(i)*0.618, 1), math.Mod(float64(i)*0.414, 1)
		x = append(x, a, b, math.Sin(5*a)+math.Cos(4*b))
	}
	return []string{"observations.path=" + write(t, dir, "table.npy", 1, x, 60, 3)}
}

// One value that is no light changes nothing but itself: the answer is that of the same data
// with NaN in its place, the run says beside the file what it found and where, and with
// outliers = "keep" it is data.
func TestOutliers(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			o, known := outlierTests[k.Name]
			if !known {
				t.Fatalf("no outlierTest of a job %q: add one to this file", k.Name)
			}
			if o.unsearched != "" {
				t.Skip(o.unsearched)
			}
			dir, sets, path, clean := o.prepare(t, k.Name)
			at := len(clean.Data)/2 + 5 // a value of tables, too
			try := func(v float64, more ...string) ([]float64, string) {
				data := slices.Clone(clean.Data)
				data[at] = v
				if err := imageio.WriteNpy(path, clean.Shape, data); err != nil {
					t.Fatal(err)
				}
				out := filepath.Join(dir, "out")
				if err := os.RemoveAll(out); err != nil {
					t.Fatal(err)
				}
				got, err := tryRun(t, k.Name, append(append(slices.Clone(sets), more...), fmt.Sprintf("output.dir=%q", out)))
				if err != nil {
					t.Fatalf("%g %v: %v", v, more, err)
				}
				text, err := os.ReadFile(filepath.Join(out, lifecycle.MetricsName))
				if err != nil {
					t.Fatal(err)
				}
				var m struct {
					Inputs   []lifecycle.Input `json:"inputs"`
					Outliers struct{ Missing, Reported int }
				}
				if err := json.Unmarshal(text, &m); err != nil {
					t.Fatal(err)
				}
				taken := 0
				if !math.IsNaN(v) && !slices.Contains(more, o.key+"=keep") {
					taken = 1
				}
				if m.Outliers.Missing+m.Outliers.Reported != taken {
					t.Errorf("%g %v: metrics.json has the outliers %+v", v, more, m.Outliers)
				}
				warned := m.Outliers.Missing > 0 && !slices.Contains(more, o.key+"=missing")
				if log, err := os.ReadFile(filepath.Join(out, "run.log")); err != nil || strings.Contains(string(log), "taken as missing: 1;") != warned {
					t.Errorf("%g %v: want a warning that a value was taken as missing: %v; %v", v, more, warned, err)
				}
				for _, in := range m.Inputs {
					if in.File == path {
						return got, in.Note
					}
				}
				t.Fatalf("metrics.json does not name %s", path)
				return nil, ""
			}
			if o.refuses {
				data := slices.Clone(clean.Data)
				data[at] = 1e30
				if err := imageio.WriteNpy(path, clean.Shape, data); err != nil {
					t.Fatal(err)
				}
				if _, err := tryRun(t, k.Name, append(sets, fmt.Sprintf("output.dir=%q", filepath.Join(dir, "out")))); err == nil || !strings.Contains(err.Error(), "is 1e+30, which marks a missing value") {
					t.Errorf("1e30 in a true picture: %v", err)
				}
				return
			}
			want, note := try(math.NaN())
			if strings.Contains(note, "outliers") || strings.Contains(note, "far from") {
				t.Errorf("NaN is an outlier: %s", note)
			}
			same := func(got []float64) bool {
				return slices.EqualFunc(got, want, func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })
			}
			marks := []float64{1e30, -math.MaxFloat32, -9999}
			if testing.Short() {
				marks = marks[:1] // the rules have a table of their own in internal/frames
			}
			for _, v := range marks {
				got, note := try(v)
				if !same(got) {
					t.Errorf("%g: another answer than with NaN", v)
				}
				if !strings.Contains(note, fmt.Sprintf("%.6g", v)) || !strings.Contains(note, "far from") {
					t.Errorf("%g: the note of the file is %q", v, note)
				}
			}
			alone, hot := "1 value, alone", 100.0
			if o.table {
				alone = "1 value, far from all others"
			}
			got, note := try(hot)
			if same(got) || !strings.Contains(note, alone) || !strings.Contains(note, o.key+` = "missing"`) {
				t.Errorf("a hot pixel is data and reported; the note is %q", note)
			}
			if got, note = try(hot, o.key+"=missing"); !same(got) || !strings.Contains(note, alone) {
				t.Errorf("a hot pixel that is taken out: another answer than with NaN, or the note %q", note)
			}
			if got, note = try(hot, o.key+"=keep"); same(got) || strings.Contains(note, alone) {
				t.Errorf("kept: the answer is that with NaN, or the note %q", note)
			}
		})
	}
}
