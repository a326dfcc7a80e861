package imageio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// PartsFile is an npy or FITS file that several processes write at the same
// time, each its own boxes of the image. One process creates the file under a hidden name
// and at its full length; the others open it. When all have closed it, the first one
// publishes it: the file takes its final name. No process holds more than its own boxes
// and a buffer.
type PartsFile struct {
	path    string
	file    *os.File // nil after Close
	layout  PartsLayout
	created bool // by this process, which publishes or removes it
	buf     []byte
}

// PartsLayout is what the other processes need to open a file that one has created.
type PartsLayout struct {
	Hidden               string // name of the file, in the directory of its final name
	Channels, Rows, Cols int
	Offset               int64 // of the first number, bytes
	BigEndian            bool  // byte order of the numbers
	Single               bool  // numbers are float32, else float64
	ChannelsLast         bool  // the array is (rows, cols, channels)
}

// CreateParts begins a file with the shape of f, whose Data are not used: FITS with f.Header,
// f.Tables and HISTORY cards for lines if the path ends in .fits, .fit or .fts, otherwise npy, with the
// channels last if f has them there. Numbers are float32 if that is f.Type, else float64. Once
// all boxes are written its bytes are those of WriteFITS or WriteNpy. The caller must call
// Publish or Drop.
func CreateParts(path string, f *Frame, lines ...string) (*PartsFile, error) {
	w := &PartsFile{path: path, created: true}
	if err := w.create(f, lines); err != nil {
		w.Drop()
		return nil, w.wrap(err)
	}
	return w, nil
}

func (w *PartsFile) create(f *Frame, lines []string) error {
	n, err := product([]int{f.Channels, f.Rows, f.Cols})
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%d channels of %d x %d", f.Channels, f.Rows, f.Cols)
	}
	shape := []int{f.Channels, f.Rows, f.Cols}
	if f.Channels == 1 {
		shape = shape[1:]
	}
	fits, single, bytes := namedFITS(w.path), f.Type == "float32", 8
	if single {
		bytes = 4
	}
	last := f.ChannelsLast && !fits
	if last {
		shape = []int{f.Rows, f.Cols, f.Channels}
	}
	head, end := npyHead(shape, single), 0
	if fits {
		if head, err = fitsHead(reversed(shape), "channels", single, len(f.Tables) > 0, f.Header, lines); err != nil {
			return err
		}
		end = (blockBytes - bytes*n%blockBytes) % blockBytes
	}
	if w.file, err = createBeside(w.path); err != nil {
		return err
	}
	w.layout = PartsLayout{
		Hidden: filepath.Base(w.file.Name()), Channels: f.Channels, Rows: f.Rows, Cols: f.Cols, Offset: int64(len(head)), BigEndian: fits, Single: single, ChannelsLast: last,
	}
	if _, err := io.WriteString(w.file, head); err != nil {
		return err
	}
	length := int64(len(head)) + int64(bytes)*int64(n) + int64(end)
	if fits && len(f.Tables) > 0 {
		if _, err := w.file.WriteAt(f.Tables, length); err != nil {
			return err
		}
		length += int64(len(f.Tables))
	}
	return w.file.Truncate(length) // what is not written is zeros
}

// namedFITS tells whether a file with this name shall be a FITS file.
func namedFITS(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".fits", ".fit", ".fts":
		return true
	}
	return false
}

// OpenParts opens a file that another process has created for the same path. The caller
// must call Close or Drop.
func OpenParts(path string, layout PartsLayout) (*PartsFile, error) {
	w := &PartsFile{path: path, layout: layout}
	var err error
	w.file, err = os.OpenFile(filepath.Join(filepath.Dir(path), layout.Hidden), os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("another process has created it, but this one does not see it (is the directory shared by all hosts?): %w", err)
	}
	if err != nil {
		return nil, w.wrap(err)
	}
	return w, nil
}

// Layout is what OpenParts needs in the other processes.
func (w *PartsFile) Layout() PartsLayout { return w.layout }

// WriteBox writes a box of all channels: channels x rows x cols of the box, row-major. Each
// pixel must be written by one process only.
func (w *PartsFile) WriteBox(b Box, data []float64) error {
	return w.wrap(w.writeBox(b, data))
}

func (w *PartsFile) writeBox(b Box, data []float64) error {
	l := &w.layout
	rows, cols := b.R1-b.R0, b.C1-b.C0
	switch {
	case w.file == nil:
		return os.ErrClosed
	case b.R0 < 0 || rows < 0 || b.R1 > l.Rows || b.C0 < 0 || cols < 0 || b.C1 > l.Cols:
		return fmt.Errorf("box [%d,%d)x[%d,%d) of an image of %dx%d", b.R0, b.R1, b.C0, b.C1, l.Rows, l.Cols)
	case len(data) != l.Channels*rows*cols:
		return fmt.Errorf("%d values for %d channels of %d x %d", len(data), l.Channels, rows, cols)
	}
	size := int64(8)
	if l.Single {
		if err := roomInSingle(data); err != nil {
			return err
		}
		size = 4
	}
	if l.ChannelsLast {
		line := make([]float64, cols*l.Channels)
		for r := range rows {
			for c := range l.Channels {
				for x, v := range data[(c*rows+r)*cols : (c*rows+r+1)*cols] {
					line[x*l.Channels+c] = v
				}
			}
			first := (int64(b.R0+r)*int64(l.Cols) + int64(b.C0)) * int64(l.Channels)
			if err := w.writeRun(l.Offset+size*first, line); err != nil {
				return err
			}
		}
		return nil
	}
	run := cols // numbers that follow each other in the file
	if cols == l.Cols {
		run *= rows
	}
	for at := 0; at < len(data); at += run {
		c, r := at/(rows*cols), at%(rows*cols)/cols
		first := (int64(c)*int64(l.Rows)+int64(b.R0+r))*int64(l.Cols) + int64(b.C0)
		if err := w.writeRun(l.Offset+size*first, data[at:at+run]); err != nil {
			return err
		}
	}
	return nil
}

// writeRun writes numbers from a byte offset on.
func (w *PartsFile) writeRun(offset int64, data []float64) error {
	for len(data) > 0 {
		n := min(len(data), bufferBytes/8)
		w.buf = w.buf[:0]
		for _, v := range data[:n] {
			switch {
			case w.layout.Single && w.layout.BigEndian:
				w.buf = binary.BigEndian.AppendUint32(w.buf, math.Float32bits(float32(v)))
			case w.layout.Single:
				w.buf = binary.LittleEndian.AppendUint32(w.buf, math.Float32bits(float32(v)))
			case w.layout.BigEndian:
				w.buf = binary.BigEndian.AppendUint64(w.buf, math.Float64bits(v))
			default:
				w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(v))
			}
		}
		if _, err := w.file.WriteAt(w.buf, offset); err != nil {
			return err
		}
		data, offset = data[n:], offset+int64(len(w.buf))
	}
	return nil
}

// roomInSingle returns an error if a finite number is too large for float32.
func roomInSingle(data []float64) error {
	for _, v := range data {
		if math.Abs(v) > math.MaxFloat32 && !math.IsInf(v, 0) {
			return fmt.Errorf("%g is too large for float32: write float64", v)
		}
	}
	return nil
}

// WriteFrame writes the npy file of a frame: (channels, rows, cols), or (rows, cols, channels) if it
// has its channels there, or (rows, cols) of one channel; float32 if that is its Type, else float64.
func WriteFrame(path string, f *Frame) error {
	if err := f.check(); err != nil {
		return fmt.Errorf("imageio: writing %s: %w", path, err)
	}
	shape, data := []int{f.Channels, f.Rows, f.Cols}, f.Data
	switch n := f.Rows * f.Cols; {
	case f.ChannelsLast:
		shape, data = []int{f.Rows, f.Cols, f.Channels}, make([]float64, len(f.Data))
		for i, v := range f.Data {
			data[i%n*f.Channels+i/n] = v
		}
	case f.Channels == 1:
		shape = shape[1:]
	}
	if f.Type != "float32" {
		return WriteNpy(path, shape, data)
	}
	if err := roomInSingle(data); err != nil {
		return fmt.Errorf("imageio: writing %s: %w", path, err)
	}
	single := make([]float32, len(data))
	for i, v := range data {
		single[i] = float32(v)
	}
	return WriteNpy(path, shape, single)
}

// Close syncs what this process has written to the disk, and closes the file. The file
// keeps its hidden name.
func (w *PartsFile) Close() error {
	if w.file == nil {
		return w.wrap(os.ErrClosed)
	}
	err := w.file.Sync()
	if e := w.file.Close(); err == nil {
		err = e
	}
	w.file = nil
	return w.wrap(err)
}

// Publish gives the file its final name, in the process that created it and after every
// process has closed it. After an error the path is unchanged and the file is removed.
func (w *PartsFile) Publish() error {
	defer w.Drop()
	if !w.created || w.file != nil {
		return w.wrap(errors.New("published by another process than its creator, or before it was closed"))
	}
	if err := os.Rename(w.hidden(), w.path); err != nil {
		return w.wrap(err)
	}
	w.created = false
	return w.wrap(SyncDir(filepath.Dir(w.path)))
}

// Drop closes the file. In the process that created it, the file is removed unless it was
// published.
func (w *PartsFile) Drop() {
	if w == nil {
		return
	}
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
	if w.created && w.layout.Hidden != "" {
		os.Remove(w.hidden())
		w.created = false
	}
}

func (w *PartsFile) hidden() string {
	return filepath.Join(filepath.Dir(w.path), w.layout.Hidden)
}

func (w *PartsFile) wrap(err error) error {
	if err != nil {
		err = fmt.Errorf("imageio: writing %s: %w", w.path, err)
	}
	return err
}
