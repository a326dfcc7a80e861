package tikhonov

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// The error map of a FITS frame: the same array in npy and FITS, the header kept, its unit
// and numbers in metrics.json and in the summary, a picture where pictures are wanted; a
// later run without an error map removes them.
func TestErrorMapFiles(t *testing.T) {
	f := &imageio.Frame{Channels: 1, Rows: 24, Cols: 17, Data: make([]float64, 24*17)}
	for i := range f.Data {
		f.Data[i] = 100 + float64(i*i%13)
	}
	f.Data[40] = math.NaN()
	f.Header = imageio.Header{card("BUNIT   = 'adu     '"), card("EXPTIME =                600.0")}
	dir := t.TempDir()
	path, out := filepath.Join(dir, "in.fits"), filepath.Join(dir, "out")
	if err := imageio.WriteFITS(path, f); err != nil {
		t.Fatal(err)
	}
	run := func(sets ...string) string {
		t.Helper()
		var summary bytes.Buffer
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(ctx context.Context, comm ranks.Comm) error {
			j, err := jobtest.Parse(Load, fitsJob, append(sets, fmt.Sprintf("image.path=%q", path), fmt.Sprintf("output.dir=%q", out))...)
			if err != nil {
				return err
			}
			env := lifecycle.Env{Version: "test"}
			if comm.Rank() == 0 {
				env.Summary = &summary
			}
			return j.Run(ctx, comm, env)
		})
		if err != nil {
			t.Fatal(err)
		}
		return summary.String()
	}
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(out, name))
		return err == nil
	}
	text := run("output.errors=posterior", "output.error_samples=8")
	sigma := jobtest.ReadNpy(t, out, "sigma.npy")
	fits, err := imageio.ReadFrame(filepath.Join(out, "sigma.fits"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(fits.Data, sigma) || fits.Rows != 24 || fits.Cols != 17 || fits.Channels != 1 {
		t.Error("sigma.fits and sigma.npy differ")
	}
	if unit, _ := fits.Header.Get("BUNIT"); unit != "adu" {
		t.Errorf("BUNIT is %q", unit)
	}
	m := jobtest.Metrics(t, out)["errors"].(map[string]any)
	lo, hi := slices.Min(sigma), slices.Max(sigma)
	if m["kind"] != "posterior" || m["unit"] != "adu" || m["samples"] != 8.0 || m["sampling_error"] != 0.25 || m["min"] != lo || m["max"] != hi || !(lo > 0) {
		t.Errorf("metrics.json has %v; sigma from %g to %g", m, lo, hi)
	}
	for _, want := range []string{"sigma.png", "in adu", fmt.Sprintf("maximum %.3g", hi), "sampling error 25.0 % (8 samples)"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the summary\n%s", want, text)
		}
	}
	if !there("sigma.png") {
		t.Error("no sigma.png")
	}
	if text = run("output.errors=noise", "output.error_samples=8", "output.pictures=false"); there("sigma.png") || !there("sigma.npy") || strings.Contains(text, "sigma.png") {
		t.Errorf("without pictures: sigma.png: %v, sigma.npy: %v,\n%s", there("sigma.png"), there("sigma.npy"), text)
	}
	if run(); there("sigma.npy") || there("sigma.fits") {
		t.Error("the error map of an earlier run is left")
	}
}

// On a simulated colour frame sigma covers 68 % of what the noise did; the mean square of
// all errors is that of noise and bias; the solution is the same with and without a map.
func TestErrorMapAgainstTruth(t *testing.T) {
	const text = "job = 'tikhonov'\n[simulate]\nrows = 90\ncols = 100\nchannels = 3\nnoise = 0.003\n[blur]\nkind = 'gaussian'\n[tikhonov]\nregulariser = 'gradient'\nlambda = 0.01\n"
	for _, kind := range []string{"noise", "posterior"} {
		dir, err := jobtest.Run(t, Load, 4, text, "output.errors="+kind)
		if err != nil {
			t.Fatal(err)
		}
		e := jobtest.Metrics(t, dir)["errors"].(map[string]any)
		a := e["against_truth"].(map[string]any)
		number := func(key string) float64 { return a[key].(float64) }
		if covers := number("covers_noise"); kind == "noise" && math.Abs(covers-0.683) > 0.03 || kind == "posterior" && covers < 0.75 {
			t.Errorf("%s: covers %g of the errors of the noise", kind, covers)
		}
		solution, truth := jobtest.ReadNpy(t, dir, "solution.npy"), truthOf(t, text)
		square, inside := 0.0, 0.0
		sigma := jobtest.ReadNpy(t, dir, "sigma.npy")
		for i, v := range solution {
			d := v - truth[i]
			square += d * d / float64(len(solution))
			if math.Abs(d) <= sigma[i%len(sigma)] {
				inside += 1 / float64(len(solution))
			}
		}
		if math.Abs(number("covers_all")-inside) > 1e-9 {
			t.Errorf("%s: covers_all %g, want %g", kind, number("covers_all"), inside)
		}
		// Noise and bias are not correlated.
		parts := math.Pow(number("noise_rms"), 2) + math.Pow(number("bias_rms"), 2)
		if math.Abs(parts/square-1) > 0.1 {
			t.Errorf("%s: mean square of the errors %g, of noise and bias %g", kind, square, parts)
		}
		plain, err := jobtest.Run(t, Load, 4, text)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(jobtest.ReadNpy(t, plain, "solution.npy"), solution) {
			t.Errorf("%s: the error map changes the solution", kind)
		}
	}
}

// truthOf is the true frame of a simulated job.
func truthOf(t *testing.T, text string) (truth []float64) {
	t.Helper()
	// Without a blur, noise and missing pixels, the observation is the truth, and with
	// little regularisation it is the solution.
	dir, err := jobtest.Run(t, Load, 1, text, "blur.kind=none", "simulate.noise=0", "simulate.missing=0", "tikhonov.lambda=1e-14", "tikhonov.method=cg", "tikhonov.tolerance=1e-12")
	if err != nil {
		t.Fatal(err)
	}
	return jobtest.ReadNpy(t, dir, "solution.npy")
}
