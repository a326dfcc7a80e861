package tikhonov

import (
	"math"
	"testing"

	"tessera/internal/jobs/jobtest"
)

const homogeniseJob = `
job = "tikhonov"
[simulate]
rows = 54
cols = 54
noise = 0.0002
missing = 0.0
[psf_model]
kind = "field"
size = 9
grid = 3
fwhm_left = 2.0
fwhm_right = 2.8
ellipticity = 0.15
coma = 0.15
[target]
kind = "gaussian"
sigma = 1.9
[tikhonov]
lambda = 2e-4
tolerance = 1e-4
`

// Stars whose FWHM and ellipticity change over the frame have one form afterwards, with their flux; rank counts do not matter, and the frame
// that is written is the solution blurred with the target.
func TestHomogenise(t *testing.T) {
	var one []float64
	for _, n := range []int{1, 3} {
		dir, err := jobtest.Run(t, Load, n, homogeniseJob)
		if err != nil {
			t.Fatal(err)
		}
		target := jobtest.Metrics(t, dir)["target"].(map[string]any)
		low, high, before := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{}, 0.0
		for _, v := range target["places"].([]any) {
			p := v.(map[string]any)
			for k, key := range []string{"fwhm_before", "fwhm"} {
				low[k], high[k] = math.Min(low[k], p[key].(float64)), math.Max(high[k], p[key].(float64))
			}
			if e, flux := p["ellipticity"].(float64), p["flux"].(float64); e > 0.01 || math.Abs(flux-1) > 0.005 {
				t.Errorf("%d ranks: ellipticity %g, flux %g at %v", n, e, flux, p)
			}
			if gain := p["noise_gain"].(float64); !(gain > 0.01 && gain < 10) {
				t.Errorf("%d ranks: noise gain %g", n, gain)
			}
		}
		before = high[0]/low[0] - 1
		if after := high[1]/low[1] - 1; after > 0.02 || before < 0.2 {
			t.Errorf("%d ranks: the FWHM scatters by %.3f, before by %.3f", n, after, before)
		}
		w := jobtest.ReadNpy(t, dir, "homogenised.npy")
		if one == nil {
			one = w
		}
		if d := distance(w, one); d > 1e-3 {
			t.Errorf("%d ranks: homogenised.npy differs by %g", n, d)
		}
	}
	if _, err := jobtest.Parse(Load, homogeniseJob, "target.kind=no"); err == nil {
		t.Error("an unknown target is taken")
	}
}
