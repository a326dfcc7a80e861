package tppa

import (
	"fmt"
	"path/filepath"
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
