package imageio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Codes of LZW in TIFF files.
const (
	lzwClear   = 256
	lzwEnd     = 257
	lzwFirst   = 258  // of the table
	lzwMost    = 4096 // codes of 12 bits
	lzwNarrow  = 9    // bits of the first codes
	lzwWidest  = 12
	lzwNothing = -1
)

// tiffLZW undoes the LZW compression of TIFF 6.0, section 13. Codes have 9 to 12 bits, the
// highest bit first. They become wider one entry of the table earlier than with GIF, for which
// the package compress/lzw is made: when entry 510, 1022 or 2046 is there.
type tiffLZW struct {
	in     *bufio.Reader
	held   uint32 // bits that are read, the last n
	n      uint
	width  uint
	next   int // entry that comes next
	before int // the last code; lzwNothing after a clear code
	prefix [lzwMost]uint16
	suffix [lzwMost]byte
	first  [lzwMost]byte // of each string
	length [lzwMost]uint16
	out    []byte // what is not yet taken of the last string
	text   [lzwMost]byte
	err    error
}

func newTIFFLZW(r io.Reader) *tiffLZW {
	z := &tiffLZW{in: bufio.NewReader(r)}
	for i := range 256 {
		z.suffix[i], z.first[i], z.length[i] = byte(i), byte(i), 1
	}
	z.clear()
	return z
}

func (z *tiffLZW) clear() { z.width, z.next, z.before = lzwNarrow, lzwFirst, lzwNothing }

func (z *tiffLZW) Read(to []byte) (int, error) {
	for len(z.out) == 0 && z.err == nil && len(to) > 0 {
		z.err = z.step()
	}
	if len(z.out) == 0 {
		return 0, z.err
	}
	n := copy(to, z.out)
	z.out = z.out[n:]
	return n, nil
}

// code reads one code.
func (z *tiffLZW) code() (int, error) {
	for z.n < z.width {
		b, err := z.in.ReadByte()
		if err != nil {
			return 0, err // some programs leave out the code of the end
		}
		z.held, z.n = z.held<<8|uint32(b), z.n+8
	}
	z.n -= z.width
	return int(z.held >> z.n & (1<<z.width - 1)), nil
}

// step takes a code, and the string that it stands for.
func (z *tiffLZW) step() error {
	code, err := z.code()
	switch {
	case err != nil:
		return err
	case code == lzwClear:
		z.clear()
		return nil
	case code == lzwEnd:
		return io.EOF
	case z.before == lzwNothing:
		if code > 255 {
			return fmt.Errorf("lzw: code %d behind a clear code", code)
		}
		z.string(code)
		z.before = code
		return nil
	case code > z.next || code == z.next && z.next == lzwMost:
		return fmt.Errorf("lzw: code %d, the table has %d", code, z.next)
	}
	if z.next < lzwMost {
		last := z.first[code] // of the string of the code, which may be the new one
		if code == z.next {
			last = z.first[z.before]
		}
		z.prefix[z.next], z.suffix[z.next] = uint16(z.before), last
		z.first[z.next], z.length[z.next] = z.first[z.before], z.length[z.before]+1
		if z.length[z.next] > lzwMost {
			return errors.New("lzw: a string of more than 4096 bytes")
		}
		z.next++
		if z.next == 1<<z.width-1 && z.width < lzwWidest {
			z.width++
		}
	}
	z.string(code)
	z.before = code
	return nil
}

// string makes out the string of a code.
func (z *tiffLZW) string(code int) {
	n := int(z.length[code])
	z.out = z.text[:n]
	for i := n - 1; i >= 0; i-- {
		z.out[i] = z.suffix[code]
		code = int(z.prefix[code])
	}
}
