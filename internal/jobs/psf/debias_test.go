package psf

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
)

// With psf.debias the flux of the restored stamps has a bias of less than 1 % in both forms,
// where it has one of more than 2 % without. The bias is the mean difference of the errors of the
// restored and of the observed flux, which has no bias: the noise of the observed flux is in both.
// stamps.csv and metrics.json have the flux before and after, the same on any number of ranks.
func TestDebiasedSurvey(t *testing.T) {
	if testing.Short() {
		t.Skip("takes several seconds")
	}
	for _, mode := range []string{"sparse", "low-rank"} {
		text := "job = 'psf'\n[simulate]\ncount = 20\nside = 41\npsfs = 5\nsnr = 1.5\n[psf]\nmode = '" + mode + "'\niterations = 30\nprecision = 'double'\n"
		plain, err := jobtest.Run(t, Load, 2, text)
		if err != nil {
			t.Fatal(err)
		}
		iterated := tableColumn(t, plain, "flux_error")
		var first []float64
		for _, ranks := range []int{1, 3} {
			dir, err := jobtest.Run(t, Load, ranks, text, "psf.debias=true")
			if err != nil {
				t.Fatal(err)
			}
			before, after := tableColumn(t, dir, "flux_error_before_debias"), tableColumn(t, dir, "flux_error")
			if first == nil {
				first = after
			}
			if d := jobtest.Farthest(after, first); d > 1e-7 {
				t.Errorf("%s on %d ranks: fluxes differ by %g", mode, ranks, d)
			}
			if d := jobtest.Farthest(before, iterated); d > 1e-7 {
				t.Errorf("%s on %d ranks: the flux before differs by %g from that of a run without psf.debias", mode, ranks, d)
			}
			observed := tableColumn(t, dir, "flux_in")
			for i, v := range tableColumn(t, dir, "flux_true") {
				observed[i] = observed[i]/v - 1
			}
			if b, a := mean(before)-mean(observed), mean(after)-mean(observed); math.Abs(b) < 0.02 || math.Abs(a) > 0.01 {
				t.Errorf("%s: bias of the flux %+.4f before and %+.4f after, want more than 0.02 and less than 0.01", mode, b, a)
			}
			m := jobtest.Metrics(t, dir)
			for key, column := range map[string]string{"flux_error_before_debias": "flux_error_before_debias", "flux_change_before_debias": ""} {
				q, known := m[key].(map[string]any)
				if !known {
					t.Fatalf("%s: metrics.json has no %s", mode, key)
				}
				if column == "" {
					continue
				}
				list := slices.Sorted(slices.Values(tableColumn(t, dir, column)))
				if got, want := q["median"].(float64), (list[9]+list[10])/2; math.Abs(got-want) > 1e-12 {
					t.Errorf("%s: median of %s is %g in metrics.json, %g in stamps.csv", mode, key, got, want)
				}
			}
		}
	}
	if _, err := jobtest.Parse(Load, "job = 'psf'\n[psf]\npositivity = false\ndebias = true\n"); err == nil {
		t.Error("psf.debias without psf.positivity was taken")
	}
}

// tableColumn is a column of stamps.csv.
func tableColumn(t *testing.T, dir, name string) (list []float64) {
	t.Helper()
	table, err := imageio.ReadTable(filepath.Join(dir, tableName))
	if err != nil {
		t.Fatal(err)
	}
	k := slices.Index(table.Names, name)
	if k < 0 {
		t.Fatalf("no column %s in %v", name, table.Names)
	}
	for i := range table.Rows {
		list = append(list, table.Data[i*table.Cols+k])
	}
	return list
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
