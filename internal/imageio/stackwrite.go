package imageio

import (
	"fmt"
	"io"
	"os"
)

// StackWriter writes a stack in pieces, so that it need not fit into memory. The file has a
// temporary name until Close renames it.
type StackWriter struct {
	file         *beside
	count, done  int // images announced, images written
	rows, cols   int
	single, fits bool
	err          error // of a Write: the file cannot become whole
}

// CreateStack begins a stack of count images of rows x cols, float64 or, if single, float32.
// It is a FITS file if the name ends in .fits, .fit or .fts, otherwise npy. A FITS file gets
// the cards of header, and HISTORY cards for each of lines; npy has no place for them. The
// caller must call Close or Abort.
func CreateStack(path string, count, rows, cols int, single bool, header Header, lines ...string) (*StackWriter, error) {
	w := &StackWriter{count: count, rows: rows, cols: cols, single: single, fits: namedFITS(path)}
	if err := w.create(path, header, lines); err != nil {
		return nil, fmt.Errorf("imageio: writing %s: %w", path, err)
	}
	return w, nil
}

func (w *StackWriter) create(path string, header Header, lines []string) error {
	shape := []int{w.count, w.rows, w.cols}
	n, err := product(shape)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%d images of %d x %d", w.count, w.rows, w.cols)
	}
	head := npyHead(shape, w.single)
	if w.fits {
		if head, err = fitsHead(reversed(shape), "images", w.single, false, header, lines); err != nil {
			return err
		}
	}
	if w.file, err = newBeside(path); err != nil {
		return err
	}
	if _, err := io.WriteString(w.file.w, head); err != nil {
		w.Abort()
		return err
	}
	return nil
}

// Write appends a whole number of images, row-major. After an error the file cannot be
// completed: Close returns the error.
func (w *StackWriter) Write(images []float64) error {
	if w.err == nil {
		w.err = w.write(images)
	}
	return w.wrap(w.err)
}

func (w *StackWriter) write(images []float64) error {
	n := len(images) / (w.rows * w.cols)
	switch {
	case w.file.f == nil:
		return os.ErrClosed
	case n*w.rows*w.cols != len(images):
		return fmt.Errorf("%d values are not a whole number of images of %d x %d", len(images), w.rows, w.cols)
	case n > w.count-w.done:
		return fmt.Errorf("%d images after %d of %d", n, w.done, w.count)
	}
	w.done += n
	if w.fits {
		return writeFITSData(w.file.w, images, w.single)
	}
	return writeNpyData(w.file.w, images, w.single)
}

// Close syncs the file and renames it to its path. It is an error if the number of images
// written is not count. After an error path is unchanged and the temporary file is removed.
func (w *StackWriter) Close() error {
	defer w.Abort()
	return w.wrap(w.finish())
}

func (w *StackWriter) finish() error {
	switch {
	case w.err != nil:
		return w.err
	case w.file.f == nil:
		return os.ErrClosed
	case w.done != w.count:
		return fmt.Errorf("%d of %d images were written", w.done, w.count)
	}
	if w.fits {
		if err := padFITS(w.file.w, w.count*w.rows*w.cols, w.single); err != nil {
			return err
		}
	}
	return w.file.keep()
}

// Abort removes the temporary file. After Close it does nothing.
func (w *StackWriter) Abort() { w.file.drop() }

func (w *StackWriter) wrap(err error) error {
	if err != nil {
		err = fmt.Errorf("imageio: writing %s: %w", w.file.path, err)
	}
	return err
}
