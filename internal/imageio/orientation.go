package imageio

import (
	"bytes"
	"encoding/binary"
	"io"
)

// orientation says how a camera held the picture, as Exif's tag 0x0112 counts: 1 = upright, 3 =
// upside down, 6 and 8 = on its side, even of 2 and 4, odd of 5 and 7 = mirrored. 0 stands for 1.
type orientation int

const (
	tagOrientation = 0x0112
	exifHead       = "Exif\x00\x00"
)

// lying tells whether rows and columns of the picture in the file are exchanged.
func (o orientation) lying() bool { return o >= 5 && o <= 8 }

// stored is the place in a file of rows x cols pixels of the pixel at (r, c) of the upright
// picture.
func (o orientation) stored(r, c, rows, cols int) (y, x int) {
	switch o {
	case 2:
		return r, cols - 1 - c
	case 3:
		return rows - 1 - r, cols - 1 - c
	case 4:
		return rows - 1 - r, c
	case 5:
		return c, r
	case 6:
		return rows - 1 - c, r
	case 7:
		return rows - 1 - c, cols - 1 - r
	case 8:
		return c, cols - 1 - r
	}
	return r, c
}

// upright is the inverse of stored.
func (o orientation) upright(y, x, rows, cols int) (r, c int) {
	switch o {
	case 2:
		return y, cols - 1 - x
	case 3:
		return rows - 1 - y, cols - 1 - x
	case 4:
		return rows - 1 - y, x
	case 5:
		return x, y
	case 6:
		return x, rows - 1 - y
	case 7:
		return cols - 1 - x, rows - 1 - y
	case 8:
		return cols - 1 - x, y
	}
	return y, x
}

// exifOrientation reads the tag from Exif data. Data that cannot be understood say nothing.
func exifOrientation(data []byte) orientation {
	r := bytes.NewReader(data)
	order, first, err := tiffOrder(r)
	if err != nil {
		return 1
	}
	d, err := readTIFFDir(r, int64(len(data)), order, first)
	if err != nil {
		return 1
	}
	return d.orientation()
}

func (d *tiffDir) orientation() orientation {
	if v, err := d.number(tagOrientation, 1); err == nil && v >= 1 && v <= 8 {
		return orientation(v)
	}
	return 1
}

// jpegOrientation looks for the Exif segment before the picture.
func jpegOrientation(r io.ReaderAt) orientation {
	var mark [4]byte
	for at := int64(2); ; {
		if n, _ := r.ReadAt(mark[:], at); n < len(mark) || mark[0] != 0xff {
			return 1
		}
		const fill, app1, scan, end = 0xff, 0xe1, 0xda, 0xd9
		length := int64(binary.BigEndian.Uint16(mark[2:]))
		switch kind := mark[1]; {
		case kind == fill:
			at++
			continue
		case kind == scan, kind == end, length < 2:
			return 1
		case kind == app1:
			data := make([]byte, length-2)
			n, _ := r.ReadAt(data, at+4)
			if rest, ok := bytes.CutPrefix(data[:n], []byte(exifHead)); ok {
				return exifOrientation(rest)
			}
		}
		at += 2 + length
	}
}

// pngOrientation looks for the chunk eXIf, which may stand behind the pixels.
func pngOrientation(r io.ReaderAt, size int64) orientation {
	var head [8]byte
	for at := int64(len(pngMagic)); at+12 <= size; {
		if n, _ := r.ReadAt(head[:], at); n < len(head) {
			return 1
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		if string(head[4:]) == "eXIf" && length <= 1<<20 && at+8+length <= size {
			data := make([]byte, length)
			r.ReadAt(data, at+8)
			return exifOrientation(bytes.TrimPrefix(data, []byte(exifHead)))
		}
		at += 12 + length
	}
	return 1
}
