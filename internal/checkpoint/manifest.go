package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tessera/internal/imageio"
)

// Names of the manifests of the newest generation and of the one before. A directory with
// one of them holds a checkpoint.
const (
	ManifestName = "checkpoint.json"
	PreviousName = "checkpoint-previous.json"
)

// Manifest describes one generation of the checkpoint of a directory.
type Manifest struct {
	Generation int      `json:"generation"` // in the names of the parts; larger than that of the checkpoint before
	Job        string   `json:"job"`        // kind of the job that wrote it
	Config     string   `json:"config"`     // of the run that wrote it, as TOML
	Replaces   bool     `json:"replaces"`   // the run was told to replace an earlier result
	Parts      []uint32 `json:"parts"`      // checksum of each rank's part, as WritePart returned it
	State      []byte   `json:"state"`      // data of the solver that is the same on all ranks
}

// sealed is the content of a manifest's file: the manifest, and the CRC-32C of its bytes.
type sealed struct {
	Sum      *uint32         `json:"crc32c"`
	Manifest json.RawMessage `json:"manifest"`
}

// ErrNone is wrapped by the error of Read if the directory has no checkpoint.
var ErrNone = errors.New("no checkpoint")

func encode(m *Manifest) ([]byte, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	sum := crc32.Checksum(text, castagnoli)
	return json.Marshal(sealed{&sum, text})
}

func decode(text []byte) (*Manifest, error) {
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	if s.Sum == nil {
		return nil, errors.New("it has no checksum: damaged, or written by an earlier version of tessera, whose checkpoints this one does not continue")
	}
	if crc32.Checksum(s.Manifest, castagnoli) != *s.Sum {
		return nil, errors.New("damaged: the checksum does not match the content")
	}
	m := &Manifest{}
	if err := json.Unmarshal(s.Manifest, m); err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	return m, nil
}

// Exists tells whether dir holds a checkpoint, whole or damaged.
func Exists(dir string) bool {
	for _, name := range []string{ManifestName, PreviousName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// Read returns the manifests in dir that are whole, the newest generation first, and what is
// wrong with the others. Without any the error wraps ErrNone, or says what is wrong.
func Read(dir string) (list []*Manifest, damage error, err error) {
	missing := true
	for _, name := range []string{ManifestName, PreviousName} {
		path := filepath.Join(dir, name)
		text, err := imageio.ReadText(path, longestManifest)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		missing = false
		var m *Manifest
		if err == nil {
			m, err = decode(text)
		}
		if err != nil {
			damage = errors.Join(damage, fmt.Errorf("checkpoint: %s: %w", path, err))
			continue
		}
		if len(list) == 0 || m.Generation < list[0].Generation {
			list = append(list, m)
		}
	}
	switch {
	case missing:
		return nil, nil, fmt.Errorf("checkpoint: %s: %w", dir, ErrNone)
	case len(list) == 0:
		return nil, nil, damage
	}
	return list, damage, nil
}

// Commit writes the manifest m and removes the parts of generations other than m's and the
// one before; those of m's, too, where the manifest cannot be written. All parts of m's
// generation must have been written.
func Commit(dir string, m *Manifest) error {
	// What cannot be removed now may be after the next checkpoint.
	defer func() { _ = removeOthers(dir) }()
	text, err := encode(m)
	if err != nil {
		return err
	}
	write := func(name string, text []byte) error {
		return imageio.WriteAtomic(filepath.Join(dir, name), func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}
	// A damaged manifest does not take the place of a whole one.
	if before, err := imageio.ReadText(filepath.Join(dir, ManifestName), longestManifest); err == nil {
		if _, err := decode(before); err == nil {
			if err := write(PreviousName, before); err != nil {
				return err
			}
		}
	}
	return write(ManifestName, text)
}

// manifestOf reads a manifest; nil, nil if there is none.
func manifestOf(path string) (*Manifest, error) {
	text, err := imageio.ReadText(path, longestManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decode(text)
}

// removeOthers removes the parts that no manifest in dir names; none if a manifest is
// damaged.
func removeOthers(dir string) error {
	named := map[int]bool{}
	for _, name := range []string{ManifestName, PreviousName} {
		m, err := manifestOf(filepath.Join(dir, name))
		if err != nil {
			return nil
		}
		if m != nil {
			named[m.Generation] = true
		}
	}
	return removeParts(dir, func(generation int) bool { return !named[generation] })
}

// removeParts removes the parts of some generations.
func removeParts(dir string, of func(generation int) bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if generation, _, ok := partName(e.Name()); ok && of(generation) && e.Type().IsRegular() && isPart(filepath.Join(dir, e.Name())) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// partName reads the name of a part.
func partName(name string) (generation, rank int, ok bool) {
	n, _ := fmt.Sscanf(name, "part-%d-%d", &generation, &rank)
	return generation, rank, n == 2 && generation >= 0 && rank >= 0 && name == filepath.Base(partPath("", generation, rank))
}

func isPart(path string) bool {
	f, _, err := imageio.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return beginsAsPart(f)
}

// Foreign is the error that a file with the name of a manifest in dir is none; nil if there
// is no such file.
func Foreign(dir string) error {
	var err error
	for _, name := range []string{PreviousName, ManifestName} {
		if _, e := removable(filepath.Join(dir, name)); e != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}

// removable tells whether there is a manifest at path; the error is that there is something
// else.
func removable(path string) (there bool, err error) {
	text, err := imageio.ReadText(path, longestManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !bytes.HasPrefix(text, []byte(`{"crc32c":`)) && !bytes.HasPrefix(text, []byte(`{"generation":`)) {
		return false, fmt.Errorf("checkpoint: %s is not the manifest of a checkpoint: remove it, or choose another output directory", path)
	}
	return true, nil
}

// asideSuffix ends the name under which SetAside keeps a file.
const asideSuffix = ".unknown"

// SetAside renames the files in dir that have the name of a manifest but are none, so that
// the next checkpoint does not replace what may be somebody's. It returns a sentence about
// each of them.
func SetAside(dir string) (said []string, err error) {
	for _, name := range []string{PreviousName, ManifestName} {
		path := filepath.Join(dir, name)
		if _, e := removable(path); e == nil {
			continue
		}
		to := path + asideSuffix
		for n := 2; ; n++ {
			if _, e := os.Lstat(to); e != nil {
				break
			}
			to = fmt.Sprintf("%s%s-%d", path, asideSuffix, n)
		}
		if e := os.Rename(path, to); e != nil {
			err = errors.Join(err, fmt.Errorf("checkpoint: %s is not the manifest of a checkpoint, and cannot be kept under another name: %w", path, e))
			continue
		}
		said = append(said, fmt.Sprintf("checkpoint: %s is not the manifest of a checkpoint: it is kept as %s", path, filepath.Base(to)))
	}
	return said, err
}

// Remove deletes the checkpoint in dir, and dir itself if it is a directory, not a link, and
// then empty. Files of others stay. It is no error if there is no checkpoint. After an error
// what could be removed is gone.
func Remove(dir string) error {
	var err error
	for _, name := range []string{PreviousName, ManifestName} {
		path := filepath.Join(dir, name)
		there, e := removable(path)
		if there {
			e = os.Remove(path)
		}
		err = errors.Join(err, e)
	}
	return errors.Join(err, removeParts(dir, func(int) bool { return true }), Sweep(dir))
}

// Sweep removes what killed runs have left in dir: temporary files, and parts that no
// manifest names. An empty directory goes too.
func Sweep(dir string) error {
	err := imageio.SweepTemporaries(dir, func(base string) bool {
		_, _, part := partName(base)
		return part || base == ManifestName || base == PreviousName
	})
	err = errors.Join(err, removeOthers(dir))
	if st, e := os.Lstat(dir); e == nil && st.IsDir() {
		_ = os.Remove(dir) // fails if dir holds other files
	}
	return err
}

// RemovePart removes the part of one rank of a generation that is not committed.
func RemovePart(dir string, generation, rank int) { _ = os.Remove(partPath(dir, generation, rank)) }
