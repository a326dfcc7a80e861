package psfmodel

import (
	"fmt"

	"tessera/forward"
	"tessera/internal/imageio"
)

// Options say what a file itself does not. The zero value takes what is found.
type Options struct {
	Format       Format  // "" = by what is in the file
	Detector     int     // which of several detectors in a stdpsf file, counted from 1 in the order of the file; 0 = there must be one
	Positions    string  // cube: the table of positions, with columns row and col
	Oversampling float64 // cube and kernel: samples a pixel of the frame along an axis; 0 = 1. stdpsf: 0 = 4
	Optical      bool    // the samples do not include the pixel: it is averaged over each
}

// mostImages is the largest number of images of a model, and mostSamples that of their values.
const (
	mostImages  = 10000
	mostSamples = 1 << 27
)

// Read reads a model. Errors name the file.
func Read(path string, o Options) (*Model, error) {
	m, err := read(path, o)
	if err == nil {
		m.Path = path
		m.Optical = o.Optical
		err = m.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("psfmodel: %s: %w", path, err)
	}
	return m, nil
}

func read(path string, o Options) (*Model, error) {
	format := o.Format
	if format == "" {
		var err error
		if format, err = recognise(path, o); err != nil {
			return nil, err
		}
	}
	if o.Positions != "" && format != Cube {
		return nil, fmt.Errorf("a table of positions is for a cube of PSFs, and this is read as %s", format)
	}
	if o.Detector != 0 && format != STDPSF {
		return nil, fmt.Errorf("detector %d asked for: only stdpsf files have several, and this is read as %s", o.Detector, format)
	}
	if o.Oversampling != 0 && (format == PSFEx || format == STPSF) {
		return nil, fmt.Errorf("an oversampling of %g asked for: a %s file says its own", o.Oversampling, format)
	}
	switch format {
	case PSFEx:
		return readPSFEx(path)
	case STPSF:
		return readSTPSF(path)
	case STDPSF:
		return readSTDPSF(path, o)
	case Cube:
		return readCube(path, o)
	case Kernel:
		return readKernel(path, o)
	}
	return nil, fmt.Errorf("unknown format %q, want psfex, stpsf, stdpsf, cube or kernel", format)
}

// Varies is the format of a file that holds a PSF that varies and says where its images belong; "" of other files.
func Varies(path string) Format {
	if format, err := recognise(path, Options{}); err == nil && format != Kernel {
		return format
	}
	return ""
}

// recognise finds the format by what is in the file.
func recognise(path string, o Options) (Format, error) {
	if o.Positions != "" {
		return Cube, nil
	}
	units, _, err := imageio.Units(path)
	for _, u := range units {
		if u.Name == "PSF_DATA" {
			return PSFEx, nil
		}
	}
	if units == nil && err != nil {
		if _, _, _, cell := imageio.ReadCell(path, psfexTable, psfexColumn); cell == nil {
			return PSFEx, nil // a file without any image
		}
	}
	s, err := imageio.StatStack(path)
	if err != nil {
		return "", err
	}
	switch {
	case has(s.Header, "DET_YX0"):
		return STPSF, nil
	case has(s.Header, "NXPSFS"):
		return STDPSF, nil
	case s.Count == 1:
		return Kernel, nil
	}
	return "", fmt.Errorf("%d images without their positions (no cards DET_YX0 or NXPSFS): name a table with columns row and col, or x and y (psf_model.positions)", s.Count)
}

func has(h imageio.Header, key string) bool {
	_, ok := h.Get(key)
	return ok
}

// readStack reads all images of a file.
func readStack(path string) (*imageio.Stack, error) {
	s, err := imageio.StatStack(path)
	if err != nil {
		return nil, err
	}
	if s.Count < 1 || s.Count > mostImages || s.Count*s.Rows > mostSamples/max(1, s.Cols) {
		return nil, fmt.Errorf("%d images of %d x %d, want 1 to %d and at most %d values", s.Count, s.Rows, s.Cols, mostImages, mostSamples)
	}
	return imageio.ReadStack(path, 0, s.Count)
}

// images of a stack, one slice each.
func images(s *imageio.Stack) [][]float64 {
	n := s.Rows * s.Cols
	list := make([][]float64, s.Count)
	for k := range list {
		list[k] = s.Data[k*n : (k+1)*n]
	}
	return list
}

// readKernel reads one image, the PSF of every pixel.
func readKernel(path string, o Options) (*Model, error) {
	s, err := readStack(path)
	if err != nil {
		return nil, err
	}
	if s.Count != 1 {
		return nil, fmt.Errorf("%d images, want one for a PSF that is the same everywhere", s.Count)
	}
	m := &Model{
		Format: Kernel, Rows: s.Rows, Cols: s.Cols, Step: step(o.Oversampling, 1), Images: images(s),
		Law: &Grid{Rows: []float64{0}, Cols: []float64{0}},
	}
	if err := known(0, s.Data, s.Cols); err != nil {
		return nil, err
	}
	if m.Step != 1 || s.Rows%2 == 1 && s.Cols%2 == 1 {
		return m, nil
	}
	p, c, err := forward.CentrePSF(s.Rows, s.Cols, s.Data)
	if err != nil {
		return nil, err
	}
	m.Rows, m.Cols, m.Images = p.Rows, p.Cols, [][]float64{p.Values}
	m.Notes = append(m.Notes, fmt.Sprintf("%d x %d pixels made odd: moved by %g rows and %g columns by interpolation", s.Rows, s.Cols, c.Shift[0], c.Shift[1]))
	return m, nil
}

// step is the distance of samples in pixels for an oversampling, 0 = usual.
func step(oversampling, usual float64) float64 {
	if oversampling == 0 {
		oversampling = usual
	}
	return 1 / oversampling
}
