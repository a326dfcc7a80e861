package lifecycle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"tessera/internal/checkpoint"
	"tessera/internal/imageio"
	"tessera/internal/outdir"
)

// Claim is the right of one run to write the directories of its job, until Release.
type Claim struct{ locks []*outdir.Lock }

// NewClaim takes the directories of a job for one run, on rank 0 alone. A result that a
// killed run had begun to put into its place is completed first; then accept says whether
// the job may run in view of what is there; then what killed runs have left is removed.
// command describes the run to others; say gets a line before a wait. The error is an
// *outdir.HeldError if another run has one of the directories.
func NewClaim(j *Job, command string, say func(string), accept func(*Job) error) (c *Claim, err error) {
	if _, err := os.Stat(j.Dir); errors.Is(err, fs.ErrNotExist) {
		if err := accept(j); err != nil { // before the directory is made
			return nil, err
		}
	}
	c = &Claim{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Release())
			c = nil
		}
	}()
	for _, dir := range j.directories() {
		l, err := outdir.Acquire(dir, command, say)
		if errors.Is(err, fs.ErrPermission) { // what is there already may be the better reason
			if e := accept(j); e != nil {
				return c, e
			}
		}
		if err != nil {
			return c, err
		}
		c.locks = append(c.locks, l)
	}
	if _, err := outdir.Recover(j.Dir); err != nil {
		return c, err
	}
	if err := accept(j); err != nil {
		return c, err
	}
	return c, sweep(j)
}

// Release gives the directories back.
func (c *Claim) Release() error {
	if c == nil {
		return nil
	}
	var err error
	for _, l := range c.locks {
		err = errors.Join(err, l.Release())
	}
	c.locks = nil
	return err
}

// directories are those that only one run may write at a time.
func (j *Job) directories() []string {
	list := []string{j.Dir}
	if j.State == "" {
		return list
	}
	a, errA := os.Stat(j.Dir)
	b, errB := os.Stat(j.State)
	if errA == nil && errB == nil && os.SameFile(a, b) || filepath.Clean(j.Dir) == filepath.Clean(j.State) {
		return list
	}
	return append(list, j.State)
}

// sweep removes what killed runs have left in the directory of a job.
func sweep(j *Job) error {
	names := map[string]bool{MetricsName: true, ConfigName: true, spareConfigName: true}
	for _, name := range j.Files {
		names[name] = true
	}
	return errors.Join(
		sweepLogs(j.Dir),
		outdir.Sweep(j.Dir),
		checkpoint.Sweep(filepath.Join(j.Dir, checkpointDir)),
		imageio.SweepTemporaries(j.Dir, func(base string) bool { return names[base] }),
	)
}
