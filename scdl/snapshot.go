package scdl

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"time"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// state is the content of Snapshot.Meta of Train.
type state struct {
	Key    string // key of samples and options
	Result Result
	File   int // with Options.Folder: number of the file with the state
}

// key describes the samples and the options that change the iterates. A snapshot
// continues only under the same key; the stopping rule may differ.
func (l *learner[T]) key() string {
	o := l.o
	where := "memory"
	if o.Folder != "" {
		where = "files"
	}
	return fmt.Sprintf("samples %.12s, %d of %d and %d numbers, %d atoms, lambda %g, penalties %g %g %g, beta %g, step %g, delta %g, first columns %v, seed %d, %s precision, compatible %q, state in %s",
		l.digest, l.s.Total, l.s.P, l.s.M, o.Atoms, o.Lambda, o.C1, o.C2, o.C3, o.Beta, o.Step, o.Delta, o.FirstColumns, o.Seed, o.Precision, o.Compatibility, where)
}

// digestOf is the digest of the samples, empty without snapshots. Collective.
func digestOf(comm ranks.Comm, s *Samples, o *Options) (string, error) {
	if o.Save == nil && o.Resume == nil {
		return "", nil
	}
	return s.Digest(comm)
}

// decode reads Snapshot.Meta.
func decode(from *Snapshot, to any) error {
	if err := gob.NewDecoder(bytes.NewReader(from.Meta)).Decode(to); err != nil {
		return fmt.Errorf("scdl: not a checkpoint of this job: %w", err)
	}
	return nil
}

// ErrNotKept is what Options.Save returns if it could not keep the snapshot and the training
// shall go on.
var ErrNotKept = errors.New("scdl: the snapshot was not kept")

var errNoRecords = errors.New("scdl: the snapshot to continue from has no Records")

func otherOptions(then, now string) error {
	return fmt.Errorf("scdl: the checkpoint was made with other samples or options: %s; now %s", then, now)
}

// pastEnd is the error of a snapshot with more iterations than the options allow, nil if it has not. One that is
// begun counts.
func pastEnd(done, most int) error {
	if done <= most {
		return nil
	}
	return fmt.Errorf("scdl: the checkpoint has made %d iterations, the options allow %d: continue with %d or more", done, most, done)
}

// stopped is the error of a training whose context is cancelled on some rank, the same on
// all ranks. Collective.
func stopped(ctx context.Context, comm ranks.Comm) error {
	err := ctx.Err()
	if err == nil {
		err = context.Canceled // on another rank
	}
	return ranks.AgreeError(comm, err)
}

// keep saves a snapshot if one is due, and returns the error of a cancelled context.
// Collective.
func (l *learner[T]) keep(ctx context.Context) error {
	rest := l.sums[l.at.rest:]
	stop := rest[stopAt] > 0
	if l.o.Save != nil && (stop || rest[dueAt] > 0 || l.o.Folder != "") {
		snap, err := l.snapshot()
		if err == nil {
			err = l.o.Save(snap)
		}
		d, files := l.store.(*disk[T])
		switch {
		case errors.Is(err, ErrNotKept):
			err = nil
		case err == nil && files:
			d.kept = d.current
		}
		l.saved = time.Now()
		if err := ranks.AgreeError(l.comm, err); err != nil {
			return err
		}
	}
	if !stop || l.r.Converged || l.r.Iterations == l.o.MaxIterations {
		return nil
	}
	return stopped(ctx, l.comm)
}

func (l *learner[T]) snapshot() (*Snapshot, error) {
	var b bytes.Buffer
	meta := state{Key: l.key(), Result: *l.r}
	if d, ok := l.store.(*disk[T]); ok {
		meta.File = d.current
	}
	if err := gob.NewEncoder(&b).Encode(meta); err != nil {
		return nil, err
	}
	snap := &Snapshot{Meta: b.Bytes()}
	if m, ok := l.store.(*memory[T]); ok {
		for i := range m.state {
			snap.IDs = append(snap.IDs, l.s.First/TileSamples+i)
		}
		snap.RecordBytes = l.recordBytes()
		snap.Fill = func(i int, record []byte) { copy(record, bytesOf(m.state[i])) }
	}
	return snap, nil
}

func (l *learner[T]) recordBytes() int {
	return l.tiles.form.arrays() * l.o.Atoms * TileSamples * linalg.SizeOf[T]()
}

// recall sets the state in memory to that of a snapshot.
func (l *learner[T]) recall(m *memory[T]) error {
	ids := make([]int, len(m.state))
	for i := range ids {
		ids[i] = l.s.First/TileSamples + i
	}
	if l.o.Resume.Records == nil {
		return errNoRecords
	}
	if len(ids) == 0 {
		return nil
	}
	seen := 0
	err := l.o.Resume.Records(ids, func(id int, record []byte) error {
		i := id - ids[0]
		if len(record) != l.recordBytes() || i < 0 || i >= len(ids) {
			return fmt.Errorf("scdl: the checkpoint's record of tile %d has %d bytes, want %d", id, len(record), l.recordBytes())
		}
		copy(bytesOf(m.state[i]), record)
		seen++
		return nil
	})
	if err == nil && seen != len(ids) {
		err = fmt.Errorf("scdl: the checkpoint has %d of the %d tiles from %d on", seen, len(ids), ids[0])
	}
	return err
}
