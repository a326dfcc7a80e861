package outdir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tessera/internal/imageio"
)

const (
	// StageName is the hidden directory in which a result is written.
	StageName = ".tessera-result"
	// orderName is the last file of a stage: with it the stage is complete.
	orderName = "publish.json"
	// longestOrder bounds what is read of it.
	longestOrder = 1 << 20
)

// Stage is a result that is being written. Its files lie in a hidden directory inside of
// that of the result, until Publish.
type Stage struct{ dir string }

// order is what remains to be done with a complete stage.
type order struct {
	Last   string   `json:"last"`   // the file with which a result is complete
	Remove []string `json:"remove"` // files of an earlier result that the new one does not have
}

// NewStage begins a result in dir. What a killed process has left of another one is
// removed: call Recover first.
func NewStage(dir string) (*Stage, error) {
	s := &Stage{dir}
	if err := s.Drop(); err != nil {
		return nil, err
	}
	return s, os.MkdirAll(s.hidden(), 0o777)
}

// StagePath is where a file of a result in dir is written.
func StagePath(dir, name string) string { return filepath.Join(dir, StageName, name) }

func (s *Stage) hidden() string { return filepath.Join(s.dir, StageName) }

// Drop removes the stage with what it holds.
func (s *Stage) Drop() error { return os.RemoveAll(s.hidden()) }

// Abandon removes the stage unless it is complete and Recover can publish it.
func (s *Stage) Abandon() error {
	if _, err := os.Lstat(filepath.Join(s.hidden(), orderName)); err == nil {
		return nil
	}
	return s.Drop()
}

// Publish puts the files of the stage into their places. The file last of an earlier result
// goes first, and that of the new one comes last, so that where it is, all files belong to
// it. Files named by replaces that the new result does not have are removed. If the process
// is killed, Recover does what remains.
func (s *Stage) Publish(last string, replaces []string) error {
	if _, err := os.Stat(filepath.Join(s.hidden(), last)); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.hidden())
	if err != nil {
		return err
	}
	for _, e := range entries { // before anything is moved
		path := filepath.Join(s.dir, e.Name())
		if st, err := os.Lstat(path); err == nil && st.IsDir() {
			return fmt.Errorf("%s is a directory, and a file of the result has its name: move it away", path)
		}
	}
	o := order{Last: last}
	for _, name := range replaces {
		if _, err := os.Lstat(filepath.Join(s.hidden(), name)); errors.Is(err, fs.ErrNotExist) {
			o.Remove = append(o.Remove, name)
		}
	}
	err = imageio.WriteAtomic(filepath.Join(s.hidden(), orderName), func(w io.Writer) error { return json.NewEncoder(w).Encode(o) })
	if err != nil {
		return err
	}
	return s.carryOut(o)
}

// Recover finishes what a killed process had begun to publish in dir, and tells whether
// there was something. Call it under a Lock.
func Recover(dir string) (bool, error) {
	s := &Stage{dir}
	path := filepath.Join(s.hidden(), orderName)
	if st, err := os.Lstat(s.hidden()); err != nil || !st.IsDir() {
		return false, nil
	}
	text, err := imageio.ReadText(path, longestOrder)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range append([]string{o.Last}, o.Remove...) {
		if name == "" || name != filepath.Base(name) {
			return false, fmt.Errorf("%s: %q is not the name of a file of a result", path, name)
		}
	}
	return true, s.carryOut(o)
}

// carryOut does what remains of an order.
func (s *Stage) carryOut(o order) error {
	from := func(name string) string { return filepath.Join(s.hidden(), name) }
	to := func(name string) string { return filepath.Join(s.dir, name) }
	if _, err := os.Lstat(from(o.Last)); errors.Is(err, fs.ErrNotExist) {
		return s.Drop() // all is in its place
	}
	for _, name := range append([]string{o.Last}, o.Remove...) {
		if err := os.Remove(to(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	entries, err := os.ReadDir(s.hidden())
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name != o.Last && name != orderName {
			if err := os.Rename(from(name), to(name)); err != nil {
				return err
			}
		}
	}
	if err := imageio.SyncDir(s.dir); err != nil {
		return err
	}
	if err := os.Rename(from(o.Last), to(o.Last)); err != nil {
		return err
	}
	if err := imageio.SyncDir(s.dir); err != nil {
		return err
	}
	return s.Drop()
}

// Sweep removes what killed processes have left of this package in dir. Call it under a
// Lock and after Recover.
func Sweep(dir string) error {
	err := (&Stage{dir}).Drop()
	if next := filepath.Join(dir, LockName+nextSuffix); err == nil {
		if err = os.Remove(next); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return err
}
