package imageio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

func fitsSource(r io.ReaderAt, size int64, want string) (*source, error) {
	u, primary, err := findUnit(r, size, want)
	if err != nil {
		return nil, err
	}
	lay, kept, err := u.layout()
	if err != nil {
		return nil, err
	}
	e, err := u.elements(r)
	if err != nil {
		return nil, err
	}
	header, tables, err := u.description(r, size, primary)
	if err != nil {
		return nil, err
	}
	s := &source{Frame: Frame{
		Channels: lay.planes, Rows: lay.rows, Cols: lay.cols, Stored: reversed(u.axes),
		Format: "fits", Type: u.typ(), Header: header.ofAxes(kept, len(u.axes)), Tables: tables, HDU: u.index,
	}}
	if u.tiles != nil {
		s.Packing = u.tiles.algorithm
	}
	s.setPixels(lay, e, false)
	return s, nil
}

// layout says which axes of the image are which, and which axes of the file, the fastest
// counted as 1, become the axes 1, 2 and 3 of a file that is written. Two axes or more before
// the rows become the channels together; they have no axis in what is written (0).
func (u *unit) layout() (layout, []int, error) {
	full := reversed(u.axes)
	n := len(full)
	first, last := 0, n // what is left without axes of length 1
	for last-first > 3 && full[first] == 1 {
		first++
	}
	for last-first > 3 && full[last-1] == 1 {
		last--
	}
	shape := full[first:last]
	at := func(i int) int { return n - first - i } // axis i of shape as FITS counts it
	flat, third := len(shape) > 3, 0
	if flat {
		count, err := product(shape[:len(shape)-2])
		if err != nil {
			return layout{}, nil, err
		}
		for i, n := range shape[:len(shape)-2] {
			if n == count {
				third = at(i) // the others have length 1
			}
		}
		shape = append([]int{count}, shape[len(shape)-2:]...)
	}
	ctype, _ := u.header.Get("CTYPE1")
	lay, err := layoutOf(shape, ctype == "" && !flat)
	if err != nil {
		return layout{}, nil, fmt.Errorf("HDU [%d]: %w", u.index, err)
	}
	switch {
	case flat:
		return lay, []int{n - last + 1, n - last + 2, third}, nil
	case len(shape) == 2:
		return lay, []int{at(1), at(0)}, nil
	case lay.colourLast:
		return lay, []int{at(1), at(0), at(2)}[:2+min(1, lay.planes-1)], nil
	case lay.planes == 1:
		return lay, []int{at(2), at(1)}, nil
	}
	return lay, []int{at(2), at(1), at(0)}, nil
}

// elements are the numbers of an image.
func (u *unit) elements(r io.ReaderAt) (numbers, error) {
	decode, err := u.decoder()
	if err != nil {
		return nil, err
	}
	if u.tiles != nil {
		if err := u.tiles.plausible(r); err != nil {
			return nil, fmt.Errorf("tile-compressed HDU [%d]: %w", u.index, err)
		}
		return &tiledNumbers{tiles: u.tiles, r: r, decode: decode}, nil
	}
	return &elements{r: r, base: u.data, size: max(u.bitpix, -u.bitpix) / 8, decode: decode}, nil
}

// scaling gets BSCALE and BZERO.
func (u *unit) scaling() (scale, zero float64, err error) {
	scale = 1
	if c, ok := u.header.card("BSCALE"); ok && c.Value() != "" {
		if scale, err = c.number(); err != nil {
			return
		}
	}
	if c, ok := u.header.card("BZERO"); ok && c.Value() != "" {
		zero, err = c.number()
	}
	if scale == 0 || math.IsNaN(scale+zero) || math.IsInf(scale+zero, 0) {
		err = errors.New("FITS BSCALE and BZERO must be finite and BSCALE not 0")
	}
	return
}

// typ names what is stored; the offsets that stand for the types FITS lacks are
// read as those types.
func (u *unit) typ() string {
	if u.bitpix < 0 {
		return "float" + strconv.Itoa(-u.bitpix)
	}
	scale, zero, _ := u.scaling()
	signed := u.bitpix != 8
	if scale == 1 && (signed && zero == math.Ldexp(1, u.bitpix-1) || !signed && zero == -128) {
		signed = !signed
	}
	if signed {
		return "int" + strconv.Itoa(u.bitpix)
	}
	return "uint" + strconv.Itoa(u.bitpix)
}

// decoder is physical = BZERO + BSCALE * stored, BLANK -> NaN for integers.
func (u *unit) decoder() (decoder, error) {
	scale, zero, err := u.scaling()
	if err != nil {
		return nil, err
	}
	plain := scale == 1 && zero == 0
	if u.bitpix < 0 {
		read := decodeF64(true)
		if u.bitpix == -32 {
			read = decodeF32(true)
		}
		if plain {
			return read, nil
		}
		return func(dst []float64, src []byte) {
			read(dst, src)
			for i, v := range dst {
				dst[i] = zero + scale*v
			}
		}, nil
	}
	width := u.bitpix / 8
	read := decodeInt(width, width > 1, true)
	// 2^63 + an int64 is exact as a uint64, and not as float64 arithmetic.
	if u.bitpix == 64 && scale == 1 && zero == math.Ldexp(1, 63) {
		read = func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(binary.BigEndian.Uint64(src[8*i:]) ^ 1<<63)
			}
		}
		plain = true
	}
	var blank []byte // the stored bytes that mean missing
	if c, ok := u.header.card("BLANK"); ok && c.Value() != "" {
		v, err := c.integer()
		if err != nil {
			return nil, err
		}
		// A BLANK that the type cannot hold matches nothing.
		all := binary.BigEndian.AppendUint64(nil, uint64(v))
		fits := width == 1 && v >= 0 && v <= 255
		if width > 1 {
			shift := 64 - u.bitpix
			fits = v<<shift>>shift == v
		}
		if fits {
			blank = all[8-width:]
		}
	}
	if plain && blank == nil {
		return read, nil
	}
	return func(dst []float64, src []byte) {
		read(dst, src)
		if !plain {
			for i, v := range dst {
				dst[i] = zero + scale*v
			}
		}
		if blank != nil {
			for i := range dst {
				if bytes.Equal(src[i*width:(i+1)*width], blank) {
					dst[i] = math.NaN()
				}
			}
		}
	}, nil
}
