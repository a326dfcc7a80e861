package lifecycle

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"tessera/internal/config"
	"tessera/ranks"
)

// Run is one rank's part of one run of a job: what every job has around it.
type Run struct {
	Env
	Comm  ranks.Comm
	Log   *slog.Logger // of rank 0; the others' goes nowhere
	Dir   string       // where the result goes
	file  *config.File
	seed  uint64
	began float64
	took  *Inputs
}

// Start is the Job.Run of a job whose work is body: it opens the log, lets body do the
// work on every rank and closes the log in view of how that ended.
func Start(f *config.File, dir string, seed uint64, body func(context.Context, *Run) error) func(context.Context, ranks.Comm, Env) error {
	return func(ctx context.Context, comm ranks.Comm, env Env) error {
		return logged(comm, dir, func(log *slog.Logger) error {
			if comm.Rank() == 0 {
				defer env.Progress.Done()
			}
			return body(ctx, &Run{Env: env, Comm: comm, Log: log, Dir: dir, file: f, seed: seed, began: comm.Wtime(), took: &Inputs{}})
		})
	}
}

// Record is what made a result: the start of its metrics.json.
func (r *Run) Record() Record {
	record := newRecord(r.Comm, r.Env, r.seed, r.file)
	record.Inputs = r.took
	return record
}

// Ending says what a run leaves behind.
type Ending struct {
	Files []string     // names in the directory that any run of the job may leave; removed first
	Write func() error // writes them; called on every rank, the error need not be the same
	// Rank 0 alone: what is done and said once all is written.
	Metrics func(totalSeconds, peakMemoryMB float64) any // what metrics.json holds
	Chosen  func() map[string]config.Value               // by "section.key": what config.toml holds in place of the values in force; nil = nothing
	Remove  func() error                                 // deletes what only an interrupted run needs; nil = nothing
	Summary func(w io.Writer) error                      // the table on the console
}

// Finish leaves the result of a run in its directory: an earlier one is removed, its
// metrics.json first, and the new metrics.json is written last, so that where it is the
// rest belongs to it. Collective.
func (r *Run) Finish(e Ending) error {
	r.Progress.Phase("writing " + r.Dir)
	if err := ranks.OnRoot(r.Comm, func() error { return clearResult(r.Dir, e.Files...) }); err != nil {
		return err
	}
	if err := ranks.AgreeError(r.Comm, e.Write()); err != nil {
		return err
	}
	memory, err := peakMemory(r.Comm)
	if err != nil {
		return err
	}
	return ranks.OnRoot(r.Comm, func() error {
		if err := r.writeConfig(e.Chosen); err != nil {
			return err
		}
		if err := WriteMetrics(r.Dir, e.Metrics(r.Comm.Wtime()-r.began, memory)); err != nil {
			return err
		}
		if e.Remove != nil {
			if err := e.Remove(); err != nil {
				return err
			}
		}
		r.Progress.Done()
		if r.Env.Summary == nil {
			return nil
		}
		return e.Summary(r.Env.Summary)
	})
}

// Path is a file of the result.
func (r *Run) Path(name string) string { return filepath.Join(r.Dir, name) }

// clearResult removes what an earlier run left, its metrics first.
func clearResult(dir string, names ...string) error {
	for _, name := range append([]string{MetricsName, logName, FailedLogName}, names...) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, name := range []string{ConfigName, spareConfigName} {
		if path := filepath.Join(dir, name); ours(path) {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}
