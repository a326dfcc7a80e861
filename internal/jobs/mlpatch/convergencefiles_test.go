package mlpatch

import (
	"context"
	"math"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
	"tessera/ranks"
)

func writeSky(t *testing.T, dir string, c *ConvergenceFiles) func(ranks.Comm) error {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return func(comm ranks.Comm) error { return c.Write(context.Background(), comm, dir) }
}

// The sky has the root mean square that is asked for and no value below the shift, the masks hide their share, and the galaxies have
// the density and the noise that are asked for.
func TestConvergenceFiles(t *testing.T) {
	c := &ConvergenceFiles{Seed: 3, Rows: 96, Cols: 80, Pixel: 2, RMS: 0.02, Turn: 2000, Shift: 1.2, Density: 10, Sigma: 0.3, Masked: 0.25}
	dir := t.TempDir()
	jobtest.OnRanks(t, 2, writeSky(t, dir, c))
	kappa, counts, e1 := jobtest.ReadNpy(t, dir, "kappa.npy"), jobtest.ReadNpy(t, dir, "counts.npy"), jobtest.ReadNpy(t, dir, "e1.npy")
	square, least, masked, galaxies, noise := 0.0, 0.0, 0.0, 0.0, 0.0
	for i, v := range kappa {
		square += v * v / float64(len(kappa))
		least = min(least, v)
		if counts[i] == 0 {
			masked++
			continue
		}
		galaxies += counts[i]
		noise += e1[i] * e1[i] * counts[i]
	}
	seen := float64(len(kappa)) - masked
	if rms := math.Sqrt(square); math.Abs(rms/0.02-1) > 0.15 || least < -0.024 {
		t.Errorf("root mean square %g, least %g", rms, least)
	}
	if share := masked / float64(len(kappa)); share < 0.25 || share > 0.29 {
		t.Errorf("%g is masked", share)
	}
	if mean := galaxies / seen; math.Abs(mean/40-1) > 0.02 {
		t.Errorf("%g galaxies a pixel, want 40", mean)
	}
	if s := math.Sqrt(noise / seen); s < 0.29 || s > 0.34 { // and the shear itself
		t.Errorf("noise %g of a galaxy, want 0.3", s)
	}
	for _, bad := range []ConvergenceFiles{{}, {Rows: 8, Cols: 8, Pixel: 1}, {Rows: 8, Cols: 8, Pixel: 1, RMS: 1, Turn: 1, Shift: 1, Density: 1, Sigma: 1, Masked: 1}} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// Info names the job of the shipped denoiser, its patch, its noise levels and its unit.
func TestInfo(t *testing.T) {
	if text := Info(shipped); text == "" {
		t.Error("nothing is said")
	} else {
		for _, want := range []string{"mlpatch.model of mlpatch-denoise", "square patch of 81 points, 9537 parameters", "noise of", "60 pictures of 128 x 128 pixels", "hidden units [64 64]", "4500 steps"} {
			if !strings.Contains(text, want) {
				t.Errorf("info says %q, want %q", text, want)
			}
		}
	}
	if text := Info("darkrun.go"); text != "" {
		t.Errorf("of another file info says %q", text)
	}
}
