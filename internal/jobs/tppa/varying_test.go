package tppa

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// A learned restoration with a PSF that varies is the same on one rank and on several, and with the model that the run has
// written; another one than with the PSF of [blur].
func TestVaryingPSF(t *testing.T) {
	trained, err := jobtest.Run(t, LoadTrain, 1, smallTraining, "data.validation=1", "simulate.count=4", "tppa.layers=2", "tppa.steps=1", "output.pictures=false")
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`
job = "tppa"
[simulate]
rows = 20
cols = 24
[psf_model]
size = 7
grid = 2
fwhm_left = 1.5
fwhm_right = 3.0
[tppa]
model = %q
[tv]
tolerance = 0.3
[output]
pictures = false
`, filepath.Join(trained, "model.npz"))
	model, err := readModel(filepath.Join(trained, "model.npz"))
	if err != nil {
		t.Fatal(err)
	}
	own := jobtest.WriteNpy(t, t.TempDir(), "own.npy", model.psf.Values, model.psf.Rows, model.psf.Cols)
	for _, c := range []struct {
		set  []string
		most float64 // 0 = far, with a warning
	}{
		{[]string{fmt.Sprintf("psf_model.path=%q", own), "psf_model.format=kernel"}, 1e-9},
		{[]string{"psf_model.kind=field", "psf_model.fwhm_left=9.0", "psf_model.fwhm_right=12.0"}, 0},
	} {
		out, err := jobtest.Run(t, Load, 2, "job = \"tppa\"\n[simulate]\nrows = 20\ncols = 24\n[tv]\ntolerance = 0.3\n", append(c.set, fmt.Sprintf("tppa.model=%q", filepath.Join(trained, "model.npz")))...)
		if err != nil {
			t.Fatal(err)
		}
		far := jobtest.Metrics(t, out)["model"].(map[string]any)["other_psf"].(float64)
		log, err := os.ReadFile(filepath.Join(out, "run.log"))
		if err != nil {
			t.Fatal(err)
		}
		warned := strings.Contains(string(log), "the PSF is not that of ")
		if warned != (c.most == 0) || c.most > 0 && far > c.most || c.most == 0 && (far < farPSF || far > 2) {
			t.Errorf("%v: the PSF differs from that of the model by %g, with a warning: %v", c.set, far, warned)
		}
	}
	var one []float64
	dir := ""
	for _, c := range []struct {
		ranks int
		set   func() string
	}{
		{1, func() string { return "psf_model.kind=field" }},
		{3, func() string { return "psf_model.kind=field" }},
		{2, func() string { return fmt.Sprintf("psf_model.path=%q", filepath.Join(dir, "psfs.fits")) }},
	} {
		out, err := jobtest.Run(t, Load, c.ranks, text, c.set())
		if err != nil {
			t.Fatal(err)
		}
		if jobtest.Metrics(t, out)["psf_model"] == nil {
			t.Error("psf_model is not in metrics.json")
		}
		w := jobtest.ReadNpy(t, out, "solution.npy")
		if one == nil {
			one = w
		}
		if d := jobtest.Farthest(w, one); !(d < 1e-9) {
			t.Errorf("%d ranks, %s: the solution differs by %g", c.ranks, c.set(), d)
		}
		dir = out
	}
	out, err := jobtest.Run(t, Load, 1, text, "psf_model.kind=none")
	if err != nil {
		t.Fatal(err)
	}
	if d := jobtest.Farthest(jobtest.ReadNpy(t, out, "solution.npy"), one); d < 1e-3 {
		t.Errorf("without [psf_model] the solution differs by %g only", d)
	}
	if _, err := jobtest.Parse(Load, text, "psf_model.kind=field", "blur.kind=gaussian"); err == nil {
		t.Error("a PSF model and a blur are taken together")
	}
}
