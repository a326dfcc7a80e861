package frames

import (
	"tessera/forward"
	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// Source is where a job's frame comes from: observed, in the files of [image], or made by
// the program as [simulate] says.
type Source struct {
	Seed     uint64
	Image    *ImageSection
	Simulate *SimulateSection
	Border   halo.Border // of the blur that a simulated frame is seen through
}

// File is what the frame is read from; "" for a made-up sky.
func (s *Source) File() string {
	if s.Image.Path != "" {
		return s.Image.Path
	}
	return s.Simulate.From
}

// Describe says in words where the frame comes from. unused: the config has a
// [simulate] section that an [image] overrules.
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

// Shape is the shape of the frame, without its pixels.
func (s *Source) Shape() (*imageio.Frame, error) {
	if path := s.File(); path != "" {
		return imageio.Stat(path)
	}
	return &imageio.Frame{Channels: s.Simulate.Channels, Rows: s.Simulate.Rows, Cols: s.Simulate.Cols}, nil
}

// Observe reads the frame, or makes it with this blur. What stands at missing pixels
// becomes NaN, as pictures show it. Collective; the error is the same on all ranks.
func (s *Source) Observe(comm ranks.Comm, psf forward.PSF) (*Observation, error) {
	o, err := s.part(comm, psf, nil)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	o.Weights.Mark(o.Data)
	return o, nil
}

// Piece is the observation of one box of the frame, as if it were all of it.
func (s *Source) Piece(comm ranks.Comm, psf forward.PSF, box imageio.Box) (*Observation, error) {
	part := *s
	simulate := *s.Simulate
	simulate.Rows, simulate.Cols = box.R1-box.R0, box.C1-box.C0
	part.Simulate = &simulate
	return part.part(comm, psf, &box)
}

func (s *Source) part(comm ranks.Comm, psf forward.PSF, box *imageio.Box) (*Observation, error) {
	if s.Image.Path != "" {
		return ReadObservation(comm, s.Image, box)
	}
	return simulateObservation(comm, s, psf, box)
}

// CheckFiles records what is wrong with the files of the frame.
func (s *Source) CheckFiles(f *config.File) {
	frame := &imageio.Frame{Rows: s.Simulate.Rows, Cols: s.Simulate.Cols}
	switch {
	case s.Image.Path != "":
		frame = CheckFrame(f, "image.path", s.Image.Path)
	case s.Simulate.From != "":
		frame = CheckFrame(f, "simulate.from", s.Simulate.From)
	}
	checkPlane(f, "image.mask", s.Image.Mask, frame)
	checkPlane(f, "image.weights", s.Image.Weights, frame)
}
