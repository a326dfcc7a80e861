// Package checkpoint writes the state of a run to files, from which a later run can
// continue on any number of ranks.
//
// The state is a set of numbered records of one length, divided between the ranks, and a
// piece of data that all ranks have in common. A checkpoint is a directory with one part
// for each rank, part-GENERATION-RANK, and a manifest that names the parts of one
// generation:
//
//	part       header (magic, number and length of the records), ids, records, CRC-32C
//	manifest   checkpoint.json: generation, kind of job, config, checksums of the parts, common data; and its own CRC-32C
//
// A new checkpoint is a new generation. Its parts are written beside those of the
// generation before; then the manifest of that generation is copied to
// checkpoint-previous.json, and the new manifest is renamed into place; then older parts
// are removed. So whenever a run is killed, the manifest names parts that are complete, and
// where a file of the newest generation is damaged there is the one before. Each part
// contains its checksum, and the manifest the checksums of all its parts: a part of another
// generation is recognised.
//
// Only files with exactly these names are removed, and parts only if they begin as a part
// does: whatever else lies in the directory stays.
//
// This package knows files, not ranks: the caller calls Commit on one rank, after all
// ranks have written their parts.
package checkpoint

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"tessera/internal/imageio"
)

const (
	magic     = "TESSERA CHECKPT1"
	headBytes = len(magic) + 2*8

	// longestManifest bounds what is read of a manifest; the state of a solver takes most of it.
	longestManifest = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func partPath(dir string, generation, rank int) string {
	return filepath.Join(dir, fmt.Sprintf("part-%d-%d", generation, rank))
}

// WritePart writes the part of one rank: the records with the numbers ids, recordBytes
// bytes each. fill writes the record of ids[i] into a buffer. The result is the part's
// checksum, for the manifest. A file with the name of the part that is none is an error.
func WritePart(dir string, generation, rank int, ids []int, recordBytes int, fill func(i int, record []byte)) (uint32, error) {
	path := partPath(dir, generation, rank)
	if _, err := os.Lstat(path); err == nil && !isPart(path) {
		return 0, fmt.Errorf("checkpoint: %s is not a part of a checkpoint, but has the name of one: move it away", path)
	}
	sum := crc32.New(castagnoli)
	err := imageio.WriteAtomic(path, func(w io.Writer) error {
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

// Verify reads part number rank of m's generation and compares its checksums.
func Verify(dir string, m *Manifest, rank int) error {
	path := partPath(dir, m.Generation, rank)
	err := func() error {
		f, size, err := imageio.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if size < int64(headBytes)+4 || !beginsAsPart(f) {
			return errNotPart
		}
		return checksum(f, size-4, m.Parts[rank])
	}()
	if err != nil {
		err = fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	return err
}

var errNotPart = errors.New("not a part of a checkpoint")

// beginsAsPart tells whether f has the header of a part.
func beginsAsPart(f *os.File) bool {
	head := make([]byte, len(magic))
	_, err := f.ReadAt(head, 0)
	return err == nil && string(head) == magic
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
		return errNotPart
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
