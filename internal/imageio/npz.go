package imageio

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
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

// ReadNpz reads all arrays of a file of numpy.savez or savez_compressed, in their order. It
// compares the archive's checksums, and allocates no more memory than the data in the file
// need.
func ReadNpz(path string) ([]Member, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	members, err := readNpz(f, size)
	if err != nil {
		return nil, fmt.Errorf("imageio: %s: %w", path, err)
	}
	return members, nil
}

func readNpz(r io.ReaderAt, size int64) ([]Member, error) {
	var members []Member
	err := eachMember(r, size, func(name string, h *npyHeader, data io.ReaderAt) error {
		rows := 1
		if len(h.shape) > 0 {
			rows = h.shape[0]
		}
		a, err := h.readRows(data, 0, rows)
		if err == nil {
			members = append(members, Member{name, *a})
		}
		return err
	})
	return members, err
}

// eachMember unpacks one array after the other.
func eachMember(r io.ReaderAt, size int64, use func(name string, h *npyHeader, data io.ReaderAt) error) error {
	return eachMemberOf(r, size, parseNpyHeader, use)
}

// eachMemberOf unpacks one array after the other, whose headers parse reads.
func eachMemberOf(r io.ReaderAt, size int64, parse func(io.ReaderAt, int64) (*npyHeader, error), use func(name string, h *npyHeader, data io.ReaderAt) error) error {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return fmt.Errorf("not an npz file: %w", err)
	}
	if len(z.File) == 0 {
		return errors.New("an npz file without arrays")
	}
	seen := map[string]bool{}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return fmt.Errorf("not an npz file: it holds %q", f.Name)
		}
		if seen[name] {
			return fmt.Errorf("two arrays named %s", name)
		}
		seen[name] = true
		if err := useMember(f, name, parse, use); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

func useMember(f *zip.File, name string, parse func(io.ReaderAt, int64) (*npyHeader, error), use func(name string, h *npyHeader, data io.ReaderAt) error) error {
	const encrypted = 1
	if f.Flags&encrypted != 0 {
		return errors.New("encrypted")
	}
	// Deflate makes at most 1032 bytes of one.
	if f.UncompressedSize64 > largestMember || f.UncompressedSize64/1032 > f.CompressedSize64 {
		return fmt.Errorf("%d bytes packed into %d", f.UncompressedSize64, f.CompressedSize64)
	}
	rc, err := f.Open()
	if err != nil {
		return err
	}
	defer rc.Close()
	// Grows with what arrives; at the end the checksum is compared.
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, io.LimitReader(rc, int64(f.UncompressedSize64)+1)); err != nil {
		return err
	}
	data, size := bytes.NewReader(buf.Bytes()), int64(buf.Len())
	h, err := parse(data, size)
	if err != nil {
		return err
	}
	if want := h.offset + int64(h.count)*int64(h.size); want != size {
		return fmt.Errorf("%d bytes, want %d", size, want)
	}
	return use(name, h, data)
}

// describeNpz lists the arrays of a file.
func describeNpz(t io.Writer, r io.ReaderAt, size int64) error {
	var list []string
	err := eachMember(r, size, func(name string, h *npyHeader, data io.ReaderAt) error {
		sum, err := h.summarise(data)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("  %s\t%s %s", name, h.typ, shapeString(h.shape))
		if sum.count > sum.missing+sum.infinite {
			line += fmt.Sprintf(", %.6g to %.6g", sum.min, sum.max)
		}
		if odd := sum.missing + sum.infinite; odd > 0 {
			line += fmt.Sprintf(", %d not finite", odd)
		}
		list = append(list, line)
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(t, "  format\tnpz, %d arrays\n", len(list))
	_, err = fmt.Fprintln(t, strings.Join(list, "\n"))
	return err
}

// describeBeside prints what the TOML file of the same name beside an npz file says,
// without its comments; nothing if there is none.
func describeBeside(t io.Writer, path string) {
	text, err := os.ReadFile(strings.TrimSuffix(path, filepath.Ext(path)) + ".toml")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, " #")
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(key, "#") {
			fmt.Fprintf(t, "  %s\t%s\n", strings.TrimSpace(key), strings.TrimSpace(value))
		}
	}
}
