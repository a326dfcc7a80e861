package kernel

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
)

const surveyJob = `
job = "kernel"
[simulate]
count = 400
[kernel]
width = 0.2
tolerance = 1e-9
[evaluate]
shape = [20, 30]
variance = true
`

func TestKernelJob(t *testing.T) {
	var first []float64
	for _, n := range []int{1, 2, 3, 4, 7} {
		dir, err := jobtest.Run(t, Load, n, surveyJob)
		if err != nil {
			t.Fatal(err)
		}
		fit := jobtest.ReadNpy(t, dir, "solution.npy")
		if first == nil {
			first = fit
		}
		if d := jobtest.Farthest(fit, first); d > 1e-6 {
			t.Errorf("%d ranks: the fit differs by %g", n, d)
		}
		for _, v := range jobtest.ReadNpy(t, dir, "variance.npy") {
			if !(v >= 0 && v <= 100) { // k(0) / lambda
				t.Fatalf("variance %v", v)
			}
		}
		m := jobtest.Metrics(t, dir)
		if b := m["balance"].(map[string]any); b["e"] != b["e_best"] {
			t.Errorf("%d ranks: E = %v, best %v", n, b["e"], b["e_best"])
		}
		if e := jobtest.Quality(t, m, "solution", "rmse"); e > 0.25 {
			t.Errorf("%d ranks: rms error %v", n, e)
		}
		for _, name := range []string{"panel.svg", "cells.svg", "coefficients.npy", "run.log"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// The same observations from every format give the same fit, and so do columns in
// another order that are named.
func TestKernelReadsTables(t *testing.T) {
	table := &imageio.Table{Names: []string{"x", "y", "value", "sigma"}, Cols: 4}
	for i := range 60 {
		x, y := math.Mod(float64(i)*0.37, 1), math.Mod(float64(i)*0.61, 1)
		table.Data = append(table.Data, x, y, math.Sin(5*x)+y, 0.5+x)
		table.Rows++
	}
	places := &imageio.Table{Names: []string{"x", "y"}, Cols: 2, Rows: 2, Data: []float64{0.3, 0.3, 2, -1}}
	folder := t.TempDir()
	at := filepath.Join(folder, "places.csv")
	if err := imageio.WriteTable(at, places); err != nil {
		t.Fatal(err)
	}
	var first []float64
	for _, ext := range []string{".csv", ".npy", ".fits", " by name.csv"} {
		path := filepath.Join(folder, "t"+ext)
		sets := []string{fmt.Sprintf("observations.path=%q", path), fmt.Sprintf("evaluate.path=%q", at), "evaluate.shape=[]", "evaluate.variance=true"}
		switch ext {
		case ".npy":
			sets = append(sets, "observations.dim=2")
		case " by name.csv":
			table.Names = []string{"a", "b", "c", "d"}
			sets = append(sets, `observations.columns=["a", "b", "3", "D"]`, "observations.dim=2", `evaluate.columns=["x", "y"]`)
		}
		if err := imageio.WriteTable(path, table); err != nil {
			t.Fatal(err)
		}
		dir, err := jobtest.Run(t, Load, 3, surveyJob, sets...)
		if err != nil {
			t.Fatalf("%s: %v", ext, err)
		}
		got, err := imageio.ReadTable(filepath.Join(dir, "predictions.csv"))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got.Data
		}
		if got.Cols != 4 || jobtest.Farthest(got.Data, first) > 0 {
			t.Errorf("%s: %v, want %v", ext, got.Data, first)
		}
		want := strings.TrimPrefix(ext, " by name")
		if _, err := os.Stat(filepath.Join(dir, "coefficients"+want)); err != nil {
			t.Error(err)
		}
	}
}

func TestKernelRefuses(t *testing.T) {
	for _, c := range []struct{ text, set, want string }{
		{"x,y,value\n1,2,3\n1,nan,3\n", "", "line 3, column 2 (y): missing (NaN)"},
		{"x,y,value\n1,2,3\n1,2,\n", "", "line 3, column 3 (value): missing (NaN)"},
		{"x,y,value,sigma\n1,2,3,0\n", "", "line 2, column 4 (sigma): sigma 0, want more than 0"},
		{"x,y,value\n1,2\n", "", "line 2: 2 fields, where the first line has 3"},
		{"x,y,value\n", "", "no numbers in it"},
		{"x,y,value\n1,2,3\n", `observations.columns=["x", "flux"]`, `no column "flux"; the columns are x, y, value`},
		{"1,2,3,4,5,6\n", "", "one observation a row is wanted: is the array transposed?; 6 columns without names"},
		{"1,2,3\n", "frame.pixels=true", ""},
		{"-1,2,3\n", "frame.pixels=true", "line 1: the observation at row -1, column 2 is outside of any frame"},
	} {
		path := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		sets := []string{fmt.Sprintf("observations.path=%q", path), "evaluate.shape=[]"}
		if c.set != "" {
			sets = append(sets, c.set)
		}
		dir, err := jobtest.Run(t, Load, 2, surveyJob, sets...)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
		if _, e := os.Stat(filepath.Join(dir, lifecycle.MetricsName)); e == nil && err != nil {
			t.Errorf("%q left a result", c.text)
		}
	}
}

// Counts and shapes that no memory holds are refused by name, before anything is allocated.
func TestKernelTooLarge(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"simulate.count=2147483648", "simulate.count"},
		{"frame.pixels=true frame.rows=1048576 frame.cols=1048576", "frame.rows and frame.cols"},
		{"simulate.count=2147483648 simulate.dim=3 evaluate.shape=[1000,1000,1000]", "simulate.count or evaluate.shape"},
	} {
		_, err := jobtest.Run(t, Load, 2, `job = "kernel"`, strings.Fields(c.set)...)
		if err == nil || !strings.Contains(err.Error(), "memory") || !strings.Contains(err.Error(), "lower "+c.want) {
			t.Errorf("%s: %v, want an error that says to lower %s", c.set, err, c.want)
		}
	}
}

// Odd sets of observations are fitted all the same.
func TestKernelOddObservations(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		sets []string
	}{
		"one":              {"0.5,0.5,1\n", nil},
		"duplicates":       {strings.Repeat("0.1,0.2,1\n0.1,0.2,3\n0.7,0.7,2\n", 5), nil},
		"one place":        {strings.Repeat("3,3,1\n", 40), nil},
		"a line":           {"0,1,1\n0,2,2\n0,3,3\n0,4,2\n0,5,1\n", nil},
		"a wide kernel":    {"0,0,1\n0,1,2\n1,0,3\n1,1,2\n0.5,0.5,1\n", []string{"kernel.width=50"}},
		"no neighbours":    {"0,0,1\n0,1,2\n1,0,3\n1,1,2\n", []string{"kernel.width=0.01"}},
		"width not given":  {"0,0,1\n0,1,2\n1,0,3\n1,1,2\n", []string{"kernel.width=0"}},
		"in one dimension": {"x,value\n1,2\n2,3\n3,1\n", nil},
		"in three":         {"x,y,z,value\n1,2,3,1\n2,3,1,2\n3,1,2,1\n", []string{"kernel.width=2"}},
	} {
		path := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		dir, err := jobtest.Run(t, Load, 4, surveyJob, append(c.sets, fmt.Sprintf("observations.path=%q", path), "evaluate.shape=[]")...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, v := range jobtest.ReadNpy(t, dir, "solution.npy") {
			if math.IsNaN(v) || math.Abs(v) > 10 {
				t.Errorf("%s: the fit has %v", name, v)
				break
			}
		}
	}
}

func psnrOf(t *testing.T, dir string) (kernel, nearest, tikhonov float64) {
	t.Helper()
	m := jobtest.Metrics(t, dir)
	return jobtest.Quality(t, m, "solution", "psnr_db"), jobtest.Quality(t, m, "nearest", "psnr_db"), jobtest.Quality(t, m, "tikhonov", "psnr_db")
}

// A sampled frame is filled better by the kernel than by nearest neighbours.
func TestInpaintObservations(t *testing.T) {
	text, err := os.ReadFile("../../../configs/inpaint-observations.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := jobtest.Run(t, Load, 3, string(text), "frame.rows=96", "frame.cols=80", "kernel.width=12")
	if err != nil {
		t.Fatal(err)
	}
	kernel, nearest, tikhonov := psnrOf(t, dir)
	t.Logf("made-up sky: kernel %.2f dB, nearest %.2f dB, Tikhonov inpainting %.2f dB", kernel, nearest, tikhonov)
	if kernel < nearest+1 {
		t.Errorf("kernel %.2f dB, nearest neighbour %.2f dB", kernel, nearest)
	}
}

func TestInpaintHubble(t *testing.T) {
	const picture = "../../../../shared/data/hubble-deep-field.jpg"
	if _, err := os.Stat(picture); err != nil {
		t.Skip("no hubble-deep-field.jpg")
	}
	if testing.Short() {
		t.Skip("10 s")
	}
	text, err := os.ReadFile("../../../configs/inpaint-observations.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := jobtest.Run(t, Load, 2, string(text), fmt.Sprintf("frame.truth=%q", picture), "kernel.width=14")
	if err != nil {
		t.Fatal(err)
	}
	kernel, nearest, tikhonov := psnrOf(t, dir)
	t.Logf("kernel %.2f dB, nearest %.2f dB, Tikhonov inpainting %.2f dB", kernel, nearest, tikhonov)
	if kernel < nearest+3 || kernel < tikhonov-0.5 {
		t.Errorf("kernel %.2f dB, nearest neighbour %.2f dB, Tikhonov inpainting %.2f dB: it was 28.4, 24.7, 28.2", kernel, nearest, tikhonov)
	}
}

func TestNearestPixels(t *testing.T) {
	const rows, cols = 9, 7
	data, weights := make([]float64, rows*cols), make([]float64, rows*cols)
	for _, i := range []int{3, 20, 21, 60} {
		data[i], weights[i] = float64(i), 1
	}
	got, err := nearestPixels(t.Context(), rows, cols, data, weights)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		square := func(j int) int {
			dy, dx := i/cols-j/cols, i%cols-j%cols
			return dy*dy + dx*dx
		}
		for j, w := range weights {
			if w > 0 && square(j) < square(int(got[i])) {
				t.Fatalf("pixel %d: %v, but %d is nearer", i, got[i], j)
			}
		}
	}
}

func TestDeepKernelJob(t *testing.T) {
	var first []float64
	counts := []int{1, 4}
	if testing.Short() {
		counts = counts[1:]
	}
	for _, n := range counts {
		dir, err := jobtest.Run(t, LoadDeep, n, "job = 'deep-kernel'\n[evaluate]\nshape = [16, 16]")
		if err != nil {
			t.Fatal(err)
		}
		m := jobtest.Metrics(t, dir)
		if jobtest.Quality(t, m, "solution", "rmse") > 0.20 || jobtest.Quality(t, m, "single", "rmse") < 0.35 {
			t.Errorf("%d ranks: test error %v", n, m["quality"])
		}
		fit := jobtest.ReadNpy(t, dir, "solution.npy")
		if first == nil {
			first = fit
		}
		if d := jobtest.Farthest(fit, first); d > 1e-5 {
			t.Errorf("%d ranks: the fit differs by %g", n, d)
		}
	}
}
