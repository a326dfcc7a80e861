package psf

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

const psfJob = `
job = "psf"
[stack]
path = %q
[psf]
path = %q
iterations = 10
`

// surveyIn writes a small survey into a new directory.
func surveyIn(t *testing.T, format string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, &SurveyFiles{Seed: 1, Count: 12, Side: 15, PSFs: 5, SNR: 3, Format: format}, dir)
	return dir
}

// write writes a survey on three ranks.
func write(t *testing.T, s *SurveyFiles, dir string) {
	t.Helper()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	jobtest.OnRanks(t, 3, func(c ranks.Comm) error { return s.Write(context.Background(), c, dir) })
}

func TestPSFJob(t *testing.T) {
	npy, fits := surveyIn(t, "npy"), surveyIn(t, "fits")
	var first []float64
	for _, n := range []int{1, 2, 3, 4, 7} {
		dir, err := jobtest.Run(t, Load, n, fmt.Sprintf(psfJob, npy+"/observed.npy", npy+"/psfs.npy"), "psf.index="+npy+"/index.npy", "stack.truth="+npy+"/truth.npy")
		if err != nil {
			t.Fatal(err)
		}
		x := jobtest.ReadNpy(t, dir, "solution.npy")
		if first == nil {
			first = x
		}
		if !slices.Equal(x, first) {
			t.Errorf("%d ranks differ from one", n)
		}
		m := jobtest.Metrics(t, dir)
		median := func(column string) float64 {
			q := m["quality"].(map[string]any)[column].(map[string]any)
			return q["pixel_error"].(map[string]any)["median"].(float64)
		}
		restored, observed := median("solution"), median("observed")
		if !(restored < observed) || m["stamps"].(float64) != 12 || len(m["checks"].([]any)) != 1 {
			t.Errorf("pixel error %g observed, %g restored; metrics %v", observed, restored, m)
		}
	}
	dir, err := jobtest.Run(t, Load, 2, fmt.Sprintf(psfJob, fits+"/observed.fits", fits+"/psfs.fits"), "psf.index="+npy+"/index.npy")
	if err != nil {
		t.Fatal(err)
	}
	s, err := imageio.ReadStack(filepath.Join(dir, "solution.fits"), 0, 12)
	if err != nil || !slices.Equal(s.Data, first) {
		t.Errorf("from FITS: %v, farthest %g", err, jobtest.Farthest(s.Data, first))
	}
	// The answer, which scaling studies read, is there whatever the format of the stack.
	j, err := jobtest.Parse(Load, fmt.Sprintf(psfJob, fits+"/observed.fits", fits+"/psfs.fits"))
	if err != nil {
		t.Fatal(err)
	}
	if x := jobtest.ReadNpy(t, dir, j.Answer); !slices.Equal(x, first) {
		t.Errorf("%s of a stack in FITS: farthest %g", j.Answer, jobtest.Farthest(x, first))
	}
}

// A simulated survey may begin with stamps from a file.
func TestPSFStart(t *testing.T) {
	const text = "job = 'psf'\n[simulate]\ncount = 12\nside = 15\npsfs = 5\nsnr = 3\n[psf]\niterations = 10\nstart = 'given'\n"
	npy := surveyIn(t, "npy")
	dir, err := jobtest.Run(t, Load, 2, text, "psf.start_path="+npy+"/truth.npy")
	if err != nil {
		t.Fatal(err)
	}
	zero, err := jobtest.Run(t, Load, 2, text, "psf.start=zero")
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(jobtest.ReadNpy(t, dir, "solution.npy"), jobtest.ReadNpy(t, zero, "solution.npy")) {
		t.Error("the start makes no difference")
	}
}

// Real stamps in both formats.
func TestPSFGalaxies(t *testing.T) {
	const data = "../../../../shared/data/"
	if _, err := os.Stat(data + "galaxies-100-observed.npy"); err != nil {
		t.Skip(err)
	}
	for _, mode := range []string{"sparse", "low-rank"} {
		var solutions [][]float64
		for _, ext := range []string{"npy", "fits"} {
			dir, err := jobtest.Run(t, Load, 2, fmt.Sprintf(psfJob, data+"galaxies-100-observed."+ext, data+"galaxies-100-psfs."+ext), "psf.mode="+mode)
			if err != nil {
				t.Fatal(err)
			}
			s, err := imageio.ReadStack(filepath.Join(dir, "solution."+ext), 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			solutions = append(solutions, s.Data)
		}
		if !slices.Equal(solutions[0], solutions[1]) {
			t.Errorf("%s: npy and FITS differ by %g", mode, jobtest.Farthest(solutions[0], solutions[1]))
		}
	}
}

func TestPSFMask(t *testing.T) {
	npy := surveyIn(t, "npy")
	text := fmt.Sprintf(psfJob, npy+"/holes.npy", npy+"/psfs.npy")
	index := "psf.index=" + npy + "/index.npy"
	data := jobtest.ReadNpy(t, npy, "observed.npy")
	mask := make([]float64, len(data))
	for i := range data {
		if mask[i] = 1; i%10 == 3 {
			mask[i], data[i] = 0, math.NaN()
		}
	}
	jobtest.WriteNpy(t, npy, "holes.npy", data, 12, 15, 15)
	jobtest.WriteNpy(t, npy, "mask.npy", mask, 12, 15, 15)
	alone, err := jobtest.Run(t, Load, 2, text, index)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := jobtest.Run(t, Load, 2, text, index, "stack.mask="+npy+"/mask.npy")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range jobtest.ReadNpy(t, dir, "solution.npy") {
		if !(v >= 0) {
			t.Fatalf("number %d is %g", i, v)
		}
	}
	if !slices.Equal(jobtest.ReadNpy(t, dir, "solution.npy"), jobtest.ReadNpy(t, alone, "solution.npy")) {
		t.Error("NaN pixels with a mask of them and without one differ")
	}
	// The mask as weights does the same.
	other, err := jobtest.Run(t, Load, 2, text, index, "stack.weights="+npy+"/mask.npy")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(jobtest.ReadNpy(t, dir, "solution.npy"), jobtest.ReadNpy(t, other, "solution.npy")) {
		t.Error("a mask and weights of 0 and 1 differ")
	}
}

func TestPSFRefuses(t *testing.T) {
	npy := surveyIn(t, "npy")
	index := "psf.index=" + npy + "/index.npy"
	text := fmt.Sprintf(psfJob, npy+"/observed.npy", npy+"/psfs.npy")
	psfs := jobtest.ReadNpy(t, npy, "psfs.npy")
	bright, dark := slices.Clone(psfs), slices.Clone(psfs)
	for i := range 225 {
		bright[225+i] *= 1.5
		dark[2*225+i] = 0
	}
	jobtest.WriteNpy(t, npy, "bright.npy", bright, 5, 15, 15)
	jobtest.WriteNpy(t, npy, "dark.npy", dark, 5, 15, 15)
	jobtest.WriteNpy(t, npy, "oblong.npy", make([]float64, 12*15*10), 12, 15, 10)
	jobtest.WriteNpy(t, npy, "none.npy", nil, 0, 15, 15)
	observed := jobtest.ReadNpy(t, npy, "observed.npy")
	last := make([]float64, len(observed)) // the axis that counts the stamps is the last one
	empty, flags, huge := slices.Clone(observed), make([]float64, len(observed)), slices.Clone(observed)
	for i, v := range observed {
		last[i%225*12+i/225] = v
		empty[i] = math.NaN()
		flags[i] = float64(max(0, i%20-18)) // 1 = bad
	}
	huge[500] = 1e300
	jobtest.WriteNpy(t, npy, "last.npy", last, 15, 15, 12)
	jobtest.WriteNpy(t, npy, "empty.npy", empty, 12, 15, 15)
	jobtest.WriteNpy(t, npy, "flags.npy", flags, 12, 15, 15)
	jobtest.WriteNpy(t, npy, "zeros.npy", make([]float64, len(observed)), 12, 15, 15)
	jobtest.WriteNpy(t, npy, "huge.npy", huge, 12, 15, 15)
	jobtest.WriteNpy(t, npy, "numbers.npy", []float64{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 0}, 12, 1)
	for name, c := range map[string]struct {
		sets []string
		want string
	}{
		"dark PSF":    {[]string{index, "psf.path=" + npy + "/dark.npy"}, "dark.npy: PSF 2: its pixels sum to 0, want 1"},
		"strict":      {[]string{index, "psf.path=" + npy + "/bright.npy", "psf.strict=true"}, "bright.npy: 1 of the PSFs 0 to 4 do not sum to 1"},
		"few PSFs":    {nil, "holds 5 PSFs for 12 stamps"},
		"not square":  {[]string{index, "stack.path=" + npy + "/oblong.npy"}, "holds 12 images of 15 x 10 pixels, want square ones"},
		"empty":       {[]string{index, "stack.path=" + npy + "/none.npy"}, "holds no stamps"},
		"index":       {[]string{"psf.index=" + npy + "/numbers.npy"}, "stamp 5 has PSF 5, want 0 to 4"},
		"truth":       {[]string{index, "stack.truth=" + npy + "/psfs.npy"}, "holds 5 stamps of 15 x 15 pixels, want 12"},
		"no PSFs":     {[]string{"psf.path="}, "the PSFs of the stamps"},
		"start":       {[]string{index, "psf.start=given"}, "psf.start_path"},
		"given noise": {[]string{index, "psf.noise=given"}, "psf.sigma"},
		"weights":     {[]string{index, "psf.noise=weights"}, "stack.weights"},
		"side":        {[]string{"simulate.side=40"}, "an odd number of pixels"},
		"only PSFs":   {[]string{"stack.path="}, "psf.path"},
		"count last":  {[]string{index, "stack.path=" + npy + "/last.npy"}, "its shape is (15, 15, 12): if the last axis counts the images, write it with that axis first"},
		"all NaN":     {[]string{index, "stack.path=" + npy + "/empty.npy"}, "empty.npy: no pixel is observed"},
		"all masked":  {[]string{index, "stack.mask=" + npy + "/zeros.npy", "stack.mask_majority=true"}, "observed.npy: no pixel is observed"},
		"no weight":   {[]string{index, "stack.weights=" + npy + "/zeros.npy"}, "observed.npy: no pixel is observed"},
		"flags":       {[]string{index, "stack.mask=" + npy + "/flags.npy"}, "flags.npy: 2565 of its 2700 pixels are 0, and 0 means masked"},
		"huge":        {[]string{index, "stack.path=" + npy + "/huge.npy", "stack.outliers=keep"}, "huge.npy: stamp 2: 1e+300 at row 3, column 5"},
		"many":        {[]string{index, "stack.path=", "psf.path=", "psf.index=", "simulate.side=15", "simulate.count=1000000000"}, "lower simulate.count, or use more hosts"},
		"too many":    {[]string{index, "stack.path=", "psf.path=", "psf.index=", "simulate.side=15", "simulate.count=9000000000000000000"}, "1 to 1250999896491 stamps of 15 x 15 pixels"},
	} {
		j, err := jobtest.Parse(Load, text, c.sets...)
		if err == nil {
			err = j.CheckFiles()
		}
		dir := t.TempDir()
		if err == nil {
			dir, err = jobtest.Run(t, Load, 3, text, c.sets...)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, err := os.Stat(filepath.Join(dir, lifecycle.MetricsName)); err == nil {
			t.Errorf("%s: there is a result", name)
		}
	}
	// A PSF that does not sum to 1 is normalised, and the run says so.
	dir, err := jobtest.Run(t, Load, 3, text, index, "psf.path="+npy+"/bright.npy")
	if err != nil {
		t.Fatal(err)
	}
	if m := jobtest.Metrics(t, dir); m["psfs_normalised"].(float64) != 1 {
		t.Errorf("%v PSFs normalised", m["psfs_normalised"])
	}
}

func TestCompatibleDefaults(t *testing.T) {
	j, err := jobtest.Parse(Load, "job = 'psf'\n[psf]\ncompat = 'sf_deconvolve'\nreweightings = 0\n")
	if err != nil || j == nil {
		t.Fatal(err)
	}
	c := compatibleDefaults()
	c.PSF.Compat = sfDeconvolve
	o := c.options()
	if !o.Compatible || o.Start != "ones" || o.Threshold != "hard" || o.Tolerance != 3e-4 || o.Reweightings != 1 || o.CheckEvery != 1 {
		t.Errorf("options %+v", o)
	}
}
