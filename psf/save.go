package psf

import (
	"context"
	"time"

	"tessera/ranks"
)

// interrupted saves a snapshot and returns the error of the cancelled context, the same
// on all ranks. Collective.
func (s *solver[T]) interrupted(ctx context.Context) error {
	if s.o.Save != nil {
		if err := s.save(); err != nil {
			return err
		}
	}
	err := ctx.Err()
	if err == nil {
		err = context.Canceled // on another rank
	}
	return ranks.AgreeError(s.comm, err)
}

// saveIfDue saves a snapshot if Options.SaveEvery has passed since the last one, by the
// clock of rank 0. Collective.
func (s *solver[T]) saveIfDue() error {
	if s.o.Save == nil || s.o.SaveEvery <= 0 {
		return nil
	}
	due := []float64{0}
	if s.comm.Rank() == 0 && time.Since(s.saved) >= s.o.SaveEvery {
		due[0] = 1
	}
	if err := s.comm.Bcast(due, 0); err != nil || due[0] == 0 {
		return err
	}
	return s.save()
}

// save hands a snapshot to Options.Save. Collective.
func (s *solver[T]) save() error {
	snap, err := s.snapshot()
	if err == nil {
		err = s.o.Save(snap)
	}
	s.saved = time.Now()
	return ranks.AgreeError(s.comm, err)
}
