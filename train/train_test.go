package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/krylov"
	"tessera/ranks"
)

// A quadratic whose minimum is known, by both methods, on ranks with and without items.
func TestQuadratic(t *testing.T) {
	for _, o := range []Options{{Steps: 3000, Rate: 0.01}, {Steps: 400, Method: Nesterov, Rate: 0.2}} {
		for _, n := range []int{1, 2, 7} {
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
				r, err := Run(ctx, comm, &Problem{Start: []float64{5, -3}, Items: 3, Gradient: func(item int, theta, g []float64) (float64, error) {
					a, b := theta[0]-float64(item), theta[1]-2*float64(item)
					g[0] += a
					g[1] += b
					return (a*a + b*b) / 2, nil
				}}, o)
				if err != nil {
					return err
				}
				if math.Abs(r.Theta[0]-1) > 1e-3 || math.Abs(r.Theta[1]-2) > 1e-3 || math.Abs(r.Losses[o.Steps-1]-5./3) > 1e-3 {
					t.Errorf("%s on %d ranks ends at %v with %g", o.Method, n, r.Theta, r.Losses[o.Steps-1])
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Batches go through all items before one comes again, whatever the ranks.
func TestBatch(t *testing.T) {
	var seen []int
	for step := range 15 {
		b := Batch(4, step, 10, 4)
		if !slices.Equal(b, Batch(4, step, 10, 4)) || len(b) != 4 {
			t.Fatalf("step %d: %v", step, b)
		}
		seen = append(seen, b...)
	}
	for epoch := range 6 {
		part := slices.Sorted(slices.Values(seen[10*epoch : 10*epoch+10]))
		if !slices.Equal(part, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("epoch %d has the items %v", epoch, part)
		}
	}
	if slices.Equal(seen[:10], seen[10:20]) {
		t.Error("two epochs have the same order")
	}
}

// A model is read as it was written; anything else is refused by name.
func TestModelFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.npz")
	type about struct{ Layers int }
	m := &Model{Kind: "test", About: about{7}, Arrays: []imageio.Member{{Name: "theta", Array: imageio.Array{Shape: []int{2}, Data: []float64{1, 2}}}}}
	if err := m.Write(path); err != nil {
		t.Fatal(err)
	}
	var a about
	got, err := ReadModel(path, "test", &a)
	if err != nil || a.Layers != 7 {
		t.Fatalf("%v, %+v", err, a)
	}
	if x, err := got.Array(path, "theta", 2); err != nil || !slices.Equal(x, []float64{1, 2}) {
		t.Errorf("%v, %v", x, err)
	}
	if _, err := got.Array(path, "theta", 3); err == nil || !strings.Contains(err.Error(), "want 3") {
		t.Error(err)
	}
	if _, err := got.Array(path, "other", 3); err == nil {
		t.Error("an array that is not there is read")
	}
	if _, err := ReadModel(path, "other", &a); err == nil || !strings.Contains(err.Error(), `kind "test"`) {
		t.Error(err)
	}
	for name, write := range map[string]func(path string) error{
		"npy": func(p string) error { return imageio.WriteNpy(p, []int{1}, []float64{1}) },
		"npz without a header": func(p string) error {
			return imageio.WriteNpz(p, m.Arrays)
		},
		"npz with another header": func(p string) error {
			return imageio.WriteNpz(p, []imageio.Member{{Name: "header", Array: imageio.Array{Shape: []int{2}, Data: []float64{1, 2}}}})
		},
		"cut short": func(p string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(p, text[:len(text)/2], 0o666)
		},
	} {
		bad := filepath.Join(dir, "bad.npz")
		if err := write(bad); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadModel(bad, "test", &a); err == nil {
			t.Errorf("%s is read as a model", name)
		}
	}
}

// With a constant gradient a step of Adam is as long as the rate: those of Cosine fall from it to
// almost 0. Begin knows the step, and Enough ends the run.
func TestSchedule(t *testing.T) {
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		var begun []int
		theta := []float64{0}
		var moved []float64
		p := &Problem{Start: []float64{0}, Items: 2, Begin: func(s int) { begun = append(begun, s) }, Gradient: func(_ int, _, g []float64) (float64, error) {
			g[0]++
			return 1, nil
		}}
		o := Options{Steps: 8, Rate: 0.5, Cosine: true, Enough: func(s *State) (bool, error) {
			moved = append(moved, theta[0]-s.Theta[0])
			theta[0] = s.Theta[0]
			return s.Step == 6, nil
		}}
		r, err := Run(ctx, comm, p, o)
		if err != nil {
			return err
		}
		if r.Steps != 6 || r.Status != krylov.Converged || !slices.Equal(begun, []int{0, 1, 2, 3, 4, 5}) {
			t.Errorf("%d steps, %v, begun %v", r.Steps, r.Status, begun)
		}
		for k, d := range moved {
			if want := 0.25 * (1 + math.Cos(math.Pi*float64(k)/8)); math.Abs(d-want) > 1e-6 {
				t.Errorf("step %d moves by %g, want %g", k, d, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A step allocates nothing of the size of the parameters or of the items, with and without batches, checkpoints and
// validations.
func TestAllocations(t *testing.T) {
	const parameters, items, steps = 1 << 12, 1 << 12, 12
	each := func(*State) error { return nil }
	enough := func(*State) (bool, error) { return false, nil }
	for name, o := range map[string]Options{
		"all items": {}, "batches": {Batch: 5}, "nesterov": {Method: Nesterov, Batch: 5}, "checkpoints": {Each: each}, "validations": {Batch: 5, Enough: enough},
	} {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
			p := &Problem{Start: make([]float64, parameters), Items: items, Gradient: func(item int, _, g []float64) (float64, error) {
				g[item]++
				return 1, nil
			}}
			var begin, end runtime.MemStats
			p.Begin = func(step int) {
				if step == 1 {
					runtime.ReadMemStats(&begin)
				}
				if step == steps-1 {
					runtime.ReadMemStats(&end)
				}
			}
			o.Steps = steps
			if _, err := Run(ctx, comm, p, o); err != nil {
				return err
			}
			if each := (end.TotalAlloc - begin.TotalAlloc) / (steps - 2); each > parameters {
				t.Errorf("%s: %d bytes a step with %d parameters and %d items", name, each, parameters, items)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What one rank alone finds wrong ends all of them with its error, whether a gradient or a checkpoint failed, in the first,
// a middle and the last step.
func TestFailures(t *testing.T) {
	const steps = 4
	for _, what := range []string{"gradient", "each", "enough"} {
		for _, when := range []int{0, 1, steps - 1} {
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(ctx context.Context, comm ranks.Comm) error {
				step := -1
				fail := func(where string) error {
					if where == what && step == when && comm.Rank() == 1 {
						return errors.New("broken")
					}
					return nil
				}
				p := &Problem{Start: []float64{0}, Items: 3, Begin: func(s int) { step = s }}
				p.Gradient = func(_ int, theta, g []float64) (float64, error) {
					g[0] += theta[0]
					return theta[0] * theta[0], fail("gradient")
				}
				r, err := Run(ctx, comm, p, Options{
					Steps: steps, Each: func(*State) error { return fail("each") }, Enough: func(*State) (bool, error) { return false, fail("enough") },
				})
				if want := "rank 1: broken"; err == nil || err.Error() != want || r != nil {
					t.Errorf("%s in step %d: rank %d ends with %v, %v, want %q", what, when, comm.Rank(), r, err, want)
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s in step %d: %v", what, when, err)
			}
		}
	}
}
