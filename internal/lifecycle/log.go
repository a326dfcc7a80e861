package lifecycle

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"

	"tessera/ranks"
)

const (
	logName       = "run.log"
	FailedLogName = "failed.log"
)

// runLog is the JSON log of one run. It grows under a name of its own and is published with
// the other files of the result, to which it still gets its last lines; the log of a run that
// ended otherwise is kept as failed.log, so that an earlier result keeps its own.
type runLog struct {
	*slog.Logger
	file *os.File // nil on ranks other than 0
	dir  string
	path string // where the file is
	home string // where it began to grow

	published bool // as a file of a result
}

func openLog(dir string) (*runLog, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	f, err := createLog(dir)
	if err != nil {
		return nil, err
	}
	return &runLog{Logger: slog.New(slog.NewJSONHandler(f, nil)), file: f, dir: dir, path: f.Name(), home: f.Name()}, nil
}

// createLog makes the file of a log that grows. It has the permissions of an ordinary file.
func createLog(dir string) (*os.File, error) {
	for try := 0; ; try++ {
		f, err := os.OpenFile(filepath.Join(dir, growingLog(rand.Uint32())), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil || try == 100 || !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

func growingLog(draw uint32) string { return fmt.Sprintf(".run-%d.log", draw) }

// sweepLogs removes the logs of runs that were killed.
func sweepLogs(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		var draw uint32
		if n, _ := fmt.Sscanf(e.Name(), ".run-%d.log", &draw); n == 1 && e.Name() == growingLog(draw) && e.Type().IsRegular() {
			if path := filepath.Join(dir, e.Name()); beginsWith(path, `{"time":"`) {
				err = errors.Join(err, os.Remove(path))
			}
		}
	}
	return err
}

// logged opens the log of a run on rank 0, lets work do the run on every rank, and
// closes it. Collective.
func logged(comm ranks.Comm, dir string, work func(*runLog) error) (err error) {
	log := &runLog{Logger: slog.New(slog.DiscardHandler)}
	err = ranks.OnRoot(comm, func() (err error) {
		log, err = openLog(dir)
		return err
	})
	if err != nil {
		return err
	}
	if comm.Rank() == 0 {
		defer func() { err = log.end(err) }()
	}
	return work(log)
}

// publish makes the log a file of the result that do publishes; stage is its place in the
// stage of that result. Rank 0 alone.
func (l *runLog) publish(stage string, do func() error) error {
	if err := l.move(stage); err != nil {
		return err
	}
	err := do()
	if _, e := os.Lstat(stage); e == nil { // do failed before it moved the log
		return errors.Join(err, l.move(l.home))
	}
	l.path, l.published = filepath.Join(l.dir, logName), true
	return err
}

func (l *runLog) move(to string) error {
	err := os.Rename(l.path, to)
	if err == nil {
		l.path = to
	}
	return err
}

// end closes the log and gives it its final name, in view of how the run ended. A log that
// is published stays with its result.
func (l *runLog) end(err error) error {
	name := logName
	if err != nil {
		l.Error("ended", "error", Message(err.Error()))
		if !l.published {
			name = FailedLogName
		}
	} else {
		l.Info("done")
	}
	return errors.Join(err, l.file.Close(), l.move(filepath.Join(l.dir, name)))
}
