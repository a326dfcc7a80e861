package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/ranks"
)

// silent is the metrics of a job that has nothing of its own to say.
type silent struct{ Record }

func (*silent) Report(*Table) {}

// Where metrics.json is, the result is whole: its log is there too, whatever happens after
// the result is published, and hidden is only what the next run removes. A result that
// cannot be published leaves its log as failed.log.
func TestFinish(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		before  func(dir string) error
		summary error
		want    string // the files after the run
		ok      bool
	}{
		"done":                  {want: "answer.txt config.toml metrics.json run.log", ok: true},
		"error after":           {summary: broken, want: "answer.txt config.toml metrics.json run.log"},
		"an earlier result":     {before: earlier, want: "answer.txt config.toml metrics.json run.log", ok: true},
		"a directory in place":  {before: func(dir string) error { return os.MkdirAll(filepath.Join(dir, "answer.txt"), 0o777) }, want: "answer.txt failed.log"},
		"a directory for a log": {before: func(dir string) error { return os.MkdirAll(filepath.Join(dir, "run.log", "x"), 0o777) }, want: "failed.log run.log"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.before != nil {
				if err := c.before(dir); err != nil {
					t.Fatal(err)
				}
			}
			f, err := config.Parse("c.toml", []byte("job = \"x\"\n"), nil)
			if err != nil {
				t.Fatal(err)
			}
			files := []string{"answer.txt"}
			run := Start(f, dir, 1, files, func(_ context.Context, r *Run) error {
				published := func() { // the process may be killed here
					for _, name := range []string{"answer.txt", "run.log", "metrics.json"} {
						if st, err := os.Stat(filepath.Join(dir, name)); err != nil || !st.Mode().IsRegular() {
							t.Errorf("after the result is published: %s: %v", name, err)
						}
					}
				}
				return r.Finish(Ending{
					Write: func() error {
						if r.Comm.Rank() != 0 {
							return nil
						}
						return os.WriteFile(r.Path("answer.txt"), []byte("new"), 0o666)
					},
					Metrics: &silent{},
					Remove:  func() error { published(); return nil },
					After:   func(io.Writer) error { return c.summary },
				})
			})
			err = ranks.Launch(t.Context(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
				env := Env{}
				if comm.Rank() == 0 {
					env.Summary = io.Discard
				}
				return run(ctx, comm, env)
			})
			if (err == nil) != c.ok {
				t.Errorf("the run ends with %v", err)
			}
			if got := list(t, dir); got != c.want {
				t.Errorf("the directory holds %s, want %s", got, c.want)
			}
			if log, err := os.ReadFile(filepath.Join(dir, "run.log")); err == nil && !strings.Contains(string(log), map[bool]string{true: `"done"`, false: `"ended"`}[c.ok]) {
				t.Errorf("the log does not say how the run ended:\n%s", log)
			}
		})
	}
}

// earlier makes a directory hold the result of an earlier run, and the log of one that failed.
func earlier(dir string) error {
	var err error
	for _, name := range []string{"answer.txt", "metrics.json", "run.log", "failed.log"} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o666))
	}
	return err
}

// list are the names in a directory.
func list(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return strings.Trim(fmt.Sprint(names), "[]")
}
