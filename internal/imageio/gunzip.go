package imageio

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
)

const gzipMagic = "\x1f\x8b"

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

// gunzip unpacks a file once, to learn its length and to compare its checksum.
func gunzip(r io.ReaderAt, packed int64) (io.ReaderAt, int64, error) {
	return unpacked(packed, func() (io.Reader, error) {
		z, err := gzip.NewReader(bufio.NewReaderSize(io.NewSectionReader(r, 0, packed), bufferBytes))
		if err != nil {
			return nil, fmt.Errorf("compressed with gzip, and damaged at its beginning: %w", err)
		}
		return z, nil
	}, "compressed with gzip")
}

// heldBytes is the largest content of a compressed file that is kept in memory while the file
// is open. Images and tables of measured numbers are seldom longer than that: they shrink by
// less than a half. Of a longer content the bytes are unpacked again whenever a reader goes back.
func heldBytes(packed int64) int64 { return max(16<<20, 2*packed) }

// unpacked goes once through what begin starts to unpack of so many bytes, and keeps it if it
// is not much longer.
func unpacked(packed int64, begin func() (io.Reader, error), what string) (io.ReaderAt, int64, error) {
	z, err := begin()
	if err != nil {
		return nil, 0, err
	}
	most := heldBytes(packed)
	kept := &chunks{}
	size, err := kept.fill(z, packed, most)
	if err == nil && size <= most {
		return kept, size, nil
	}
	if err == nil {
		kept = nil
		var rest int64
		rest, err = io.Copy(io.Discard, z)
		size += rest
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%s, and damaged after %d bytes of content: %w", what, size, err)
	}
	return &unpacker{begin: begin}, size, nil
}

// chunkBytes is the length of a chunk.
const chunkBytes = 1 << 20

// chunks are bytes in memory that need not be moved when there are more of them. All but the
// last one are full.
type chunks struct{ list [][]byte }

// fill reads to the end, or one byte more than most.
func (c *chunks) fill(r io.Reader, packed, most int64) (size int64, err error) {
	for size <= most && err == nil {
		b := make([]byte, min(chunkBytes, most+1-size, 1032*packed+1)) // deflate makes at most 1032 bytes of one
		n := 0
		for n < len(b) && err == nil {
			var k int
			k, err = r.Read(b[n:])
			n += k
		}
		size += int64(n)
		if n > 0 {
			c.list = append(c.list, b[:n])
		}
	}
	if err == io.EOF {
		err = nil
	}
	return size, err
}

func (c *chunks) ReadAt(p []byte, offset int64) (n int, err error) {
	if len(c.list) == 0 || offset < 0 {
		return 0, io.EOF
	}
	side := int64(len(c.list[0]))
	for n < len(p) {
		i := offset / side
		if i >= int64(len(c.list)) || offset%side >= int64(len(c.list[i])) {
			return n, io.EOF
		}
		k := copy(p[n:], c.list[i][offset%side:])
		n, offset = n+k, offset+int64(k)
	}
	return n, nil
}

// unpacker reads compressed content at any offset. It goes forward from where it is, and
// begins anew to go back; it holds one buffer.
type unpacker struct {
	begin func() (io.Reader, error)
	z     io.Reader // nil before the first read
	at    int64     // offset of the next byte that z gives
}

func (u *unpacker) ReadAt(p []byte, offset int64) (int, error) {
	if u.z == nil || offset < u.at {
		var err error
		if u.z, err = u.begin(); err != nil {
			return 0, err
		}
		u.at = 0
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
