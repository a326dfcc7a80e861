package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tessera/internal/checkpoint"
	"tessera/internal/config"
	"tessera/ranks"
)

// checkpointDir holds the checkpoint of a run, in its output directory.
const checkpointDir = "checkpoint"

// StoppedError is a run that was told to stop and can be continued.
type StoppedError struct {
	Dir     string // of the checkpoint
	Failure error  // of the last attempt to write a checkpoint; nil = it was written
	Err     error
}

func (e *StoppedError) Error() string {
	if e.Failure != nil {
		return fmt.Sprintf("stopped; the last checkpoint could not be written (%v), but %s holds an earlier one: the same command with -resume continues it", e.Failure, e.Dir)
	}
	return fmt.Sprintf("stopped; %s holds a checkpoint: the same command with -resume continues it", e.Dir)
}

func (e *StoppedError) Unwrap() error { return e.Err }

// LostError is a run that was told to stop and has no checkpoint, because none could be
// written.
type LostError struct{ Failure error }

func (e *LostError) Error() string {
	return fmt.Sprintf("stopped, and no checkpoint could be written: %v", e.Failure)
}

func (e *LostError) Unwrap() error { return e.Failure }

// Checkpoints keeps and finds the checkpoints of one run; every rank has one.
type Checkpoints struct {
	run        *Run
	dir        string
	kind       string // of the job
	config     string // of the run, as TOML; rank 0
	replaces   bool   // the run replaces an earlier result
	generation int
	taken      int                  // by this run
	failure    error                // of the last attempt to write one; the same on all ranks
	failures   int                  // since the last one that was written
	said       float64              // when a failure was last warned of
	found      bool                 // the run goes on from one
	rest       *checkpoint.Manifest // the generation before the one that the run goes on from; nil = none
	slow       bool                 // it was said that the launcher may not wait for a checkpoint
}

// NewCheckpoints finds the place of the checkpoints of a run.
func NewCheckpoints(r *Run, kind string) *Checkpoints {
	c := &Checkpoints{run: r, dir: filepath.Join(r.Dir, checkpointDir), kind: kind, replaces: r.Replace}
	if r.Comm.Rank() == 0 {
		var text strings.Builder
		if r.file.Encode(&text, nil) == nil {
			c.config = text.String()
		}
	}
	return c
}

// save keeps the records of all ranks. Collective.
func (c *Checkpoints) save(state []byte, ids []int, recordBytes int, fill func(i int, record []byte)) error {
	comm := c.run.Comm
	if err := ranks.OnRoot(comm, func() error { return os.MkdirAll(c.dir, 0o777) }); err != nil {
		return err
	}
	c.generation++
	sum, err := checkpoint.WritePart(c.dir, c.generation, comm.Rank(), ids, recordBytes, fill)
	if agreed := ranks.AgreeError(comm, err); agreed != nil {
		if err == nil {
			checkpoint.RemovePart(c.dir, c.generation, comm.Rank()) // the disk may be full
		}
		return agreed
	}
	sums, err := ranks.GatherNumbers(comm, float64(sum))
	if err != nil {
		return err
	}
	return ranks.OnRoot(comm, func() error {
		m := &checkpoint.Manifest{Generation: c.generation, Job: c.kind, Config: c.config, Replaces: c.replaces, State: state}
		for _, s := range sums {
			m.Parts = append(m.Parts, uint32(s))
		}
		return checkpoint.Commit(c.dir, m)
	})
}

// failureEvery is how many seconds pass between two warnings of checkpoints that cannot be
// written.
const failureEvery = 60

// Keep saves a solver's snapshot. A checkpoint that cannot be written is a warning: the run
// goes on, with the checkpoint before, until the next one is due. Collective; the error is
// that of the communication.
func (c *Checkpoints) Keep(s *checkpoint.Snapshot) error {
	defer c.run.busy()()
	start := c.run.Comm.Wtime()
	err := c.save(s.Meta, s.IDs, s.RecordBytes, s.Fill)
	if errors.Is(err, ranks.ErrAborted) || errors.Is(err, ranks.ErrMismatch) || errors.Is(err, ranks.ErrDeadlock) {
		return err
	}
	if c.failure = err; err != nil {
		c.failures++
		if now := c.run.Comm.Wtime(); c.failures == 1 || now-c.said >= failureEvery {
			c.said = now
			c.run.Warning(fmt.Sprintf("no checkpoint: %v; the run goes on and tries again later", err))
		}
		return nil
	}
	if c.failures > 1 {
		c.run.Warning(fmt.Sprintf("a checkpoint is written again, after %d that could not be", c.failures))
	}
	c.failures = 0
	c.taken++
	seconds := c.run.Comm.Wtime() - start
	c.run.Log.Info("checkpoint", "generation", c.generation, "seconds", seconds)
	if delay, killed := ranks.KillDelay(); killed && !c.slow && 2*seconds > delay.Seconds() {
		c.slow = true
		c.run.Warning(fmt.Sprintf("a checkpoint takes %.1f s, and after Ctrl-C or SIGTERM mpirun kills this run %.0f s after it has told it to stop: "+
			"stop it by SIGUSR1 to mpirun, which then waits, or start it with %s, which does that for you", seconds, delay.Seconds(), ranks.Launcher))
	}
	return nil
}

// Kept tells whether the last snapshot was written; the same on all ranks.
func (c *Checkpoints) Kept() bool { return c.failure == nil }

// Begin is the snapshot to continue from; nil, with what was there gone, unless the run
// shall continue. If a file of the newest generation is damaged, that is a warning, and the
// generation before is used. Where a file that is none of ours has the name of a manifest, a
// run that continues keeps it under another name, and any other run is refused. Collective.
func (c *Checkpoints) Begin(resume bool) (*checkpoint.Snapshot, error) {
	if !resume {
		return nil, ranks.OnRoot(c.run.Comm, func() error {
			if err := checkpoint.Foreign(c.dir); err != nil {
				return err // before anything is removed
			}
			return c.Remove()
		})
	}
	list, err := c.find()
	if err != nil {
		return nil, err
	}
	err = ranks.OnRoot(c.run.Comm, func() error {
		said, err := checkpoint.SetAside(c.dir)
		for _, text := range said {
			c.run.Warning(text)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	c.generation, c.found, c.replaces = list[0].Generation, true, c.replaces || list[0].Replaces
	var damaged error
	for i, m := range list {
		err := c.verify(m)
		if err == nil {
			if c.rest = nil; i+1 < len(list) {
				c.rest = list[i+1]
			}
			return c.snapshot(m), nil
		}
		damaged = errors.Join(damaged, err)
		if i+1 < len(list) {
			c.run.Warning(fmt.Sprintf("%v; the run goes on from the checkpoint before that", err))
		}
	}
	return nil, damaged
}

// Older is the snapshot of the generation before the one that Begin returned, from which a
// run continues where failure shows that what belongs to the newest one is damaged; nil if
// there is none, or if the run has got further than that. The same on all ranks.
func (c *Checkpoints) Older(failure error) *checkpoint.Snapshot {
	m := c.rest
	if m == nil || failure == nil || c.taken > 0 || stoppedByUser(failure) || errors.Is(failure, ranks.ErrAborted) || c.verify(m) != nil {
		return nil
	}
	c.rest = nil
	c.run.Warning(fmt.Sprintf("%v; the run goes on from the checkpoint before that", failure))
	return c.snapshot(m)
}

func (c *Checkpoints) snapshot(m *checkpoint.Manifest) *checkpoint.Snapshot {
	return &checkpoint.Snapshot{Meta: m.State, Records: func(ids []int, use func(int, []byte) error) error {
		return checkpoint.Records(c.dir, m, ids, use)
	}}
}

// verify compares the checksums of a generation's parts, each on one rank. Collective.
func (c *Checkpoints) verify(m *checkpoint.Manifest) error {
	var err error
	for rank := c.run.Comm.Rank(); rank < len(m.Parts) && err == nil; rank += c.run.Comm.Size() {
		err = checkpoint.Verify(c.dir, m, rank)
	}
	return ranks.AgreeError(c.run.Comm, err)
}

// find reads the manifests on rank 0 and hands them to all, the newest first. Collective.
func (c *Checkpoints) find() (list []*checkpoint.Manifest, err error) {
	var text []byte
	comm := c.run.Comm
	err = ranks.OnRoot(comm, func() error {
		list, damage, err := checkpoint.Read(c.dir)
		if err != nil {
			return err
		}
		if damage != nil {
			c.run.Warning(fmt.Sprintf("%v; the run goes on from the other checkpoint", damage))
		}
		for _, m := range list {
			if m.Job != c.kind {
				return fmt.Errorf("%s is a checkpoint of a %s job, this is a %s job", c.dir, m.Job, c.kind)
			}
		}
		text, err = json.Marshal(list)
		return err
	})
	if err != nil {
		return nil, err
	}
	length := len(text)
	if err := ranks.Share(comm, &length); err != nil {
		return nil, err
	}
	if comm.Rank() != 0 {
		text = make([]byte, length)
	}
	if err := comm.BcastBytes(text, 0); err != nil {
		return nil, err
	}
	return list, json.Unmarshal(text, &list)
}

// Remove deletes the checkpoint of a run that has ended. Rank 0 alone.
func (c *Checkpoints) Remove() error { return checkpoint.Remove(c.dir) }

// Stopped turns the error of a run that was told to stop into a *StoppedError if there is a
// checkpoint, and into a *LostError if there is none because it could not be written.
func (c *Checkpoints) Stopped(err error) error {
	switch {
	case !stoppedByUser(err):
		return err
	case c.taken > 0 || c.found:
		return &StoppedError{c.dir, c.failure, err}
	case c.failure != nil:
		return &LostError{c.failure}
	}
	return err
}

// Checkpoint is the file that is there if and only if a run of the job can be
// continued; empty if the job keeps no checkpoints.
func (j *Job) Checkpoint() string {
	if !j.Resumable {
		return ""
	}
	return filepath.Join(j.Dir, checkpointDir, checkpoint.ManifestName)
}

// held tells whether dir holds a checkpoint.
func held(dir string) bool { return checkpoint.Exists(filepath.Join(dir, checkpointDir)) }

// replaces tells whether the checkpoint in dir is of a run that was told to replace an
// earlier result.
func replaces(dir string) bool {
	list, _, err := checkpoint.Read(filepath.Join(dir, checkpointDir))
	return err == nil && list[0].Replaces
}

// CheckpointSection says how often the state is kept.
type CheckpointSection struct {
	Every float64 `toml:"every"` // seconds; 0 = only when stopped
}

func (s *CheckpointSection) Check(f *config.File) {
	f.Want(s.Every >= 0, "checkpoint.every", "seconds; 0 = only when stopped")
}

func stoppedByUser(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
