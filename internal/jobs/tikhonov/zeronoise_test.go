package tikhonov

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// Whole numbers may show no noise: the error map then takes what a plane beside the frame says of it, whether standard deviations or
// variances, and without one the error names the key.
func TestErrorsWithoutNoiseInTheData(t *testing.T) {
	const rows, cols, sigma = 24, 30, 0.3
	frame, sigmas, variances := make([]float64, rows*cols), make([]float64, rows*cols), make([]float64, rows*cols)
	for i := range frame {
		y, x := float64(i/cols)-11, float64(i%cols)-14
		frame[i] = math.Round(30*math.Exp(-(x*x+y*y)/60)) + 5
		sigmas[i], variances[i] = sigma, sigma*sigma
	}
	dir := t.TempDir()
	path := jobtest.WriteNpy(t, dir, "frame.npy", frame, rows, cols)
	sets := []string{"image.path=" + path, "blur.kind=gaussian", "tikhonov.lambda=0.01", "output.errors=posterior", "output.error_samples=10"}
	for _, n := range []int{1, 2} {
		for name, plane := range map[string]string{
			"":         "",
			"sigma":    "image.sigma=" + jobtest.WriteNpy(t, dir, "sigma.npy", sigmas, rows, cols),
			"variance": "image.variance=" + jobtest.WriteNpy(t, dir, "variance.npy", variances, rows, cols),
		} {
			all := sets
			if plane != "" {
				all = append(sets[:len(sets):len(sets)], plane)
			}
			out, err := jobtest.Run(t, Load, n, `job = "tikhonov"`, all...)
			if plane == "" {
				if err == nil || !strings.Contains(err.Error(), "tikhonov.noise") {
					t.Errorf("%d ranks: %v, want the key tikhonov.noise", n, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, %d ranks: %v", name, n, err)
				continue
			}
			if e := jobtest.Metrics(t, out)["errors"].(map[string]any); fmt.Sprint(e["noise"]) != "1" {
				t.Errorf("%s, %d ranks: errors with a noise of %v, want 1", name, n, e["noise"])
			}
		}
	}
}
