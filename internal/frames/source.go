package frames

import (
	"context"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// Source says where a job's frame comes from: from the files of [image] if that section
// has a path, else the program makes an observation as [simulate] says.
type Source struct {
	Seed     uint64 // of the made-up sky, the noise and the dead pixels
	Image    *ImageSection
	Simulate *SimulateSection
	Model    *PSFModelSection // a PSF that varies; nil = none
	Border   halo.Border      // of the blur through which a simulated frame is seen
	Apart    bool             // every rank reads its own part of the files; false: rank 0 reads them whole and sends the parts; Gather.Settle sets it

	whole *imageio.Frame // shape of the frame of which a part is observed; nil = the observed one
}

// File is the file that the frame is read from; "" for a made-up sky.
func (s *Source) File() string {
	if s.Image.Path != "" {
		return s.Image.Path
	}
	return s.Simulate.From
}

// Describe says in words where the frame comes from. With unused it adds that the
// config's [simulate] section is not used.
func (s *Source) Describe(unused bool) string {
	switch {
	case unused:
		return s.Image.Path + ", observed; [simulate] is not used"
	case s.Image.Path != "":
		return s.Image.Path + ", observed"
	case s.Simulate.From != "":
		return "simulated from " + s.Simulate.From
	}
	return "simulated deep-sky frame"
}

// Shape is the shape of the frame, read from the header of its file; Data is nil.
func (s *Source) Shape() (*imageio.Frame, error) {
	if path := s.File(); path != "" {
		return imageio.Stat(path)
	}
	return &imageio.Frame{Channels: s.Simulate.Channels, Rows: s.Simulate.Rows, Cols: s.Simulate.Cols}, nil
}

// Observe reads the frame, or makes one that is seen through a blur with this PSF. The
// values of missing pixels become NaN, as pictures show them. Collective; the error, that
// of a cancelled context included, is the same on all ranks.
func (s *Source) Observe(ctx context.Context, comm ranks.Comm, psf forward.PSF) (*Observation, error) {
	o, err := s.part(ctx, comm, psf, nil)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	if s.Image.Path != "" {
		if err := o.findOutliers(comm, s.Image, psf); err != nil {
			return nil, err
		}
	}
	o.Weights.Mark(o.Data)
	if s.Image.Truth != "" {
		if err := o.readTruth(ctx, comm, s.Image, s.Apart); err != nil {
			return nil, err
		}
	}
	return o, ranks.AgreeError(comm, ctx.Err())
}

// Middle is the observation of rows x cols pixels around the centre of a frame of this
// shape, as if they were the whole frame: plans try the solvers on it. Of npy and FITS
// files nothing else is read. Collective.
func (s *Source) Middle(ctx context.Context, comm ranks.Comm, psf forward.PSF, shape *imageio.Frame, rows, cols int) (*Observation, error) {
	rows, cols = min(rows, shape.Rows), min(cols, shape.Cols)
	r, c := (shape.Rows-rows)/2, (shape.Cols-cols)/2
	part, simulate := *s, *s.Simulate
	simulate.Rows, simulate.Cols = rows, cols
	part.Simulate, part.whole = &simulate, shape
	return part.part(ctx, comm, psf, &imageio.Box{R0: r, R1: r + rows, C0: c, C1: c + cols})
}

func (s *Source) part(ctx context.Context, comm ranks.Comm, psf forward.PSF, box *imageio.Box) (*Observation, error) {
	if s.Image.Path == "" {
		return simulateObservation(ctx, comm, s, psf, box)
	}
	var o *Observation
	var err error
	if s.Apart && box == nil {
		o, err = readApart(ctx, comm, s.Image)
	} else {
		o, err = ReadObservation(comm, s.Image, box)
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	return o, s.varying(comm, o, box)
}

// CheckFiles records what is wrong with the files of the frame, its mask and its weights,
// as far as their headers tell. It returns the frame's shape, nil if that is not known.
func (s *Source) CheckFiles(f *config.File) *imageio.Frame {
	frame := &imageio.Frame{Channels: s.Simulate.Channels, Rows: s.Simulate.Rows, Cols: s.Simulate.Cols}
	switch {
	case s.Image.Path != "":
		frame = CheckFrame(f, "image.path", s.Image.Path)
	case s.Simulate.From != "":
		frame = CheckFrame(f, "simulate.from", s.Simulate.From)
	}
	s.Image.checkPlanes(f, frame)
	if frame == nil {
		CheckFrame(f, "image.truth", s.Image.Truth)
	} else {
		CheckTruth(f, s.Image.Truth, frame.Channels, frame.Rows, frame.Cols)
	}
	return frame
}
