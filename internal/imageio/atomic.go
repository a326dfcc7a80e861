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
	"strconv"
	"strings"
	"syscall"
)

// WriteAtomic calls write with a buffered temporary file in the directory of path, syncs
// the file, renames it to path and syncs the directory. After an error, or a panic in
// write, path is unchanged and the temporary file is removed. A process that is killed
// leaves the temporary file, which SweepTemporaries removes.
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
	return SyncDir(filepath.Dir(b.path))
}

// SyncDir writes the names in a directory to the disk, so that a file that was renamed into
// it is found there after a power failure. File systems that cannot do that for a directory,
// and directories that may be written but not read, are no error.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
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
		name := filepath.Join(dir, temporaryName(base, rand.Uint32()))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil || try == 100 || !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// temporaryName is the name of a file that is written beside base.
func temporaryName(base string, draw uint32) string { return fmt.Sprintf(".%s.%08x.tmp", base, draw) }

// temporaryOf is the file beside which a temporary file of such a name is written.
func temporaryOf(name string) (base string, ok bool) {
	stem, ok := strings.CutSuffix(name, ".tmp")
	dot := strings.LastIndexByte(stem, '.')
	if !ok || dot < 2 {
		return "", false
	}
	draw, err := strconv.ParseUint(stem[dot+1:], 16, 32)
	base = stem[1:dot]
	return base, err == nil && name == temporaryName(base, uint32(draw))
}

// SweepTemporaries removes the temporary files that a killed process has left in dir beside
// the files for whose names ours is true. Nothing else is touched, and no link is followed.
// It is no error if dir does not exist. No other process may be writing these files.
func SweepTemporaries(dir string, ours func(base string) bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if base, ok := temporaryOf(e.Name()); ok && e.Type().IsRegular() && ours(base) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
