package imageio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// tiffDir is an image file directory of a TIFF file or of Exif data, which have the same form.
type tiffDir struct {
	r      io.ReaderAt
	size   int64
	order  binary.ByteOrder
	fields map[uint16]tiffField
	next   int64 // offset of the next directory; 0 = none
}

// tiffField is one entry: count values of a type, at an offset of the file.
type tiffField struct {
	kind   uint16
	count  int64
	offset int64
}

// tiffOrder reads the head of a TIFF structure: its byte order and the offset of the first
// directory.
func tiffOrder(r io.ReaderAt) (binary.ByteOrder, int64, error) {
	var head [8]byte
	if n, _ := r.ReadAt(head[:], 0); n < len(head) {
		return nil, 0, errors.New("truncated header")
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(head[:2]) {
	case "II":
	case "MM":
		order = binary.BigEndian
	default:
		return nil, 0, fmt.Errorf("byte order %q", head[:2])
	}
	switch v := order.Uint16(head[2:]); v {
	case 42:
	case 43:
		return nil, 0, errors.New("BigTIFF, which cannot be read: save the image as classic TIFF, npy or FITS")
	default:
		return nil, 0, fmt.Errorf("version %d, want 42", v)
	}
	return order, int64(order.Uint32(head[4:])), nil
}

// tiffTypes are the bytes of a value of each type.
var tiffTypes = [...]int64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8}

func readTIFFDir(r io.ReaderAt, size int64, order binary.ByteOrder, offset int64) (*tiffDir, error) {
	var two [2]byte
	if n, _ := r.ReadAt(two[:], offset); offset < 8 || n < 2 {
		return nil, fmt.Errorf("a directory at byte %d of %d", offset, size)
	}
	count := int64(order.Uint16(two[:]))
	list := make([]byte, count*12)
	if n, _ := r.ReadAt(list, offset+2); n < len(list) {
		return nil, fmt.Errorf("a directory of %d entries at byte %d of %d", count, offset, size)
	}
	d := &tiffDir{r: r, size: size, order: order, fields: map[uint16]tiffField{}}
	for i := range count {
		e := list[12*i:]
		f := tiffField{kind: order.Uint16(e[2:]), count: int64(order.Uint32(e[4:]))}
		if int(f.kind) >= len(tiffTypes) {
			continue
		}
		bytes := f.count * tiffTypes[f.kind]
		if f.offset = offset + 2 + 12*i + 8; bytes > 4 {
			f.offset = int64(order.Uint32(e[8:]))
		}
		if bytes > 0 && f.offset+bytes <= size {
			d.fields[order.Uint16(e)] = f
		}
	}
	var four [4]byte
	if n, _ := r.ReadAt(four[:], offset+2+12*count); n == 4 {
		d.next = int64(order.Uint32(four[:]))
	}
	return d, nil
}

// list is the whole numbers of a field; nil if it is not there.
func (d *tiffDir) list(tag uint16) ([]int64, error) {
	f, ok := d.fields[tag]
	if !ok {
		return nil, nil
	}
	const most = 1 << 22
	width := tiffTypes[f.kind]
	if f.count > most || width > 4 {
		return nil, fmt.Errorf("tag %d with %d values of type %d", tag, f.count, f.kind)
	}
	raw := make([]byte, f.count*width)
	if n, _ := d.r.ReadAt(raw, f.offset); n < len(raw) {
		return nil, fmt.Errorf("tag %d ends with the file", tag)
	}
	list := make([]int64, f.count)
	for i := range list {
		switch b := raw[int64(i)*width:]; width {
		case 1:
			list[i] = int64(b[0])
		case 2:
			list[i] = int64(d.order.Uint16(b))
		case 4:
			list[i] = int64(d.order.Uint32(b))
		}
	}
	return list, nil
}

// number is the first value of a field.
func (d *tiffDir) number(tag uint16, otherwise int) (int, error) {
	list, err := d.list(tag)
	if err != nil || len(list) == 0 {
		return otherwise, err
	}
	return int(min(list[0], math.MaxInt32)), nil
}
