package imageio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// numbers are those of an array in a file, in their order there.
type numbers interface {
	// read decodes the elements first, first+1, ... into dst.
	read(first int64, dst []float64) error
	// gather reads a box of an array of three axes into dst. ax is in any order; every
	// stride is the product of the lengths of the faster axes.
	gather(dst []float64, ax [3]axis) error
	// verify finds, before memory is taken for a box, whether what is compressed holds it.
	verify(ax [3]axis) error
}

// elements is a run of equal-sized numbers inside a file: the data part of an npy
// array or of a FITS image.
type elements struct {
	r      io.ReaderAt
	base   int64 // byte offset of element 0
	size   int   // bytes per element
	decode decoder
	buf    []byte
}

// A decoder turns len(dst) stored elements into float64.
type decoder func(dst []float64, src []byte)

const bufferBytes = 1 << 18

// read decodes the elements first, first+1, ... into dst.
func (e *elements) read(first int64, dst []float64) error {
	if need := min(len(dst)*e.size, bufferBytes); len(e.buf) < need {
		e.buf = make([]byte, need)
	}
	for len(dst) > 0 {
		n := min(len(dst), len(e.buf)/e.size)
		b := e.buf[:n*e.size]
		if got, err := e.r.ReadAt(b, e.base+first*int64(e.size)); got < len(b) {
			return fmt.Errorf("data end after %d of %d bytes: %w", got, len(b), err)
		}
		e.decode(dst[:n], b)
		dst = dst[n:]
		first += int64(n)
	}
	return nil
}

// verify has nothing to find: the length of the file was compared with that of the array.
func (e *elements) verify([3]axis) error { return nil }

// axis is one axis of an array in a file, and where its elements go.
type axis struct {
	length  int   // elements along the axis in the file
	lo, hi  int   // the half-open part wanted
	stride  int64 // elements between neighbours in the file
	dstStep int   // elements between neighbours in the destination
}

// run are the axes of the elements first, first+1, ... of so many in all.
func run(first int64, count, total int) [3]axis {
	one := axis{length: 1, hi: 1, stride: int64(total)}
	return [3]axis{one, one, {length: total, lo: int(first), hi: int(first) + count, stride: 1, dstStep: 1}}
}

// gather reads a box of a 3-axis array into dst. ax is in any order; every stride
// is the product of the lengths of the faster axes. Where the fastest axis is
// wanted whole, it and the next are one run in the file and take one read.
func (e *elements) gather(dst []float64, ax [3]axis) error {
	// Fastest first. Among equal strides (an axis of length 1) any order is right
	// as long as the lengths multiply up, so length 1 goes first.
	faster := func(a, b axis) bool {
		return a.stride < b.stride || a.stride == b.stride && a.length < b.length
	}
	for i := 1; i < 3; i++ {
		for j := i; j > 0 && faster(ax[j], ax[j-1]); j-- {
			ax[j], ax[j-1] = ax[j-1], ax[j]
		}
	}
	a, b, c := ax[0], ax[1], ax[2]
	na, nb := a.hi-a.lo, b.hi-b.lo
	rows := 1 // values of b per read
	if na == a.length {
		rows = nb
	}
	direct := a.dstStep == 1 && (rows == 1 || b.dstStep == na)
	var run []float64
	if !direct {
		// A few lines at a time, so that the run is small beside dst.
		rows = min(rows, max(1, bufferBytes/8/max(na, 1)))
		run = make([]float64, na*rows)
	}
	for ic := c.lo; ic < c.hi; ic++ {
		for ib := b.lo; ib < b.hi; ib += rows {
			k := min(rows, b.hi-ib)
			first := int64(ic)*c.stride + int64(ib)*b.stride + int64(a.lo)*a.stride
			at := (ic-c.lo)*c.dstStep + (ib-b.lo)*b.dstStep
			if direct {
				if err := e.read(first, dst[at:at+na*k]); err != nil {
					return err
				}
				continue
			}
			if err := e.read(first, run[:na*k]); err != nil {
				return err
			}
			for j := range k {
				for i, v := range run[j*na : (j+1)*na] {
					dst[at+j*b.dstStep+i*a.dstStep] = v
				}
			}
		}
	}
	return nil
}

func decodeF64(big bool) decoder {
	return func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = math.Float64frombits(load64(src[8*i:], big))
		}
	}
}

func decodeF32(big bool) decoder {
	return func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = float64(math.Float32frombits(load32(src[4*i:], big)))
		}
	}
}

func decodeF16(big bool) decoder {
	return func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = half(load16(src[2*i:], big))
		}
	}
}

func decodeInt(size int, signed, big bool) decoder {
	switch {
	case size == 1 && signed:
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(int8(src[i]))
			}
		}
	case size == 1:
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(src[i])
			}
		}
	case size == 2 && signed:
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(int16(load16(src[2*i:], big)))
			}
		}
	case size == 2:
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(load16(src[2*i:], big))
			}
		}
	case size == 4 && signed:
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(int32(load32(src[4*i:], big)))
			}
		}
	case size == 4:
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(load32(src[4*i:], big))
			}
		}
	case signed:
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(int64(load64(src[8*i:], big)))
			}
		}
	default:
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(load64(src[8*i:], big))
			}
		}
	}
}

func load16(b []byte, big bool) uint16 {
	u := binary.LittleEndian.Uint16(b)
	if big {
		u = bits.ReverseBytes16(u)
	}
	return u
}

func load32(b []byte, big bool) uint32 {
	u := binary.LittleEndian.Uint32(b)
	if big {
		u = bits.ReverseBytes32(u)
	}
	return u
}

func load64(b []byte, big bool) uint64 {
	u := binary.LittleEndian.Uint64(b)
	if big {
		u = bits.ReverseBytes64(u)
	}
	return u
}

// half widens an IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
func half(h uint16) float64 {
	exp, frac := int(h>>10&0x1f), float64(h&0x3ff)
	var v float64
	switch exp {
	case 0:
		v = math.Ldexp(frac, -24)
	case 31:
		v = math.Inf(1)
		if frac != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+frac, exp-25)
	}
	if h>>15 == 1 {
		v = -v
	}
	return v
}
