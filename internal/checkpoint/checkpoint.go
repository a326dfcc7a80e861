// Package checkpoint keeps the state of a run in files from which another run, on
// any number of ranks, can go on.
//
// A checkpoint is a directory with one part a rank, part-GENERATION-RANK, and a
// manifest that names the parts of one generation:
//
//	part       header (magic, number and length of the records), ids, records, CRC-32C
//	manifest   checkpoint.json: generation, parts, what the solver knows beside its records
//
// Parts are written first, beside those of the generation before, then the manifest
// is renamed into its place, then the older parts are removed: whatever moment a run
// is killed at, the manifest that is there names parts that are whole. Every part
// carries a checksum, and the manifest those of all parts, so that files of different
// generations are not taken for one another.
//
// Whose turn it is, and that all have written, is the caller's business: this package
// knows files, not ranks.
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
	ManifestName = "checkpoint.json" // the file that is there where there is a checkpoint
	magic        = "TESSERA CHECKPT1"
	headBytes    = len(magic) + 2*8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Manifest is what a checkpoint is made of.
type Manifest struct {
	Generation int      `json:"generation"`
	Job        string   `json:"job"`   // what kind of job it is of
	Parts      []uint32 `json:"parts"` // their checksums, by rank
	State      []byte   `json:"state"` // the solver's own
}

// ErrNone is in the error of Read where there is no checkpoint.
var ErrNone = errors.New("no checkpoint")

// Read returns the manifest in dir.
func Read(dir string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestName))
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

// Commit makes the parts of m's generation, all of which have been written, the
// checkpoint in dir, and removes the others.
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

// Remove deletes the checkpoint in dir, and dir if nothing else is in it.
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
	_ = os.Remove(dir) // stays if it is not empty, or never was
	return nil
}

func partPath(dir string, generation, rank int) string {
	return filepath.Join(dir, fmt.Sprintf("part-%d-%d", generation, rank))
}

// WritePart writes one rank's records, the i-th of which fill writes, and returns
// the part's checksum.
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

// Records calls use with the records of the wanted ids, in the order of the files.
// Every part that holds one of them is read whole and checked first.
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
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	r := bufio.NewReaderSize(f, 1<<18)
	head := make([]byte, headBytes)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(magic)]) != magic {
		return errors.New("not a part of a checkpoint")
	}
	count := binary.LittleEndian.Uint64(head[len(magic):])
	size := binary.LittleEndian.Uint64(head[len(magic)+8:])
	if count > uint64(st.Size())/8 || count > 0 && size > uint64(st.Size()) || uint64(headBytes)+count*(8+size)+4 != uint64(st.Size()) {
		return fmt.Errorf("%d records of %d bytes in a file of %d", count, size, st.Size())
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
	if err := checksum(f, st.Size()-4, sum); err != nil {
		return err
	}
	if _, err := f.Seek(int64(headBytes)+8*int64(count), io.SeekStart); err != nil {
		return err
	}
	r.Reset(f)
	record := make([]byte, size)
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

// checksum holds the first n bytes of f to the sum that follows them and to want.
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
		return errors.New("damaged: the checksum does not fit the content")
	case written != want:
		return errors.New("of another checkpoint than checkpoint.json tells of")
	}
	return nil
}
