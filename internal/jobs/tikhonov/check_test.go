package tikhonov

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/krylov"
	"tessera/ranks"
)

var loaders = map[string]func(*config.File) *lifecycle.Job{"tikhonov": Load, "two-layer": LoadTwoLayer}

// What check accepts runs, and what it refuses it refuses with the key and the reason.
func TestCheckMeansRun(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, shape ...int) string {
		n := 1
		for _, s := range shape {
			n *= s
		}
		data := make([]float64, n)
		for i := range data {
			data[i] = 1 + math.Sin(float64(i))
		}
		return fmt.Sprintf("%q", jobtest.WriteNpy(t, dir, name, data, shape...))
	}
	wide, even, flat := file("wide.npy", 41, 1), file("even.npy", 4, 3), file("flat.npy", 3, 3)
	cube, plane, row := file("cube.npy", 2, 9, 12), file("plane.npy", 9, 12), file("row.npy", 1, 12)
	few := make([]float64, 9*12)
	few[0], few[107] = 1, 1
	mask := fmt.Sprintf("%q", jobtest.WriteNpy(t, dir, "few.npy", few, 9, 12))
	for _, c := range []struct {
		kind, sets string
		refused    string // part of the message; "" = it runs
	}{
		{"tikhonov", "image.path=" + plane, ""},
		{"tikhonov", "image.path=" + cube + " image.mask=" + plane, ""},
		{"tikhonov", "image.path=" + cube + " image.mask=" + row, `is 1 x 12 pixels, want the frame's 9 x 12`},
		{"tikhonov", "image.path=" + plane + " image.weights=" + file("turned.npy", 12, 9), `is 12 x 9 pixels, want the frame's 9 x 12`},
		{"tikhonov", "image.path=" + plane + " image.mask=" + mask + " image.balance=observed image.mask_majority=true", ""},
		{"tikhonov", "image.path=" + plane + " image.mask=" + mask, "image.mask_majority = true"},
		{"two-layer", "image.path=" + plane + " image.mask=" + mask, "image.mask_majority = true"},
		{"tikhonov", "image.path=" + plane + " image.weights=" + plane + " image.sigma=" + plane, "want one of them"},
		{"tikhonov", "simulate.from=" + row, ""},
		{"tikhonov", "simulate.from=" + row + " tikhonov.overlap=40 tikhonov.border=periodic tikhonov.tile=50", ""},
		{"tikhonov", "image.path=" + plane + " blur.kind=file blur.path=" + wide, ""},
		{"tikhonov", "image.path=" + plane + " blur.kind=file blur.path=" + even, ""},
		{"tikhonov", "image.path=" + plane + " blur.kind=file blur.path=" + flat + " tikhonov.regulariser=laplacian", ""},
		{"tikhonov", "image.path=" + plane + " blur.kind=box blur.size=19", ""},
		{"tikhonov", "image.path=" + plane + " blur.kind=box blur.size=17 tikhonov.border=periodic", ""},
		{"tikhonov", "simulate.rows=2 simulate.cols=2 blur.kind=moffat", ""},
		{"tikhonov", "image.path=" + plane + " tikhonov.method=two-level tikhonov.regulariser=gradient tikhonov.overlap=0", ""},
		{"tikhonov", "image.path=" + plane + " tikhonov.method=mult tikhonov.tile=1 tikhonov.overlap=9", ""},
		{"tikhonov", "image.path=" + plane + " tikhonov.method=as-cg tikhonov.overlap=30 tikhonov.border=zero", ""},
		{"tikhonov", "image.path=" + plane + " tikhonov.overlap=64 tikhonov.border=reflect", ""},
		{"tikhonov", "image.path=" + plane + " tikhonov.overlap=65", "tikhonov.overlap = 65: want 64 pixels or less on a frame of 9 x 12"},
		{"tikhonov", "simulate.rows=48 simulate.cols=48 tikhonov.overlap=100000", "tikhonov.overlap = 100000: want 64 pixels or less on a frame of 48 x 48"},
		{"tikhonov", "simulate.rows=48 simulate.cols=200 tikhonov.overlap=201 tikhonov.method=literal", "tikhonov.overlap = 201: want 200 pixels or less on a frame of 48 x 200"},
		{"two-layer", "layers.overlap=65", "layers.overlap = 65: want 1 to 64 pixels"},
		{"tikhonov", "image.path=" + plane + " tikhonov.method=ras tikhonov.tolerance=1e-16 tikhonov.max_iterations=1000000", ""},
		{"tikhonov", "image.path=" + plane + " tikhonov.method=mult tikhonov.tolerance=1e-16 tikhonov.max_iterations=1000000", ""},
		{"tikhonov", "image.path=" + plane + " tikhonov.method=literal tikhonov.omega=1 tikhonov.tolerance=1e-16 tikhonov.max_iterations=1000000", ""},
		{"tikhonov", "image.path=" + plane + " tikhonov.method=cg tikhonov.precision=double", ""},
		{"tikhonov", "image.path=" + plane + " output.errors=noise output.error_samples=1", ""},
		{"tikhonov", "image.path=" + cube + " output.errors=posterior output.error_samples=3 image.mask=" + plane, ""},
		{"tikhonov", "image.path=" + row + " output.errors=noise", "the noise of a frame of 1 x 12 pixels cannot be estimated"},
		{"tikhonov", "image.path=" + row + " output.errors=noise tikhonov.noise=0.1", ""},
		{"tikhonov", "image.path=" + plane + " output.errors=noise tikhonov.method=literal", "which does not find the minimiser"},
		{"tikhonov", "image.path=" + plane + " output.errors=all", `want`},
		{"tikhonov", "image.path=" + plane + " output.error_samples=0", "1 to 1000000"},
		{"two-layer", "image.path=" + plane, ""},
		{"two-layer", "image.path=" + cube + " image.mask_majority=true image.mask=" + mask, ""},
		{"two-layer", "image.path=" + plane + " image.mask=" + row, `is 1 x 12 pixels, want the frame's 9 x 12`},
		{"two-layer", "simulate.from=" + row + " first.kind=none second.kind=none layers.overlap=40 layers.border=periodic layers.tile=50", ""},
		{"two-layer", "image.path=" + plane + " first.kind=file first.path=" + even, ""},
		{"two-layer", "image.path=" + plane + " second.kind=file second.path=" + wide, ""},
		{"two-layer", "image.path=" + plane + " second.kind=box second.size=17 layers.border=periodic layers.regulariser=laplacian", ""},
		{"two-layer", "image.path=" + plane + " layers.method=as-cg layers.tile=1 layers.border=zero", ""},
		{"two-layer", "image.path=" + plane + " layers.method=cg layers.regulariser=identity layers.max_iterations=3000", ""},
	} {
		sets := strings.Fields(c.sets)
		j, err := jobtest.Parse(loaders[c.kind], "", sets...)
		if err == nil {
			err = j.CheckFiles()
		}
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: check says %v, want %q", c.sets, err, c.refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: check refuses: %v", c.sets, err)
			continue
		}
		for _, n := range []int{1, 3} {
			_, err := jobtest.Run(t, loaders[c.kind], n, "", sets...)
			if err != nil && !krylov.Unfinished(err) { // that one leaves a result
				t.Errorf("%s, %d ranks: check accepts, run says: %v", c.sets, n, err)
			}
		}
	}
}

// stopAt is a context that is cancelled when it has been asked for its state so often:
// every rank asks at the same points of a run.
type stopAt struct {
	context.Context
	left int
}

func (c *stopAt) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Wherever a run is cancelled before it writes, every rank ends with the context's error
// and the earlier result stays as it was.
func TestCancelledAnywhere(t *testing.T) {
	for kind, load := range loaders {
		dir := filepath.Join(t.TempDir(), "out")
		run := func(asked int) error {
			return ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
				j, err := jobtest.Parse(load, "", "simulate.rows=30", "simulate.cols=24", fmt.Sprintf("output.dir=%q", dir))
				if err != nil {
					return err
				}
				err = j.Run(&stopAt{ctx, asked}, comm, lifecycle.Env{Version: "test"})
				if err != nil && !errors.Is(err, context.Canceled) {
					return fmt.Errorf("rank %d ends with %v", comm.Rank(), err)
				}
				return err
			})
		}
		if err := run(math.MaxInt); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(filepath.Join(dir, lifecycle.MetricsName))
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		for ; ; asked++ {
			err := run(asked)
			if err == nil {
				break // it was written before it was asked so often
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%s, cancelled at check %d: %v", kind, asked, err)
			}
			after, _ := os.ReadFile(filepath.Join(dir, lifecycle.MetricsName))
			if string(before) != string(after) {
				t.Fatalf("%s, cancelled at check %d: the earlier metrics.json has changed", kind, asked)
			}
			if _, err := os.Stat(filepath.Join(dir, lifecycle.FailedLogName)); err != nil {
				t.Fatalf("%s, cancelled at check %d: %v", kind, asked, err)
			}
		}
		if asked < 8 {
			t.Errorf("%s: the context is looked at %d times only", kind, asked)
		}
	}
}
