package imageio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

const npyMagic = "\x93NUMPY"

// npyHeader is what the text at the start of an npy file says.
type npyHeader struct {
	descr   string // "<f8"
	fortran bool
	shape   []int
	count   int   // product of shape
	offset  int64 // of the first element
	size    int   // bytes per element
	typ     string
	decode  decoder
	fields  []recordField // of an array of records; nil of an array of numbers
}

// parseNpyHeader reads the header and checks that the data it announces fit into
// the size bytes there are.
func parseNpyHeader(r io.ReaderAt, size int64) (*npyHeader, error) {
	return parseNpyOf(r, size, false)
}

// parseNpyRecords also takes arrays of records.
func parseNpyRecords(r io.ReaderAt, size int64) (*npyHeader, error) {
	return parseNpyOf(r, size, true)
}

func parseNpyOf(r io.ReaderAt, size int64, records bool) (*npyHeader, error) {
	// numpy itself refuses to evaluate headers above 10 kB unless told otherwise.
	const longest = 1 << 20
	var pre [12]byte
	n, _ := r.ReadAt(pre[:], 0)
	if n < 10 || string(pre[:6]) != npyMagic {
		return nil, errors.New("not an npy file")
	}
	var length, start int64
	switch major := pre[6]; {
	case major == 1:
		start, length = 10, int64(binary.LittleEndian.Uint16(pre[8:]))
	case (major == 2 || major == 3) && n == 12:
		start, length = 12, int64(binary.LittleEndian.Uint32(pre[8:]))
	case major == 2 || major == 3:
		return nil, errors.New("truncated npy header")
	default:
		return nil, fmt.Errorf("npy version %d.%d, want 1, 2 or 3", major, pre[7])
	}
	if length > longest || start+length > size {
		return nil, fmt.Errorf("npy header of %d bytes in a file of %d", length, size)
	}
	text := make([]byte, length)
	if got, err := r.ReadAt(text, start); got < len(text) {
		return nil, fmt.Errorf("truncated npy header: %w", err)
	}
	h := &npyHeader{offset: start + length}
	if err := h.parseDict(string(text)); err != nil {
		return nil, fmt.Errorf("npy header: %w", err)
	}
	if h.fields != nil && !records {
		return nil, errors.New("npy header: structured type: save one field of it as a plain array")
	}
	if h.fields == nil {
		if err := h.resolveType(); err != nil {
			return nil, err
		}
	}
	var err error
	if h.count, err = product(h.shape); err != nil {
		return nil, err
	}
	if have := (size - h.offset) / int64(h.size); int64(h.count) > have {
		return nil, fmt.Errorf("shape %s of %s needs %d elements, the file holds %d", shapeString(h.shape), h.typ, h.count, have)
	}
	return h, nil
}

// parseDict reads the Python literal {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }.
func (h *npyHeader) parseDict(text string) error {
	p := literal{rest: strings.TrimRight(text, " \n\x00")}
	p.want("{")
	seen := map[string]bool{}
	for p.err == nil && !p.take("}") {
		key := p.str()
		p.want(":")
		if p.err == nil && seen[key] {
			return fmt.Errorf("key %s twice", Quoted(key))
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek() == '[' {
				h.fields, h.size = p.fields(0)
				h.typ = "records"
				if p.err == nil && h.size == 0 {
					return errors.New("records of no bytes")
				}
				break
			}
			h.descr = p.str()
		case "fortran_order":
			h.fortran = p.boolean()
		case "shape":
			h.shape = p.tuple()
		default:
			if p.err == nil {
				return fmt.Errorf("unknown key %s", Quoted(key))
			}
		}
		if !p.take(",") && p.peek() != '}' {
			p.fail("a comma or '}'")
		}
	}
	if p.err != nil {
		return p.err
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return fmt.Errorf("no %q", key)
		}
	}
	return nil
}

// resolveType turns descr into an element size, a name and a decoder.
func (h *npyHeader) resolveType() error {
	d := h.descr
	if len(d) < 3 || !strings.ContainsRune("<>=|", rune(d[0])) {
		return fmt.Errorf("npy type %s is not a number type", Quoted(d))
	}
	big := d[0] == '>'
	bytes, err := strconv.Atoi(d[2:])
	if err != nil {
		return fmt.Errorf("npy type %s is not a number type", Quoted(d))
	}
	h.size = bytes
	switch {
	case d[1] == 'f' && bytes == 8:
		h.decode = decodeF64(big)
	case d[1] == 'f' && bytes == 4:
		h.decode = decodeF32(big)
	case d[1] == 'f' && bytes == 2:
		h.decode = decodeF16(big)
	case (d[1] == 'i' || d[1] == 'u') && (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8):
		h.decode = decodeInt(bytes, d[1] == 'i', big)
	case d[1] == 'b' && bytes == 1:
		h.decode = decodeInt(1, false, false)
		h.typ = "bool"
		return nil
	case d[1] == 'O':
		return fmt.Errorf("npy type %s holds Python objects, not numbers", Quoted(d))
	case d[1] == 'c':
		return fmt.Errorf("npy type %s is complex; save the real part or the modulus", Quoted(d))
	default:
		return fmt.Errorf("npy type %s is not supported (float16/32/64, int and uint 8-64, bool are)", Quoted(d))
	}
	h.typ = map[byte]string{'f': "float", 'i': "int", 'u': "uint"}[d[1]] + strconv.Itoa(8*bytes)
	return nil
}

// literal scans the few kinds of Python literal an npy header has. After the first
// error every method is a no-op.
type literal struct {
	rest string
	err  error
}

func (p *literal) fail(want string) {
	if p.err == nil {
		at := p.rest
		if len(at) > 20 {
			at = at[:20] + "..."
		}
		p.err = fmt.Errorf("want %s at %q", want, at)
	}
}

func (p *literal) peek() byte {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	if p.err != nil || p.rest == "" {
		return 0
	}
	return p.rest[0]
}

func (p *literal) take(tok string) bool {
	if p.peek() != 0 && strings.HasPrefix(p.rest, tok) {
		p.rest = p.rest[len(tok):]
		return true
	}
	return false
}

func (p *literal) want(tok string) {
	if !p.take(tok) {
		p.fail("'" + tok + "'")
	}
}

func (p *literal) str() string {
	q := p.peek()
	if q != '\'' && q != '"' {
		p.fail("a string")
		return ""
	}
	end := strings.IndexByte(p.rest[1:], q)
	if end < 0 {
		p.fail("the end of a string")
		return ""
	}
	s := p.rest[1 : 1+end]
	p.rest = p.rest[end+2:]
	return s
}

// fields reads the list [('x', '<f8'), ('name', '<U10'), ('c', '<f4', (3,))] of the fields
// of a record, and returns the bytes of one. Lists may hold lists, at most 8 deep.
func (p *literal) fields(depth int) (list []recordField, size int) {
	if depth > 8 {
		p.fail("fewer records in records")
	}
	p.want("[")
	list = []recordField{}
	for p.err == nil && !p.take("]") {
		p.want("(")
		f := recordField{offset: size, scale: 1, null: math.NaN()}
		if p.take("(") { // a title before the name
			p.str()
			p.want(",")
			f.name = p.str()
			p.want(")")
		} else {
			f.name = p.str()
		}
		p.want(",")
		if p.peek() == '[' {
			_, f.size = p.fields(depth + 1)
		} else if descr := p.str(); p.err == nil {
			var err error
			if f.size, f.decode, err = recordType(descr); err != nil {
				p.err = fmt.Errorf("field %q: %w", f.name, err)
			}
		}
		count := 1
		if p.take(",") && p.peek() != ')' {
			shape := p.shape()
			f.decode = nil
			var err error
			if count, err = product(shape); err != nil && p.err == nil {
				p.err = err
			}
		}
		p.want(")")
		if p.err == nil && (count > 0 && f.size > math.MaxInt32/count || size > math.MaxInt32-f.size*count) {
			p.err = errors.New("records of more than 2 GB")
		}
		size += f.size * count
		if len(list) > 10000 {
			p.fail("at most 10000 fields")
		}
		list = append(list, f)
		if !p.take(",") && p.peek() != ']' {
			p.fail("a comma or ']'")
		}
	}
	return list, size
}

// shape reads (3,) or 3.
func (p *literal) shape() []int {
	if p.peek() == '(' {
		return p.tuple()
	}
	n := 0
	for n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
		n++
	}
	v, err := strconv.Atoi(p.rest[:n])
	if err != nil {
		p.fail("the shape of a field")
		return nil
	}
	p.rest = p.rest[n:]
	return []int{v}
}

func (p *literal) boolean() bool {
	if p.take("True") {
		return true
	}
	if !p.take("False") {
		p.fail("True or False")
	}
	return false
}

func (p *literal) tuple() []int {
	p.want("(")
	shape := []int{}
	for p.err == nil && !p.take(")") {
		p.peek()
		n := 0
		for n < len(p.rest) && (p.rest[n] == '-' || p.rest[n] >= '0' && p.rest[n] <= '9') {
			n++
		}
		v, err := strconv.Atoi(p.rest[:n])
		if err != nil || len(shape) == 32 {
			p.fail("at most 32 axis lengths")
			return nil
		}
		p.rest = p.rest[n:]
		p.take("L") // Python 2 wrote long integers so
		shape = append(shape, v)
		if !p.take(",") && p.peek() != ')' {
			p.fail("a comma or ')'")
		}
	}
	return shape
}

// product multiplies the axis lengths, refusing negative ones and anything whose
// float64 copy could not be addressed.
func product(shape []int) (int, error) {
	n := 1
	empty := false
	for _, s := range shape {
		if s < 0 {
			return 0, fmt.Errorf("shape %s has a negative length", shapeString(shape))
		}
		if s == 0 {
			empty = true
			continue
		}
		if n > math.MaxInt/16/s {
			return 0, fmt.Errorf("shape %s is too large for any memory", shapeString(shape))
		}
		n *= s
	}
	if empty {
		return 0, nil
	}
	return n, nil
}

func shapeString(shape []int) string {
	parts := make([]string, len(shape))
	for i, s := range shape {
		parts[i] = strconv.Itoa(s)
	}
	if len(parts) == 1 {
		return "(" + parts[0] + ",)"
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
