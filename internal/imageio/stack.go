package imageio

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Stack is many images of one size in one npy or FITS file. In an array of shape (count,
// rows, cols) the first axis always counts the images; the rules for a Frame's colours do
// not apply. An array of shape (rows, cols) is one image. Of four
// axes one of length 1 is left out. A FITS file may also have one extension
// for each image, or one row of a table with a column of images. A PNG, JPEG or TIFF file with
// one grey picture is one image.
type Stack struct {
	Count, Rows, Cols int       // of the file
	Data              []float64 // of the images asked for, row-major; NaN = missing; nil from StatStack
	Format            string    // "npy", "fits", "png", "jpeg" or "tiff"
	Type              string    // of an element in the file: "float32", "uint8", ...
	Part              string    // where in the file the images are: "array", "[1] SCI", "16 extensions, [1] to [16]", ...
	Shape             []int     // of the array in the file; nil of extensions and tables
	Header            Header    // FITS: the cards that do not describe the storage, of several extensions and of a table those of the primary unit; nil from npy
}

const stackWanted = "a stack of images is an npy, npz or FITS file of shape (count, rows, cols), or one grey picture"

// Square returns an error unless the images are square. It says what to do where the last
// axis of the array seems to count them.
func (s *Stack) Square() error {
	if s.Rows == s.Cols {
		return nil
	}
	err := fmt.Errorf("holds %d images of %d x %d pixels, want square ones", s.Count, s.Rows, s.Cols)
	if n := s.Shape; len(n) == 3 && n[0] == n[1] {
		what := `numpy.save("STACK.npy", numpy.moveaxis(a, -1, 0))`
		if s.Format == "fits" {
			what = `fits.writeto("STACK.fits", numpy.moveaxis(a, -1, 0))`
		}
		err = fmt.Errorf("%w; its shape is %s: if the last axis counts the images, write it with that axis first, %s", err, shapeString(n), what)
	}
	return err
}

// Pictures returns an error if the last axis of the array seems to hold colours or to count the
// images, which need not be square.
func (s *Stack) Pictures() error {
	n := s.Shape
	if len(n) != 3 || !(n[2] <= 4 && n[1] > 4 || n[0] == n[1] && n[1] != n[2]) {
		return nil
	}
	what := "counts the images, write it with that axis first, numpy.moveaxis(a, -1, 0)"
	if n[2] <= 4 {
		what = "holds colours, write a file of grey pictures, (count, rows, cols)"
	}
	return fmt.Errorf("has the shape %s, which is %d images of %d x %d pixels: if the last axis %s", shapeString(n), s.Count, s.Rows, s.Cols, what)
}

// StatStack reads the shape, type and header of a stack, but not its pixels. An npy file may
// have 0 images.
func StatStack(path string) (*Stack, error) {
	return withStack(path, func(*stackSource) error { return nil })
}

// ReadStack reads the images lo <= i < hi, and of FITS and C-ordered npy files nothing else.
// For FITS, path may choose a unit as in ReadFrame, all extensions of one name, or a column
// of images by its name.
func ReadStack(path string, lo, hi int) (*Stack, error) {
	return withStack(path, func(s *stackSource) error { return s.read(lo, hi) })
}

// stackSource is an opened stack.
type stackSource struct {
	Stack  // Data is nil before read
	images func(lo, hi int, to []float64) error
	verify func(lo, hi int) error // as that of numbers; nil = there is nothing to find
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
	case strings.HasPrefix(string(start[:n]), zipMagic):
		array, length, err := arrayOfNpz(r, size, unit)
		if err != nil {
			return nil, err
		}
		s, err := npyStack(array, length)
		if err == nil {
			s.Part = "array in an npz file"
		}
		return s, err
	}
	return pictureStack(r, size, unit)
}

// pictureStack is one picture: of one channel, or of several equal ones, which are read to know
// that they are equal.
func pictureStack(r io.ReaderAt, size int64, unit string) (*stackSource, error) {
	s, err := newSource(r, size, unit)
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, stackWanted)
	}
	if s.Pages {
		return nil, fmt.Errorf("a %s file with more than one picture; %s", s.Format, stackWanted)
	}
	whole := func() (*Frame, error) {
		f, err := s.read(Box{0, s.Rows, 0, s.Cols})
		if err != nil {
			return nil, err
		}
		if !f.grey() {
			return nil, fmt.Errorf("a %s picture of %d different channels; %s", s.Format, f.Channels, stackWanted)
		}
		return f, nil
	}
	if s.Channels > 1 {
		if _, err := whole(); err != nil {
			return nil, err
		}
	}
	var picture *Frame
	return &stackSource{
		Stack: Stack{Count: 1, Rows: s.Rows, Cols: s.Cols, Format: s.Format, Type: s.Type, Part: "picture", Shape: []int{s.Rows, s.Cols}},
		// What is wrong with the picture is found before room is made for its values.
		verify: func(_, _ int) (err error) {
			picture, err = whole()
			return err
		},
		images: func(_, _ int, to []float64) error {
			copy(to, picture.Data[:len(to)])
			return nil
		},
	}, nil
}

func npyStack(r io.ReaderAt, size int64) (*stackSource, error) {
	h, err := parseNpyHeader(r, size)
	if err != nil {
		return nil, err
	}
	s := &stackSource{Stack: Stack{Format: "npy", Type: h.typ, Part: "array"}}
	return s, s.setArray(h.shape, h.elements(r), h.fortran)
}

// setArray makes s the stack of an array.
func (s *stackSource) setArray(full []int, pixels numbers, fortran bool) error {
	if err := s.setShape(full); err != nil {
		return err
	}
	s.verify = func(lo, hi int) error {
		n := s.Rows * s.Cols
		return pixels.verify(run(int64(lo)*int64(n), (hi-lo)*n, s.Count*n))
	}
	s.images = func(lo, hi int, to []float64) error {
		if !fortran {
			return pixels.read(int64(lo)*int64(s.Rows*s.Cols), to)
		}
		lay := layout{planes: s.Count, rows: s.Rows, cols: s.Cols}
		ax := lay.axes(Box{0, s.Rows, 0, s.Cols}, true)
		ax[0].lo, ax[0].hi = lo, hi
		return pixels.gather(to, ax)
	}
	return nil
}

// setShape says what the axes of an array are. Those of length 1 that go do not change the
// order of its elements.
func (s *Stack) setShape(full []int) error {
	s.Shape = full
	shape := full
	for len(shape) > 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	if len(shape) == 4 { // of (count, 1, rows, cols) or (count, rows, cols, 1)
		for _, k := range []int{1, 3} {
			if len(shape) == 4 && shape[k] == 1 {
				shape = slices.Delete(slices.Clone(shape), k, k+1)
			}
		}
	}
	switch {
	case len(shape) == 2:
		s.Count, s.Rows, s.Cols = 1, shape[0], shape[1]
	case len(shape) == 3:
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
	if s.verify != nil {
		if err := s.verify(lo, hi); err != nil {
			return err
		}
	}
	n, err := product([]int{hi - lo, s.Rows, s.Cols})
	if err == nil {
		err = room(int64(n))
	}
	if err != nil {
		return err
	}
	s.Data = make([]float64, n)
	if len(s.Data) == 0 {
		return nil
	}
	return s.images(lo, hi, s.Data)
}
