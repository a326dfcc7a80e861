package frames

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// ReadTruth reads the true frame of an observation whose shape is not that of the file of the
// frame, as readTruth does, and notes that it was read. Collective; the error is the same on all
// ranks.
func (r *Restoration) ReadTruth(ctx context.Context, s *ImageSection) error {
	before := len(r.Obs.Inputs)
	if err := r.Obs.readTruth(ctx, r.Comm, s, r.Apart); err != nil {
		return err
	}
	for _, in := range r.Obs.Inputs[before:] {
		r.Took(in)
	}
	return nil
}

// CheckTruth records in f what the header of a truth shows to be wrong, and for at most mostChecked values whether it has any; "" = none
// is given.
func CheckTruth(f *config.File, path string, channels, rows, cols int) {
	if t := CheckFrame(f, "image.truth", path); t != nil && (t.Channels != channels || t.Rows != rows || t.Cols != cols) {
		f.Fail("image.truth", "%d channels of %d x %d pixels, want those of the result, %d of %d x %d", t.Channels, t.Rows, t.Cols, channels, rows, cols)
	} else if t != nil && float64(rows)*float64(cols)*float64(channels) <= mostChecked {
		whole, err := imageio.ReadFrame(path)
		if err != nil {
			f.Fail("image.truth", "%v", err)
		} else if !slices.ContainsFunc(whole.Data, func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }) {
			f.Fail("image.truth", "all %d values are NaN or infinite, want a true frame", len(whole.Data))
		}
	}
}

// readTruth reads the true frame of an observed one: its channels, rows and columns. Values
// that are not finite are not known. apart: every rank reads its own part; else rank 0 reads
// the file and sends the parts. Collective; the error is the same on all ranks.
func (o *Observation) readTruth(ctx context.Context, comm ranks.Comm, s *ImageSection, apart bool) error {
	path := s.Truth
	var shape *imageio.Frame
	err := ranks.OnRoot(comm, func() (err error) {
		if shape, err = imageio.Stat(path); err != nil {
			return err
		}
		rows, cols := o.Shape()
		if shape.Channels != o.Channels || shape.Rows != rows || shape.Cols != cols {
			return fmt.Errorf("image.truth: %s has %d channels of %d x %d pixels, want those of the result, %d of %d x %d", path, shape.Channels, shape.Rows, shape.Cols, o.Channels, rows, cols)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if apart {
		o.Truth, err = o.readOwn(ctx, comm, path, o.Channels)
	} else {
		var whole []float64
		err = ranks.OnRoot(comm, func() error {
			f, err := imageio.ReadFrame(path)
			if err != nil {
				return err
			}
			shape, whole = f, f.Data
			return nil
		})
		if err == nil {
			o.Truth, err = o.Frame.ScatterFrom(comm, 0, whole, o.Channels)
		}
	}
	if err != nil {
		return err
	}
	marks, err := o.leaveMarks(comm, s)
	if err != nil {
		return fmt.Errorf("image.truth: %s: %w", path, err)
	}
	counts := []float64{0, float64(len(o.Truth))}
	for i, v := range o.Truth {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			o.Truth[i] = math.NaN()
			counts[0]++
		}
	}
	if err := comm.Allreduce(counts, counts, ranks.Sum); err != nil {
		return err
	}
	if counts[0] == counts[1] {
		return fmt.Errorf("image.truth: %s: all %.0f values are NaN or infinite, want a true frame", path, counts[1])
	}
	o.Holes = counts[0] > 0
	if comm.Rank() == 0 {
		in := DescribeFrame(path, shape, counts[0], counts[1])
		in.Mask = "the truth, which the result is compared with"
		DescribeOutliers(&in, marks)
		o.Inputs = append(o.Inputs, in)
	}
	return nil
}
