package imageio

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Open opens an ordinary file for reading and tells its length in bytes. A directory, a
// device or a pipe is an error at once: a device may have no end, and a pipe that nobody
// writes to would block. The error is a *fs.PathError.
func Open(path string) (*os.File, int64, error) {
	if err := ordinary(path, os.Stat); err != nil {
		return nil, 0, err
	}
	// The path may lead elsewhere by now: opening must not wait for the writer of a pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	var size int64
	err = ordinary(path, func(string) (fs.FileInfo, error) {
		st, err := f.Stat()
		if err == nil {
			size = st.Size()
		}
		return st, err
	})
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, size, nil
}

func ordinary(path string, stat func(string) (fs.FileInfo, error)) error {
	st, err := stat(path)
	if err != nil {
		return err
	}
	if what := kindOf(st.Mode()); what != "" {
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("not an ordinary file but " + what)}
	}
	return nil
}

// kindOf says what a file is; "" for an ordinary one.
func kindOf(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return ""
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// ReadText reads a whole ordinary file that may have at most most bytes. The error is a
// *fs.PathError.
func ReadText(path string, most int64) ([]byte, error) {
	f, _, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Not by its length: the files of /proc say that they are empty.
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("longer than %d bytes", most)}
	}
	return text, err
}
