package imageio

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"path/filepath"
	"strings"

	"tessera/internal/shown"
)

// Member is one array of an npz file, with its name in numpy.load.
type Member struct {
	Name string
	Array
}

// zipMagic is the beginning of a zip archive that is not empty.
const zipMagic = "PK\x03\x04"

// largestMember bounds what a member may hold once it is unpacked, as the directory
// of a zip archive without the extension for large files does.
const largestMember = math.MaxUint32 - 1

// WriteNpz writes arrays, row-major float64, as numpy.savez does: a zip archive of npy
// files without compression. Sizes and checksums precede the data, so that a program can
// read the file in one pass. The bytes depend on the members alone.
func WriteNpz(path string, members []Member) error {
	if err := checkMembers(members); err != nil {
		return fmt.Errorf("imageio: writing %s: %w", path, err)
	}
	return WriteAtomic(path, func(w io.Writer) error {
		z := zip.NewWriter(w)
		for i := range members {
			if err := writeMember(z, &members[i]); err != nil {
				return fmt.Errorf("%s: %w", members[i].Name, err)
			}
		}
		return z.Close()
	})
}

func checkMembers(members []Member) error {
	if len(members) == 0 {
		return errors.New("no arrays")
	}
	seen := map[string]bool{}
	for i := range members {
		m := &members[i]
		n, err := product(m.Shape)
		switch {
		case m.Name == "" || strings.ContainsAny(m.Name, "/\\\x00"):
			return fmt.Errorf("an array named %q", m.Name)
		case seen[m.Name]:
			return fmt.Errorf("two arrays named %s", m.Name)
		case err != nil:
			return fmt.Errorf("%s: %w", m.Name, err)
		case n != len(m.Data):
			return fmt.Errorf("%s: %d values for shape %s", m.Name, len(m.Data), shapeString(m.Shape))
		}
		seen[m.Name] = true
	}
	return nil
}

func writeMember(z *zip.Writer, m *Member) error {
	size := int64(len(npyHead(m.Shape, false))) + 8*int64(len(m.Data))
	if size > largestMember {
		return fmt.Errorf("%d bytes, more than a plain zip archive holds", size)
	}
	sum := crc32.NewIEEE()
	if err := writeNpy(sum, m.Shape, m.Data); err != nil {
		return err
	}
	const firstOfJanuary1980 = 1<<5 | 1 // the beginning of zip's time
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: m.Name + ".npy", Method: zip.Store, ModifiedDate: firstOfJanuary1980,
		CRC32: sum.Sum32(), CompressedSize64: uint64(size), UncompressedSize64: uint64(size),
	})
	if err != nil {
		return err
	}
	return writeNpy(w, m.Shape, m.Data)
}

// longestBeside is the length of a longer TOML file than any that lies beside an npz file.
const longestBeside = 1 << 16

// describeBeside prints what the TOML file of the same name beside an npz file says,
// without its comments; nothing if there is none.
func describeBeside(t io.Writer, path string) {
	text, err := ReadText(strings.TrimSuffix(path, filepath.Ext(path))+".toml", longestBeside)
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, " #")
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(key, "#") {
			fmt.Fprintf(t, "  %s\t%s\n", shortened(strings.TrimSpace(key)), cutAfter(shown.Line(strings.TrimSpace(value)), 200))
		}
	}
}
