package imageio

import (
	"errors"
	"math/bits"
)

var errTileEnds = errors.New("the compressed data end too early")

// bitReader reads bits, the highest of a byte first. Behind the end it gives zeros and
// notes that.
type bitReader struct {
	data []byte
	at   int    // next byte
	held uint64 // bits that are read and not used, in the low end
	n    uint   // their number
	over bool   // read beyond the end
}

func (b *bitReader) load() {
	b.held <<= 8
	if b.at < len(b.data) {
		b.held |= uint64(b.data[b.at])
	} else {
		b.over = true
	}
	b.at++
	b.n += 8
}

// bits is the next k bits, at most 32.
func (b *bitReader) bits(k uint) uint32 {
	for b.n < k {
		b.load()
	}
	b.n -= k
	v := uint32(b.held >> b.n)
	b.held &= 1<<b.n - 1
	return v
}

// zeros is the number of zero bits before the next one, which is read too.
func (b *bitReader) zeros() int {
	count := uint(0)
	for b.held == 0 {
		count += b.n
		b.n = 0
		if b.load(); b.over {
			return 0
		}
	}
	lead := b.n - uint(bits.Len64(b.held))
	b.n -= lead + 1
	b.held &= 1<<b.n - 1
	return int(count + lead)
}

// align drops the bits up to the next whole byte.
func (b *bitReader) align() {
	b.n -= b.n % 8
	b.held &= 1<<b.n - 1
}

// rice decodes n numbers that were compressed by Rice's method: differences of neighbours,
// folded to 0, -1, 1, -2, ... = 0, 1, 2, 3, ..., in blocks that share a number fs of low bits. A
// number is its high part in unary and fs bits. bytepix is the bytes of a number: those of
// one byte are 0 to 255, the others have a sign. Source: FITS Standard 4.0, section 10.4.1.
func rice(data []byte, n, block, bytepix int) ([]int64, error) {
	out := make([]int64, n)
	return out, riceInto(out, data, n, block, bytepix)
}

// riceInto decodes into out, or, where that is nil, only finds what is wrong.
func riceInto(out []int64, data []byte, n, block, bytepix int) error {
	// Bits of fs, the value that says "not compressed", and bits of a number.
	var selector, top, width uint
	switch bytepix {
	case 1:
		selector, top, width = 3, 6, 8
	case 2:
		selector, top, width = 4, 14, 16
	default:
		selector, top, width = 5, 25, 32
	}
	// A block takes at least its selector.
	if blocks := (n + block - 1) / block; int64(blocks)*int64(selector) > 8*int64(len(data)-bytepix) {
		return errTileEnds
	}
	b := &bitReader{data: data}
	last := b.bits(width)
	mask := uint32(1<<width - 1)
	for i := 0; i < n; {
		end := min(i+block, n)
		fs := b.bits(selector)
		for ; i < end; i++ {
			var folded uint32
			switch {
			case fs == 0:
			case uint(fs-1) == top:
				folded = b.bits(width)
			default:
				folded = uint32(b.zeros())<<(fs-1) | b.bits(uint(fs-1))
			}
			difference := folded >> 1
			if folded&1 == 1 {
				difference = ^difference
			}
			last = (last + difference) & mask
			switch {
			case out == nil:
			case bytepix == 1:
				out[i] = int64(last)
			case bytepix == 2:
				out[i] = int64(int16(last))
			default:
				out[i] = int64(int32(last))
			}
		}
		if b.over {
			return errTileEnds
		}
	}
	return nil
}
