package tv

import (
	"math"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// Total variation with a PSF that varies gives the same result on one rank and on several, another one than with one PSF, and
// refuses a [blur] beside it.
func TestVaryingPSF(t *testing.T) {
	const text = `
job = "tv"
[simulate]
rows = 24
cols = 30
missing = 0.05
[psf_model]
size = 7
grid = 2
fwhm_left = 1.5
fwhm_right = 3.0
[tv]
lambda = 0.001
tolerance = 1e-5
[output]
pictures = false
`
	var one []float64
	for _, n := range []int{1, 3} {
		dir, err := jobtest.Run(t, Load, n, text, "psf_model.kind=field")
		if err != nil {
			t.Fatal(err)
		}
		if jobtest.Metrics(t, dir)["psf_model"] == nil {
			t.Error("psf_model is not in metrics.json")
		}
		w := jobtest.ReadNpy(t, dir, "solution.npy")
		if one == nil {
			one = w
		}
		if d := distance(w, one); !(d < 1e-2) {
			t.Errorf("%d ranks: the solution differs by %g", n, d)
		}
	}
	dir, err := jobtest.Run(t, Load, 1, text, "psf_model.kind=none")
	if err != nil {
		t.Fatal(err)
	}
	if d := distance(jobtest.ReadNpy(t, dir, "solution.npy"), one); d < 1e-3 {
		t.Errorf("without [psf_model] the solution differs by %g only", d)
	}
	if _, err := jobtest.Parse(Load, text, "psf_model.kind=field", "blur.kind=gaussian"); err == nil {
		t.Error("a PSF model and a blur are taken together")
	}
}

func distance(a, b []float64) float64 {
	d, s := 0.0, 0.0
	for i := range a {
		d += (a[i] - b[i]) * (a[i] - b[i])
		s += b[i] * b[i]
	}
	return math.Sqrt(d / s)
}
