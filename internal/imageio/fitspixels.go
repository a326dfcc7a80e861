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
	shape := reversed(u.axes)
	for len(shape) > 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	if len(shape) != 2 && len(shape) != 3 {
		return nil, fmt.Errorf("FITS unit %d has shape %s, want (rows, cols) or (channels, rows, cols)", u.index, shapeString(reversed(u.axes)))
	}
	lay := layout{planes: 1, rows: shape[len(shape)-2], cols: shape[len(shape)-1]}
	if len(shape) == 3 {
		lay.planes = shape[0]
	}
	e, err := u.elements(r)
	if err != nil {
		return nil, err
	}
	header := u.header.descriptive()
	if v, _ := u.header.Get("INHERIT"); v == "T" {
		for _, c := range primary.header.descriptive() {
			if _, dup := header.card(c.Key()); !dup {
				header = append(header, c)
			}
		}
	}
	s := &source{Frame: Frame{
		Channels: lay.planes, Rows: lay.rows, Cols: lay.cols,
		Format: "fits", Type: u.typ(), Header: header, HDU: u.index,
	}}
	s.pixels = func(b Box) ([]float64, error) {
		data := make([]float64, lay.planes*(b.R1-b.R0)*(b.C1-b.C0))
		return data, e.gather(data, lay.axes(b, false))
	}
	return s, nil
}

// elements are the numbers of an image.
func (u *unit) elements(r io.ReaderAt) (*elements, error) {
	decode, err := u.decoder()
	return &elements{r: r, base: u.data, size: max(u.bitpix, -u.bitpix) / 8, decode: decode}, err
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
