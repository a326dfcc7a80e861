package job

import (
	"tessera/forward"
	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// source is where a job's frame comes from: observed, in the files of [image], or made by
// the program as [simulate] says.
type source struct {
	seed     uint64
	image    *imageSection
	simulate *simulateSection
	border   halo.Border // of the blur that a simulated frame is seen through
}

// file is what the frame is read from; "" for a made-up sky.
func (s *source) file() string {
	if s.image.Path != "" {
		return s.image.Path
	}
	return s.simulate.From
}

// describe says in words where the frame comes from. unused: the config has a
// [simulate] section that an [image] overrules.
func (s *source) describe(unused bool) string {
	switch {
	case unused:
		return s.image.Path + ", observed; [simulate] is not used"
	case s.image.Path != "":
		return s.image.Path + ", observed"
	case s.simulate.From != "":
		return "simulated from " + s.simulate.From
	}
	return "simulated deep-sky frame"
}

// shape is the shape of the frame, without its pixels.
func (s *source) shape() (*imageio.Frame, error) {
	if path := s.file(); path != "" {
		return imageio.Stat(path)
	}
	return &imageio.Frame{Channels: s.simulate.Channels, Rows: s.simulate.Rows, Cols: s.simulate.Cols}, nil
}

// observe reads the frame, or makes it with this blur. What stands at missing pixels
// becomes NaN, as pictures show it. Collective; the error is the same on all ranks.
func (s *source) observe(comm ranks.Comm, psf forward.PSF) (*observation, error) {
	o, err := s.part(comm, psf, nil)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	o.weights.Mark(o.data)
	return o, nil
}

// piece is the observation of one box of the frame, as if it were all of it.
func (s *source) piece(comm ranks.Comm, psf forward.PSF, box imageio.Box) (*observation, error) {
	part := *s
	simulate := *s.simulate
	simulate.Rows, simulate.Cols = box.R1-box.R0, box.C1-box.C0
	part.simulate = &simulate
	return part.part(comm, psf, &box)
}

func (s *source) part(comm ranks.Comm, psf forward.PSF, box *imageio.Box) (*observation, error) {
	if s.image.Path != "" {
		return readObservation(comm, s.image, box)
	}
	return simulateObservation(comm, s, psf, box)
}

// checkFiles records what is wrong with the files of the frame.
func (s *source) checkFiles(f *config.File) {
	frame := &imageio.Frame{Rows: s.simulate.Rows, Cols: s.simulate.Cols}
	switch {
	case s.image.Path != "":
		frame = checkFrame(f, "image.path", s.image.Path)
	case s.simulate.From != "":
		frame = checkFrame(f, "simulate.from", s.simulate.From)
	}
	checkPlane(f, "image.mask", s.image.Mask, frame)
	checkPlane(f, "image.weights", s.image.Weights, frame)
}
