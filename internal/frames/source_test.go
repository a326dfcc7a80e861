package frames

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"tessera/forward"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/ranks"
)

// Middle takes the pixels around the centre of frame and mask, and no more than there are.
func TestMiddleOfFiles(t *testing.T) {
	const channels, rows, cols = 2, 7, 10
	dir := t.TempDir()
	data, mask := make([]float64, channels*rows*cols), make([]float64, rows*cols)
	for i := range data {
		data[i] = float64(i)
	}
	for i := range mask {
		mask[i] = float64(i % 3)
	}
	s := Source{
		Image: &ImageSection{
			Path: jobtest.WriteNpy(t, dir, "frame.npy", data, channels, rows, cols),
			Mask: jobtest.WriteNpy(t, dir, "mask.npy", mask, rows, cols),
		},
		Simulate: &SimulateSection{},
	}
	for _, c := range []struct{ askedRows, askedCols, r0, c0, rows, cols int }{
		{3, 4, 2, 3, 3, 4}, {1, 1, 3, 4, 1, 1}, {99, 2, 0, 4, 7, 2}, {7, 99, 0, 0, 7, 10},
	} {
		jobtest.OnRanks(t, 1, func(comm ranks.Comm) error {
			shape, err := s.Shape()
			if err != nil {
				return err
			}
			o, err := s.Middle(t.Context(), comm, forward.PSF{}, shape, c.askedRows, c.askedCols)
			if err != nil {
				return err
			}
			if len(o.Data) != channels*c.rows*c.cols {
				return fmt.Errorf("%+v: %d values", c, len(o.Data))
			}
			for i, v := range o.Data {
				n := c.rows * c.cols
				at := (c.r0+i%n/c.cols)*cols + c.c0 + i%c.cols
				if want := data[i/n*rows*cols+at]; v != want || o.Weights.Missing(i) != (mask[at] == 0) {
					return fmt.Errorf("%+v: value %d is %g with weight %g, want %g", c, i, v, o.Weights.At(i), want)
				}
			}
			return nil
		})
	}
}

// Middle of a made-up sky costs what the piece does, however large the frame is.
func TestMiddleOfASky(t *testing.T) {
	c := simulated(1<<20, 1<<20)
	jobtest.OnRanks(t, 1, func(comm ranks.Comm) error {
		k, err := BlurPSF(comm, &c.Blur)
		if err != nil {
			return err
		}
		o, err := c.source().Middle(t.Context(), comm, k, &imageio.Frame{Channels: 2, Rows: 1 << 20, Cols: 1 << 20}, 20, 30)
		if err == nil && (len(o.Data) != 2*20*30 || len(o.Truth) != 2*20*30) {
			err = fmt.Errorf("%d values, %d of the truth", len(o.Data), len(o.Truth))
		}
		return err
	})
}

// A frame is neither read nor made for a cancelled run, whichever rank is cancelled.
func TestObserveIsCancelled(t *testing.T) {
	c := simulated(30, 20)
	files := *c
	files.Image.Path = jobtest.WriteNpy(t, t.TempDir(), "frame.npy", make([]float64, 12), 3, 4)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range []*Source{c.source(), files.source()} {
		jobtest.OnRanks(t, 3, func(comm ranks.Comm) error {
			ctx := t.Context()
			if comm.Rank() == 2 {
				ctx = cancelled
			}
			if o, err := s.Observe(ctx, comm, forward.PSF{}); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("got %v, %v; want the error of rank 2, on all ranks", o, err)
			}
			return nil
		})
	}
}
