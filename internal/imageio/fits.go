package imageio

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"
)

// unit is one header-data unit of a FITS file.
type unit struct {
	index     int
	header    Header // all cards, END excluded
	extension string // XTENSION; "" for the primary
	bitpix    int
	axes      []int  // NAXIS1 first: the fastest axis first
	begin     int64  // byte offset of the header
	data      int64  // byte offset of the data
	bytes     int64  // of the data, without padding
	tiles     *tiles // the unit is a table with the tiles of the image that the other fields describe; nil = no
	damaged   error  // why the tiles cannot be read
}

// image tells whether the unit holds a plain array with pixels in it.
func (u *unit) image() bool {
	n, _ := product(u.axes)
	return len(u.axes) > 0 && n > 0 && u.array() && u.damaged == nil
}

// array tells whether the data are NAXIS numbers and no more. The standard wants
// PCOUNT = 0 and GCOUNT = 1 of those, so they need not be asked.
func (u *unit) array() bool {
	return u.extension == "IMAGE" || u.extension == "" && !u.groups()
}

// groups: the random groups of radio interferometry, NAXIS1 = 0 and GROUPS = T.
func (u *unit) groups() bool {
	v, _ := u.header.Get("GROUPS")
	return v == "T"
}

func (u *unit) name() string {
	v, _ := u.header.Get("EXTNAME")
	return strings.ToUpper(v)
}

// readUnit reads the header at the offset and checks the data size against the
// size of the file.
func readUnit(r io.ReaderAt, offset, size int64, index int) (*unit, error) {
	u := &unit{index: index, begin: offset}
	block := make([]byte, blockBytes)
	var end bool
	for at := offset; !end; at += blockBytes {
		if at-offset > longestHeader {
			return nil, fmt.Errorf("FITS header %d: no END card in %d bytes", index, longestHeader)
		}
		if n, err := r.ReadAt(block, at); n < blockBytes {
			return nil, fmt.Errorf("FITS header %d: no END card before the end of the file (%w)", index, err)
		}
		for i := 0; i < blockBytes; i += cardBytes {
			c := normal(Card(block[i : i+cardBytes]))
			if c[:8] == "END     " {
				end = true
				break
			}
			u.header = append(u.header, c)
		}
		u.data = at + blockBytes
	}
	if index > 0 {
		u.extension, _ = u.header.Get("XTENSION")
	}
	need := func(key string) (int64, error) {
		c, ok := u.header.card(key)
		if !ok {
			return 0, fmt.Errorf("FITS header %d has no %s", index, key)
		}
		return c.integer()
	}
	bitpix, err := need("BITPIX")
	if err != nil {
		return nil, err
	}
	switch bitpix {
	case 8, 16, 32, 64, -32, -64:
		u.bitpix = int(bitpix)
	default:
		return nil, fmt.Errorf("FITS header %d: BITPIX = %d, want 8, 16, 32, 64, -32 or -64", index, bitpix)
	}
	naxis, err := need("NAXIS")
	if err != nil {
		return nil, err
	}
	if naxis < 0 || naxis > 999 {
		return nil, fmt.Errorf("FITS header %d: NAXIS = %d, want 0 to 999", index, naxis)
	}
	// The cards are there in full, so axes cannot be longer than the header is.
	for i := int64(1); i <= naxis; i++ {
		n, err := need("NAXIS" + strconv.FormatInt(i, 10))
		if err != nil {
			return nil, err
		}
		u.axes = append(u.axes, int(n))
	}
	if err := u.measure(); err != nil {
		return nil, fmt.Errorf("FITS header %d: %w", index, err)
	}
	if u.bytes > size-u.data {
		return nil, fmt.Errorf("FITS header %d announces %d bytes of data (BITPIX %d, axes %s), the file holds %d", index, u.bytes, u.bitpix, shapeString(u.axes), max(0, size-u.data))
	}
	if v, _ := u.header.Get("ZIMAGE"); v == "T" {
		u.damaged = u.compressedImage()
	}
	return u, nil
}

// measure sets the data size: |BITPIX|/8 * GCOUNT * (PCOUNT + product of the axes).
func (u *unit) measure() error {
	if len(u.axes) == 0 {
		return nil
	}
	axes := u.axes
	if u.groups() {
		axes = axes[1:]
	}
	count, err := product(axes)
	if err != nil {
		return err
	}
	width := int64(max(u.bitpix, -u.bitpix) / 8)
	total := int64(count)
	for _, key := range []string{"PCOUNT", "GCOUNT"} {
		c, ok := u.header.card(key)
		if !ok || u.array() {
			continue
		}
		v, err := c.integer()
		if err != nil {
			return err
		}
		if v < 0 || v > math.MaxInt64/1024 || key == "GCOUNT" && v > 0 && total > math.MaxInt64/64/v {
			return fmt.Errorf("%s = %d", key, v)
		}
		if key == "PCOUNT" {
			total += v
		} else {
			total *= v
		}
	}
	if total > math.MaxInt64/16 {
		return fmt.Errorf("axes %s are too large for any file", shapeString(u.axes))
	}
	u.bytes = total * width
	return nil
}

// units walks over the units of a file, up to the first that cannot be read.
func units(r io.ReaderAt, size int64) iter.Seq2[*unit, error] {
	return func(yield func(*unit, error) bool) {
		for offset, i := int64(0), 0; offset < size; i++ {
			// The standard allows other records after the last unit.
			var start [8]byte
			if r.ReadAt(start[:], offset); i > 0 && string(start[:]) != "XTENSION" {
				return
			}
			u, err := readUnit(r, offset, size, i)
			if !yield(u, err) || err != nil {
				return
			}
			offset = u.data + (u.bytes+blockBytes-1)/blockBytes*blockBytes
		}
	}
}

// called tells whether the unit is one that is wanted: "2" = by its index, "SCI" or
// "SCI,2" = by EXTNAME and EXTVER, "" = any.
func (u *unit) called(want string) bool {
	if want == "" {
		return true
	}
	name, version, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(want)), ",")
	if index, err := strconv.Atoi(name); err == nil && version == "" {
		return index == u.index
	}
	v, ok := u.header.Get("EXTVER")
	return u.name() == name && (version == "" || v == version || !ok && version == "1") || u.index == 0 && name == "PRIMARY"
}

// picture tells whether the unit holds an image of two axes or more, those of length 1 not
// counted unless there are no others.
func (u *unit) picture() bool {
	long := 0
	for _, n := range u.axes {
		if n > 1 {
			long++
		}
	}
	return u.image() && len(u.axes) > 1 && (long > 1 || len(u.axes) == 2 || long == 0)
}

// findUnit walks the file to the unit wanted or, if none is, to the science plane: the first
// image called SCI, else the first image. It returns the primary unit too.
func findUnit(r io.ReaderAt, size int64, want string) (found, primary *unit, err error) {
	var seen []string
	var damaged error
	var line *unit
	for u, err := range units(r, size) {
		if err != nil {
			if found != nil {
				break // what follows the image is not needed
			}
			return nil, nil, err
		}
		if u.index == 0 {
			primary = u
		}
		switch {
		case want != "" && !u.called(want):
		case want != "" && u.damaged != nil:
			return nil, nil, u.damaged
		case want != "" && !u.image():
			return nil, nil, fmt.Errorf("HDU [%s] is %s, not an image", shortened(want), u.describe())
		case want != "":
			return u, primary, nil
		case found == nil && line == nil && u.image() && !u.picture():
			line = u // only one axis is long
		case u.picture() && (found == nil || u.name() == science):
			if found = u; u.name() == science {
				return found, primary, nil
			}
		}
		if damaged == nil {
			damaged = u.damaged
		}
		seen = append(seen, u.listed())
	}
	if found == nil {
		found = line
	}
	if found != nil {
		return found, primary, nil
	}
	what := "no image in this FITS file"
	if want != "" {
		what = fmt.Sprintf("no HDU [%s] in this FITS file", shortened(want))
	}
	what += "; it has " + Listed(seen)
	if damaged != nil {
		return nil, nil, fmt.Errorf("%s; %w", what, damaged)
	}
	return nil, nil, errors.New(what)
}

// science is the EXTNAME of the plane that holds the picture, with observatories that write
// several planes.
const science = "SCI"

// listed is how messages list the unit among others.
func (u *unit) listed() string { return fmt.Sprintf("[%d] %s", u.index, u.describe()) }

func (u *unit) describe() string {
	s := "primary"
	if u.extension != "" {
		s = shortened(u.extension)
	}
	if n := u.name(); n != "" {
		s += " " + shortened(n)
	}
	if len(u.axes) == 0 {
		return s + " without data"
	}
	return s + " " + shapeString(reversed(u.axes))
}

func reversed(a []int) []int {
	out := make([]int, len(a))
	for i, v := range a {
		out[len(a)-1-i] = v
	}
	return out
}
