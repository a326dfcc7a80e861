package imageio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// WriteAtomic calls write with a buffered temporary file in the directory of path, syncs
// the file and renames it to path. After an error, or a panic in write, path is unchanged
// and the temporary file is removed.
func WriteAtomic(path string, write func(io.Writer) error) (err error) {
	b, err := newBeside(path)
	if err != nil {
		return fmt.Errorf("imageio: %w", err)
	}
	defer func() {
		b.drop()
		if err != nil {
			err = fmt.Errorf("imageio: writing %s: %w", path, err)
		}
	}()
	if err := write(b.w); err != nil {
		return err
	}
	return b.keep()
}

// beside is a buffered file beside path that takes its name when complete.
type beside struct {
	path string
	f    *os.File // nil after keep and drop
	w    *bufio.Writer
}

func newBeside(path string) (*beside, error) {
	f, err := createBeside(path)
	if err != nil {
		return nil, err
	}
	return &beside{path, f, bufio.NewWriterSize(f, bufferBytes)}, nil
}

// keep syncs the file and renames it to path; after an error it is dropped.
func (b *beside) keep() error {
	defer b.drop()
	if err := b.w.Flush(); err != nil {
		return err
	}
	if err := b.f.Sync(); err != nil {
		return err
	}
	if err := b.f.Close(); err != nil {
		return err
	}
	if err := os.Rename(b.f.Name(), b.path); err != nil {
		return err
	}
	b.f = nil
	return nil
}

// drop removes the file unless it was kept.
func (b *beside) drop() {
	if b.f != nil {
		b.f.Close()
		os.Remove(b.f.Name())
		b.f = nil
	}
}

// createBeside is os.CreateTemp with the permissions of an ordinary file.
func createBeside(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	for try := 0; ; try++ {
		name := filepath.Join(dir, fmt.Sprintf(".%s.%08x.tmp", base, rand.Uint32()))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil || try == 100 || !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}
