package imageio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// Frame is an image. The package comment says what its values mean in each format.
type Frame struct {
	Channels, Rows, Cols int
	Data                 []float64 // Channels*Rows*Cols, row-major, planes first; NaN = missing; nil from Stat
	Format               string    // "npy", "fits", "png", "jpeg" or "tiff"
	Type                 string    // of an element in the file: "float32", "uint8", ...
	Header               Header    // the FITS cards that do not describe the storage; nil from other formats
	HDU                  int       // FITS: index of the header-data unit read, 0 = primary
	ChannelsLast         bool      // npy: the array in the file is (rows, cols, channels)
	Stored               []int     // shape of the array in the file, the slowest axis first
	Turned               int       // pictures: Exif orientation by which the picture in the file was made upright; 0 = it was upright
	Pages                bool      // TIFF: more images follow in the file, which are not read
	Packing              string    // "gzip", "npz", or how FITS tiles are compressed: "RICE_1", ...; "" = not compressed
	Tables               []byte    // FITS: whole extensions with the distortion tables that Header refers to
}

// ReadFrame reads a whole image. For FITS, path may end in [N] (N-th extension,
// 0 = primary), [NAME] or [NAME,VERSION]; otherwise the first unit that holds an image is
// read. For npz it may end in [NAME]; otherwise there must be one array.
func ReadFrame(path string) (*Frame, error) {
	return withSource(path, func(s *source) (*Frame, error) {
		return s.read(Box{0, s.Rows, 0, s.Cols})
	})
}

// ReadBox reads the pixels of box in all channels; Rows and Cols of the result are those of
// the box. Of npy and FITS files it reads only the bytes of the box's rows, and of TIFF
// and tile-compressed FITS files the blocks that the box touches; PNG, JPEG, npz and gzip files must
// be decoded whole.
func ReadBox(path string, box Box) (*Frame, error) {
	return withSource(path, func(s *source) (*Frame, error) {
		if box.R0 < 0 || box.R1 <= box.R0 || box.R1 > s.Rows || box.C0 < 0 || box.C1 <= box.C0 || box.C1 > s.Cols {
			return nil, fmt.Errorf("box [%d,%d)x[%d,%d) of an image of %dx%d", box.R0, box.R1, box.C0, box.C1, s.Rows, s.Cols)
		}
		return s.read(box)
	})
}

// Stat reads the shape, type and header of an image, but not its pixels: Data is nil. Of a large
// file that is compressed with gzip it unpacks no more than it needs, and what is damaged behind
// that is found when the pixels are read.
func Stat(path string) (*Frame, error) {
	stat := func(s *source) (*Frame, error) {
		f := s.Frame
		return &f, nil
	}
	name, unit := resolve(path)
	if r, size, ok := openHeaders(name); ok {
		defer r.Close()
		if f, err := useSource(path, r, size, unit, stat); err == nil {
			return f, nil
		}
	}
	return withSource(path, stat)
}

// ReadsBoxes tells whether ReadBox reads a box of this file without reading the rest.
func (f *Frame) ReadsBoxes() bool {
	return (f.Format == "npy" || f.Format == "fits" || f.Format == "tiff") && f.Packing != packedGzip && f.Packing != packedZip
}

const packedGzip = "gzip"

// Photograph tells whether the values are brightness, 0..1 of what the samples of the file
// can hold.
func (f *Frame) Photograph() bool {
	return f.Format == "png" || f.Format == "jpeg" || f.Format == "tiff" && (f.Type == "uint1" || f.Type == "uint8" || f.Type == "uint16")
}

// ReadPlane reads a two-dimensional array such as a mask or a weight map: an image of one
// channel, or of several equal channels.
func ReadPlane(path string) (*Frame, error) {
	f, err := ReadFrame(path)
	if err != nil {
		return nil, err
	}
	return f.plane(path)
}

// plane is the first channel of f; the others must be equal to it.
func (f *Frame) plane(path string) (*Frame, error) {
	if !f.grey() {
		return nil, fmt.Errorf("imageio: %s: %d different channels of %dx%d, want one plane", path, f.Channels, f.Rows, f.Cols)
	}
	n := f.Rows * f.Cols
	f.Channels, f.Data = 1, f.Data[:n:n]
	return f, nil
}

// grey tells whether all channels are equal.
func (f *Frame) grey() bool {
	n := f.Rows * f.Cols
	for c := 1; c < f.Channels; c++ {
		for i, v := range f.Data[c*n : (c+1)*n] {
			if w := f.Data[i]; v != w && !(math.IsNaN(v) && math.IsNaN(w)) {
				return false
			}
		}
	}
	return true
}

// Box is the half-open box of the rows R0 <= i < R1 and columns C0 <= j < C1.
type Box struct{ R0, R1, C0, C1 int }

// source is an opened image: its properties, and the function that reads its pixels.
type source struct {
	Frame  // Data is nil
	pixels func(Box) ([]float64, error)
}

func (s *source) read(b Box) (*Frame, error) {
	data, err := s.pixels(b)
	if err != nil {
		return nil, err
	}
	f := s.Frame
	f.Rows, f.Cols, f.Data = b.R1-b.R0, b.C1-b.C0, data
	return &f, nil
}

func withSource(path string, use func(*source) (*Frame, error)) (*Frame, error) {
	name, unit := resolve(path)
	r, size, err := open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return useSource(path, r, size, unit, use)
}

func useSource(path string, r *opened, size int64, unit string, use func(*source) (*Frame, error)) (*Frame, error) {
	s, err := newSource(r, size, unit)
	if err != nil {
		return nil, fmt.Errorf("imageio: %s: %w", path, err)
	}
	if r.gzip {
		s.Packing = packedGzip
	}
	f, err := use(s)
	if err != nil {
		return nil, fmt.Errorf("imageio: %s: %w", path, err)
	}
	return f, nil
}

// newSource recognises a file by its first bytes.
func newSource(r io.ReaderAt, size int64, unit string) (*source, error) {
	var start [recognised]byte
	n, _ := r.ReadAt(start[:], 0)
	head := start[:n]
	has := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	if unit != "" && !has(fitsMagic) && !has(zipMagic) {
		return nil, fmt.Errorf("[%s] selects an HDU of a FITS file or an array of an npz file, and this is neither", shortened(unit))
	}
	switch {
	case n == 0:
		return nil, errors.New("the file is empty")
	case has(npyMagic):
		return npySource(r, size)
	case has(fitsMagic):
		return fitsSource(r, size, unit)
	case has(zipMagic):
		array, length, err := arrayOfNpz(r, size, unit)
		if err != nil {
			return nil, err
		}
		s, err := npySource(array, length)
		if err == nil {
			s.Packing = packedZip
		}
		return s, err
	case has(pngMagic), has(jpegMagic):
		return pictureSource(r, size)
	case isTIFF(head):
		return tiffSource(r, size)
	}
	if what := otherFormat(head); what != "" {
		return nil, notAnImage(what)
	}
	return nil, fmt.Errorf("not an image that can be read (npy, npz, FITS, PNG, JPEG, TIFF); it starts with %q", head[:min(n, 12)])
}

func npySource(r io.ReaderAt, size int64) (*source, error) {
	h, err := parseNpyHeader(r, size)
	if err != nil {
		return nil, err
	}
	lay, err := layoutOf(h.shape, true)
	if err != nil {
		return nil, err
	}
	s := &source{Frame: Frame{Channels: lay.planes, Rows: lay.rows, Cols: lay.cols, Stored: h.shape, ChannelsLast: lay.colourLast, Format: "npy", Type: h.typ}}
	e := h.elements(r)
	s.setPixels(lay, e, h.fortran)
	return s, nil
}

// setPixels makes a source of the numbers of all planes. Where the fourth plane is the alpha
// of a colour picture, it becomes missing pixels.
func (s *source) setPixels(lay layout, e numbers, fortran bool) {
	alpha := lay.colourLast && lay.planes == 4
	if alpha {
		s.Channels = 3
	}
	s.pixels = func(b Box) ([]float64, error) {
		ax := lay.axes(b, fortran)
		if err := e.verify(ax); err != nil {
			return nil, err
		}
		n := lay.planes * (b.R1 - b.R0) * (b.C1 - b.C0)
		if err := room(int64(n)); err != nil {
			return nil, err
		}
		data := make([]float64, n)
		if err := e.gather(data, ax); err != nil {
			return nil, err
		}
		if alpha {
			n := len(data) / 4
			for i, a := range data[3*n:] {
				if a == 0 {
					data[i], data[n+i], data[2*n+i] = math.NaN(), math.NaN(), math.NaN()
				}
			}
			data = data[:3*n]
		}
		return data, nil
	}
}

// layout says which axis of a stored array is which.
type layout struct {
	planes, rows, cols int
	colourLast         bool
}

// layoutOf understands a shape. Without colours no axis behind the columns is looked for.
func layoutOf(shape []int, colours bool) (layout, error) {
	full := shape
	for len(shape) > 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	for len(shape) > 3 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	var l layout
	switch {
	case len(shape) == 2:
		l = layout{planes: 1, rows: shape[0], cols: shape[1]}
	case len(shape) != 3:
		return l, fmt.Errorf("shape %s is not an image: want (rows, cols), (channels, rows, cols) or (rows, cols, 3)", shapeString(full))
	case colours && shape[2] == 1 && shape[0] > 1 && shape[1] > 1:
		l = layout{planes: 1, rows: shape[0], cols: shape[1], colourLast: true}
	case colours && (shape[2] == 3 || shape[2] == 4) && shape[0] != 1 && shape[0] != 3:
		l = layout{planes: shape[2], rows: shape[0], cols: shape[1], colourLast: true}
	default:
		l = layout{planes: shape[0], rows: shape[1], cols: shape[2]}
	}
	if l.planes == 0 || l.rows == 0 || l.cols == 0 {
		return l, fmt.Errorf("shape %s has no pixels", shapeString(full))
	}
	return l, nil
}

// axes describes the box for elements.gather, into planes of the box's size.
func (l layout) axes(b Box, fortran bool) [3]axis {
	nr, nc := b.R1-b.R0, b.C1-b.C0
	plane := axis{length: l.planes, hi: l.planes, dstStep: nr * nc}
	row := axis{length: l.rows, lo: b.R0, hi: b.R1, dstStep: nc}
	col := axis{length: l.cols, lo: b.C0, hi: b.C1, dstStep: 1}
	ax := [3]axis{plane, row, col}
	if l.colourLast {
		ax = [3]axis{row, col, plane}
	}
	stride := int64(1)
	for k := range 3 {
		i := 2 - k
		if fortran {
			i = k
		}
		ax[i].stride = stride
		stride *= int64(ax[i].length)
	}
	return ax
}

// resolve takes "frame.fits[SCI,2]" apart, unless a file has that very name.
func resolve(path string) (name, unit string) {
	if _, err := os.Stat(path); err == nil {
		return path, ""
	}
	open := strings.LastIndexByte(path, '[')
	if open <= strings.LastIndexByte(path, filepath.Separator)+1 || path[len(path)-1] != ']' {
		return path, ""
	}
	return path[:open], path[open+1 : len(path)-1]
}
