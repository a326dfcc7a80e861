package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/outdir"
)

// studyFiles are the files of a study; reportFiles are those of them that tell others about
// it.
func studyFiles() []string { return append([]string{runsName, studyName, placeName}, reportFiles()...) }

func reportFiles() []string { return []string{summaryName, textName, pageName} }

// resultsPattern is the name of the hidden directory for the results of a study's runs.
const resultsPattern = ".tessera-runs-*"

// studyDir is the directory of a study that is being made.
type studyDir struct {
	dir     string
	lock    *outdir.Lock
	stage   *outdir.Stage // where the study replaces an earlier one; nil = it grows in its place
	results string        // a new directory for the results of runs
}

// openStudy takes a directory for a study. An earlier study stays until this one has runs to
// show. It removes what killed studies have left.
func (c *call) openStudy(dir string) (d *studyDir, err error) {
	there := func() error { return exists(dir, studyFiles()) }
	if err := there(); err != nil && !c.force {
		return nil, err // also where nobody may write
	}
	d = &studyDir{dir: dir}
	if d.lock, err = outdir.Acquire(dir, c.line, c.warn); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if _, err := outdir.Recover(dir); err != nil {
		return d, err
	}
	earlier := there()
	if earlier != nil && !c.force {
		return d, earlier
	}
	if err := sweepStudy(dir); err != nil {
		return d, err
	}
	if earlier != nil {
		if d.stage, err = outdir.NewStage(dir); err != nil {
			return d, err
		}
	}
	d.results, err = os.MkdirTemp(dir, resultsPattern)
	return d, err
}

// path is where a file of the study is written.
func (d *studyDir) path(name string) string {
	if d.stage != nil {
		return outdir.StagePath(d.dir, name)
	}
	return filepath.Join(d.dir, name)
}

// replaces tells whether the study takes the place of an earlier one.
func (d *studyDir) replaces() bool { return d.stage != nil }

// publish puts the study into the place of an earlier one.
func (d *studyDir) publish() error {
	if d.stage == nil {
		return nil
	}
	return d.stage.Publish(runsName, studyFiles())
}

// close removes what is not part of the study, and gives the directory back.
func (d *studyDir) close() error {
	var errs []error
	if d.results != "" {
		errs = append(errs, os.RemoveAll(d.results))
	}
	if d.stage != nil {
		errs = append(errs, d.stage.Abandon())
	}
	return errors.Join(append(errs, d.lock.Release())...)
}

// openReport takes a directory for a report of studies. Where that is a directory of its
// own, a report that lies there already stays, unless -force is given.
func (c *call) openReport(dirs []string, to string) (*outdir.Lock, error) {
	there := func() error {
		if c.force || c.out == "" || len(dirs) == 1 && filepath.Clean(dirs[0]) == filepath.Clean(to) {
			return nil
		}
		return exists(to, reportFiles())
	}
	if err := there(); err != nil {
		return nil, err
	}
	for _, dir := range dirs { // before a directory is made for what cannot be reported
		if _, err := os.Stat(filepath.Join(dir, studyName)); err != nil {
			return nil, ofInput(err)
		}
	}
	lock, err := outdir.Acquire(to, c.line, c.warn)
	if err != nil {
		return nil, err
	}
	if err := there(); err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return lock, nil
}

// exists returns an error if one of the files is in a directory.
func exists(dir string, names []string) error {
	for _, name := range names {
		path := filepath.Join(dir, name)
		switch _, err := os.Lstat(path); {
		case err == nil:
			return &lifecycle.ExistsError{Path: path}
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return nil
}

// sweepStudy removes what killed studies have left in a directory.
func sweepStudy(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		digits, ours := strings.CutPrefix(e.Name(), strings.TrimSuffix(resultsPattern, "*"))
		if ours && digits != "" && strings.Trim(digits, "0123456789") == "" && e.IsDir() {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	names := map[string]bool{}
	for _, name := range studyFiles() {
		names[name] = true
	}
	return errors.Join(err, outdir.Sweep(dir), imageio.SweepTemporaries(dir, func(base string) bool { return names[base] }))
}
