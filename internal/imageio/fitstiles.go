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

// tiles is an image that is stored in tiles, each compressed for itself, in the rows of a
// binary table (FITS Standard 4.0, section 10). Lists that count axes have the fastest axis
// first.
type tiles struct {
	axes, size []int // ZNAXISn, ZTILEn
	bitpix     int   // ZBITPIX: of the image's numbers
	algorithm  string
	block      int  // RICE_1: numbers in a block
	bytepix    int  // RICE_1: bytes of a number that was compressed
	smooth     bool // HCOMPRESS_1
	quantised  bool // ZSCALE and ZZERO: integers stand for real numbers
	dither     int  // 0 = none, 1 or 2: SUBTRACTIVE_DITHER_1 or 2
	seed       int  // ZDITHER0
	null       int64

	width       int   // bytes of a row of the table
	count       int   // rows = tiles
	data        int64 // offset of the table
	heap, bytes int64 // offset and length of what the descriptors point into

	// Columns; offset -1 where the table has none.
	packed, gzipped, plain tileColumn
	scale, zero, blank     tileColumn

	fixedScale, fixedZero float64 // where these are cards and not columns
}

// tileColumn is one column of the table.
type tileColumn struct {
	offset int  // bytes into the row; -1 = there is none
	kind   byte // of the element: B, I, J, K, E or D
	wide   bool // a descriptor of 64 bits, Q
}

// compressedImage turns the unit, a table of tiles, into the image that it stands for.
func (u *unit) compressedImage() error {
	h := &cardReader{header: u.header}
	t := &tiles{
		bitpix: h.integer("ZBITPIX", 0), count: 0, data: u.data,
		seed: h.integer("ZDITHER0", 1), null: math.MinInt32 + 1,
		algorithm: strings.ToUpper(h.text("ZCMPTYPE")), block: 32, bytepix: 4,
	}
	naxis := h.integer("ZNAXIS", -1)
	if h.err == nil && (naxis < 1 || naxis > 999) {
		h.err = fmt.Errorf("ZNAXIS = %d", naxis)
	}
	pixels := 1
	for i := 1; h.err == nil && i <= naxis; i++ {
		n := h.integer("ZNAXIS"+strconv.Itoa(i), -1)
		whole := 1
		if i == 1 {
			whole = n // a tile is one row where nothing is said
		}
		side := h.integer("ZTILE"+strconv.Itoa(i), whole)
		if h.err == nil && (n < 1 || side < 1) {
			h.err = fmt.Errorf("axis %d has ZNAXIS %d and ZTILE %d", i, n, side)
		}
		t.axes, t.size = append(t.axes, n), append(t.size, min(side, n))
		pixels *= (max(n, 1) + max(side, 1) - 1) / max(side, 1)
	}
	if h.err == nil {
		_, h.err = product(t.axes)
	}
	if t.algorithm == "RICE_ONE" {
		t.algorithm = "RICE_1" // an earlier name
	}
	t.parameters(h)
	if h.err == nil {
		h.err = t.table(u, h, pixels)
	}
	if h.err == nil {
		h.err = t.check()
	}
	if h.err != nil {
		return fmt.Errorf("tile-compressed HDU [%d]: %w", u.index, h.err)
	}
	u.tiles, u.bitpix, u.axes, u.extension = t, t.bitpix, t.axes, "IMAGE"
	u.header = uncompressedHeader(u.header)
	return nil
}

// parameters reads ZNAMEn = ZVALn and how real numbers were made integers.
func (t *tiles) parameters(h *cardReader) {
	for i := 1; i <= 9; i++ {
		value := "ZVAL" + strconv.Itoa(i)
		switch strings.ToUpper(h.text("ZNAME" + strconv.Itoa(i))) {
		case "BLOCKSIZE":
			t.block = h.integer(value, t.block)
		case "BYTEPIX":
			t.bytepix = h.integer(value, t.bytepix)
		case "SMOOTH":
			t.smooth = h.integer(value, 0) != 0
		}
	}
	switch strings.ToUpper(h.text("ZQUANTIZ")) {
	case "SUBTRACTIVE_DITHER_1":
		t.dither = 1
	case "SUBTRACTIVE_DITHER_2":
		t.dither = 2
	}
	if _, ok := h.header.Get("ZBLANK"); ok {
		t.null = int64(h.integer("ZBLANK", 0))
	}
}

// table reads how the rows of the table are made.
func (t *tiles) table(u *unit, h *cardReader, want int) error {
	if u.extension != "BINTABLE" || len(u.axes) != 2 || u.bitpix != 8 {
		return errors.New("ZIMAGE stands in an HDU that is no binary table")
	}
	t.width, t.count = u.axes[0], u.axes[1]
	if t.count < want {
		return fmt.Errorf("the table has %d rows, the image of %s in tiles of %s has %d tiles", t.count, shapeString(reversed(t.axes)), shapeString(reversed(t.size)), want)
	}
	table := int64(t.width) * int64(t.count)
	start := int64(h.integer("THEAP", int(table)))
	if h.err != nil || start < table || start > u.bytes {
		return fmt.Errorf("THEAP = %d in an HDU of %d bytes: %w", start, u.bytes, errors.Join(h.err, errors.New("want the heap behind the table")))
	}
	t.heap, t.bytes = u.data+start, u.bytes-start
	none := tileColumn{offset: -1}
	t.packed, t.gzipped, t.plain, t.scale, t.zero, t.blank = none, none, none, none, none, none
	offset := 0
	for i := 1; i <= h.integer("TFIELDS", 0); i++ {
		key := strconv.Itoa(i)
		c, size, err := newTileColumn(h.text("TFORM"+key), offset)
		if err != nil {
			return fmt.Errorf("TFORM%d: %w", i, err)
		}
		switch strings.ToUpper(h.text("TTYPE" + key)) {
		case "COMPRESSED_DATA":
			t.packed = c
		case "GZIP_COMPRESSED_DATA":
			t.gzipped = c
		case "UNCOMPRESSED_DATA":
			t.plain = c
		case "ZSCALE":
			t.scale = c
		case "ZZERO":
			t.zero = c
		case "ZBLANK":
			t.blank = c
		}
		offset += size
	}
	if offset > t.width {
		return fmt.Errorf("columns of %d bytes in rows of %d", offset, t.width)
	}
	_, scaled := h.header.Get("ZSCALE")
	t.fixedScale, t.fixedZero = h.number("ZSCALE", 1), h.number("ZZERO", 0)
	t.quantised = t.bitpix < 0 && (t.scale.offset >= 0 || scaled)
	return h.err
}

// newTileColumn reads a TFORM such as 1PB(1024), 1QI or 1D; size is its bytes in a row.
func newTileColumn(form string, offset int) (c tileColumn, size int, err error) {
	digits := 0
	for digits < len(form) && form[digits] >= '0' && form[digits] <= '9' {
		digits++
	}
	repeat := 1
	if digits > 0 {
		if repeat, err = strconv.Atoi(form[:digits]); err != nil || repeat > 1<<20 {
			return c, 0, fmt.Errorf("%q", form)
		}
	}
	if digits == len(form) {
		return c, 0, fmt.Errorf("%q", form)
	}
	c = tileColumn{offset: offset, kind: form[digits]}
	switch c.kind {
	case 'P', 'Q':
		c.wide = c.kind == 'Q'
		size = 8
		if c.wide {
			size = 16
		}
		if repeat > 1 || digits+1 == len(form) {
			return c, 0, fmt.Errorf("%q, want 1P or 1Q and a type", form)
		}
		c.kind = form[digits+1]
		return c, repeat * size, nil
	}
	size = map[byte]int{'L': 1, 'B': 1, 'A': 1, 'I': 2, 'J': 4, 'K': 8, 'E': 4, 'D': 8}[c.kind]
	if size == 0 {
		return c, 0, fmt.Errorf("%q", form)
	}
	return c, repeat * size, nil
}

// check refuses what no decoder here knows.
func (t *tiles) check() error {
	switch t.bitpix {
	case 8, 16, 32, 64, -32, -64:
	default:
		return fmt.Errorf("ZBITPIX = %d, want 8, 16, 32, 64, -32 or -64", t.bitpix)
	}
	if t.packed.offset < 0 && t.gzipped.offset < 0 && t.plain.offset < 0 {
		return errors.New("no column COMPRESSED_DATA")
	}
	switch t.algorithm {
	case "RICE_1":
		if t.block < 1 || t.block > 1024 || t.bytepix != 1 && t.bytepix != 2 && t.bytepix != 4 {
			return fmt.Errorf("%s with BLOCKSIZE %d and BYTEPIX %d, want BYTEPIX 1, 2 or 4", t.algorithm, t.block, t.bytepix)
		}
	case "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS":
	default:
		return fmt.Errorf("ZCMPTYPE = %q, want RICE_1, GZIP_1, GZIP_2, PLIO_1 or HCOMPRESS_1", t.algorithm)
	}
	if t.bitpix < 0 && !t.quantised && strings.HasPrefix(t.algorithm, "RICE") {
		return fmt.Errorf("%s of real numbers without ZSCALE and ZZERO", t.algorithm)
	}
	return nil
}

// plausible refuses an image that is too large for its compressed tiles, before memory is
// taken for it. It looks at the rows of the table where the image is much larger than those.
func (t *tiles) plausible(r io.ReaderAt) error {
	const small = 64 << 20
	pixels, _ := product(t.axes)
	if int64(pixels) <= (small+2*t.bytes)/8 {
		return nil
	}
	// Pixels that a byte can stand for. Deflate makes at most 1032 bytes of one; a block of
	// Rice's method has three bits or more; the others have no bound, and this is generous.
	most := int64(4096)
	switch t.algorithm {
	case "GZIP_1", "GZIP_2", "NOCOMPRESS":
		most = 1032
	case "RICE_1":
		most = int64(8*t.block/3 + 1)
	}
	n := int64(1)
	for _, side := range t.size {
		n *= int64(side)
	}
	held, left := int64(0), t.bytes
	for i := range t.count {
		row, err := t.readRow(r, i)
		if err != nil {
			return err
		}
		bytes := min(max(row.packed.count, row.gzipped.count, row.plain.count), left)
		left -= bytes
		held += min(bytes*most, n)
		if held >= int64(pixels) {
			return nil
		}
	}
	return fmt.Errorf("%s in tiles of %s are %d pixels, and the compressed tiles hold at most %d", shapeString(reversed(t.axes)), shapeString(reversed(t.size)), pixels, held)
}

// uncompressedHeader is the header of the image, without the cards of the table.
func uncompressedHeader(h Header) Header {
	var out Header
	blank := false
	for _, c := range h {
		blank = blank || c.Key() == "BLANK"
	}
	for _, c := range h {
		key := c.Key()
		stem := strings.TrimRight(key, "0123456789")
		switch stem {
		case "ZIMAGE", "ZCMPTYPE", "ZBITPIX", "ZNAXIS", "ZTILE", "ZNAME", "ZVAL", "ZQUANTIZ", "ZDITHER", "ZSCALE", "ZZERO", "ZMASKCMP",
			"ZSIMPLE", "ZTENSION", "ZEXTEND", "ZBLOCKED", "ZPCOUNT", "ZGCOUNT", "ZHECKSUM", "ZDATASUM",
			"TFIELDS", "TTYPE", "TFORM", "TUNIT", "TDIM", "TNULL", "TSCAL", "TZERO", "THEAP",
			"BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "XTENSION":
			continue
		case "ZBLANK":
			if !blank {
				out = append(out, Card(fmt.Sprintf("%-80s", fmt.Sprintf("BLANK   = %20s", c.Value()))))
			}
			continue
		case "EXTNAME":
			if c.Value() == "COMPRESSED_IMAGE" {
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// cardReader reads cards, and keeps the first error.
type cardReader struct {
	header Header
	err    error
}

func (h *cardReader) text(key string) string {
	v, _ := h.header.Get(key)
	return v
}

func (h *cardReader) integer(key string, otherwise int) int {
	c, ok := h.header.card(key)
	if !ok || h.err != nil {
		return otherwise
	}
	v, err := c.integer()
	h.err = err
	return int(v)
}

func (h *cardReader) number(key string, otherwise float64) float64 {
	c, ok := h.header.card(key)
	if !ok || h.err != nil {
		return otherwise
	}
	v, err := c.number()
	h.err = err
	return v
}

// row is what the table says of one tile.
type tileRow struct {
	packed, gzipped, plain descriptor
	scale, zero            float64
	null                   int64
}

// descriptor is a run of elements in the heap.
type descriptor struct{ count, offset int64 }

// readRow reads a row of the table.
func (t *tiles) readRow(r io.ReaderAt, i int) (row tileRow, err error) {
	buf := make([]byte, t.width)
	if got, err := r.ReadAt(buf, t.data+int64(i)*int64(t.width)); got < len(buf) {
		return row, fmt.Errorf("tile %d: the table ends: %w", i, err)
	}
	descriptorOf := func(c tileColumn) (d descriptor) {
		switch b := buf[max(c.offset, 0):]; {
		case c.offset < 0:
		case c.wide:
			d = descriptor{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}
		default:
			d = descriptor{int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:]))}
		}
		return d
	}
	numberOf := func(c tileColumn, otherwise float64) float64 {
		switch b := buf[max(c.offset, 0):]; {
		case c.offset < 0:
			return otherwise
		case c.kind == 'E':
			return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
		case c.kind == 'D':
			return math.Float64frombits(binary.BigEndian.Uint64(b))
		case c.kind == 'J':
			return float64(int32(binary.BigEndian.Uint32(b)))
		}
		return otherwise
	}
	row = tileRow{
		packed: descriptorOf(t.packed), gzipped: descriptorOf(t.gzipped), plain: descriptorOf(t.plain),
		scale: numberOf(t.scale, t.fixedScale), zero: numberOf(t.zero, t.fixedZero),
		null: int64(numberOf(t.blank, float64(t.null))),
	}
	return row, nil
}

// heapBytes reads what a descriptor points to.
func (t *tiles) heapBytes(r io.ReaderAt, c tileColumn, d descriptor) ([]byte, error) {
	size := map[byte]int64{'B': 1, 'L': 1, 'A': 1, 'I': 2, 'J': 4, 'K': 8, 'E': 4, 'D': 8}[c.kind]
	if size == 0 || d.count < 0 || d.offset < 0 || d.count > t.bytes/size || d.offset > t.bytes-d.count*size {
		return nil, fmt.Errorf("%d elements at byte %d of a heap of %d bytes", d.count, d.offset, t.bytes)
	}
	buf := make([]byte, d.count*size)
	if got, err := r.ReadAt(buf, t.heap+d.offset); got < len(buf) {
		return nil, fmt.Errorf("the heap ends: %w", err)
	}
	return buf, nil
}
