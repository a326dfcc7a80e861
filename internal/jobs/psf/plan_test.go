package psf

import (
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// A plan is right to a factor of two in both forms, for a survey that the job simulates
// and for files.
func TestPlan(t *testing.T) {
	if testing.Short() {
		t.Skip("restores some hundred stamps several times")
	}
	const text = "job = 'psf'\n[psf]\niterations = 10\n[simulate]\ncount = 300\n"
	dir := t.TempDir()
	s := SurveyFiles{Seed: 1, Count: 250, Side: 41, PSFs: 40, SNR: 3, Format: "fits"}
	write(t, &s, dir)
	for name, c := range map[string]struct {
		ranks int
		sets  []string
	}{
		"reweighted":  {3, []string{"psf.reweightings=1", "psf.precision=double"}},
		"low rank":    {2, []string{"psf.mode=low-rank"}},
		"periodic":    {3, []string{"psf.border=wrap", "psf.noise=given", "psf.sigma=0.1"}},
		"compatible":  {2, []string{"psf.compat=sf_deconvolve", "simulate.side=21", "simulate.count=400"}},
		"low, compat": {2, []string{"psf.compat=sf_deconvolve", "psf.mode=low-rank", "simulate.side=21", "simulate.count=400", "psf.iterations=4"}},
		"files":       {3, []string{"stack.path=" + dir + "/observed.fits", "psf.path=" + dir + "/psfs.fits", "psf.index=" + dir + "/index.npy"}},
	} {
		t.Run(name, func(t *testing.T) { jobtest.AgainstPlan(t, Load, c.ranks, text, c.sets...) })
	}
	var b strings.Builder
	if err := jobtest.Plan(t, Load, 4, text, "psf.mode=low-rank").Write(&b); err != nil || !strings.Contains(b.String(), "times an iteration") {
		t.Errorf("%v in\n%s", err, &b)
	}
}
