package tikhonov

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// Equal weights of any size restore a simulated frame as no weights do: the noise that is
// known from the simulation is that of a pixel of weight 1. Weights of 100 used to leave
// the noise amplified by 46 dB.
func TestEqualWeightsOfASimulatedFrame(t *testing.T) {
	dir := t.TempDir()
	const rows, cols = 64, 60
	base := []string{
		fmt.Sprintf("simulate.rows=%d", rows), fmt.Sprintf("simulate.cols=%d", cols), "simulate.missing=0",
		"blur.kind=gaussian", "tikhonov.lambda=discrepancy", "tikhonov.regulariser=gradient", "output.pictures=false",
	}
	restored := func(sets ...string) (db, lambda float64) {
		out, err := jobtest.Run(t, Load, 2, "", append(sets, base...)...)
		if err != nil {
			t.Fatal(err)
		}
		m := jobtest.Metrics(t, out)
		return jobtest.Quality(t, m, "solution", "psnr_db"), m["lambda"].(float64)
	}
	want, lambda := restored()
	if want < 30 {
		t.Errorf("restored to %.1f dB without weights", want)
	}
	for _, w := range []float64{100, 0.003} {
		weights := make([]float64, rows*cols)
		for i := range weights {
			weights[i] = w
		}
		set := fmt.Sprintf("image.weights=%q", jobtest.WriteNpy(t, dir, "weights.npy", weights, rows, cols))
		db, l := restored(set)
		if math.Abs(db-want) > 0.01 || math.Abs(l/(w*lambda)-1) > 1e-3 {
			t.Errorf("weights of %g: %.2f dB at lambda = %.4g, want %.2f dB at %.4g", w, db, l, want, w*lambda)
		}
		// The same noise, given in the unit of the data.
		noise := jobtest.Metrics(t, lastRun(t, base, set))["lambda_search"].(map[string]any)["noise"].(float64)
		db, l = restored(set, "tikhonov.noise_unit=data", fmt.Sprintf("tikhonov.noise=%v", noise/math.Sqrt(w)))
		if math.Abs(db-want) > 0.01 {
			t.Errorf("weights of %g, noise in the unit of the data: %.2f dB at lambda = %.4g, want %.2f dB", w, db, l, want)
		}
	}
}

// lastRun is the directory of a run on two ranks.
func lastRun(t *testing.T, base []string, sets ...string) string {
	t.Helper()
	out, err := jobtest.Run(t, Load, 2, "", append(sets, base...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The noise that a simulated frame with uneven weights goes with is the one whose weighted
// energy is right.
func TestSimulatedNoiseWithUnevenWeights(t *testing.T) {
	dir := t.TempDir()
	const rows, cols = 40, 50
	weights := make([]float64, rows*cols)
	mean := 0.0
	for i := range weights {
		weights[i] = float64(i % 5)
		mean += weights[i] / (0.8 * rows * cols)
	}
	base := []string{"simulate.rows=40", "simulate.cols=50", "simulate.missing=0", "output.pictures=false", "tikhonov.lambda=discrepancy"}
	plain := jobtest.Metrics(t, lastRun(t, base))["lambda_search"].(map[string]any)
	uneven := jobtest.Metrics(t, lastRun(t, base, fmt.Sprintf("image.weights=%q", jobtest.WriteNpy(t, dir, "w.npy", weights, rows, cols))))["lambda_search"].(map[string]any)
	if got, want := uneven["noise"].(float64), plain["noise"].(float64)*math.Sqrt(mean); math.Abs(got/want-1) > 1e-12 || uneven["values"] != 1600.0 {
		t.Errorf("noise %.8g of %v values, want %.8g of 1600", got, uneven["values"], want)
	}
}

// The config that a run leaves, run again, gives the same bytes, for every rule, on one
// and on several ranks; its lambda is a number.
func TestFrozenConfig(t *testing.T) {
	dir := t.TempDir()
	frame := make([]float64, 2*30*34)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range frame {
		frame[i] = math.Sin(float64(i%34)/5)*math.Cos(float64(i/34)/7) + 0.2*rng.NormFloat64()
	}
	path := fmt.Sprintf("image.path=%q", jobtest.WriteNpy(t, dir, "frame.npy", frame, 2, 30, 34))
	weights := make([]float64, 30*34)
	for i := range weights {
		weights[i] = 3 + math.Sin(float64(i))
	}
	uneven := fmt.Sprintf("image.weights=%q", jobtest.WriteNpy(t, dir, "weights.npy", weights, 30, 34))
	for i, rule := range append([]image.LambdaRule{"0.1", "1e-3"}, rules...) {
		for k, sets := range [][]string{
			{"simulate.rows=30", "simulate.cols=28", "simulate.missing=0", "simulate.noise=0.05", "blur.kind=gaussian", "blur.sigma=0.8"},
			{path, "blur.kind=moffat", "tikhonov.regulariser=gradient", "seed=9"},
			{path, uneven, "blur.kind=gaussian", "tikhonov.noise_unit=data", "tikhonov.regulariser=laplacian"},
		} {
			if k == 2 && rule == image.MarginalLikelihood {
				continue
			}
			n := 1 + (i+k)%3
			what := fmt.Sprintf("%s, %v, %d ranks", rule, sets, n)
			out, err := jobtest.Run(t, Load, n, "", append(sets, "job=tikhonov", "output.pictures=false", fmt.Sprintf("tikhonov.lambda=%s", rule))...)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			text, err := os.ReadFile(filepath.Join(out, lifecycle.ConfigName))
			if err != nil {
				t.Fatal(err)
			}
			j, err := jobtest.Parse(Load, string(text))
			if err != nil {
				t.Fatalf("%s: %v in\n%s", what, err, text)
			}
			if j.Dir != out {
				t.Errorf("%s: output.dir is %q, want %q", what, j.Dir, out)
			}
			for _, name := range []string{"discrepancy", "gcv", "l-curve", "marginal"} {
				if strings.Contains(string(text), fmt.Sprintf("lambda = %q", name)) {
					t.Errorf("%s: lambda is no number in\n%s", what, text)
				}
			}
			again, err := jobtest.Run(t, Load, n, string(text))
			if err != nil {
				t.Errorf("%s, again: %v", what, err)
				continue
			}
			if !bytes.Equal(file(t, out, "solution.npy"), file(t, again, "solution.npy")) {
				t.Errorf("%s: the second run gives other bytes; its config was\n%s", what, text)
			}
		}
	}
}

func file(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A config.toml that no run left is somebody's own: it stays, and the run's goes beside it.
func TestOwnConfigStays(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, lifecycle.ConfigName)
	if err := os.WriteFile(own, []byte("job = \"tikhonov\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
			j, err := jobtest.Parse(Load, "", "simulate.rows=9", "simulate.cols=8", fmt.Sprintf("output.dir=%q", dir))
			if err != nil {
				return err
			}
			return j.Run(ctx, comm, lifecycle.Env{Version: "test"})
		})
		if err != nil {
			t.Fatal(err)
		}
		if text := file(t, dir, lifecycle.ConfigName); string(text) != "job = \"tikhonov\"\n" {
			t.Fatalf("config.toml is now %q", text)
		}
		if text := file(t, dir, "config-used.toml"); !strings.Contains(string(text), "rows = 9\n") {
			t.Errorf("config-used.toml is %q", text)
		}
	}
}

// A search leaves its trials in metrics.json and a plot of them; a given lambda neither.
func TestTrialsAndPlot(t *testing.T) {
	base := []string{"simulate.rows=30", "simulate.cols=28", "simulate.missing=0", "simulate.noise=0.05", "blur.kind=gaussian", "output.pictures=true"}
	for _, rule := range rules {
		out := lastRun(t, base, "tikhonov.lambda="+string(rule))
		m := jobtest.Metrics(t, out)
		s := m["lambda_search"].(map[string]any)
		near := false
		for _, x := range s["trials"].([]any) {
			tr := x.(map[string]any)
			near = near || math.Abs(math.Log(tr["lambda"].(float64)/m["lambda"].(float64))) < 0.2
			if spectrum := rule == image.MarginalLikelihood; (tr["method"] == "") != spectrum || !(tr["misfit"].(float64) > 0) {
				t.Errorf("%s: trial %v", rule, tr)
			}
		}
		if !near || s["values"] != 840.0 {
			t.Errorf("%s: no trial is near lambda = %v: %v", rule, m["lambda"], s)
		}
		for _, name := range []string{"lambda.png", "lambda.svg"} {
			if len(file(t, out, name)) < 1000 {
				t.Errorf("%s: %s is too short for a plot", rule, name)
			}
		}
		if svg := string(file(t, out, "lambda.svg")); !strings.Contains(svg, fmt.Sprintf("chosen: lambda = %.4g", m["lambda"])) {
			t.Errorf("%s: the choice is not marked", rule)
		}
	}
	out := lastRun(t, base)
	if _, err := os.Stat(filepath.Join(out, "lambda.png")); !errors.Is(err, fs.ErrNotExist) || jobtest.Metrics(t, out)["lambda_search"] != nil {
		t.Error("a search where lambda was given")
	}
}

// What marginal likelihood cannot do is refused by check where the config shows it.
func TestCheckOfRules(t *testing.T) {
	for _, c := range []struct{ sets, want string }{
		{"tikhonov.lambda=marginal-likelihood", `simulate.missing = 0.01: want 0 with lambda = "marginal-likelihood", which needs a whole frame`},
		{"tikhonov.lambda=marginal-likelihood simulate.missing=0 tikhonov.border=zero", `tikhonov.border = "zero": want reflect or periodic with lambda = "marginal-likelihood"`},
		{"tikhonov.lambda=ml", `tikhonov.lambda = "ml": want a number, "auto", "discrepancy", "gcv", "l-curve" or "marginal-likelihood"`},
		{"tikhonov.noise_unit=adu", `tikhonov.noise_unit = "adu": want weight, data`},
	} {
		var e *config.Error
		if _, err := jobtest.Parse(Load, "", strings.Fields(c.sets)...); !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.sets, err, c.want)
		}
	}
}
