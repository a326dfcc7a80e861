package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/progress"
	"tessera/ranks"
)

// What is noted after the record was made is in metrics.json, in the log and on the console.
func TestInputs(t *testing.T) {
	dir := t.TempDir()
	f, err := config.Parse("a.toml", []byte("job = \"a\"\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{File: "a.csv", Part: "csv", Axes: "3 rows x 2 columns", Missing: "none missing"}
	var said strings.Builder
	job := Start(f, dir, 1, []string{"answer.npy"}, func(ctx context.Context, r *Run) error {
		record := r.Record()
		r.Took(in)
		return WriteMetrics(dir, record)
	})
	err = ranks.Launch(t.Context(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
		return job(ctx, comm, Env{Progress: progress.New(&said)})
	})
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Inputs []Input }
	data, err := os.ReadFile(filepath.Join(dir, MetricsName))
	if err := errors.Join(err, json.Unmarshal(data, &m)); err != nil {
		t.Fatal(err)
	}
	if len(m.Inputs) != 1 || m.Inputs[0] != in {
		t.Errorf("metrics.json has %+v, want %+v", m.Inputs, in)
	}
	log, err := os.ReadFile(filepath.Join(dir, logName))
	if want := "a.csv: csv; 3 rows x 2 columns; none missing\n"; err != nil || !strings.Contains(string(log), `"axes":"3 rows x 2 columns"`) || said.String() != want {
		t.Errorf("log %s %v, console %q, want %q", log, err, said.String(), want)
	}
}
