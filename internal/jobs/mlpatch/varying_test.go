package mlpatch

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// Plug-and-play ADMM with a PSF that varies gives the same result on one rank and on several, another one than with the PSF of
// [blur], and the same one with the model that the run has written; a [blur] beside it is refused.
func TestVaryingPSF(t *testing.T) {
	text := fmt.Sprintf(`
job = "mlpatch-admm"
[simulate]
rows = 20
cols = 24
noise = 0.01
[psf_model]
size = 7
grid = 2
fwhm_left = 1.5
fwhm_right = 3.0
[mlpatch]
model = %q
[admm]
max_iterations = 3
[tv]
rule = "none"
[output]
pictures = false
`, shipped)
	var one []float64
	dir := ""
	for _, n := range []int{1, 3} {
		var err error
		if dir, err = jobtest.Run(t, LoadADMM, n, text, "psf_model.kind=field"); err != nil {
			t.Fatal(err)
		}
		if jobtest.Metrics(t, dir)["psf_model"] == nil {
			t.Error("psf_model is not in metrics.json")
		}
		w := jobtest.ReadNpy(t, dir, "solution.npy")
		if one == nil {
			one = w
		}
		if d := apart(w, one); !(d < 1e-6) {
			t.Errorf("%d ranks: the solution differs by %g", n, d)
		}
	}
	again, err := jobtest.Run(t, LoadADMM, 2, text, fmt.Sprintf("psf_model.path=%q", filepath.Join(dir, "psfs.fits")))
	if err != nil {
		t.Fatal(err)
	}
	if d := apart(jobtest.ReadNpy(t, again, "solution.npy"), one); !(d < 1e-6) {
		t.Errorf("with psfs.fits the solution differs by %g", d)
	}
	if dir, err = jobtest.Run(t, LoadADMM, 1, text, "psf_model.kind=none"); err != nil {
		t.Fatal(err)
	}
	if d := apart(jobtest.ReadNpy(t, dir, "solution.npy"), one); d < 1e-3 {
		t.Errorf("without [psf_model] the solution differs by %g only", d)
	}
	if _, err := jobtest.Parse(LoadADMM, text, "psf_model.kind=field", "blur.kind=gaussian"); err == nil {
		t.Error("a PSF model and a blur are taken together")
	}
}

// apart is the distance of a from b by the size of b.
func apart(a, b []float64) float64 {
	d, s := 0.0, 0.0
	for i := range a {
		d += (a[i] - b[i]) * (a[i] - b[i])
		s += b[i] * b[i]
	}
	return math.Sqrt(d / s)
}
