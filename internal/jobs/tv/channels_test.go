package tv

import (
	"fmt"
	"math"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// A cube whose channels have missing pixels of their own is restored as its channels are
// alone, gathered and apart; a channel without any pixel stays missing, and rules find a lambda.
// metrics.json has a line for the file.
func TestChannelsAlone(t *testing.T) {
	const rows, cols, n = 14, 11, 14 * 11
	dir := t.TempDir()
	data := make([]float64, 3*n)
	for i := range data {
		data[i] = 10 + math.Sin(float64(i)/5) + 0.1*math.Cos(float64(7*i))
	}
	for i := range n {
		if i%7 == 3 {
			data[i] = math.NaN()
		}
		if i/cols == 5 {
			data[n+i] = math.NaN()
		}
		data[2*n+i] = math.NaN()
	}
	cube := fmt.Sprintf("image.path=%q", jobtest.WriteNpy(t, dir, "cube.npy", data, 3, rows, cols))
	sets := []string{"tv.method=primal-dual", "tv.tolerance=1e-6", "tv.lambda=0.05", "blur.kind=gaussian", "blur.size=3"}
	for i, gather := range []string{"always", "never"} {
		out, err := jobtest.Run(t, Load, 1+2*i, `job = "tv"`, append(sets, cube, "output.gather="+gather)...)
		if err != nil {
			t.Fatal(err)
		}
		got, m := jobtest.ReadNpy(t, out, "solution.npy"), jobtest.Metrics(t, out)
		if missing := m["missing_pixels"].(float64); missing != n+22+cols {
			t.Errorf("%v missing values, want %d", missing, n+22+cols)
		}
		if inputs, _ := m["inputs"].([]any); len(inputs) != 1 {
			t.Errorf("inputs %v", inputs)
		}
		for c := range 2 {
			one := fmt.Sprintf("image.path=%q", jobtest.WriteNpy(t, dir, fmt.Sprintf("%d.npy", c), data[c*n:(c+1)*n], rows, cols))
			alone, err := jobtest.Run(t, Load, 1, `job = "tv"`, append(sets, one)...)
			if err != nil {
				t.Fatal(err)
			}
			if d := jobtest.Farthest(got[c*n:(c+1)*n], jobtest.ReadNpy(t, alone, "solution.npy")); !(d < 0.02) {
				t.Errorf("%s: channel %d is %g from the one that was restored alone", gather, c, d)
			}
		}
		for i, v := range got[2*n:] {
			if !math.IsNaN(v) {
				t.Fatalf("pixel %d of a channel without data is %g", i, v)
			}
		}
	}
	for _, rule := range []string{"discrepancy", "sure"} {
		if _, err := jobtest.Run(t, Load, 2, `job = "tv"`, cube, "tv.lambda="+rule, "tv.tolerance=1e-2", "output.pictures=false"); err != nil {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// Missing values of the true frame are not observed and not compared, by "oracle" neither.
func TestTruthWithHoles(t *testing.T) {
	const rows, cols = 24, 24
	truth := make([]float64, rows*cols)
	for i := range truth {
		truth[i] = 5 + math.Sin(float64(i/cols)/4) + math.Cos(float64(i%cols)/5)
		if r, c := i/cols, i%cols; r >= 8 && r < 12 && c >= 10 && c < 15 {
			truth[i] = math.NaN()
		}
	}
	from := fmt.Sprintf("simulate.from=%q", jobtest.WriteNpy(t, t.TempDir(), "hole.npy", truth, rows, cols))
	for _, gather := range []string{"always", "never"} {
		out, err := jobtest.Run(t, Load, 3, `job = "tv"`, from, "simulate.noise=0.01", "simulate.missing=0.0", "tv.lambda=oracle", "tv.tolerance=1e-2", "output.gather="+gather)
		if err != nil {
			t.Fatal(err)
		}
		m := jobtest.Metrics(t, out)
		if m["missing_pixels"] != 20.0 {
			t.Errorf("%v missing pixels", m["missing_pixels"])
		}
		for _, column := range []string{"observed", "solution"} {
			for _, measure := range []string{"psnr_db", "snr_db"} {
				if v := jobtest.Quality(t, m, column, measure); v < 20 {
					t.Errorf("%s: %s of %s is %v", gather, measure, column, v)
				}
			}
		}
	}
}
