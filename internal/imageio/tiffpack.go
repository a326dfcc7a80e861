package imageio

import (
	"bufio"
	"compress/zlib"
	"fmt"
	"io"
)

// verify unpacks all strips or tiles without keeping them.
func (t *tiffImage) verify() error {
	for i := range t.offsets[:t.across*t.down*t.samples/t.blockSide] {
		top := i % (t.across * t.down) / t.across * t.blockRows
		in, done, err := t.unpacked(i)
		if err == nil {
			err = holds(in, t.line()*int64(min(t.blockRows, t.rows-top)))
			done()
		}
		if err != nil {
			return fmt.Errorf("strip %d: %w", i, err)
		}
	}
	return nil
}

// unpacked is what a strip or tile holds; done ends the reading.
func (t *tiffImage) unpacked(i int) (in io.Reader, done func(), err error) {
	packed := io.NewSectionReader(t.r, t.offsets[i], t.counts[i])
	switch t.compression {
	case 5:
		return newTIFFLZW(packed), func() {}, nil
	case 8, 32946:
		z, err := zlib.NewReader(packed)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { z.Close() }, nil
	case 32773:
		return &packBits{in: bufio.NewReader(packed)}, func() {}, nil
	}
	return packed, func() {}, nil
}

// packBits undoes PackBits: a byte n and n+1 bytes as they are, or a negative n and one byte
// that stands 1-n times.
type packBits struct {
	in     *bufio.Reader
	left   int // bytes of the run in hand
	repeat bool
	value  byte
}

func (p *packBits) Read(to []byte) (int, error) {
	for p.left == 0 {
		b, err := p.in.ReadByte()
		if err != nil {
			return 0, err
		}
		switch n := int(int8(b)); {
		case n >= 0:
			p.left, p.repeat = n+1, false
		case n > -128:
			if p.value, err = p.in.ReadByte(); err != nil {
				return 0, err
			}
			p.left, p.repeat = 1-n, true
		}
	}
	n := min(p.left, len(to))
	if p.repeat {
		for i := range n {
			to[i] = p.value
		}
	} else {
		var err error
		if n, err = io.ReadFull(p.in, to[:n]); err != nil && n == 0 {
			return 0, io.EOF
		}
	}
	p.left -= n
	return n, nil
}
