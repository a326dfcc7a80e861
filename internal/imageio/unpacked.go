package imageio

import (
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	// smallPicture is a length, in bytes of stored pixels, up to which a picture is unpacked
	// without a further look.
	smallPicture = 64 << 20
	// usualRatio is how many times its length a compressed picture of the sky or of a
	// laboratory has when it is unpacked, generously. A picture that claims more is unpacked
	// once without keeping anything, before memory is taken for it.
	usualRatio = 32
	// jpegRatio is the most pixels that a byte of a large JPEG file stands for: a picture of
	// one colour, with Huffman codes made for it, has 170.
	jpegRatio = 200
)

// unusual tells whether pixels of so many bytes are to be looked for before memory is taken
// for them.
func unusual(bytes, packed int64) bool { return bytes > smallPicture && bytes/usualRatio > packed }

// holds returns an error unless so many bytes can be read from r.
func holds(r io.Reader, bytes int64) error {
	n, err := io.CopyN(io.Discard, r, bytes)
	if n < bytes {
		return fmt.Errorf("its header asks for %d bytes of pixels, and it holds %d: %w", bytes, n, err)
	}
	return nil
}

// pngHolds returns an error unless the pixels of a PNG file unpack to so many bytes.
func pngHolds(r io.ReaderAt, size, bytes int64) error {
	z, err := zlib.NewReader(&pngPixels{r: r, size: size, at: int64(len(pngMagic))})
	if err != nil {
		return err
	}
	defer z.Close()
	return holds(z, bytes)
}

// pngPixels reads what the chunks IDAT of a PNG file hold.
type pngPixels struct {
	r        io.ReaderAt
	size, at int64 // of the file; where the next chunk, or the rest of this one, begins
	left     int64 // bytes of this chunk
}

func (p *pngPixels) Read(b []byte) (int, error) {
	for p.left == 0 {
		var head [8]byte
		if n, err := p.r.ReadAt(head[:], p.at); n < len(head) {
			if err == nil {
				err = io.EOF
			}
			return 0, err
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		if p.at += int64(len(head)); string(head[4:]) == "IDAT" {
			p.left = min(length, max(0, p.size-p.at))
		} else {
			p.at += length
		}
		if p.left == 0 {
			if string(head[4:]) == "IEND" || p.at >= p.size {
				return 0, io.EOF
			}
			p.at += checksumBytes
		}
	}
	n, err := p.r.ReadAt(b[:min(int64(len(b)), p.left)], p.at)
	p.at, p.left = p.at+int64(n), p.left-int64(n)
	if p.left == 0 {
		p.at += checksumBytes
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

// checksumBytes are behind the data of each chunk of a PNG file.
const checksumBytes = 4

// pngPixelBytes is the length of the pixels of a PNG before compression, with a byte for the
// filter of each line. bits are those of a pixel. An interlaced picture is stored as seven
// smaller ones.
func pngPixelBytes(rows, cols, bits int64, interlaced bool) int64 {
	passes := [][4]int64{{0, 0, 1, 1}} // first row and column, and the steps
	if interlaced {
		passes = [][4]int64{{0, 0, 8, 8}, {0, 4, 8, 8}, {4, 0, 8, 4}, {0, 2, 4, 4}, {2, 0, 4, 2}, {0, 1, 2, 2}, {1, 0, 2, 1}}
	}
	total := int64(0)
	for _, p := range passes {
		if r, c := (rows-p[0]+p[2]-1)/p[2], (cols-p[1]+p[3]-1)/p[3]; r > 0 && c > 0 {
			total += r * (1 + (c*bits+7)/8)
		}
	}
	return total
}
