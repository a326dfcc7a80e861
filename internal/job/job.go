package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tessera/internal/config"
	"tessera/internal/progress"
	"tessera/ranks"
)

// Job is a config that has passed every check that needs no other file.
type Job struct {
	Dir string // where the result goes

	// CheckFiles records what is wrong with the files the config names. Rank 0
	// alone calls it: other hosts may not see them.
	CheckFiles func() error
	// Run does the job on this rank.
	Run func(ctx context.Context, comm ranks.Comm, env Env) error
	// Plan writes what Run would cost on n ranks that talk over such a link. comm
	// is a world of one.
	Plan func(ctx context.Context, comm ranks.Comm, w io.Writer, n int, link Link) error
}

// Env is what a run has around it. On ranks other than 0 only Version is set.
type Env struct {
	Progress *progress.Line // nil = none
	Summary  io.Writer      // gets the table at the end; nil = none
	Version  string         // of the program, for metrics.json
}

// kind is one sort of job that a config can ask for.
type kind struct {
	name string
	load func(*config.File) *Job // problems go to the file
}

func kinds() []kind {
	return []kind{
		{"tikhonov", loadTikhonov},
		{"two-layer", loadTwoLayer},
		{"kernel", loadKernel},
		{"deep-kernel", loadDeep},
	}
}

// Load reads a config's text, with sets laid over it, into a job. name is what
// messages call the file. The error is a *config.Error with every problem.
func Load(name string, text []byte, sets []string) (*Job, error) {
	f, err := config.Parse(name, text, sets)
	if err != nil {
		return nil, err
	}
	asked := f.String("job")
	var names []string
	for _, k := range kinds() {
		if k.name == asked {
			j := k.load(f)
			return j, f.Err()
		}
		names = append(names, k.name)
	}
	// Without knowing the job nothing else in the file can be judged.
	f.OneOf("job", asked, names...)
	return nil, f.Err()
}

// ExistsError is a result that a run would replace.
type ExistsError struct{ Path string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("%s is there already: choose another directory with -out, or replace it with -force", e.Path)
}

// Refuse returns an *ExistsError if dir holds a finished result.
func Refuse(dir string) error {
	path := filepath.Join(dir, metricsName)
	switch _, err := os.Stat(path); {
	case err == nil:
		return &ExistsError{path}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return err
	}
}
