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

// colours writes a picture with three channels.
func colours(t *testing.T, path string, rows, cols int) {
	t.Helper()
	f := &imageio.Frame{Channels: 3, Rows: rows, Cols: cols, Data: make([]float64, 3*rows*cols)}
	for i := range f.Data {
		r, c := float64(i/cols%rows), float64(i%cols)
		f.Data[i] = 0.5 + 0.3*math.Sin(r/7+float64(i/(rows*cols)))*math.Cos(c/11)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := imageio.WritePNG(path, f, imageio.Linear(0, 1)); err != nil {
		t.Fatal(err)
	}
}

// Plans are right to a factor of two for every way of training and predicting.
func TestPlan(t *testing.T) {
	if testing.Short() {
		t.Skip("trains and predicts several times")
	}
	dir := t.TempDir()
	colours(t, dir+"/pictures/a.png", 300, 320)
	images := fmt.Sprintf("patches.images=%q", dir+"/pictures")
	const text = "job = 'scdl-train'\n[simulate]\ncount = 12000\n[scdl]\natoms = 64\niterations = 3\n"
	for name, c := range map[string]struct {
		ranks int
		sets  []string
	}{
		"online":   {2, []string{"scdl.method=online", "scdl.batch=1024", "scdl.atoms=256", "scdl.code_iterations=5"}},
		"disk":     {2, []string{"scdl.state=disk", "simulate.high=75"}},
		"spark":    {3, []string{"scdl.compat=spark"}},
		"pictures": {2, []string{images, "patches.count=5000"}},
	} {
		t.Run(name, func(t *testing.T) { jobtest.AgainstPlan(t, LoadTrain, c.ranks, text, c.sets...) })
	}

	high, low := spectra(60000)
	writeMatrix(t, dir+"/high.npy", "", high)
	writeMatrix(t, dir+"/low.npy", "", low)
	out, err := jobtest.Run(t, LoadTrain, 1, text, "scdl.atoms=16", "simulate.high=9")
	if err != nil {
		t.Fatal(err)
	}
	jobtest.AgainstPlan(t, LoadSpectra, 2, "job = 'scdl-spectra'\n[data]\nsamples = 'rows'\n", "code.method=lasso", "dictionary.dir="+out,
		"data.low="+dir+"/low.npy", "data.truth="+dir+"/high.npy")

	out, err = jobtest.Run(t, LoadTrain, 1, text, images, "patches.count=500")
	if err != nil {
		t.Fatal(err)
	}
	colours(t, dir+"/large.png", 500, 520)
	jobtest.AgainstPlan(t, LoadUpscale, 2, "job = 'scdl-upscale'", "dictionary.dir="+out, "image.truth="+dir+"/large.png")
	jobtest.AgainstPlan(t, LoadUpscale, 3, "job = 'scdl-upscale'", "dictionary.dir="+out, "image.path="+dir+"/large.png", "code.method=lasso", "code.lambda=0.05")
}

// The check refuses what the run would refuse for reasons that headers tell.
func TestCheckRefuses(t *testing.T) {
	dir := t.TempDir()
	high, low := spectra(70)
	writeMatrix(t, dir+"/high.npy", "", high)
	writeMatrix(t, dir+"/low.npy", "", low)
	colours(t, dir+"/pictures/a.png", 60, 60)
	colours(t, dir+"/narrow/a.png", 60, 8)
	colours(t, dir+"/tiny.png", 3, 40)
	ofSpectra, err := jobtest.Run(t, LoadTrain, 1, trainJob, "simulate.high=9")
	if err != nil {
		t.Fatal(err)
	}
	ofPictures, err := jobtest.Run(t, LoadTrain, 1, trainJob, "patches.images="+dir+"/pictures", "patches.count=100")
	if err != nil {
		t.Fatal(err)
	}
	rows := `data.samples="rows"`
	for name, c := range map[string]struct {
		kind string
		sets []string
		want string
	}{
		"small pictures":   {"scdl-train", []string{"patches.images=" + dir + "/narrow"}, "a.png: 60 x 8 pixels, want at least 10 x 10"},
		"low":              {"scdl-spectra", []string{rows, "dictionary.dir=" + ofSpectra, "data.low=" + dir + "/high.npy"}, "has samples of 9 numbers, the dictionary's have 3"},
		"truth":            {"scdl-spectra", []string{rows, "dictionary.dir=" + ofSpectra, "data.low=" + dir + "/low.npy", "data.truth=" + dir + "/low.npy"}, "data.truth = "},
		"no dictionary":    {"scdl-spectra", []string{rows, "dictionary.dir=" + dir, "data.low=" + dir + "/low.npy"}, "dictionary.toml: no such file"},
		"spectra":          {"scdl-upscale", []string{"dictionary.dir=" + ofSpectra, "image.path=" + dir + "/tiny.png"}, "want some learned from pictures"},
		"small picture":    {"scdl-upscale", []string{"dictionary.dir=" + ofPictures, "image.path=" + dir + "/tiny.png"}, "3 x 40 low pixels is smaller than a patch of 5 x 5"},
		"small true":       {"scdl-upscale", []string{"dictionary.dir=" + ofPictures, "image.truth=" + dir + "/tiny.png"}, "2 x 20 low pixels is smaller"},
		"picture is there": {"scdl-upscale", []string{"dictionary.dir=" + ofPictures, "image.path=" + dir + "/none.png"}, "no such file"},
	} {
		j, err := jobtest.Parse(kinds[c.kind], fmt.Sprintf("job = %q", c.kind), c.sets...)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.CheckFiles(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
