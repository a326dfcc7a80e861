package imageio

import (
	"fmt"
	"io"
	"strings"
)

// Stack is many images of one size in one npy or FITS file of shape (count, rows, cols). The
// first axis always counts the images; the rules for a Frame's colours do not apply. A file
// of shape (rows, cols) is a stack of one image.
type Stack struct {
	Count, Rows, Cols int       // of the file
	Data              []float64 // of the images asked for, row-major; NaN = missing; nil from StatStack
	Format            string    // "npy" or "fits"
	Type              string    // of an element in the file: "float32", "uint8", ...
	Header            Header    // FITS: the cards that do not describe the storage; nil from npy
}

const stackWanted = "a stack of images is an npy or FITS file of shape (count, rows, cols)"

// StatStack reads the shape, type and header of a stack, but not its pixels. An npy file may
// have 0 images.
func StatStack(path string) (*Stack, error) {
	return withStack(path, func(*stackSource) error { return nil })
}

// ReadStack reads the images lo <= i < hi, and of FITS and C-ordered npy files nothing else.
// For FITS, path may choose a unit as in ReadFrame.
func ReadStack(path string, lo, hi int) (*Stack, error) {
	return withStack(path, func(s *stackSource) error { return s.read(lo, hi) })
}

// stackSource is an opened stack.
type stackSource struct {
	Stack   // Data is nil before read
	pixels  numbers
	fortran bool
}

func withStack(path string, use func(*stackSource) error) (*Stack, error) {
	name, unit := resolve(path)
	r, size, err := open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s, err := newStackSource(r, size, unit)
	if err == nil {
		err = use(s)
	}
	if err != nil {
		return nil, fmt.Errorf("imageio: %s: %w", path, err)
	}
	return &s.Stack, nil
}

func newStackSource(r io.ReaderAt, size int64, unit string) (*stackSource, error) {
	var start [len(fitsMagic)]byte
	n, _ := r.ReadAt(start[:], 0)
	switch {
	case string(start[:n]) == fitsMagic:
		return fitsStack(r, size, unit)
	case unit == "" && strings.HasPrefix(string(start[:n]), npyMagic):
		return npyStack(r, size)
	}
	// What else it is, newSource knows.
	s, err := newSource(r, size, unit)
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, stackWanted)
	}
	return nil, fmt.Errorf("a %s picture of %d x %d; %s", s.Format, s.Rows, s.Cols, stackWanted)
}

func npyStack(r io.ReaderAt, size int64) (*stackSource, error) {
	h, err := parseNpyHeader(r, size)
	if err != nil {
		return nil, err
	}
	s := &stackSource{Stack: Stack{Format: "npy", Type: h.typ}, pixels: h.elements(r), fortran: h.fortran}
	return s, s.setShape(h.shape)
}

func fitsStack(r io.ReaderAt, size int64, want string) (*stackSource, error) {
	u, _, err := findUnit(r, size, want)
	if err != nil {
		return nil, err
	}
	s := &stackSource{Stack: Stack{Format: "fits", Type: u.typ()}}
	if err := s.setShape(reversed(u.axes)); err != nil {
		return nil, err
	}
	if s.pixels, err = u.elements(r); err != nil {
		return nil, err
	}
	// The header as a frame has it, with what it inherits.
	frame, err := fitsSource(r, size, want)
	if err != nil {
		return nil, err
	}
	// A stack is written without the tables of its coordinates.
	s.Header = frame.Header.without("CPDIS1", "CPDIS2", "CQDIS1", "CQDIS2", "DP1", "DP2", "DQ1", "DQ2", "D2IMDIS1", "D2IMDIS2", "D2IM1", "D2IM2")
	return s, nil
}

func (s *Stack) setShape(full []int) error {
	shape := full
	for len(shape) > 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	switch len(shape) {
	case 2:
		s.Count, s.Rows, s.Cols = 1, shape[0], shape[1]
	case 3:
		s.Count, s.Rows, s.Cols = shape[0], shape[1], shape[2]
	default:
		return fmt.Errorf("shape %s, want (count, rows, cols), or (rows, cols) of a single image", shapeString(full))
	}
	if s.Rows == 0 || s.Cols == 0 {
		return fmt.Errorf("shape %s: images without pixels", shapeString(full))
	}
	return nil
}

func (s *stackSource) read(lo, hi int) error {
	if lo < 0 || hi < lo || hi > s.Count {
		return fmt.Errorf("images %d to %d of a stack of %d", lo, hi, s.Count)
	}
	image := s.Rows * s.Cols
	s.Data = make([]float64, (hi-lo)*image)
	if len(s.Data) == 0 {
		return nil
	}
	if !s.fortran {
		return s.pixels.read(int64(lo)*int64(image), s.Data)
	}
	lay := layout{planes: s.Count, rows: s.Rows, cols: s.Cols}
	ax := lay.axes(Box{0, s.Rows, 0, s.Cols}, true)
	ax[0].lo, ax[0].hi = lo, hi
	return s.pixels.gather(s.Data, ax)
}
