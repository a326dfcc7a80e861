package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"tessera/internal/config"
	"tessera/internal/outdir"
	"tessera/internal/report"
	"tessera/internal/shown"
	"tessera/ranks"
)

// Run is one rank's part of one run of a job: what every job has around it.
type Run struct {
	Env
	Comm  ranks.Comm
	Log   *slog.Logger // of rank 0; the others' goes nowhere
	Dir   string       // where the result goes
	log   *runLog
	file  *config.File
	files []string // Job.Files
	seed  uint64
	began float64
	took  *Inputs
}

// figureKey is the key of the formats of figures, in the jobs that draw any.
const figureKey = "output.formats"

// precisionKey is the key of the type of the numbers in the files of arrays, in the jobs of frames.
const precisionKey = "output.precision"

// Values of output.precision.
const (
	Double = "double" // float64
	Single = "single" // float32
)

// Single tells whether arrays are written as float32.
func (r *Run) Single() bool { return r.file.Values()[precisionKey] == Single }

// checkOutput records what is wrong with the formats of figures and with the type of arrays.
func checkOutput(f *config.File) {
	if precision, known := f.Values()[precisionKey].(string); known {
		f.OneOf(precisionKey, precision, Double, Single)
	}
	formats, _ := f.Values()[figureKey].(config.Words)
	for i, format := range formats {
		f.Want(slices.Contains(report.Formats(), format) && !slices.Contains(formats[:i], format), figureKey, "a list of %s, each once", strings.Join(report.Formats(), ", "))
	}
}

// Figures are the formats in which figures are drawn; none = the usual ones.
func (r *Run) Figures() []string {
	formats, _ := r.file.Values()[figureKey].(config.Words)
	return formats
}

// Start is the Job.Run of a job whose work is body: it opens the log, lets body do the
// work on every rank and closes the log in view of how that ended. files are Job.Files, of
// which the first is the answer.
func Start(f *config.File, dir string, seed uint64, files []string, body func(context.Context, *Run) error) func(context.Context, ranks.Comm, Env) error {
	checkOutput(f)
	return func(ctx context.Context, comm ranks.Comm, env Env) error {
		return logged(comm, dir, func(log *runLog) error {
			if comm.Rank() == 0 {
				defer env.Progress.Done()
			}
			return body(ctx, &Run{Env: env, Comm: comm, Log: log.Logger, log: log, Dir: dir, file: f, files: files, seed: seed, began: comm.Wtime(), took: &Inputs{}})
		})
	}
}

// Record is what made a result: the start of its metrics.json.
func (r *Run) Record() Record {
	record := newRecord(r.Comm, r.Env, r.seed, r.file)
	record.Inputs, record.Solution = r.took, r.files[0]
	return record
}

// Ending says what a run leaves behind.
type Ending struct {
	Write  func() error // writes Job.Files, each to its Path; called on every rank, the error need not be the same
	Solves bool         // Write computes the answer, too: Seconds.Solve is a part of the time that it takes
	// Rank 0 alone: what is done and said once all is written.
	Metrics Metrics                        // complete after Write but for what the run took
	Chosen  func() map[string]config.Value // by "section.key": what config.toml holds in place of the values in force; nil = nothing
	Remove  func() error                   // deletes what only an interrupted run needs; nil = nothing
	After   func(w io.Writer) error        // what follows the table on the console; nil = nothing
}

// Finish leaves the result of a run in its directory. It is written into a hidden directory
// and takes the place of an earlier one when it is complete; metrics.json of the earlier one
// goes first and that of the new one comes last, so that where it is the rest belongs to it.
// After an error the earlier result is as it was. Collective.
func (r *Run) Finish(e Ending) (err error) {
	r.Progress.Phase("writing " + shown.Line(r.Dir))
	defer r.busy()()
	start := r.Comm.Wtime()
	var stage *outdir.Stage
	defer func() {
		if stage != nil && err != nil {
			err = errors.Join(err, stage.Abandon())
		}
	}()
	err = ranks.OnRoot(r.Comm, func() (err error) {
		stage, err = outdir.NewStage(r.Dir)
		return err
	})
	if err != nil {
		return err
	}
	if err := ranks.AgreeError(r.Comm, e.Write()); err != nil {
		return err
	}
	all, largest, err := peakMemory(r.Comm)
	if err != nil {
		return err
	}
	return ranks.OnRoot(r.Comm, func() error {
		if err := r.writeConfig(e.Chosen); err != nil {
			return err
		}
		m := e.Metrics.Common()
		m.took()
		m.earlier()
		m.PeakMemoryMB, m.RankMemoryMB = all, largest
		now := r.Comm.Wtime()
		m.Seconds.Write, m.Seconds.Total = now-start-m.Seconds.Gather, now-r.began
		if e.Solves {
			m.Seconds.Write -= m.Seconds.Solve
		}
		if err := WriteMetrics(r.Path(""), e.Metrics); err != nil {
			return err
		}
		err := r.log.publish(r.Path(logName), func() error { return stage.Publish(MetricsName, r.replaced()) })
		if err != nil {
			return err
		}
		if e.Remove != nil {
			if err := e.Remove(); err != nil { // the result is whole
				r.Warning(fmt.Sprintf("the result is complete, but not all of the checkpoint is removed: %v", err))
			}
		}
		r.Progress.Done()
		return r.close(e)
	})
}

// Path is where a file of the result is written, in Ending.Write; "" is the directory of
// all of them.
func (r *Run) Path(name string) string { return outdir.StagePath(r.Dir, name) }

// replaced are the files of an earlier result that do not stay beside this one.
func (r *Run) replaced() []string {
	names := append([]string{logName, FailedLogName}, r.files...)
	for _, name := range []string{ConfigName, spareConfigName} {
		if ours(filepath.Join(r.Dir, name)) {
			names = append(names, name)
		}
	}
	return names
}

// busy tells the launcher that this rank writes, and must be given the time for it also
// after it was told to stop, until done is called.
func (r *Run) busy() (done func()) {
	if r.Busy == nil {
		return func() {}
	}
	r.Busy.Add(1)
	return func() { r.Busy.Add(-1) }
}

// Warning shows a warning on the console of rank 0, and keeps it in the log.
func (r *Run) Warning(text string) {
	r.Log.Warn(text)
	if r.Comm.Rank() == 0 && r.Warn != nil {
		r.Progress.Done()
		r.Warn(text)
	}
}
