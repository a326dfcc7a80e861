package imageio

import (
	"bufio"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// pngData is the compressed data of a PNG file: what its IDAT chunks hold, one after the
// other. It compares their checksums.
type pngData struct {
	r          io.ReaderAt
	at, size   int64 // of the next chunk, and of the file
	left       int64 // bytes of the chunk in hand
	sum        uint32
	begun, end bool
}

// chunk goes to the next IDAT chunk, or to the end of them.
func (d *pngData) chunk() error {
	for {
		var head [8]byte
		if n, _ := d.r.ReadAt(head[:], d.at); n < len(head) {
			return io.ErrUnexpectedEOF
		}
		length, kind := int64(binary.BigEndian.Uint32(head[:])), string(head[4:])
		if length > d.size-d.at-12 {
			return fmt.Errorf("a chunk %s of %d bytes in a file that ends sooner", Quoted(kind), length)
		}
		switch {
		case kind == "IDAT":
			d.left, d.begun, d.sum = length, true, crc32.ChecksumIEEE(head[4:])
			return nil
		case d.begun || kind == "IEND":
			d.end = true
			return nil
		}
		d.at += 12 + length
	}
}

func (d *pngData) Read(p []byte) (int, error) {
	for d.left == 0 && !d.end {
		if err := d.chunk(); err != nil {
			return 0, err
		}
		if d.end || d.left > 0 {
			d.at += 8
			break
		}
		d.at += 12 // an empty chunk
	}
	if d.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), d.left)]
	n, err := d.r.ReadAt(p, d.at)
	if n < len(p) {
		return n, errors.Join(io.ErrUnexpectedEOF, err)
	}
	d.sum = crc32.Update(d.sum, crc32.IEEETable, p)
	d.at += int64(n)
	if d.left -= int64(n); d.left == 0 {
		var sum [4]byte
		if got, _ := d.r.ReadAt(sum[:], d.at); got < len(sum) || binary.BigEndian.Uint32(sum[:]) != d.sum {
			return n, errors.New("a chunk IDAT whose checksum is wrong")
		}
		d.at += 4
	}
	return n, nil
}

// pngLines are the lines of a picture and the bytes of each, for every pass of it.
func pngLines(rows, cols, bits int, interlaced bool) [][2]int64 {
	line := func(n int) int64 { return (int64(n)*int64(bits) + 7) / 8 }
	if !interlaced {
		return [][2]int64{{int64(rows), line(cols)}}
	}
	var list [][2]int64
	for _, p := range [7][4]int{{8, 8, 0, 0}, {8, 8, 0, 4}, {8, 4, 4, 0}, {4, 4, 0, 2}, {4, 2, 2, 0}, {2, 2, 0, 1}, {2, 1, 1, 0}} {
		r, c := (rows-p[2]+p[0]-1)/p[0], (cols-p[3]+p[1]-1)/p[1] // steps and starts of rows and columns
		if r > 0 && c > 0 {
			list = append(list, [2]int64{int64(r), line(c)})
		}
	}
	return list
}

// checkPNG unpacks a picture of so many bits a pixel without keeping it: the decoder takes
// memory for the whole picture before it sees that the file does not hold it.
func checkPNG(r io.ReaderAt, size int64, rows, cols, bits int, interlaced bool) error {
	z, err := zlib.NewReader(&pngData{r: r, at: int64(len(pngMagic)), size: size})
	if err != nil {
		return err
	}
	defer z.Close()
	in := bufio.NewReader(z)
	for _, pass := range pngLines(rows, cols, bits, interlaced) {
		for range pass[0] {
			filter, err := in.ReadByte()
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			if err == nil && filter > 4 {
				err = fmt.Errorf("filter %d, want 0 to 4", filter)
			}
			if err == nil {
				err = holds(in, pass[1])
			}
			if err != nil {
				return err
			}
		}
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return errors.Join(errors.New("wrong data behind the last line"), err)
	}
	return nil
}
