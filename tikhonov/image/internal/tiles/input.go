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

// leastMostOverlap is an overlap that is allowed on a frame of any size.
const leastMostOverlap = 64

// MostOverlap is the largest overlap, in pixels, on a frame of rows x cols pixels: a box
// that is grown by the longer side holds the whole frame, and a wider one costs memory and
// time with the square of the overlap for nothing.
func MostOverlap(rows, cols int) int { return max(rows, cols, leastMostOverlap) }

// CheckOverlap returns an error if the overlap is larger than MostOverlap of the frame,
// which is nil or has two dimensions after Check.
func CheckOverlap(frame *halo.Decomposition, overlap int) error {
	if frame == nil || len(frame.Domain().Lo) != 2 {
		return nil // Check says so
	}
	d := frame.Domain()
	rows, cols := d.Hi[0]-d.Lo[0], d.Hi[1]-d.Lo[1]
	if most := MostOverlap(rows, cols); overlap > most {
		return fmt.Errorf("overlap = %d pixels on a frame of %d x %d, want %d or less", overlap, rows, cols, most)
	}
	return nil
}

// CheckFinite returns an error on all ranks if a value of one of them is not finite.
// Collective.
func CheckFinite(comm ranks.Comm, solution ...[]float64) error {
	bad := 0
	for _, part := range solution {
		for _, v := range part {
			if v-v != 0 {
				bad++
			}
		}
	}
	var err error
	if bad > 0 {
		err = fmt.Errorf("the solution is not finite (%d of its values): the data are too large, or of too different sizes, for float64", bad)
	}
	return ranks.AgreeError(comm, err)
}
