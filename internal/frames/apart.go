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
	if o.Data, err = o.readOwn(ctx, comm, s.Path, o.Channels); err != nil {
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

// readOwn reads this rank's box of a file that has the frame's rows and columns. A file that can only be decoded whole is
// read on rank 0, which sends every rank its box. Collective.
func (o *Observation) readOwn(ctx context.Context, comm ranks.Comm, path string, channels int) ([]float64, error) {
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
	if boxes == 0 {
		f := &imageio.Frame{}
		err := ranks.OnRoot(comm, func() (err error) {
			if f, err = imageio.ReadFrame(path); err == nil {
				err = ctx.Err()
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		return o.Frame.ScatterFrom(comm, 0, f.Data, channels)
	}
	f, err := imageio.ReadBox(path, o.ownBox(comm))
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

// readOwnWeights joins this rank's parts of the planes and of the missing values. The weights
// are nil on all ranks if all are one. Collective.
func (o *Observation) readOwnWeights(ctx context.Context, comm ranks.Comm, s *ImageSection) (forward.Weights, error) {
	list, said, err := s.planes() // of headers alone: every rank finds the same
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	j := joined{box: o.ownBox(comm), channels: o.Channels}
	headers := make([]*imageio.Frame, len(list))
	var marks []marked
	for i := range list {
		p := &list[i]
		err := ranks.OnRoot(comm, func() (err error) {
			if headers[i], err = imageio.Stat(p.path); err == nil {
				err = refuseLossy(p, headers[i])
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		data, typ, err := o.readOwnPlane(ctx, comm, p.path)
		if err != nil {
			return nil, err
		}
		rows, cols := o.Shape()
		m, err := p.leaveMarks(comm, o.Frame, s.Outliers, data, rows, cols, j.box)
		if err != nil {
			return nil, err
		}
		if m.whole != "" {
			return nil, &keyError{p.key, p.path, m.whole}
		}
		marks = append(marks, m)
		if err := ranks.AgreeError(comm, j.take(p, data, typ)); err != nil {
			return nil, err
		}
	}
	j.finite(o.Data)
	if !s.PerChannel {
		j.narrow()
	}
	planes := []float64{float64(len(j.w) / j.pixels())} // on any rank
	sums := []float64{j.observed()}
	for _, c := range j.counts {
		sums = append(sums, c.missing, c.zeros, c.values)
	}
	if err := comm.Allreduce(planes, planes, ranks.Max); err != nil {
		return nil, err
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	for i := range j.counts {
		j.counts[i] = count{sums[1+3*i], sums[2+3*i], sums[3+3*i]}
	}
	if err := sensible(s, list, j.counts, sums[0]); err != nil {
		return nil, err // the same on all ranks
	}
	if comm.Rank() == 0 {
		o.Inputs, o.marks = inputsOf(s, o.Source, list, headers, j.counts, said), marks
		describeMarks(o.Inputs, marks)
	}
	switch {
	case planes[0] == 0:
		return nil, nil
	case planes[0] > 1:
		j.widen()
	}
	return j.plane(), nil
}

// readOwnPlane reads this rank's part of a plane: one channel, or those of the frame. Collective.
func (o *Observation) readOwnPlane(ctx context.Context, comm ranks.Comm, path string) ([]float64, string, error) {
	channels, kind := 0, ""
	f, err := imageio.Stat(path)
	if err == nil {
		channels, kind = f.Channels, f.Type
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, "", err
	}
	data, err := o.readOwn(ctx, comm, path, channels)
	if err != nil {
		return nil, "", err
	}
	n := len(data) / channels
	differ := []float64{0}
	for i := n; i < len(data); i++ {
		if v, w := data[i], data[i%n]; v != w && !(math.IsNaN(v) && math.IsNaN(w)) {
			differ[0] = 1
		}
	}
	if err := comm.Allreduce(differ, differ, ranks.Max); err != nil {
		return nil, "", err
	}
	rows, cols := o.Shape()
	switch {
	case differ[0] == 0:
		data = data[:n:n]
	case channels != o.Channels:
		return nil, "", fmt.Errorf("%s: %d different channels of %dx%d, want one plane, or the %d channels of the frame", path, channels, rows, cols, o.Channels)
	}
	return data, kind, nil
}
