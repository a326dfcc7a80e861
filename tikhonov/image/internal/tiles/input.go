package tiles

import (
	"errors"
	"fmt"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// Check finds what is wrong with this rank's part of a frame: shapes, values, weights
// and blurs. The caller adds the name of its package and agrees on the error.
func Check(comm ranks.Comm, frame *halo.Decomposition, channels int, data []float64, weights forward.Weights, psfs ...forward.PSF) error {
	if frame == nil || frame.Ranks() != comm.Size() {
		return fmt.Errorf("the frame is not cut for %d ranks", comm.Size())
	}
	if n := len(frame.Domain().Lo); n != 2 {
		return fmt.Errorf("frame of %d dimensions, want 2", n)
	}
	if channels < 1 {
		return fmt.Errorf("%d channels", channels)
	}
	for _, psf := range psfs {
		if err := psf.Check(); err != nil {
			return err
		}
	}
	rank := comm.Rank()
	box := frame.Owned(rank)
	owned := box.Size()
	if owned == 0 {
		return fmt.Errorf("rank %d owns no pixels", rank)
	}
	if len(data) != channels*owned {
		return fmt.Errorf("rank %d: %d data values, want %d x %d", rank, len(data), channels, owned)
	}
	err := weights.Check(data, channels)
	if bad := new(forward.ValueError); errors.As(err, &bad) {
		cols := box.Hi[1] - box.Lo[1]
		return fmt.Errorf("rank %d: %s", rank, bad.At(fmt.Sprintf("row %d, column %d", box.Lo[0]+bad.Index/cols, box.Lo[1]+bad.Index%cols)))
	}
	if err != nil {
		return fmt.Errorf("rank %d: %w", rank, err)
	}
	return nil
}

// Describe lists the domain and the boxes of a frame, to compare it with that of
// another rank.
func Describe(frame *halo.Decomposition) []halo.Box {
	boxes := []halo.Box{frame.Domain()}
	for r := range frame.Ranks() {
		boxes = append(boxes, frame.Owned(r))
	}
	return boxes
}
