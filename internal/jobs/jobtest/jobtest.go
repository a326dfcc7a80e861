package jobtest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// Parse makes a job of a config's text by the function that a family registers.
func Parse(load func(*config.File) *lifecycle.Job, text string, sets ...string) (*lifecycle.Job, error) {
	f, err := config.Parse("test.toml", []byte(text), sets)
	if err != nil {
		return nil, err
	}
	j := load(f)
	return j, f.Err()
}

// Run does that on n in-process ranks and runs the job in a directory of its own. Where neither text nor sets say so
// it draws no pictures or fewer, which takes longer than a small job.
func Run(t testing.TB, load func(*config.File) *lifecycle.Job, n int, text string, sets ...string) (dir string, err error) {
	t.Helper()
	return runDrawn(t, load, n, text, append(sets[:len(sets):len(sets)], unpictured(load, text, sets)...)...)
}

// unpictured is the set without which a job would draw pictures that nobody has asked for. One that always draws
// leaves the larger of their files out.
func unpictured(load func(*config.File) *lifecycle.Job, text string, sets []string) []string {
	const key, formats = "output.pictures", "output.formats"
	f, err := config.Parse("test.toml", []byte(text), sets)
	if err != nil {
		return nil // Run says it
	}
	load(f)
	if _, can := f.Values()[key]; can && !f.Has(key) {
		return []string{key + "=false"}
	} else if _, draws := f.Values()[formats]; !can && draws && !f.Has(formats) {
		return []string{formats + `=["svg"]`}
	}
	return nil
}

// runDrawn is Run with the pictures that the config asks for.
func runDrawn(t testing.TB, load func(*config.File) *lifecycle.Job, n int, text string, sets ...string) (dir string, err error) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "out")
	sets = append(sets, fmt.Sprintf("output.dir=%q", dir))
	err = ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
		j, err := Parse(load, text, sets...)
		if err != nil {
			return err
		}
		return j.Run(ctx, comm, lifecycle.Env{Version: "test"})
	})
	return dir, err
}

// Metrics is the metrics.json in a directory.
func Metrics(t testing.TB, dir string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, lifecycle.MetricsName))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Quality is a measure of a column of the comparison with the truth in a metrics.json.
func Quality(t testing.TB, m map[string]any, column, measure string) float64 {
	t.Helper()
	all, _ := m["quality"].(map[string]any)
	of, _ := all[column].(map[string]any)
	v, ok := of[measure].(float64)
	if !ok {
		t.Fatalf("quality.%s.%s is %v", column, measure, of[measure])
	}
	return v
}

// ReadNpy is the numbers of an array in a directory.
func ReadNpy(t testing.TB, dir, name string) []float64 {
	t.Helper()
	a, err := imageio.ReadNpy(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return a.Data
}

// Farthest is the largest difference of two arrays; infinite if their lengths differ.
func Farthest(a, b []float64) float64 {
	most := math.Inf(1)
	if len(a) == len(b) {
		most = 0
	}
	for i := range b {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
}

// OnRanks runs body on n in-process ranks.
func OnRanks(t testing.TB, n int, body func(comm ranks.Comm) error) {
	t.Helper()
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
		return body(comm)
	})
	if err != nil {
		t.Fatalf("%d ranks: %v", n, err)
	}
}

// WriteNpy writes an array and returns its path.
func WriteNpy(t testing.TB, dir, name string, data []float64, shape ...int) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := imageio.WriteNpy(path, shape, data); err != nil {
		t.Fatal(err)
	}
	return path
}
