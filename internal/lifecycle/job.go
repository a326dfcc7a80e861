package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"tessera/internal/progress"
	"tessera/ranks"
)

// Job is a config that has passed every check that needs no other file.
type Job struct {
	Kind      string // "tikhonov", "psf" and so on
	Dir       string // where the result goes
	Answer    string // the file of the result that says what was computed, which scaling studies compare
	Resumable bool   // it keeps checkpoints, and goes on from one

	// Files are the names of all files that a run of the job may leave in Dir, but for
	// metrics.json, the logs and the config. They are what a run replaces. The first is what
	// was asked for.
	Files []string
	// Metrics is an empty one of what the metrics.json of a run holds.
	Metrics Metrics
	// State is a directory outside of the job's own place in Dir in which a run keeps its
	// state: no other run may use it at the same time. Empty = none.
	State string

	// Merge returns the text of the job's config with the values of -set in it. Every job has
	// it; jobs.Load sets it.
	Merge func(text []byte) ([]byte, error)
	// CheckFiles records what is wrong with the files the config names. Rank 0
	// alone calls it: other hosts may not see them.
	CheckFiles func() error
	// Run does the job on this rank.
	Run func(ctx context.Context, comm ranks.Comm, env Env) error
	// Plan is what Run would cost on n ranks that talk over such a link. comm is a
	// world of one.
	Plan func(ctx context.Context, comm ranks.Comm, n int, link Link) (*Plan, error)
}

// Env is what a run has around it. On ranks other than 0 Progress, Summary, JSON and Warn are nil.
type Env struct {
	Progress *progress.Line // nil = none
	Summary  io.Writer      // gets the table at the end; nil = none
	JSON     io.Writer      // gets a Summary as one line at the end; nil = none
	Warn     func(string)   // shows a warning; nil = only the log has it
	Version  string         // of the program, for metrics.json
	Resume   bool           // go on from the checkpoint in the job's directory
	Replace  bool           // the run may replace an earlier result, also when it is continued later
	Busy     *atomic.Int32  // counts the ranks of this process that write a checkpoint or a result; nil = nobody asks
}

// ExistsError is a result, or a checkpoint, that a run would replace.
type ExistsError struct {
	Path       string
	Checkpoint bool
}

func (e *ExistsError) Error() string {
	if e.Checkpoint {
		return fmt.Sprintf("%s holds a checkpoint: continue it with -resume, choose another directory with -out, or begin anew with -force", e.Path)
	}
	return fmt.Sprintf("%s is there already: choose another directory with -out, or replace it with -force", e.Path)
}

// NoCheckpointError is a run that shall continue where nothing was begun.
type NoCheckpointError struct{ Text string }

func (e *NoCheckpointError) Error() string { return e.Text }

// Refuse returns an *ExistsError if the job's directory holds a finished result, a
// checkpoint, or a file that the run would replace.
func Refuse(j *Job) error {
	if held(j.Dir) && finished(j) == nil {
		return &ExistsError{filepath.Join(j.Dir, checkpointDir), true}
	}
	return RefuseFiles(j.Dir, append([]string{MetricsName}, j.Files...)...)
}

// RefuseFiles returns an *ExistsError for the first of the files in a directory that is there.
func RefuseFiles(dir string, names ...string) error {
	for _, name := range names {
		if err := absent(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// Continue returns an error unless the job can go on from a checkpoint in its directory.
func Continue(j *Job) error {
	switch {
	case !j.Resumable:
		return &NoCheckpointError{"-resume: jobs of this kind keep no checkpoints"}
	case !held(j.Dir):
		return &NoCheckpointError{fmt.Sprintf("-resume: %s holds no checkpoint", j.Dir)}
	case replaces(j.Dir):
		return nil
	}
	if err := finished(j); err != nil {
		return err
	}
	for _, name := range j.Files {
		if path := filepath.Join(j.Dir, name); absent(path) != nil {
			return &NoCheckpointError{fmt.Sprintf("-resume: %s is there, and the run that left the checkpoint was not told to replace it: move it away", path)}
		}
	}
	return nil
}

// finished returns an *ExistsError if the job's directory holds a finished result.
func finished(j *Job) error { return absent(filepath.Join(j.Dir, MetricsName)) }

// absent returns an *ExistsError if there is something at path.
func absent(path string) error {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return &ExistsError{path, false}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return err
	}
}
