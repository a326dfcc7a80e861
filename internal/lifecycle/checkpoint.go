package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tessera/internal/checkpoint"
	"tessera/internal/config"
	"tessera/ranks"
)

// checkpointDir holds the checkpoint of a run, in its output directory.
const checkpointDir = "checkpoint"

// StoppedError is a run that was told to stop and can be continued.
type StoppedError struct {
	Dir string // of the checkpoint
	Err error
}

func (e *StoppedError) Error() string {
	return fmt.Sprintf("stopped; %s holds a checkpoint: the same command with -resume continues it", e.Dir)
}

func (e *StoppedError) Unwrap() error { return e.Err }

// Checkpoints keeps and finds the checkpoints of one run; every rank has one.
type Checkpoints struct {
	comm       ranks.Comm
	dir        string
	kind       string // of the job
	generation int
	taken      int // by this run
}

func NewCheckpoints(comm ranks.Comm, dir, kind string) *Checkpoints {
	return &Checkpoints{comm: comm, dir: filepath.Join(dir, checkpointDir), kind: kind}
}

// save keeps the records of all ranks. Collective.
func (c *Checkpoints) save(state []byte, ids []int, recordBytes int, fill func(i int, record []byte)) error {
	if err := ranks.OnRoot(c.comm, func() error { return os.MkdirAll(c.dir, 0o777) }); err != nil {
		return err
	}
	c.generation++
	sum, err := checkpoint.WritePart(c.dir, c.generation, c.comm.Rank(), ids, recordBytes, fill)
	if err := ranks.AgreeError(c.comm, err); err != nil {
		return err
	}
	sums, err := ranks.GatherNumbers(c.comm, float64(sum))
	if err != nil {
		return err
	}
	c.taken++
	return ranks.OnRoot(c.comm, func() error {
		m := &checkpoint.Manifest{Generation: c.generation, Job: c.kind, State: state}
		for _, s := range sums {
			m.Parts = append(m.Parts, uint32(s))
		}
		return checkpoint.Commit(c.dir, m)
	})
}

// Keep saves a solver's snapshot. Collective.
func (c *Checkpoints) Keep(s *checkpoint.Snapshot) error {
	return c.save(s.Meta, s.IDs, s.RecordBytes, s.Fill)
}

// Begin is the snapshot to continue from; nil, with what was there gone, unless the run
// shall continue. Collective.
func (c *Checkpoints) Begin(resume bool) (*checkpoint.Snapshot, error) {
	if !resume {
		return nil, ranks.OnRoot(c.comm, c.Remove)
	}
	m, err := c.find()
	if err != nil {
		return nil, err
	}
	return &checkpoint.Snapshot{Meta: m.State, Records: func(ids []int, use func(int, []byte) error) error {
		return checkpoint.Records(c.dir, m, ids, use)
	}}, nil
}

// find reads the manifest on rank 0 and hands it to all. Collective.
func (c *Checkpoints) find() (*checkpoint.Manifest, error) {
	var text []byte
	err := ranks.OnRoot(c.comm, func() error {
		m, err := checkpoint.Read(c.dir)
		if err != nil {
			return err
		}
		if m.Job != c.kind {
			return fmt.Errorf("%s is a checkpoint of a %s job, this is a %s job", c.dir, m.Job, c.kind)
		}
		text, err = json.Marshal(m)
		return err
	})
	if err != nil {
		return nil, err
	}
	length := len(text)
	if err := ranks.Share(c.comm, &length); err != nil {
		return nil, err
	}
	if c.comm.Rank() != 0 {
		text = make([]byte, length)
	}
	if err := c.comm.BcastBytes(text, 0); err != nil {
		return nil, err
	}
	m := &checkpoint.Manifest{}
	err = json.Unmarshal(text, m)
	c.generation = m.Generation
	return m, err
}

// Remove deletes the checkpoint of a run that has ended. Rank 0 alone.
func (c *Checkpoints) Remove() error { return checkpoint.Remove(c.dir) }

// Stopped turns the error of a run that was told to stop into a *StoppedError if
// this run has left a checkpoint.
func (c *Checkpoints) Stopped(err error) error {
	if c.taken > 0 && stoppedByUser(err) {
		return &StoppedError{c.dir, err}
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
func held(dir string) bool {
	_, err := checkpoint.Read(filepath.Join(dir, checkpointDir))
	return !errors.Is(err, checkpoint.ErrNone)
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
