package imageio

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ReadNpz reads arrays of a file of numpy.savez or savez_compressed, in their order. It
// compares the archive's checksums.
//
// Before an array is unpacked, choose is called with the names, shapes and types of all of
// them: members whose Data is nil. It returns the names of those to read, or what is wrong
// with them. A file of some kilobytes can unpack to gigabytes, so that a reader that knows
// what it wants should say so; a nil choose reads all arrays. The memory taken is that of
// the chosen arrays, and of one member as it is stored if that is in column-major order.
func ReadNpz(path string, choose func([]Member) ([]string, error)) ([]Member, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	members, err := readNpz(f, size, choose)
	if err != nil {
		return nil, fmt.Errorf("imageio: %s: %w", path, err)
	}
	return members, nil
}

func readNpz(r io.ReaderAt, size int64, choose func([]Member) ([]string, error)) ([]Member, error) {
	packed, err := openNpz(r, size, parseNpyHeader)
	if err != nil {
		return nil, err
	}
	all := make([]Member, len(packed))
	names := make([]string, len(packed))
	for i, p := range packed {
		all[i] = Member{p.name, Array{Shape: p.header.shape, Type: p.header.typ}}
		names[i] = p.name
	}
	if choose != nil {
		if names, err = choose(all); err != nil {
			return nil, err
		}
	}
	var members []Member
	for i, p := range packed {
		if !slices.Contains(names, p.name) {
			continue
		}
		if err := p.unpack(&all[i].Array); err != nil {
			return nil, err
		}
		members = append(members, all[i])
	}
	return members, nil
}

// packedArray is a member of an npz file that is not unpacked yet.
type packedArray struct {
	name   string
	r      io.ReaderAt // the npz file
	file   *zip.File
	header *npyHeader
	length int64 // bytes of the member when unpacked, its header included
}

// openNpz reads the names and headers of all arrays and holds them against the lengths in
// the archive's directory. parse reads a header. It unpacks no more than the headers.
func openNpz(r io.ReaderAt, size int64, parse func(io.ReaderAt, int64) (*npyHeader, error)) ([]packedArray, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("not an npz file: %w", err)
	}
	if len(z.File) == 0 {
		return nil, errors.New("an npz file without arrays")
	}
	packed := make([]packedArray, len(z.File))
	seen := make(map[string]bool, len(z.File))
	for i, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("not an npz file: it holds %s", Quoted(f.Name))
		}
		if seen[name] {
			return nil, fmt.Errorf("two arrays named %s", shortened(name))
		}
		seen[name] = true
		packed[i] = packedArray{name: name, r: r, file: f, length: int64(f.UncompressedSize64)}
	}
	for i := range packed {
		if err := packed[i].readHeader(parse); err != nil {
			return nil, fmt.Errorf("%s: %w", shortened(packed[i].file.Name), err)
		}
	}
	return packed, nil
}

func (p *packedArray) readHeader(parse func(io.ReaderAt, int64) (*npyHeader, error)) error {
	const encrypted = 1
	f := p.file
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
	if p.header, err = parse(&prefix{r: rc}, p.length); err != nil {
		return err
	}
	if want := p.header.offset + int64(p.header.count)*int64(p.header.size); want != p.length {
		return fmt.Errorf("%d bytes, want %d", p.length, want)
	}
	return nil
}

// unpack reads the array.
func (p *packedArray) unpack(into *Array) error {
	rows := 1
	if len(p.header.shape) > 0 {
		rows = p.header.shape[0]
	}
	if err := p.verify(); err != nil {
		return err
	}
	return p.open(func(data io.Reader) error {
		var stored io.ReaderAt = &forwards{r: data}
		if p.header.fortran {
			stored = &prefix{r: data} // the array is read in another order than it is stored
		}
		a, err := p.header.readRows(stored, 0, rows)
		if err == nil {
			*into = *a
		}
		return err
	})
}

// verify unpacks a long member without keeping it: its checksum is at its end.
func (p *packedArray) verify() error {
	if cheap(p.r, max(int64(p.header.count), p.length/8), int64(p.file.CompressedSize64)) {
		return nil
	}
	return p.open(func(io.Reader) error { return nil })
}

// open calls use with the bytes of the member and then compares its checksum.
func (p *packedArray) open(use func(io.Reader) error) error {
	err := func() error {
		rc, err := p.file.Open()
		if err != nil {
			return err
		}
		defer rc.Close()
		if err := use(rc); err != nil {
			return err
		}
		// At the end, zip compares the checksum.
		rest, err := io.Copy(io.Discard, io.LimitReader(rc, p.length+1))
		if err == nil && rest > p.length {
			err = fmt.Errorf("more than the %d bytes that the archive announces", p.length)
		}
		return err
	}()
	if err != nil {
		return fmt.Errorf("%s: %w", shortened(p.file.Name), err)
	}
	return nil
}

// forwards reads what arrives at rising offsets, without storing it.
type forwards struct {
	r  io.Reader
	at int64
}

func (f *forwards) ReadAt(b []byte, offset int64) (int, error) {
	if offset < f.at {
		return 0, errors.New("a packed array cannot be read backwards")
	}
	skipped, err := io.CopyN(io.Discard, f.r, offset-f.at)
	f.at += skipped
	if err != nil {
		return 0, err
	}
	n, err := io.ReadFull(f.r, b)
	f.at += int64(n)
	return n, err
}

// prefix reads what arrives at any offset, and stores what comes before its end.
type prefix struct {
	r   io.Reader
	got bytes.Buffer
}

func (p *prefix) ReadAt(b []byte, offset int64) (int, error) {
	if _, err := io.CopyN(&p.got, p.r, max(0, offset+int64(len(b))-int64(p.got.Len()))); err != nil && err != io.EOF {
		return 0, err
	}
	return bytes.NewReader(p.got.Bytes()).ReadAt(b, offset)
}

// describeNpz lists the arrays of a file. It needs a bounded amount of memory.
func describeNpz(t io.Writer, r io.ReaderAt, size int64) error {
	const most = 100 // arrays that are summarised
	packed, err := openNpz(r, size, parseNpyHeader)
	if err != nil {
		return err
	}
	var list []string
	for _, p := range packed[:min(most, len(packed))] {
		line := fmt.Sprintf("  %s\t%s %s", shortened(p.name), p.header.typ, shapeString(p.header.shape))
		err := p.open(func(data io.Reader) error {
			sum, err := p.header.summarise(&forwards{r: data}, 1)
			if err != nil {
				return err
			}
			if sum.count > sum.missing+sum.infinite {
				line += fmt.Sprintf(", %.6g to %.6g", sum.min, sum.max)
			}
			if odd := sum.missing + sum.infinite; odd > 0 {
				line += fmt.Sprintf(", %d not finite", odd)
			}
			return nil
		})
		if err != nil {
			return err
		}
		list = append(list, line)
	}
	if more := len(packed) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("  ...\tand %d more", more))
	}
	fmt.Fprintf(t, "  format\tnpz, %d arrays\n", len(packed))
	if p := packed[0]; len(packed) > 1 && len(p.header.shape) > 1 {
		list = append(list, fmt.Sprintf("  as an array\tjobs of images and of samples want the name of one, as in FILE.npz[%s]", shortened(p.name)))
	}
	_, err = fmt.Fprintln(t, strings.Join(list, "\n"))
	return err
}
