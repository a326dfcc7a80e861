package tppa

import (
	"context"
	"errors"
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

const smallTraining = `job = "tppa-train"
[data]
validation = 2
[simulate]
count = 7
rows = 24
cols = 20
[tppa]
layers = 4
steps = 12
rate = 2e-3
`

// stopping cancels a context at one of its broadcasts.
type stopping struct {
	ranks.Comm
	left int
	stop func()
}

func (c *stopping) Bcast(buf []float64, root int) error {
	if c.left--; c.left == 0 {
		c.stop()
	}
	return c.Comm.Bcast(buf, root)
}

// A training that is stopped leaves a checkpoint, and goes on from it to the same bits; the
// checkpoint of other pictures is refused.
func TestResume(t *testing.T) {
	whole, err := jobtest.Run(t, LoadTrain, 2, smallTraining)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	run := func(resume bool, stopAt int, sets ...string) error {
		return ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			j, err := jobtest.Parse(LoadTrain, smallTraining, append(sets, fmt.Sprintf("output.dir=%q", out))...)
			if err != nil {
				return err
			}
			return j.Run(ctx, &stopping{comm, stopAt, cancel}, lifecycle.Env{Version: "test", Resume: resume})
		})
	}
	// Broadcasts before the training, then one a step.
	if err := run(false, 8); !errors.As(err, new(*lifecycle.StoppedError)) {
		t.Fatalf("stopped with %v", err)
	}
	if err := run(true, 0, "seed=2"); err == nil || !strings.Contains(err.Error(), "other pictures") {
		t.Errorf("other pictures: %v", err)
	}
	if err := run(true, 0); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"parameters.npy", "model.npz"} {
		a, err1 := os.ReadFile(filepath.Join(whole, name))
		b, err2 := os.ReadFile(filepath.Join(out, name))
		if err1 != nil || err2 != nil || !slices.Equal(a, b) {
			t.Errorf("%s has other bytes than that of a training without a stop: %v, %v", name, err1, err2)
		}
	}
	m := jobtest.Metrics(t, whole)
	v := m["validation"].([]any)[0].(map[string]any)
	snr := func(column string) float64 { return jobtest.Quality(t, v, column, "snr_db") }
	if losses := m["losses"].([]any); len(losses) != 12 || losses[11].(float64) >= losses[0].(float64) || snr("solution") < snr("observed") ||
		!(snr("tv") > snr("observed")) || !(v["tv_gap"].(float64) <= variationGap) || !(snr("fppa") > snr("observed")) {
		t.Errorf("losses %v, validation %v", losses, v)
	}
	if _, err := os.Stat(filepath.Join(out, "checkpoint", "checkpoint.json")); err == nil {
		t.Error("the checkpoint of a finished training is still there")
	}
}

// Pictures of a file teach what the same pictures teach without one; the model that they give
// restores a frame alike on any number of ranks, in any unit, and is beside total variation.
func TestModels(t *testing.T) {
	dir := t.TempDir()
	cells := CellFiles{Seed: 1, Count: 7, Rows: 24, Cols: 20, Size: 9, Variance: 2, SNR: 30}
	jobtest.OnRanks(t, 1, func(comm ranks.Comm) error { return cells.Write(context.Background(), comm, dir) })
	a, err := jobtest.Run(t, LoadTrain, 1, smallTraining)
	if err != nil {
		t.Fatal(err)
	}
	b, err := jobtest.Run(t, LoadTrain, 3, smallTraining, "data.truth="+filepath.Join(dir, "truth.npy"), "output.pictures=false")
	if err != nil {
		t.Fatal(err)
	}
	if d := jobtest.Farthest(jobtest.ReadNpy(t, a, "parameters.npy"), jobtest.ReadNpy(t, b, "parameters.npy")); d > 0 {
		t.Errorf("pictures of a file on 3 ranks give parameters that differ by %g", d)
	}
	seen := jobtest.ReadNpy(t, dir, "observed.npy")[:24*20]
	frame := jobtest.WriteNpy(t, dir, "frame.npy", seen, 24, 20)
	var want []float64
	for _, n := range []int{1, 2, 7} {
		out, err := jobtest.Run(t, Load, n, `job = "tppa"`, "image.path="+frame, "tppa.model="+filepath.Join(a, "model.npz"), "output.pictures=false")
		if err != nil {
			t.Fatal(err)
		}
		x := jobtest.ReadNpy(t, out, "solution.npy")
		if n == 1 {
			want = x
		}
		if d := jobtest.Farthest(x, want); d > 1e-12 {
			t.Errorf("%d ranks: the learned restoration differs by %g", n, d)
		}
		m := jobtest.Metrics(t, out)
		if model := m["model"].(map[string]any); model["strange"] != false || model["other_psf"].(float64) > 1e-12 {
			t.Errorf("a picture of the training set: %v", model)
		}
		if len(jobtest.ReadNpy(t, out, "tv.npy")) != len(want) {
			t.Error("no restoration by total variation")
		}
	}
	blocks := make([]float64, 24*20)
	for i := range blocks {
		blocks[i] = math.Mod(float64(i/20/6*3+i%20/5*7), 11) / 11
	}
	out, err := jobtest.Run(t, Load, 1, `job = "tppa"`, "image.path="+jobtest.WriteNpy(t, dir, "blocks.npy", blocks, 24, 20), "tppa.model="+filepath.Join(a, "model.npz"), "tv.noise=0.1", "blur.size=5")
	if err != nil {
		t.Fatal(err)
	}
	if model := jobtest.Metrics(t, out)["model"].(map[string]any); model["other_psf"].(float64) < 0.01 {
		t.Errorf("another PSF: %v", model)
	}
}

// Beside the learned restoration there are three others, compared by three measures, on any number of
// ranks; channels may have missing pixels of their own, and one may have nothing observed.
func TestColumns(t *testing.T) {
	model, err := jobtest.Run(t, LoadTrain, 1, smallTraining, "output.pictures=false")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const rows, cols = 40, 36
	planes := make([]float64, 3*rows*cols)
	for i := range planes {
		if planes[i] = 1; i%13 == i/(rows*cols) || i >= 2*rows*cols {
			planes[i] = 0 // each channel has other holes, the last one nothing else
		}
	}
	mask := jobtest.WriteNpy(t, dir, "mask.npy", planes, 3, rows, cols)
	for name, sets := range map[string][]string{
		"one channel": {"simulate.missing=0.02"},
		"apart":       {"simulate.channels=3", "image.mask=" + mask, "image.mask_majority=true"},
	} {
		t.Run(name, func(t *testing.T) {
			sets := append(sets, "simulate.rows=40", "simulate.cols=36", "simulate.noise=0.02", "output.pictures=true", "tppa.model="+filepath.Join(model, "model.npz"))
			want := map[string][]float64{}
			for _, n := range []int{1, 3} {
				out, err := jobtest.Run(t, Load, n, `job = "tppa"`, sets...)
				if err != nil {
					t.Fatal(err)
				}
				m := jobtest.Metrics(t, out)
				for _, measure := range []string{"psnr_db", "snr_db", "ssim"} {
					for _, column := range []string{"tikhonov", "tv", "wavelet", "solution"} {
						if v := jobtest.Quality(t, m, column, measure); measure == "ssim" && (v < 0.1 || v > 1) {
							t.Errorf("%s of %s is %v", measure, column, v)
						}
					}
				}
				for file, allowed := range map[string]float64{"solution": 1e-12, "wavelet": 1e-8, "tikhonov": 1e-3, "tv": 1e-6} {
					x := jobtest.ReadNpy(t, out, file+".npy")
					seen := x[:min(len(x), 2*rows*cols)]
					if n == 1 {
						want[file] = seen
					}
					if d := jobtest.Farthest(seen, want[file]); !(d <= allowed) {
						t.Errorf("%s on %d ranks differs by %g", file, n, d)
					}
					if len(x) > len(seen) && !math.IsNaN(x[len(x)-1]) {
						t.Errorf("%s: a channel that nobody saw has the value %g", file, x[len(x)-1])
					}
					if _, err := os.Stat(filepath.Join(out, file+".png")); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}

// What is wrong with a config or with a model is found by check, with the file's name.
func TestProblems(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.npz")
	if err := imageio.WriteNpz(other, []imageio.Member{{Name: "theta", Array: imageio.Array{Shape: []int{1}, Data: []float64{1}}}}); err != nil {
		t.Fatal(err)
	}
	for set, want := range map[string]string{
		"tppa.model=":         "tppa.model",
		"tppa.model=" + other: "other.npz: not a model file",
		"tppa.model=" + filepath.Join(dir, "gone.npz"): "gone.npz",
	} {
		j, err := jobtest.Parse(Load, `job = "tppa"`, set)
		if err == nil {
			err = j.CheckFiles()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", set, err, want)
		}
	}
	flat := jobtest.WriteNpy(t, dir, "flat.npy", []float64{1, 2}, 2)
	for set, want := range map[string]string{
		"data.truth=" + flat:                    "(count, rows, cols)",
		"simulate.count=4\x00data.validation=4": "more pictures than",
		"tppa.average=[1,0]":                    "the lower one first",
		"tppa.method=sgd":                       "tppa.method",
		"tppa.batch=40":                         "at most the 5 pictures",
	} {
		j, err := jobtest.Parse(LoadTrain, smallTraining, strings.Split(set, "\x00")...)
		if err == nil {
			err = j.CheckFiles()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", set, err, want)
		}
	}
}
