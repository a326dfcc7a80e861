package tikhonov

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"tessera/internal/config"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
)

// A cube whose channels have missing pixels of their own is restored as its channels are
// alone, on any number of ranks, gathered and apart, with a fixed lambda and one that is found. A
// channel without any pixel stays missing.
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
	for _, rule := range []string{"0.01", `"gcv"`} {
		var lambda float64
		for i, sets := range [][]string{{"output.gather=always"}, {"output.gather=never"}} {
			out, err := jobtest.Run(t, Load, 1+2*i, "", append(sets, cube, "tikhonov.lambda="+rule, "blur.kind=gaussian", "blur.size=3", "tikhonov.tolerance=1e-9")...)
			if err != nil {
				t.Fatal(err)
			}
			got, m := jobtest.ReadNpy(t, out, "solution.npy"), jobtest.Metrics(t, out)
			lambda = m["lambda"].(float64)
			if missing := m["missing_pixels"].(float64); missing != n+22+cols {
				t.Errorf("%v missing values, want %d", missing, n+22+cols)
			}
			for c := range 2 {
				one := fmt.Sprintf("image.path=%q", jobtest.WriteNpy(t, dir, fmt.Sprintf("%d.npy", c), data[c*n:(c+1)*n], rows, cols))
				alone, err := jobtest.Run(t, Load, 1, "", one, fmt.Sprintf("tikhonov.lambda=%v", lambda), "blur.kind=gaussian", "blur.size=3", "tikhonov.tolerance=1e-9")
				if err != nil {
					t.Fatal(err)
				}
				if d := jobtest.Farthest(got[c*n:(c+1)*n], jobtest.ReadNpy(t, alone, "solution.npy")); !(d < 1e-5) {
					t.Errorf("lambda %s, %v: channel %d is %g from the one that was restored alone", rule, sets, c, d)
				}
			}
			for i, v := range got[2*n:] {
				if !math.IsNaN(v) {
					t.Fatalf("pixel %d of a channel without data is %g", i, v)
				}
			}
		}
	}
}

// Whatever a job computes of a frame whose channels have missing pixels and weights of their
// own is what it computes of each channel alone.
func TestEveryMethodOfChannelsAlone(t *testing.T) {
	const rows, cols, n = 14, 11, 14 * 11
	data, sigma := make([]float64, 3*n), make([]float64, 3*n)
	for i := range data {
		data[i] = 10 + math.Sin(float64(i)/5) + 0.1*math.Cos(float64(7*i))
		sigma[i] = 0.1 + 0.05*math.Sin(float64(i))
		if i/n == 1 && i%n/cols == 5 || i/n == 0 && i%7 == 3 || i/n == 2 {
			data[i] = math.NaN()
		}
	}
	dir := t.TempDir()
	sets := func(name string, from, to int, shape ...int) []string {
		return []string{
			fmt.Sprintf("image.path=%q", jobtest.WriteNpy(t, dir, name+".npy", data[from:to], shape...)),
			fmt.Sprintf("image.sigma=%q", jobtest.WriteNpy(t, dir, name+"-sigma.npy", sigma[from:to], shape...)), "output.pictures=false",
		}
	}
	plain := []string{"blur.kind=gaussian", "blur.size=3", "tikhonov.tolerance=1e-10", "tikhonov.lambda=0.01"}
	for title, c := range map[string]struct {
		load  func(*config.File) *lifecycle.Job
		more  []string
		files []string
	}{
		"auto":             {Load, plain, []string{"solution.npy"}},
		"literal":          {Load, append(plain, "tikhonov.method=literal", "tikhonov.tile=5", "tikhonov.overlap=2"), []string{"solution.npy"}},
		"noise errors":     {Load, append(plain, "output.errors=noise", "output.error_samples=5"), []string{"solution.npy", "sigma.npy"}},
		"posterior errors": {Load, append(plain, "output.errors=posterior", "output.error_samples=5"), []string{"solution.npy", "sigma.npy"}},
		"two layers":       {LoadTwoLayer, []string{"layers.tolerance=1e-8", "layers.lambda1=0.01", "layers.lambda2=0.1", "layers.tile=5", "layers.overlap=2"}, []string{"solution.npy", "layer1.npy"}},
	} {
		for _, gather := range []string{"always", "never"} {
			more := append(c.more[:len(c.more):len(c.more)], "output.gather="+gather)
			ranks := map[string]int{"always": 1, "never": 2}[gather]
			out, err := jobtest.Run(t, c.load, ranks, "", append(more, sets("cube", 0, 3*n, 3, rows, cols)...)...)
			if err != nil {
				t.Fatalf("%s: %v", title, err)
			}
			for k := range 2 {
				alone, err := jobtest.Run(t, c.load, ranks, "", append(more, sets(fmt.Sprint(k), k*n, (k+1)*n, rows, cols)...)...)
				if err != nil {
					t.Fatalf("%s: %v", title, err)
				}
				for _, file := range c.files {
					got, want := jobtest.ReadNpy(t, out, file), jobtest.ReadNpy(t, alone, file)
					if len(got) != 3*n {
						t.Fatalf("%s: %s has %d values, want %d", title, file, len(got), 3*n)
					}
					if d := jobtest.Farthest(got[k*n:(k+1)*n], want); !(d < 1e-6) {
						t.Errorf("%s, gather %s: %s of channel %d is %g from that of the channel alone", title, gather, file, k, d)
					}
					if !math.IsNaN(got[2*n]) || !math.IsNaN(got[3*n-1]) {
						t.Errorf("%s: %s of a channel without data is %g", title, file, got[2*n])
					}
				}
			}
		}
	}
	// With a truth the errors are compared with it, and the picture shows all channels.
	truth := make([]float64, 2*n)
	for i := range truth {
		truth[i] = 5 + math.Sin(float64(i)/4)
	}
	for i := range 20 {
		truth[n+i] = math.NaN()
	}
	out, err := jobtest.Run(t, Load, 2, "", append(plain, "output.pictures=true", "output.errors=noise", "output.error_samples=3", fmt.Sprintf("simulate.from=%q", jobtest.WriteNpy(t, dir, "truth.npy", truth, 2, rows, cols)))...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out, "sigma.png")); err != nil {
		t.Error(err)
	}
}

// metrics.json has a line for each file.
func TestInputsOfARun(t *testing.T) {
	dir := t.TempDir()
	ones := make([]float64, 12)
	for i := range ones {
		ones[i] = 1
	}
	frame, sigma := jobtest.WriteNpy(t, dir, "frame.npy", ones, 3, 4, 1), jobtest.WriteNpy(t, dir, "sigma.npy", ones, 3, 4)
	for kind, load := range loaders {
		out, err := jobtest.Run(t, load, 2, "", fmt.Sprintf("image.path=%q", frame), fmt.Sprintf("image.sigma=%q", sigma))
		if err != nil {
			t.Fatal(err)
		}
		list, _ := jobtest.Metrics(t, out)["inputs"].([]any)
		if len(list) != 2 {
			t.Fatalf("%s: inputs %v", kind, list)
		}
		first, second := list[0].(map[string]any), list[1].(map[string]any)
		if filepath.Base(first["file"].(string)) != "frame.npy" || first["axes"] != "3 rows x 4 columns, stored as (3, 4, 1)" || first["missing"] != "no value missing" {
			t.Errorf("%s: %v", kind, first)
		}
		if second["mask"] != "standard deviations: 0 and NaN are missing" || second["missing"] != "0 of 12 pixels missing" {
			t.Errorf("%s: %v", kind, second)
		}
	}
}

// Missing values of the true frame are not observed and not compared.
func TestTruthWithHoles(t *testing.T) {
	const rows, cols = 24, 24
	truth := make([]float64, rows*cols)
	for i := range truth {
		truth[i] = 5 + math.Sin(float64(i/cols)/4) + math.Cos(float64(i%cols)/5)
	}
	hole := append([]float64(nil), truth...)
	for r := 8; r < 12; r++ {
		for c := 10; c < 15; c++ {
			hole[r*cols+c] = math.NaN()
		}
	}
	dir := t.TempDir()
	for kind, load := range loaders {
		for _, gather := range []string{"always", "never"} {
			out, err := jobtest.Run(t, load, 3, "", fmt.Sprintf("simulate.from=%q", jobtest.WriteNpy(t, dir, "hole.npy", hole, rows, cols)),
				"simulate.noise=0.001", "simulate.missing=0.0", "output.gather="+gather)
			if err != nil {
				t.Fatal(err)
			}
			m := jobtest.Metrics(t, out)
			worst := min(jobtest.Quality(t, m, "observed", "psnr_db"), jobtest.Quality(t, m, "solution", "psnr_db"))
			if m["missing_pixels"] != 20.0 || !(worst > 15) {
				t.Errorf("%s, %s: %v missing pixels, PSNR %v", kind, gather, m["missing_pixels"], m["quality"])
			}
		}
	}
}
