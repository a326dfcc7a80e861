package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// withoutFit are the jobs whose answer has no data that it could be compared with, and why.
var withoutFit = map[string]string{
	"tppa-train": "the answer is a model", "mlpatch-train": "the answer is a model", "scdl-train": "the answer is a model",
	"scdl-spectra": "a prediction",
}

// checkTable finds what the table at the end of a run does not say.
func checkTable(t *testing.T, kind string, m map[string]any, table string) {
	t.Helper()
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), "  ")
		rows[name] = strings.TrimSpace(rest)
	}
	want := map[string]string{"seconds": "in all", "traffic": "MB", "peak memory": "MB", "written to": "out", "ranks": "2, in-process"}
	if c, there := m["converged"]; there {
		want["converged"] = map[bool]string{true: "yes, after ", false: "no, after "}[c.(bool)] + fmt.Sprint(m["iterations"]) + " iterations"
	}
	fit, there := m["fit"].(map[string]any)
	if reason := withoutFit[kind]; there == (reason != "") {
		t.Errorf("metrics.json has the fit %v; job without one: %q", fit, reason)
	}
	if there {
		want["residual"] = "rms "
		if _, known := m["noise"]; known {
			want["residual"] = " of the noise: "
		}
		if _, there := fit["below_data"]; there {
			want["range"] = "% of the solution below"
		}
		if _, there := fit["flux_data"]; there {
			want["flux"] = " in the solution"
		}
	}
	quality, _ := m["quality"].(map[string]any)
	for measure, name := range map[string]string{"psnr_db": "PSNR", "ssim": "SSIM", "rmse": "rms error"} {
		if q, _ := quality["solution"].(map[string]any); q[measure] != nil {
			want[name] = " solution"
		}
	}
	for name, text := range want {
		if got, there := rows[name]; !there || !strings.Contains(got, text) {
			t.Errorf("the table has the row %s: %q, want %q in it\n%s", name, got, text, table)
		}
	}
}

// toldOf runs a job on two ranks and returns its metrics.json, the table at its end and the line
// of JSON about it.
func toldOf(t *testing.T, kind string, sets []string) (m map[string]any, table string, line map[string]any) {
	t.Helper()
	var text, summary bytes.Buffer
	var dir string
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
		if err != nil {
			return err
		}
		env := lifecycle.Env{Version: "test"}
		if comm.Rank() == 0 {
			dir, env.Summary, env.JSON = j.Dir, &text, &summary
		}
		return j.Run(ctx, comm, env)
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(summary.Bytes(), []byte("\n")); n != 1 {
		t.Errorf("-json prints %d lines: %s", n, summary.Bytes())
	}
	if err := json.Unmarshal(summary.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return jobtest.Metrics(t, dir), text.String(), line
}

// otherForms are runs of a kind that write other keys than the smallest one: what they say beside its sets.
var otherForms = map[string][]func(t *testing.T, dir string) []string{
	"darkmatter": {func(*testing.T, string) []string { return []string{"learned.skies=0"} }}, // without a network
	"mlpatch-denoise": {func(t *testing.T, dir string) []string { // streamed
		frame := jobtest.WriteNpy(t, dir, "bands.npy", simulate.Cells{Seed: 2, Rows: 20, Cols: 16}.Draw(0), 20, 16)
		return []string{"image.path=" + frame, "noise.sigma=0.1", "tv.rule=none", "bands.rows=5"}
	}},
	"mlpatch-admm": {
		func(*testing.T, string) []string { return []string{"blur.kind=none", "tomography.angles=9"} },
		func(*testing.T, string) []string {
			return []string{"psf_model.kind=field", "psf_model.size=5", "psf_model.grid=2", "admm.max_iterations=3"}
		},
	},
	"mlpatch-superres": {func(t *testing.T, dir string) []string { // of an observed frame with its truth
		frame := jobtest.WriteNpy(t, dir, "frame.npy", simulate.Cells{Seed: 2, Rows: 10, Cols: 8}.Draw(0), 10, 8)
		return []string{"image.path=" + frame, "image.truth=" + jobtest.WriteNpy(t, dir, "truth.npy", simulate.Cells{Seed: 2, Rows: 15, Cols: 12}.Draw(0), 15, 12)}
	}},
}

// The metrics.json of a small run of every kind of job, in each of its forms, is what the schema says, the line of
// -json too, and the table at its end says what there is to say.
func TestSchemaOfTheRuns(t *testing.T) {
	_, schema := readSchema(t)
	type form struct {
		name, kind string
		more       func(t *testing.T, dir string) []string
	}
	var list []form
	for _, k := range Kinds() {
		list = append(list, form{k.Name, k.Name, func(*testing.T, string) []string { return nil }})
		for i, more := range otherForms[k.Name] {
			list = append(list, form{fmt.Sprintf("%s, form %d", k.Name, i+2), k.Name, more})
		}
	}
	for _, k := range list {
		t.Run(k.name, func(t *testing.T) {
			dir := t.TempDir()
			sets := slices.Concat(tinySets(t, k.kind, dir), k.more(t, dir), unpictured(t, k.kind))
			m, table, line := toldOf(t, k.kind, append(sets, fmt.Sprintf("output.dir=%q", filepath.Join(dir, "out"))))
			for _, problem := range jobtest.Schema(schema).Check(m) {
				t.Error(problem)
			}
			summary := jobtest.Schema{"$ref": "#/$defs/summary", "$defs": schema["$defs"]}
			for _, problem := range summary.Check(line) {
				t.Errorf("the line of -json: %s", problem)
			}
			for _, key := range []string{"job", "status", "iterations", "ranks", "noise", "fit", "converged"} {
				if !reflect.DeepEqual(line[key], m[key]) {
					t.Errorf("%s is %v in the line of -json, %v in metrics.json", key, line[key], m[key])
				}
			}
			checkTable(t, k.kind, m, table)
			if m["job"] != k.kind || m["metrics_format"] != float64(lifecycle.MetricsFormat) {
				t.Errorf("job %v, metrics_format %v", m["job"], m["metrics_format"])
			}
			solution := m["solution"].(string)
			if _, err := os.Stat(filepath.Join(dir, "out", solution)); err != nil {
				t.Error(err)
			}
			if solution != "solution.npy" && withoutFit[k.kind] != "the answer is a model" {
				t.Errorf("the answer is %s, want solution.npy as in every job that makes an array", solution)
			}
		})
	}
}
