package imageio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

// Array is an N-dimensional array from an npy file, row-major whatever the order
// in the file.
type Array struct {
	Shape []int
	Data  []float64 // product of Shape
	Type  string    // element type in the file: "float32", "uint8", "bool", ...
}

// ReadNpy reads a whole array.
func ReadNpy(path string) (*Array, error) {
	return withNpy(path, func(r io.ReaderAt, h *npyHeader) (*Array, error) {
		if len(h.shape) == 0 {
			return h.readRows(r, 0, 1)
		}
		return h.readRows(r, 0, h.shape[0])
	})
}

// ReadNpyRows reads the rows lo <= i < hi of the first axis. Of a C-ordered file
// nothing else is read.
func ReadNpyRows(path string, lo, hi int) (*Array, error) {
	return withNpy(path, func(r io.ReaderAt, h *npyHeader) (*Array, error) {
		if len(h.shape) == 0 {
			return nil, fmt.Errorf("a single number has no rows")
		}
		if lo < 0 || hi < lo || hi > h.shape[0] {
			return nil, fmt.Errorf("rows %d to %d of an array of shape %s", lo, hi, shapeString(h.shape))
		}
		return h.readRows(r, lo, hi)
	})
}

// StatNpy reads the header alone: Data stays nil.
func StatNpy(path string) (*Array, error) {
	return withNpy(path, func(_ io.ReaderAt, h *npyHeader) (*Array, error) {
		return &Array{Shape: h.shape, Type: h.typ}, nil
	})
}

func withNpy(path string, use func(io.ReaderAt, *npyHeader) (*Array, error)) (*Array, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h, err := parseNpyHeader(f, size)
	if err != nil {
		return nil, fmt.Errorf("imageio: %s: %w", path, err)
	}
	a, err := use(f, h)
	if err != nil {
		return nil, fmt.Errorf("imageio: %s: %w", path, err)
	}
	return a, nil
}

func (h *npyHeader) elements(r io.ReaderAt) *elements {
	return &elements{r: r, base: h.offset, size: h.size, decode: h.decode}
}

func (h *npyHeader) readRows(r io.ReaderAt, lo, hi int) (*Array, error) {
	a := &Array{Shape: append([]int(nil), h.shape...), Type: h.typ}
	if len(a.Shape) > 0 {
		a.Shape[0] = hi - lo
	}
	count, err := product(a.Shape)
	if err == nil {
		err = room(int64(count))
	}
	if err != nil {
		return nil, err
	}
	a.Data = make([]float64, count)
	if count == 0 {
		return a, nil
	}
	first, row := 1, 1 // length of the first axis, elements per row
	if len(h.shape) > 0 {
		first = h.shape[0]
		row = h.count / first
	}
	e := h.elements(r)
	if !h.fortran || len(h.shape) < 2 {
		return a, e.read(int64(lo)*int64(row), a.Data)
	}

	// Fortran order: the first axis is the fastest. k walks the other axes in
	// file order; at is where that column of the first axis starts in the
	// row-major result, kept by counting like an odometer.
	n := len(h.shape)
	step := make([]int, n)
	for i, s := n-1, 1; i >= 0; i-- {
		step[i] = s
		s *= a.Shape[i]
	}
	index := make([]int, n)
	column := make([]float64, hi-lo)
	at := 0
	for k := range row {
		if err := e.read(int64(k)*int64(first)+int64(lo), column); err != nil {
			return nil, err
		}
		for i, v := range column {
			a.Data[at+i*step[0]] = v
		}
		for d := 1; d < n; d++ {
			index[d]++
			at += step[d]
			if index[d] < h.shape[d] {
				break
			}
			at -= index[d] * step[d]
			index[d] = 0
		}
	}
	return a, nil
}

// WriteNpy writes data, row-major, as an npy file of its own element type.
func WriteNpy[T float32 | float64](path string, shape []int, data []T) error {
	n, err := product(shape)
	if err != nil {
		return fmt.Errorf("imageio: writing %s: %w", path, err)
	}
	if n != len(data) {
		return fmt.Errorf("imageio: writing %s: %d values for shape %s", path, len(data), shapeString(shape))
	}
	return WriteAtomic(path, func(w io.Writer) error { return writeNpy(w, shape, data) })
}

func writeNpy[T float32 | float64](w io.Writer, shape []int, data []T) error {
	_, single := any(data).([]float32)
	if _, err := io.WriteString(w, npyHead(shape, single)); err != nil {
		return err
	}
	return writeNpyData(w, data, single)
}

func npyHead(shape []int, single bool) string {
	descr := "<f8"
	if single {
		descr = "<f4"
	}
	// 64: numpy aligns the data so that they can be memory-mapped.
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shapeString(shape))
	pad := (64 - (10+len(text)+1)%64) % 64
	text += strings.Repeat(" ", pad) + "\n"
	head := append([]byte(npyMagic), 1, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(len(text)))
	return string(head) + text
}

func writeNpyData[T float32 | float64](w io.Writer, data []T, single bool) error {
	buf := make([]byte, 0, min(bufferBytes, 8*len(data)))
	for len(data) > 0 {
		n := min(len(data), bufferBytes/8)
		buf = buf[:0]
		if single {
			for _, v := range data[:n] {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(float32(v)))
			}
		} else {
			for _, v := range data[:n] {
				buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(float64(v)))
			}
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
