package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tessera/internal/progress"
	"tessera/ranks"
)

// Job is a config that has passed every check that needs no other file.
type Job struct {
	Kind      string // "tikhonov", "psf" and so on
	Dir       string // where the result goes
	Answer    string // the file of the result that says what was computed, which scaling studies compare
	Resumable bool   // it keeps checkpoints, and goes on from one

	// CheckFiles records what is wrong with the files the config names. Rank 0
	// alone calls it: other hosts may not see them.
	CheckFiles func() error
	// Run does the job on this rank.
	Run func(ctx context.Context, comm ranks.Comm, env Env) error
	// Plan is what Run would cost on n ranks that talk over such a link. comm is a
	// world of one.
	Plan func(ctx context.Context, comm ranks.Comm, n int, link Link) (*Plan, error)
}

// Env is what a run has around it. On ranks other than 0 only Version and Resume are set.
type Env struct {
	Progress *progress.Line // nil = none
	Summary  io.Writer      // gets the table at the end; nil = none
	Version  string         // of the program, for metrics.json
	Resume   bool           // go on from the checkpoint in the job's directory; set on all ranks
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

// Refuse returns an *ExistsError if the job's directory holds a finished result or
// a checkpoint.
func Refuse(j *Job) error {
	if err := finished(j.Dir); err != nil {
		return err
	}
	if held(j.Dir) {
		return &ExistsError{filepath.Join(j.Dir, checkpointDir), true}
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
	}
	return finished(j.Dir)
}

func finished(dir string) error {
	path := filepath.Join(dir, MetricsName)
	switch _, err := os.Stat(path); {
	case err == nil:
		return &ExistsError{path, false}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return err
	}
}
