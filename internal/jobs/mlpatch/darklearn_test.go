package mlpatch

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

const learnedText = darkText + `[learned]
skies = 8
validation = 2
[network]
geometry = "square"
side = 7
hidden = [24]
steps = 150
block = 16
blocks = 8
every = 50
`

// A network that is learned from skies that the program simulates for the survey lowers the error of the Wiener map on new skies, and
// agrees on any number of ranks; the model that it leaves gives the same map.
func TestLearnedMap(t *testing.T) {
	dir := t.TempDir()
	jobtest.OnRanks(t, 1, writeSky(t, dir, &ConvergenceFiles{Seed: 7, Rows: 48, Cols: 48, Pixel: 2, RMS: 0.03, Turn: 1000, Shift: 0.8, Density: 30, Sigma: 0.26, Masked: 0.1}))
	sets := []string{
		"shear.e1=" + filepath.Join(dir, "e1.npy"), "shear.e2=" + filepath.Join(dir, "e2.npy"), "shear.counts=" + filepath.Join(dir, "counts.npy"), "shear.sigma=0.26",
		"shear.pixel=2", "spectrum.path=" + filepath.Join(dir, "spectrum.npy"), "learned.shift_low=0.7", "learned.shift_high=1",
	}
	a, err := jobtest.Run(t, LoadDark, 1, learnedText, sets...)
	if err != nil {
		t.Fatal(err)
	}
	m := jobtest.Metrics(t, a)
	test := m["validation"].([]any)[0].(map[string]any)
	ratio := jobtest.Quality(t, test, "solution", "rmse") / jobtest.Quality(t, test, "wiener", "rmse")
	t.Logf("error on new skies: %.3f of that of Wiener", ratio)
	if !(ratio < 0.97) {
		t.Errorf("error on new skies: %.3f of that of Wiener", ratio)
	}
	x := jobtest.ReadNpy(t, a, "solution.npy")
	kappa, counts, wiener := jobtest.ReadNpy(t, dir, "kappa.npy"), jobtest.ReadNpy(t, dir, "counts.npy"), jobtest.ReadNpy(t, a, "wiener.npy")
	mean, ew, el := 0.0, 0.0, 0.0
	for _, v := range kappa {
		mean += v / float64(len(kappa))
	}
	for i, v := range kappa {
		if counts[i] > 0 {
			ew += math.Pow(wiener[i]-v+mean, 2)
			el += math.Pow(x[i]-v+mean, 2)
		}
	}
	if !(el < ew) {
		t.Errorf("error of this sky: %.4g of Wiener, %.4g learned", ew, el)
	}
	b, err := jobtest.Run(t, LoadDark, 3, learnedText, sets...)
	if err != nil {
		t.Fatal(err)
	}
	if d := jobtest.Farthest(jobtest.ReadNpy(t, b, "solution.npy"), x); d > 1e-5 {
		t.Errorf("on 3 ranks the map differs by %g", d)
	}
	given := append(sets, "learned.model="+filepath.Join(a, "model.npz"))
	c, err := jobtest.Run(t, LoadDark, 2, learnedText, given...)
	if err != nil {
		t.Fatal(err)
	}
	if d := jobtest.Farthest(jobtest.ReadNpy(t, c, "solution.npy"), x); d > 1e-8 {
		t.Errorf("with the given model the map differs by %g", d)
	}
	if w := jobtest.Metrics(t, c)["model"].(map[string]any)["warnings"].([]any); len(w) != 0 {
		t.Errorf("warnings %q", w)
	}
	// Elsewhere it says so.
	for set, want := range map[string]string{"shear.pixel=3": "pixels of 2 arcmin", "shear.sigma=0.5": "a noise of"} {
		d, err := jobtest.Run(t, LoadDark, 1, learnedText, append(given, set)...)
		if err != nil {
			t.Fatal(err)
		}
		w := jobtest.Metrics(t, d)["model"].(map[string]any)["warnings"].([]any)
		if len(w) == 0 || !strings.Contains(w[0].(string), want) {
			t.Errorf("%s: warnings %q", set, w)
		}
	}
	if text := Info(filepath.Join(a, "model.npz")); !strings.Contains(text, "learned.model of darkmatter") || !strings.Contains(text, "6 simulated skies of 48 x 48 pixels of 2 arcmin") {
		t.Errorf("info says %q", text)
	}
}

// cosmos is the network that the repository has for the mask and the noise of COSMOS.
const cosmos = "../../../configs/models/kappa-cosmos.npz"

// The shipped network was learned from simulated skies alone. With the real mask and noise of COSMOS on the simulation kappaTNG,
// which it has not seen, its error is less than that of the Wiener map in every draw of the noise.
func TestLearnedCOSMOS(t *testing.T) {
	info, err := os.Stat(cosmos)
	if err != nil || info.Size() > 200_000 {
		t.Fatal(info, err)
	}
	const data = "../../../../shared/data/massmapping/"
	if _, err := os.Stat(data); err != nil {
		t.Skip("no data: ", err)
	}
	file := func(key, name string) string { return fmt.Sprintf("%s=%q", key, data+name) }
	table, err := imageio.ReadNpy(data + "ktng_PS_theory.npy")
	if err != nil {
		t.Fatal(err)
	}
	spectrum := jobtest.WriteNpy(t, t.TempDir(), "spectrum.npy", table.Data, 2, len(table.Data)/2)
	draws := []string{"1", "2"}
	if testing.Short() {
		draws = draws[:1]
	}
	mean := 0.0
	for _, seed := range draws {
		out, err := jobtest.Run(t, LoadDark, 1, `job = "darkmatter"`, "seed="+seed, "output.pictures=false", "noise.realisations=2", file("simulate.from", "ktng_kappa360v2.fits"),
			file("shear.mask", "cosmos_full_mask_0.29arcmin360.fits"), file("shear.sigma1", "std1.fits"), file("shear.sigma2", "std2.fits"), "shear.pixel=0.29",
			"spectrum.path="+spectrum, fmt.Sprintf("learned.model=%q", cosmos), "learned.average=false")
		if err != nil {
			t.Fatal(err)
		}
		q := func(column, measure string) float64 {
			return jobtest.Quality(t, jobtest.Metrics(t, out), column, measure)
		}
		w, l := q("wiener", "rmse"), q("solution", "rmse")
		t.Logf("draw %s: RMSE %.4e Wiener, %.4e learned (%.4f); correlation %.3f, %.3f", seed, w, l, l/w, q("wiener", "correlation"), q("solution", "correlation"))
		if !(l < w) {
			t.Errorf("draw %s: RMSE %.4e Wiener, %.4e learned", seed, w, l)
		}
		mean += l / w / float64(len(draws))
	}
	if !(mean < 0.97) {
		t.Errorf("%.4f of the error of Wiener in the mean, want 0.97", mean)
	}
}
