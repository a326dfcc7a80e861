package scdl

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"time"

	"tessera/ranks"
)

// onlineMeta is the content of Snapshot.Meta of Online; record 0 has F and B.
type onlineMeta struct {
	Key     string
	Result  Result
	Batch   int
	Squares [3]float64
}

// key is as that of learner.
func (l *stream[T]) key() string {
	o := l.o
	return fmt.Sprintf("online, samples %.12s, %d of %d and %d numbers, %d atoms, mini-batches of %d, %d iterations each, lambda %g, penalties %g %g, step %g, seed %d, %s precision",
		l.digest, l.s.Total, l.s.P, l.s.M, o.Atoms, o.Batch, o.CodeIterations, o.Lambda, o.C1, o.C2, o.Step, o.Seed, o.Precision)
}

// keep saves a snapshot if one is due, and returns the error of a cancelled context.
// Collective.
func (l *stream[T]) keep(ctx context.Context) error {
	rest := l.sums[len(l.memory):]
	stop := rest[stopAt] > 0
	if l.o.Save != nil && (stop || rest[dueAt] > 0) {
		if err := ranks.AgreeError(l.comm, l.save()); err != nil {
			return err
		}
	}
	if !stop || l.r.Converged || l.r.Iterations == l.o.MaxIterations {
		return nil
	}
	return stopped(ctx, l.comm)
}

// save hands a snapshot to Options.Save; rank 0 has the only record.
func (l *stream[T]) save() error {
	l.pair()
	l.saved = time.Now()
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(onlineMeta{l.key(), *l.r, l.batch, l.squares}); err != nil {
		return err
	}
	snap := &Snapshot{Meta: b.Bytes(), RecordBytes: 8 * len(l.memory), Fill: func(_ int, record []byte) { copy(record, bytesOf(l.memory)) }}
	if l.comm.Rank() == 0 {
		snap.IDs = []int{0}
	}
	if err := l.o.Save(snap); !errors.Is(err, ErrNotKept) {
		return err
	}
	return nil
}

// recall sets the state to that of a snapshot.
func (l *stream[T]) recall() error {
	var m onlineMeta
	if err := decode(l.o.Resume, &m); err != nil {
		return err
	}
	if key := l.key(); m.Key != key {
		return otherOptions(m.Key, key)
	}
	if err := pastEnd(m.Result.Iterations+min(m.Batch, 1), l.o.MaxIterations); err != nil {
		return err
	}
	*l.r, l.batch, l.squares = m.Result, m.Batch, m.Squares
	if l.o.Resume.Records == nil {
		return errNoRecords
	}
	seen := false
	err := l.o.Resume.Records([]int{0}, func(_ int, record []byte) error {
		if len(record) != 8*len(l.memory) {
			return fmt.Errorf("scdl: the checkpoint has a record of %d bytes, want %d", len(record), 8*len(l.memory))
		}
		copy(bytesOf(l.memory), record)
		seen = true
		return nil
	})
	if err == nil && !seen {
		err = fmt.Errorf("scdl: the checkpoint's record is missing")
	}
	return err
}
