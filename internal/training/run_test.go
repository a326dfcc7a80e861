package training

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

	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/train"
)

// trial is a training of the coefficients of a line through items points, as a job has one.
type trial struct {
	batch  int
	method train.Method
	every  float64 // seconds between checkpoints
	stop   int     // tell the run to stop in this step, counted from 0; 0 = never
	digest string
}

const items, steps = 13, 9

// metrics are those of the trial.
type metrics struct{ Metrics }

// run learns on n ranks into dir, and returns how often every item was learned from, on whichever rank.
func (c trial) run(t *testing.T, n int, dir string, resume bool) (seen []float64, err error) {
	t.Helper()
	f, err := config.Parse("trial.toml", []byte("job = \"trial\"\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	body := func(ctx context.Context, base *lifecycle.Run) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		m := &metrics{Metrics{Record: base.Record()}}
		r := &Run{Run: base, Kind: "trial", Every: c.every, Metrics: &m.Metrics}
		extra := []int{}
		from, err := r.Begin(c.digest, &extra)
		if err != nil {
			return err
		}
		if want := 0; from != nil && (from.Step == want || !slices.Equal(extra, []int{from.Step})) {
			t.Errorf("%d ranks: the checkpoint of step %d holds %v beside it", n, from.Step, extra)
		}
		used := make([]float64, items)
		p := &train.Problem{Start: []float64{0.1, -0.2}, Items: items}
		p.Begin = func(step int) {
			if extra = []int{step}; step == c.stop && c.stop > 0 {
				cancel()
			}
		}
		lo, hi := halo.Split(items, n, base.Comm.Rank())
		p.Gradient = func(item int, theta, g []float64) (float64, error) {
			if item < lo || item >= hi {
				t.Errorf("rank %d of %d has item %d, which is another's", base.Comm.Rank(), n, item)
			}
			used[item]++
			x := float64(item) / items
			d := theta[0] + theta[1]*x - math.Exp(x)
			g[0] += d
			g[1] += d * x
			return d * d / 2, nil
		}
		o := r.Options(train.Options{Method: c.method, Rate: 0.05, Steps: steps, Batch: c.batch, Seed: 3, From: from}, 4)
		result, err := r.Learn(float64(hi-lo), func() (*train.Result, error) { return train.Run(ctx, base.Comm, p, o) })
		if err != nil {
			return r.Stopped(err)
		}
		if err := base.Comm.Allreduce(used, used, ranks.Sum); err != nil {
			return err
		}
		if base.Comm.Rank() == 0 {
			seen = used
		}
		return r.Write(Result{
			Parameters: result.Theta, Metrics: m,
			Model: func(path string) error { return imageio.WriteNpy(path, []int{1}, result.Theta[:1]) },
		})
	}
	job := lifecycle.Start(f, dir, 1, Files(), body)
	err = ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
		return job(ctx, comm, lifecycle.Env{Resume: resume})
	})
	return seen, err
}

// learned is what a run has left.
func learned(t *testing.T, dir string) []float64 {
	t.Helper()
	a, err := imageio.ReadNpy(filepath.Join(dir, "parameters.npy"))
	if err != nil {
		t.Fatal(err)
	}
	return a.Data
}

// A training has the same bits every time on a number of ranks, also one that was stopped in a step and resumed, and
// those of one rank to rounding; every item is learned from equally often.
func TestTraining(t *testing.T) {
	for k, c := range []trial{{}, {batch: 4}, {batch: items}, {method: train.Nesterov}, {method: train.Nesterov, batch: 5}, {batch: 4, every: 1e-9}} {
		var alone []float64
		for _, n := range []int{1, 2, 3, 7} {
			t.Run(fmt.Sprintf("batch %d, %s, checkpoints every %g s, %d ranks", c.batch, c.method, c.every, n), func(t *testing.T) {
				whole := t.TempDir()
				seen, err := c.run(t, n, whole, false)
				if err != nil {
					t.Fatal(err)
				}
				size := c.batch
				if size == 0 {
					size = items
				}
				sum := 0.0
				for item, v := range seen {
					if sum += v; v < float64(size*steps/items) || v > float64((size*steps+items-1)/items) {
						t.Errorf("item %d is learned from %g times in %d steps of %d items of %d", item, v, steps, size, items)
					}
				}
				if sum != float64(size*steps) {
					t.Errorf("%g gradients in %d steps of %d items", sum, steps, size)
				}
				want := learned(t, whole)
				if n == 1 {
					alone = want
				}
				for i, v := range want {
					if !(math.Abs(v-alone[i]) <= 1e-10*math.Abs(alone[i])) {
						t.Errorf("parameter %d is %.17g, on one rank %.17g", i, v, alone[i])
					}
				}
				stopped := c
				stopped.stop = 1 + (k+3*n)%(steps-1)
				dir := t.TempDir()
				if _, err := stopped.run(t, n, dir, false); !errors.As(err, new(*lifecycle.StoppedError)) {
					t.Fatalf("told to stop in step %d: %v", stopped.stop, err)
				}
				if n == 1 {
					other := c
					other.digest = "other"
					if _, err := other.run(t, n, dir, true); err == nil || !strings.Contains(err.Error(), "other pictures") {
						t.Errorf("a checkpoint of other pictures: %v", err)
					}
				}
				if _, err := c.run(t, n, dir, true); err != nil {
					t.Fatalf("resumed after a stop in step %d: %v", stopped.stop, err)
				}
				if got := learned(t, dir); !slices.Equal(got, want) {
					t.Errorf("resumed after a stop in step %d: %v, want the bits of %v", stopped.stop, got, want)
				}
				if _, err := os.Stat(filepath.Join(dir, "checkpoint", "checkpoint.json")); err == nil {
					t.Error("the checkpoint of a finished training is still there")
				}
			})
		}
	}
}
