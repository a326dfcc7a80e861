package imageio

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
)

const gzipMagic = "\x1f\x8b"

// heldUnpacked is the largest file, in bytes after gunzip, that is kept in memory. Of a
// larger one the bytes are unpacked again whenever a reader goes back.
const heldUnpacked = 16 << 20

// opened is a file to read from. A file that is compressed with gzip reads as what is
// inside.
type opened struct {
	io.ReaderAt
	file *os.File
	gzip bool
}

func (o *opened) Close() error { return o.file.Close() }

// open opens an ordinary file and tells its size, that of the content if it is compressed
// with gzip.
func open(path string) (*opened, int64, error) {
	f, size, err := Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("imageio: %w", err)
	}
	o, size, err := openFile(f, size)
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("imageio: %s: %w", path, err)
	}
	return o, size, nil
}

func openFile(f *os.File, length int64) (*opened, int64, error) {
	o := &opened{ReaderAt: f, file: f}
	var magic [len(gzipMagic)]byte
	if n, _ := f.ReadAt(magic[:], 0); string(magic[:n]) != gzipMagic {
		return o, length, nil
	}
	o.gzip = true
	r, size, err := gunzip(f, length)
	o.ReaderAt = r
	return o, size, err
}

// gunzip unpacks a file once, to learn its length and to compare its checksum. A short file
// stays in memory.
func gunzip(r io.ReaderAt, packed int64) (io.ReaderAt, int64, error) {
	u := &unpacker{r: r, packed: packed}
	if err := u.rewind(); err != nil {
		return nil, 0, err
	}
	var held bytes.Buffer // of its whole size at once; deflate makes at most 1032 bytes of one
	held.Grow(int(min(heldUnpacked+1, 1032*packed)) + bytes.MinRead)
	size, err := io.Copy(&held, io.LimitReader(u.z, heldUnpacked+1))
	if err == nil && size <= heldUnpacked {
		return bytes.NewReader(held.Bytes()), size, nil
	}
	if err == nil {
		held = bytes.Buffer{}
		var rest int64
		rest, err = io.Copy(io.Discard, u.z)
		size += rest
	}
	if err != nil {
		return nil, 0, fmt.Errorf("compressed with gzip, and damaged after %d bytes of content: %w", size, err)
	}
	u.z = nil // at the end
	return u, size, nil
}

// unpacker reads the content of a gzip file at any offset. It goes forward from where it is,
// and begins anew to go back; it holds one buffer.
type unpacker struct {
	r      io.ReaderAt
	packed int64 // bytes
	z      *gzip.Reader
	at     int64 // offset of the next byte that z gives
}

func (u *unpacker) rewind() error {
	in := bufio.NewReaderSize(io.NewSectionReader(u.r, 0, u.packed), bufferBytes)
	var err error
	if u.z, err = gzip.NewReader(in); err != nil {
		return fmt.Errorf("compressed with gzip, and damaged at its beginning: %w", err)
	}
	u.at = 0
	return nil
}

func (u *unpacker) ReadAt(p []byte, offset int64) (int, error) {
	if u.z == nil || offset < u.at {
		if err := u.rewind(); err != nil {
			return 0, err
		}
	}
	skipped, err := io.CopyN(io.Discard, u.z, offset-u.at)
	if u.at += skipped; err != nil {
		return 0, err
	}
	n, err := io.ReadFull(u.z, p)
	u.at += int64(n)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}
