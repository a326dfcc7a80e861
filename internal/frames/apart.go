package frames

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// readApart is ReadObservation without a rank that holds the whole frame: every rank reads
// its own box of the frame, the mask and the weights. Collective; the error, that of a
// cancelled context included, is the same on all ranks.
func readApart(ctx context.Context, comm ranks.Comm, s *ImageSection) (*Observation, error) {
	o, err := openApart(comm, s.Path)
	if err != nil {
		return nil, err
	}
	if o.Data, err = o.readOwn(ctx, comm, s.Path, false); err != nil {
		return nil, err
	}
	o.Weights, err = o.readOwnWeights(ctx, comm, s)
	return o, err
}

// openApart cuts the frame in a file into boxes of equal size. Its pixels are not read.
// Collective.
func openApart(comm ranks.Comm, path string) (*Observation, error) {
	o := &Observation{}
	err := ranks.OnRoot(comm, func() (err error) {
		o.Source, err = imageio.Stat(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	return o, o.cut(comm, equalBoxes)
}

// ownBox is the box of this rank.
func (o *Observation) ownBox(comm ranks.Comm) imageio.Box { return boxOf(o.Frame.Owned(comm.Rank())) }

func boxOf(b halo.Box) imageio.Box {
	return imageio.Box{R0: b.Lo[0], R1: b.Hi[0], C0: b.Lo[1], C1: b.Hi[1]}
}

// readOwn reads this rank's box of a file that has the frame's rows and columns: all
// channels, or the one of a mask or weight map. A file that can only be decoded whole is
// read on rank 0, which sends every rank its box. Collective.
func (o *Observation) readOwn(ctx context.Context, comm ranks.Comm, path string, plane bool) ([]float64, error) {
	boxes := 0
	err := ranks.OnRoot(comm, func() error {
		f, err := imageio.Stat(path)
		if err != nil {
			return err
		}
		if rows, cols := o.Shape(); f.Rows != rows || f.Cols != cols {
			return wrongShape(path, f, rows, cols)
		}
		if f.ReadsBoxes() {
			boxes = 1
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := ranks.Share(comm, &boxes); err != nil {
		return nil, err
	}
	whole, part, channels := imageio.ReadFrame, imageio.ReadBox, o.Channels
	if plane {
		whole, part, channels = imageio.ReadPlane, imageio.ReadPlaneBox, 1
	}
	if boxes == 0 {
		f := &imageio.Frame{}
		err := ranks.OnRoot(comm, func() (err error) {
			if f, err = whole(path); err == nil {
				err = ctx.Err()
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		return o.Frame.ScatterFrom(comm, 0, f.Data, channels)
	}
	f, err := part(path, o.ownBox(comm))
	switch {
	case err == nil && f.Channels != channels:
		err = fmt.Errorf("%s: %d channels, rank 0 has found %d", path, f.Channels, channels)
	case err == nil:
		err = ctx.Err()
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	return f.Data, nil
}

func wrongShape(path string, f *imageio.Frame, rows, cols int) error {
	return fmt.Errorf("%s: %d x %d pixels, want the frame's %d x %d", path, f.Rows, f.Cols, rows, cols)
}

// readOwnWeights joins this rank's parts of weight map, mask and missing pixels. The weights
// are nil on all ranks if all are one. Collective.
func (o *Observation) readOwnWeights(ctx context.Context, comm ranks.Comm, s *ImageSection) (forward.Weights, error) {
	j := joined{box: o.ownBox(comm)}
	if s.Weights != "" {
		data, err := o.readOwn(ctx, comm, s.Weights, true)
		if err != nil {
			return nil, err
		}
		if err := ranks.AgreeError(comm, j.weigh(s.Weights, data)); err != nil {
			return nil, err
		}
	}
	if s.Mask != "" {
		data, err := o.readOwn(ctx, comm, s.Mask, true)
		if err != nil {
			return nil, err
		}
		j.mask(data)
	}
	j.finite(o.Data)
	any := []float64{0}
	if j.w != nil {
		any[0] = 1
	}
	if err := comm.Allreduce(any, any, ranks.Max); err != nil || any[0] == 0 {
		return nil, err
	}
	return j.plane(), nil
}

// finiteTruth is an error if a value of a true frame is not finite. data are all channels of
// a box.
func finiteTruth(path string, data []float64, box imageio.Box) error {
	cols := box.C1 - box.C0
	n := (box.R1 - box.R0) * cols
	for i, v := range data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%s: the value at row %d, column %d is %g; a true frame must be finite everywhere",
				path, box.R0+i%n/cols, box.C0+i%cols, v)
		}
	}
	return nil
}
