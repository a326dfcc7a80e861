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

// runLog is the JSON log of one run. It grows under a name of its own and takes
// its place beside the other results when they do; the log of a run that ended
// otherwise is kept as failed.log, so that an earlier result keeps its own.
type runLog struct {
	*slog.Logger
	file *os.File
	dir  string
}

func openLog(dir string) (*runLog, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	f, err := createLog(dir)
	if err != nil {
		return nil, err
	}
	return &runLog{slog.New(slog.NewJSONHandler(f, nil)), f, dir}, nil
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
func logged(comm ranks.Comm, dir string, work func(*slog.Logger) error) (err error) {
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
	return work(log.Logger)
}

// end closes the log and gives it its final name, in view of how the run ended.
func (l *runLog) end(err error) error {
	name := logName
	if err != nil {
		name = FailedLogName
		l.Error("ended", "error", Message(err.Error()))
	} else {
		l.Info("done")
	}
	return errors.Join(
		err,
		l.file.Close(),
		os.Rename(l.file.Name(), filepath.Join(l.dir, name)),
	)
}
