// Package checkpoint writes the state of a run to files, from which a later run can
// continue on any number of ranks.
//
// The state is a set of numbered records of one length, divided between the ranks, and a
// piece of data that all ranks have in common. A checkpoint is a directory with one part
// for each rank, part-GENERATION-RANK, and a manifest that names the parts of one
// generation:
//
//	part       header (magic, number and length of the records), ids, records, CRC-32C
//	manifest   checkpoint.json: generation, kind of job, checksums of the parts, common data
//
// A new checkpoint is a new generation. Its parts are written beside those of the
// generation before; then the new manifest is renamed into place; then the older parts
// are removed. So whenever a run is killed, the manifest names parts that are complete.
// Each part contains its checksum, and the manifest the checksums of all its parts: a part
// of another generation is recognised.
//
// This package knows files, not ranks: the caller calls Commit on one rank, after all
// ranks have written their parts.
package checkpoint

import (
	"bufio"
	"encoding/binary"
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

const (
	ManifestName = "checkpoint.json" // the manifest's file; a directory with it holds a checkpoint
	magic        = "TESSERA CHECKPT1"
	headBytes    = len(magic) + 2*8

	// longestManifest bounds what Read reads; the state of a solver takes most of it.
	longestManifest = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Manifest describes the checkpoint of a directory.
type Manifest struct {
	Generation int      `json:"generation"` // in the names of the parts; larger than that of the checkpoint before
	Job        string   `json:"job"`        // kind of the job that wrote it
	Parts      []uint32 `json:"parts"`      // checksum of each rank's part, as WritePart returned it
	State      []byte   `json:"state"`      // data of the solver that is the same on all ranks
}

// ErrNone is wrapped by the error of Read if the directory has no checkpoint.
var ErrNone = errors.New("no checkpoint")

// Read returns the manifest in dir.
func Read(dir string) (*Manifest, error) {
	text, err := imageio.ReadText(filepath.Join(dir, ManifestName), longestManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("checkpoint: %s: %w", dir, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", filepath.Join(dir, ManifestName), err)
	}
	return m, nil
}

// Commit writes the manifest m and removes the parts of other generations. All parts of
// m's generation must have been written.
func Commit(dir string, m *Manifest) error {
	err := imageio.WriteAtomic(filepath.Join(dir, ManifestName), func(w io.Writer) error {
		return json.NewEncoder(w).Encode(m)
	})
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "part-*"))
	if err != nil {
		return err
	}
	for _, path := range old {
		var generation, rank int
		if n, _ := fmt.Sscanf(filepath.Base(path), "part-%d-%d", &generation, &rank); n == 2 && generation != m.Generation {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

// Remove deletes the checkpoint in dir, and dir itself if it is then empty. It is no error
// if there is no checkpoint.
func Remove(dir string) error {
	err := os.Remove(filepath.Join(dir, ManifestName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parts, _ := filepath.Glob(filepath.Join(dir, "part-*"))
	for _, p := range parts {
		if err := os.Remove(p); err != nil {
			return err
		}
	}
	_ = os.Remove(dir) // fails if dir holds other files or does not exist
	return nil
}

func partPath(dir string, generation, rank int) string {
	return filepath.Join(dir, fmt.Sprintf("part-%d-%d", generation, rank))
}

// WritePart writes the part of one rank: the records with the numbers ids, recordBytes
// bytes each. fill writes the record of ids[i] into a buffer. The result is the part's
// checksum, for the manifest.
func WritePart(dir string, generation, rank int, ids []int, recordBytes int, fill func(i int, record []byte)) (uint32, error) {
	sum := crc32.New(castagnoli)
	err := imageio.WriteAtomic(partPath(dir, generation, rank), func(w io.Writer) error {
		sum.Reset()
		to := io.MultiWriter(w, sum)
		head := []byte(magic)
		head = binary.LittleEndian.AppendUint64(head, uint64(len(ids)))
		head = binary.LittleEndian.AppendUint64(head, uint64(recordBytes))
		for _, id := range ids {
			head = binary.LittleEndian.AppendUint64(head, uint64(id))
		}
		if _, err := to.Write(head); err != nil {
			return err
		}
		record := make([]byte, recordBytes)
		for i := range ids {
			fill(i, record)
			if _, err := to.Write(record); err != nil {
				return err
			}
		}
		return binary.Write(w, binary.LittleEndian, sum.Sum32())
	})
	return sum.Sum32(), err
}

// Records calls use with each record whose number is in wanted, in the order of the parts.
// A part that holds one of them is first read completely and its checksum checked. A
// number that no part holds is not an error.
func Records(dir string, m *Manifest, wanted []int, use func(id int, record []byte) error) error {
	want := make(map[int]bool, len(wanted))
	for _, id := range wanted {
		want[id] = true
	}
	for rank, sum := range m.Parts {
		path := partPath(dir, m.Generation, rank)
		if err := readPart(path, sum, want, use); err != nil {
			return fmt.Errorf("checkpoint: %s: %w", path, err)
		}
	}
	return nil
}

func readPart(path string, sum uint32, want map[int]bool, use func(int, []byte) error) error {
	f, size, err := imageio.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<18)
	head := make([]byte, headBytes)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(magic)]) != magic {
		return errors.New("not a part of a checkpoint")
	}
	count := binary.LittleEndian.Uint64(head[len(magic):])
	length := binary.LittleEndian.Uint64(head[len(magic)+8:])
	if count > uint64(size)/8 || count > 0 && length > uint64(size) || uint64(headBytes)+count*(8+length)+4 != uint64(size) {
		return fmt.Errorf("%d records of %d bytes in a file of %d", count, length, size)
	}
	ids := make([]int, count)
	buf := make([]byte, 8)
	some := false
	for i := range ids {
		if _, err := io.ReadFull(r, buf); err != nil {
			return err
		}
		ids[i] = int(binary.LittleEndian.Uint64(buf))
		some = some || want[ids[i]]
	}
	if !some {
		return nil
	}
	if err := checksum(f, size-4, sum); err != nil {
		return err
	}
	if _, err := f.Seek(int64(headBytes)+8*int64(count), io.SeekStart); err != nil {
		return err
	}
	r.Reset(f)
	record := make([]byte, length)
	for _, id := range ids {
		if _, err := io.ReadFull(r, record); err != nil {
			return err
		}
		if want[id] {
			if err := use(id, record); err != nil {
				return err
			}
		}
	}
	return nil
}

// checksum compares the checksum of the first n bytes of f with the one that follows them
// and with want.
func checksum(f *os.File, n int64, want uint32) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := crc32.New(castagnoli)
	if _, err := io.CopyN(h, f, n); err != nil {
		return err
	}
	var written uint32
	if err := binary.Read(f, binary.LittleEndian, &written); err != nil {
		return err
	}
	switch {
	case written != h.Sum32():
		return errors.New("damaged: the checksum does not match the content")
	case written != want:
		return errors.New("part of another checkpoint: its checksum is not the one in checkpoint.json")
	}
	return nil
}
