package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tessera/internal/config"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// tiny are sets that make the example of a kind as small as it may be.
var tiny = map[string][]string{
	"tikhonov":         {"simulate.rows=64", "simulate.cols=50"},
	"two-layer":        {"simulate.rows=40", "simulate.cols=40"},
	"tv":               {"simulate.rows=40", "simulate.cols=36", "tv.lambda=0.01"},
	"tppa-train":       {"simulate.count=6", "data.validation=2", "simulate.rows=16", "simulate.cols=20", "tppa.steps=20", "tppa.layers=3"},
	"tppa":             {"simulate.rows=40", "simulate.cols=36"},
	"mlpatch-train":    {"simulate.count=6", "data.validation=2", "simulate.rows=16", "simulate.cols=20", "mlpatch.steps=20", "mlpatch.hidden=[8]", "mlpatch.side=5", "mlpatch.batch=3", "mlpatch.block=10", "mlpatch.blocks=3", "mlpatch.every=5"},
	"mlpatch-superres": {"simulate.count=6", "data.validation=2", "simulate.rows=16", "simulate.cols=20", "superres.scale=1.5", "superres.tests=[2]", "mlpatch.steps=20", "mlpatch.hidden=[8]", "mlpatch.side=3", "mlpatch.batch=3", "mlpatch.block=8", "mlpatch.blocks=3", "mlpatch.every=5"},
	"mlpatch-denoise":  {"simulate.rows=40", "simulate.cols=36"},
	"darkmatter":       {"simulate.rows=24", "simulate.cols=20", "noise.realisations=2", "learned.skies=3", "learned.validation=1", "network.geometry=square", "network.side=3", "network.hidden=[8]", "network.steps=20", "network.block=6", "network.batch=3", "network.blocks=3"},
	"mlpatch-admm":     {"simulate.rows=40", "simulate.cols=36"},
	"kernel":           {"simulate.count=300", "evaluate.shape=[20,20]"},
	"deep-kernel":      {"simulate.count=60", "simulate.test=50", "deep.steps=2", "deep.starts=1", "evaluate.shape=[10,10]", "single.widths=[0.1,0.2]", "single.lambdas=[1e-3]"},
	"psf":              {"simulate.count=20", "simulate.side=15", "simulate.psfs=4", "psf.iterations=30"},
	"scdl-train":       {"simulate.count=200", "scdl.atoms=16", "scdl.iterations=20"},
}

// tinyInputs make smaller files than those of the examples.
var tinyInputs = map[string]func(t *testing.T, dir string) []string{
	"scdl-spectra": func(t *testing.T, dir string) []string {
		return append(trained(t, dir, "simulate.high=25", "simulate.count=200"), "data.low="+spectraFile(t, dir, 2000))
	},
	"scdl-upscale": func(t *testing.T, dir string) []string {
		folder := filepath.Join(dir, "pictures")
		picture(t, folder, "a.png", 60, 70)
		return append(trained(t, dir, "patches.images="+folder, "patches.count=200"), "image.path="+picture(t, dir, "small.png", 50, 60))
	},
}

// tinySets are the sets of the smallest job of a kind, whose files are in dir.
func tinySets(t *testing.T, kind, dir string) []string {
	t.Helper()
	e := examples[kind]
	sets := append(e.sets[:len(e.sets):len(e.sets)], tiny[kind]...)
	if small := tinyInputs[kind]; small != nil {
		return append(sets, small(t, dir)...)
	}
	if e.input != nil {
		sets = append(sets, e.input(t, dir)...)
	}
	return sets
}

// unpictured are the sets with which a kind draws no pictures, or fewer: drawing takes longer than a small run, and
// pictures_test.go looks at what is drawn.
func unpictured(t *testing.T, kind string) []string {
	t.Helper()
	f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", kind), required[kind])
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Kinds() {
		if k.Name == kind {
			k.Load(f)
		}
	}
	if _, has := f.Values()["output.pictures"]; has {
		return []string{"output.pictures=false"}
	}
	var fewer []string
	for key, less := range map[string]string{"output.mosaic": "0", "output.formats": `["svg"]`} {
		if _, has := f.Values()[key]; has {
			fewer = append(fewer, key+"="+less)
		}
	}
	return fewer
}

// countingComm calls at before each of its collective calls, with their number from 1.
type countingComm struct {
	ranks.Comm
	calls int
	at    func(call int)
}

func (c *countingComm) count() {
	c.calls++
	if c.at != nil {
		c.at(c.calls)
	}
}

func (c *countingComm) Allreduce(dst, src []float64, op ranks.Op) error {
	c.count()
	return c.Comm.Allreduce(dst, src, op)
}

func (c *countingComm) Bcast(buf []float64, root int) error {
	c.count()
	return c.Comm.Bcast(buf, root)
}

func (c *countingComm) Gatherv(dst []float64, counts []int, src []float64, root int) error {
	c.count()
	return c.Comm.Gatherv(dst, counts, src, root)
}

// A run that is told to stop at any of its collective calls, on one rank only, stops on
// all of them with the context's error, leaves an earlier result as it was and its own log
// as failed.log; told too late it finishes, and the result is whole.
func TestInterrupted(t *testing.T) {
	const n = 2
	shares := []float64{0.02, 0.3, 0.6, 0.8, 0.97} // of the calls
	if testing.Short() {
		shares = []float64{0.3, 0.8}
	}
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			dir := t.TempDir()
			sets := append(tinySets(t, k.Name, dir), unpictured(t, k.Name)...)
			// run stops at a call of rank 1, 0 = never, and returns the error of each rank
			// and the calls of rank 1.
			run := func(out string, stopAt int) (errs [n]error, calls int) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
					j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), append(sets[:len(sets):len(sets)], fmt.Sprintf("output.dir=%q", out)))
					if err != nil {
						return err
					}
					if comm.Rank() != 1 {
						errs[comm.Rank()] = j.Run(context.Background(), comm, lifecycle.Env{Version: "test"})
						return errs[comm.Rank()]
					}
					counting := &countingComm{Comm: comm, at: func(call int) {
						if call == stopAt {
							cancel()
						}
					}}
					errs[1] = j.Run(ctx, counting, lifecycle.Env{Version: "test"})
					calls = counting.calls
					return errs[1]
				})
				return errs, calls
			}
			whole := filepath.Join(dir, "whole")
			errs, calls := run(whole, 0)
			if err := errors.Join(errs[:]...); err != nil {
				t.Fatal(err)
			}
			stopped := 0
			for _, share := range shares {
				out := filepath.Join(dir, fmt.Sprint(share))
				if err := os.Mkdir(out, 0o777); err != nil {
					t.Fatal(err)
				}
				earlier := filepath.Join(out, lifecycle.MetricsName)
				if err := os.WriteFile(earlier, []byte("{}"), 0o666); err != nil {
					t.Fatal(err)
				}
				errs, _ := run(out, max(1, int(share*float64(calls))))
				text, err := os.ReadFile(earlier)
				if err != nil {
					t.Errorf("at %g of the calls: %v", share, err)
				}
				_, failed := os.Stat(filepath.Join(out, lifecycle.FailedLogName))
				if errs[0] == nil && errs[1] == nil {
					if len(text) < 100 || failed == nil {
						t.Errorf("at %g of the calls: finished without a whole result", share)
					}
					continue
				}
				stopped++
				for r, err := range errs {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("at %g of the calls: rank %d ends with %v", share, r, err)
					}
				}
				if string(text) != "{}" || failed != nil {
					t.Errorf("at %g of the calls: the earlier metrics.json is %q, failed.log: %v", share, text, failed)
				}
			}
			if stopped == 0 {
				t.Error("was never stopped")
			}
		})
	}
}
