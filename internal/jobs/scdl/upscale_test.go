package scdl

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
)

// waves is a picture with values between 0 and 1 and no symmetry.
func waves(rows, cols int) *imageio.Frame {
	f := &imageio.Frame{Channels: 1, Rows: rows, Cols: cols}
	for i := range rows {
		for j := range cols {
			r, c := float64(i), float64(j)
			f.Data = append(f.Data, 0.5+0.3*math.Sin(r/3+c/7)*math.Cos(c/4)+0.19*math.Exp(-((r-9)*(r-9)+(c-14)*(c-14))/12))
		}
	}
	return f
}

// grey learns a small dictionary from two pictures, in whose folder a system has left a
// file of its own, and returns its directory.
func grey(t *testing.T, sets ...string) (dir string, err error) {
	t.Helper()
	folder := t.TempDir()
	for k, side := range []int{40, 52} {
		if err := imageio.WritePNG(filepath.Join(folder, fmt.Sprintf("p%d.png", k)), waves(side, 48), imageio.Linear(0, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "._p0.png"), []byte("\x00\x05\x16\x07 no picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	return jobtest.Run(t, LoadTrain, 2, "job = 'scdl-train'\n[patches]\ncount = 600\npatch = 3\n[scdl]\natoms = 16\niterations = 3\n",
		append([]string{fmt.Sprintf("patches.images=%q", folder)}, sets...)...)
}

// Values of any range give the same picture in that range, with both codes, and the run
// says which value it takes for white.
func TestUpscaleRanges(t *testing.T) {
	dict, err := grey(t)
	if err != nil {
		t.Fatal(err)
	}
	if m := jobtest.Metrics(t, dict); !strings.Contains(fmt.Sprint(m["inputs"]), "2 PNG, JPEG and TIFF pictures") {
		t.Errorf("inputs %v", m["inputs"])
	}
	in := t.TempDir()
	f := waves(20, 26)
	for _, code := range []string{"ridge", "lasso"} {
		var want []float64
		for _, c := range []struct {
			times, peak float64
			sets        []string
		}{{1, 1, nil}, {1e-20, 0, nil}, {1e-3, 0, nil}, {255, 0, nil}, {255, 255, []string{"image.peak=255"}}, {1e20, 0, nil}, {1e150, 0, nil}} {
			data := make([]float64, len(f.Data))
			for i, v := range f.Data {
				data[i] = c.times * v
			}
			jobtest.WriteNpy(t, in, "small.npy", data, 20, 26)
			out, err := jobtest.Run(t, LoadUpscale, 2, "job = 'scdl-upscale'\n[code]\nlambda = 0.01\n", append(c.sets, "code.method="+code,
				fmt.Sprintf("dictionary.dir=%q", dict), fmt.Sprintf("image.path=%q", filepath.Join(in, "small.npy")))...)
			if err != nil {
				t.Fatal(err)
			}
			x := jobtest.ReadNpy(t, out, upscaledName)
			for i := range x {
				x[i] /= c.times
			}
			if want == nil {
				want = x
			}
			if d := jobtest.Farthest(want, x); !(d < 1e-5) {
				t.Errorf("%s, values times %g: off by %.2g", code, c.times, d)
			}
			m := jobtest.Metrics(t, out)
			top := 0.0
			for _, v := range data {
				top = max(top, v)
			}
			if c.peak == 0 {
				c.peak = top
			}
			if got := m["peak"].(float64); math.Abs(got-c.peak) > 1e-9*c.peak {
				t.Errorf("values up to %g: white is %g, want %g", top, got, c.peak)
			}
			if q := m["consistency"].(float64) / c.times; !(q > 0 && q < 0.05) {
				t.Errorf("%s, values times %g: consistency %g", code, c.times, q)
			}
		}
	}
}

// The value of white, by the type of a file and its values.
func TestPeakOf(t *testing.T) {
	for _, c := range []struct {
		format, typ       string
		least, most, want float64
	}{
		{"png", "uint16", 0, 0.2, 1}, {"tiff", "uint8", 0, 0.2, 1}, {"tiff", "uint16", 0, 0.2, 1}, {"tiff", "uint32", 0, 200, 255}, {"npy", "float32", 0, 0.9, 1}, {"npy", "uint8", 0, 200, 255}, {"npy", "uint8", 0, 1, 1}, {"npy", "uint16", 0, 900, 1023},
		{"npy", "uint16", 0, 4000, 4095}, {"fits", "int16", 0, 20000, 32767}, {"npy", "float64", -0.5, 0.9, 0.9}, {"fits", "float32", -30, 7, 30},
		{"npy", "float64", 0, 0, 1}, {"npy", "float64", 0, 1e-20, 1e-20}, {"npy", "uint32", 0, 1e6, 1e6},
	} {
		if got := peakOf(c.format, c.typ, c.least, c.most); got != c.want {
			t.Errorf("%s %s from %g to %g: white is %g, want %g", c.format, c.typ, c.least, c.most, got, c.want)
		}
	}
}

// Counts that no host holds are refused before anything is allocated, and samples with
// missing numbers by the file and the number.
func TestTrainRefuses(t *testing.T) {
	dir := t.TempDir()
	x := make([]float64, 6*40)
	for i := range x {
		x[i] = 1 + math.Sin(float64(i))
	}
	jobtest.WriteNpy(t, dir, "low.npy", x[:3*40], 3, 40)
	x[40*2+7] = math.NaN()
	jobtest.WriteNpy(t, dir, "high.npy", x, 6, 40)
	files := []string{fmt.Sprintf("data.high=%q", dir+"/high.npy"), fmt.Sprintf("data.low=%q", dir+"/low.npy"), "scdl.atoms=4"}
	for _, c := range []struct {
		sets []string
		want string
	}{
		{[]string{"simulate.count=2000000000", "simulate.high=100"}, "lower simulate.count or scdl.atoms"},
		{[]string{"simulate.count=9000000000000000000"}, "simulate.count"},
		{[]string{"patches.count=9000000000000000000"}, "patches.count"},
		{files, "high.npy: row 3, column 8, counted from 1: NaN"},
	} {
		if _, err := jobtest.Run(t, LoadTrain, 2, "job = 'scdl-train'\n", c.sets...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.sets, err, c.want)
		}
	}
	if _, err := grey(t, "patches.count=2000000000"); err == nil || !strings.Contains(err.Error(), "lower patches.count or scdl.atoms") {
		t.Errorf("2e9 patches: %v", err)
	}
}
