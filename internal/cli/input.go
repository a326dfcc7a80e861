package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tessera/internal/shown"
)

// inputError is a file of the user that cannot be read as what a command wants: exit status 2, as if a config named it.
type inputError struct{ err error }

func (e inputError) Error() string { return e.err.Error() }
func (e inputError) Unwrap() error { return e.err }

// ofInput marks what went wrong while a command read what it was given; nil stays nil.
func ofInput(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return inputError{err}
}

// place refuses a file that is to be written into a directory that is not there.
func place(command, path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usageError{fmt.Sprintf("tessera %s: -out %s: no directory %s: make it with mkdir -p, or choose another", command, shown.Line(path), shown.Line(dir))}
	case err == nil && !info.IsDir():
		return usageError{fmt.Sprintf("tessera %s: -out %s: %s is a file, want a directory", command, shown.Line(path), shown.Line(dir))}
	}
	return nil
}

// noArguments refuses arguments of a command that takes none.
func (c *call) noArguments(command string) error {
	if len(c.args) > 0 {
		return usageError{fmt.Sprintf("tessera %s: %q: want no argument", command, strings.Join(c.args, " "))}
	}
	return nil
}

// endsIn refuses a file whose name does not say its format.
func endsIn(command, path string, formats ...string) error {
	if ext := strings.ToLower(filepath.Ext(path)); !slices.Contains(formats, ext) {
		return usageError{fmt.Sprintf("tessera %s: -out %s: the name of the file ends in %s", command, shown.Line(path), strings.Join(formats, ", "))}
	}
	return nil
}
