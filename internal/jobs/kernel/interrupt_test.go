package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/internal/progress"
	"tessera/ranks"
)

// cancelAt cancels a run as soon as its progress line has a text.
type cancelAt struct {
	text   string
	cancel context.CancelFunc
}

func (c cancelAt) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.text) {
		c.cancel()
	}
	return len(p), nil
}

// A run that is cancelled in any phase ends with the context's error on all ranks, leaves
// an earlier result as it was, and writes failed.log.
func TestCancelled(t *testing.T) {
	const deep = "job = 'deep-kernel'\n[simulate]\ncount = 60\n[single]\nwidths = [0.1]\nlambdas = [0.01]\n[evaluate]\nshape = [9, 8]\n"
	const pixels = "job = 'kernel'\n[frame]\npixels = true\nrows = 40\ncols = 30\n"
	for _, c := range []struct {
		load         func(*config.File) *lifecycle.Job
		text, phases string
	}{
		{Load, surveyJob + "\n[search]\nwidths = [0.2]\nlambdas = [0.1]\n", "observations;choosing width;balance;set-up;evaluating"},
		{Load, pixels, "observations;evaluating;nearest neighbours"},
		{LoadDeep, deep, "observations;start  1 of 8;step  1 of 40;a single layer;evaluating"},
	} {
		for phase := range strings.SplitSeq(c.phases, ";") {
			dir := t.TempDir()
			earlier := filepath.Join(dir, "solution.npy")
			if err := os.WriteFile(earlier, []byte("earlier"), 0o666); err != nil {
				t.Fatal(err)
			}
			sets := []string{fmt.Sprintf("output.dir=%q", dir)}
			if phase == "choosing width" {
				sets = append(sets, "kernel.choose=gcv")
			}
			const n = 3
			var errs [n]error
			ctx, cancel := context.WithCancel(t.Context())
			line := progress.New(cancelAt{phase, cancel})
			_ = ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
				j, err := jobtest.Parse(c.load, c.text, sets...)
				if err != nil {
					return err
				}
				env := lifecycle.Env{Version: "test"}
				if comm.Rank() == 0 {
					env.Progress = line
				}
				errs[comm.Rank()] = j.Run(ctx, comm, env)
				return nil
			})
			cancel()
			for r, err := range errs {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled in %q: rank %d returned %v", phase, r, err)
				}
			}
			if text, err := os.ReadFile(earlier); string(text) != "earlier" {
				t.Errorf("cancelled in %q: the earlier fit.npy is gone: %v", phase, err)
			}
			if _, err := os.Stat(filepath.Join(dir, lifecycle.FailedLogName)); err != nil {
				t.Errorf("cancelled in %q: %v", phase, err)
			}
			if _, err := os.Stat(filepath.Join(dir, lifecycle.MetricsName)); err == nil {
				t.Errorf("cancelled in %q: there is a result", phase)
			}
		}
	}
}
