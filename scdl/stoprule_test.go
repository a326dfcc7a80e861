package scdl

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// The stopping rule ends a training that was stopped and continued where it ends one that was not:
// stopped at any check, or after the last one, before its results were written.
func TestStoppingRuleResumes(t *testing.T) {
	s := spectra(150, 4)
	type job struct {
		o     Options
		train trainer
	}
	jobs := map[string]job{"online": {Options{Batch: 40, CodeIterations: 5, Tolerance: 0.05}, Online}}
	for name, o := range forms {
		o.Tolerance, o.CheckEvery = 0.05, 2
		jobs[name] = job{o, Train}
	}
	for name, j := range jobs {
		t.Run(name, func(t *testing.T) {
			o := j.o
			o.Atoms, o.MaxIterations, o.Seed, o.SaveEvery = 12, 100, 2, time.Nanosecond
			if o.Precision == "" {
				o.Precision = Double
			}
			ended := &kept{}
			o.Save = ended.save
			whole, err := dealt(2, s, o, j.train)
			if err != nil || !whole.Converged || len(whole.At) < 3 {
				t.Fatalf("a training that is not stopped: %v, errors at %v", err, whole.At)
			}
			snapshots := map[string]*kept{"after the end": ended}
			for _, at := range whole.At[:len(whole.At)-1] {
				ctx, cancel := context.WithCancel(context.Background())
				k := &kept{}
				o.Save = k.save
				o.Progress = func(p Progress) {
					if p.Iteration == at {
						cancel()
					}
				}
				if _, err := dealtWith(ctx, 2, s, o, j.train); !errors.Is(err, context.Canceled) && err != nil {
					t.Fatal(err)
				}
				cancel()
				snapshots[fmt.Sprintf("at %d", at)] = k
			}
			for when, k := range snapshots {
				for _, size := range []int{2, 1, 3} {
					o.Save, o.Progress, o.Resume = nil, nil, k.snapshot()
					r, err := dealt(size, s, o, j.train)
					if err != nil {
						t.Fatal(err)
					}
					tolerance := 1e-9
					switch {
					case size == 2:
						tolerance = 0
					case o.Precision == Single:
						tolerance = 1e-3
					}
					what := fmt.Sprintf("stopped %s, continued on %d", when, size)
					if r.Converged != whole.Converged || r.Iterations != whole.Iterations {
						t.Errorf("%s: converged %v after %d iterations, want %v after %d", what, r.Converged, r.Iterations, whole.Converged, whole.Iterations)
						continue
					}
					same(t, what, r, whole, tolerance)
				}
			}
		})
	}
}
