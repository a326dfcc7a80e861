package psf

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
)

// stamps.csv has the numbers of every stamp, with and without missing pixels, weights and truth,
// as a short loop over the files gives them, the same on any number of ranks.
func TestStampsTable(t *testing.T) {
	dir := surveyIn(t, "npy")
	const side, n = 15, 15 * 15
	in := func(name string) []float64 { return jobtest.ReadNpy(t, dir, name) }
	observed, truth, index := in("observed.npy"), in("truth.npy"), in("index.npy")
	count := len(observed) / n
	holes := slices.Clone(observed)
	weights := make([]float64, len(observed))
	for i := range holes {
		weights[i] = 4
		if i%17 == 0 {
			holes[i] = math.NaN()
		}
	}
	path := jobtest.WriteNpy(t, dir, "holes.npy", holes, count, side, side)
	heavy := jobtest.WriteNpy(t, dir, "weights.npy", weights, count, side, side)
	for name, sets := range map[string][]string{
		"plain":   {"stack.truth=" + dir + "/truth.npy"},
		"holes":   {"stack.path=" + path},
		"weights": {"stack.path=" + path, "stack.weights=" + heavy, "psf.noise=weights"},
	} {
		var first []float64
		for _, ranks := range []int{1, 3, 7} {
			out, err := jobtest.Run(t, Load, ranks, fmt.Sprintf(psfJob, dir+"/observed.npy", dir+"/psfs.npy"), append(sets, "psf.index="+dir+"/index.npy", "psf.iterations=30")...)
			if err != nil {
				t.Fatal(err)
			}
			table, err := imageio.ReadTable(filepath.Join(out, "stamps.csv"))
			if err != nil {
				t.Fatal(err)
			}
			m := jobtest.Metrics(t, out)
			column := func(name string) (list []float64) {
				k := slices.Index(table.Names, name)
				if k < 0 {
					t.Fatalf("%s: no column %s in %v", name, name, table.Names)
				}
				for i := range table.Rows {
					list = append(list, table.Data[i*table.Cols+k])
				}
				return list
			}
			if first == nil {
				first = table.Data
			}
			if d := jobtest.Farthest(table.Data, first); d > 1e-9 {
				t.Errorf("%s on %d ranks: the table differs by %g", name, ranks, d)
			}
			x := jobtest.ReadNpy(t, out, "solution.npy")
			settled, chi2 := 0.0, 0.0
			for i := range count {
				flux, pixels, after := 0.0, 0.0, 0.0
				for j := i * n; j < (i+1)*n; j++ {
					if name == "plain" || j%17 != 0 {
						flux += observed[j]
						after += x[j]
						pixels++
					}
				}
				for what, want := range map[string]float64{"stamp": float64(i), "psf": index[i], "pixels": pixels, "flux_in": flux, "flux_out": after} {
					if got := column(what)[i]; math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
						t.Errorf("%s: %s of stamp %d is %g, want %g", name, what, i, got, want)
					}
				}
				settled += column("converged")[i]
				chi2 += column("chi2")[i]
			}
			if settled != m["stamps_converged"].(float64) {
				t.Errorf("%s: %g stamps have converged, metrics.json says %v", name, settled, m["stamps_converged"])
			}
			// chi2 and the residual of the whole say the same.
			noise, rms := m["noise"].(float64), m["fit"].(map[string]any)["residual_rms"].(float64)
			pixels := 0.0
			for _, v := range column("pixels") {
				pixels += v
			}
			if got, want := chi2, rms*rms*pixels/(noise*noise); math.Abs(got/want-1) > 1e-9 {
				t.Errorf("%s: chi2 %g in all, want %g", name, got, want)
			}
			if name == "plain" {
				want := 0.0
				for _, v := range truth[:n] {
					want += v
				}
				if got := column("flux_true")[0]; math.Abs(got/want-1) > 1e-9 {
					t.Errorf("true flux %g, want %g", got, want)
				}
			} else if slices.Contains(table.Names, "flux_true") {
				t.Errorf("%s: has true fluxes", name)
			}
		}
	}
}
