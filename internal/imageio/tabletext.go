package imageio

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// plainText returns the characters of a text file as UTF-8 without a byte order mark, and
// tells whether they were UTF-16.
func plainText(r io.Reader) (text *bufio.Reader, wide bool, err error) {
	b := bufio.NewReaderSize(r, bufferBytes)
	head, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	order := wideOrder(head)
	if order == nil {
		if bytes.HasPrefix(head, []byte("\ufeff")) {
			b.Discard(3)
		}
		return b, false, nil
	}
	if b0 := order.Uint16(head); b0 == 0xfeff {
		b.Discard(2)
	}
	return bufio.NewReader(&wideReader{r: b, order: order}), true, nil
}

// wideOrder is the byte order of UTF-16 text, known by its byte order mark or by two
// characters whose other bytes are 0; nil for other text.
func wideOrder(head []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return binary.LittleEndian
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return binary.BigEndian
	case len(head) == 4 && head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return binary.LittleEndian
	case len(head) == 4 && head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return binary.BigEndian
	}
	return nil
}

var errBinary = errors.New("binary data of an unknown format: want text (CSV), npy, npz or FITS")

// isBinary tells whether the beginning of a file is no text.
func isBinary(head []byte) bool {
	return wideOrder(head[:min(4, len(head))]) == nil && bytes.IndexByte(head, 0) >= 0
}

// wideReader turns UTF-16 into UTF-8.
type wideReader struct {
	r     *bufio.Reader
	order binary.ByteOrder
	out   []byte // what is not yet read of it
	buf   []byte
}

func (w *wideReader) Read(p []byte) (int, error) {
	for len(w.out) == 0 {
		w.out = w.buf[:0]
		var pair [2]byte
		for len(w.out) < 4096 {
			if _, err := io.ReadFull(w.r, pair[:]); err != nil {
				if len(w.out) > 0 {
					break
				}
				if err == io.ErrUnexpectedEOF {
					err = fmt.Errorf("UTF-16 text of an odd number of bytes")
				}
				return 0, err
			}
			c := rune(w.order.Uint16(pair[:]))
			if utf16.IsSurrogate(c) {
				if next, err := w.r.Peek(2); err == nil {
					if both := utf16.DecodeRune(c, rune(w.order.Uint16(next))); both != utf8.RuneError {
						w.r.Discard(2)
						c = both
					}
				}
			}
			w.out = utf8.AppendRune(w.out, c)
		}
		w.buf = w.out
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// longestLine is that of 10 million samples, one a column; what is longer is hardly text.
const longestLine = 256 << 20

// longestLineOf is the most bytes of a line of a file: a few bytes may unpack to gigabytes.
func longestLineOf(r io.ReaderAt) int {
	if o, ok := r.(*opened); ok && o.gzip {
		if st, err := o.file.Stat(); err == nil {
			return int(min(longestLine, max(4<<20, st.Size())))
		}
	}
	return longestLine
}

// textLines reads lines that end with \n, \r\n or \r alone.
type textLines struct {
	r       *bufio.Reader
	longest int    // bytes of a line
	buf     []byte // a line that does not lie in the buffer of r
	skip    bool   // the last line ended with \r: a \n belongs to it
}

var errLongLine = errors.New("longer than the longest line of a table: not a table")

// next returns a line, which the next call overwrites, or io.EOF.
func (l *textLines) next() ([]byte, error) {
	l.buf = l.buf[:0]
	for {
		if _, err := l.r.Peek(1); err != nil {
			if err == io.EOF && len(l.buf) > 0 {
				return l.buf, nil
			}
			return nil, err
		}
		chunk, _ := l.r.Peek(l.r.Buffered())
		if l.skip {
			l.skip = false
			if chunk[0] == '\n' {
				l.r.Discard(1)
				continue
			}
		}
		end := bytes.IndexByte(chunk, '\n')
		if end >= 0 {
			chunk = chunk[:end]
		}
		if i := bytes.IndexByte(chunk, '\r'); i >= 0 {
			chunk, end, l.skip = chunk[:i], i, true
		}
		if len(l.buf)+len(chunk) > l.longest {
			return nil, errLongLine
		}
		if end >= 0 && len(l.buf) == 0 { // chunk stays as it is until the next Peek
			l.r.Discard(end + 1)
			return chunk, nil
		}
		if more := len(l.buf) + len(chunk); more > cap(l.buf) {
			l.buf = append(make([]byte, 0, 2*more), l.buf...) // a few times for a long line
		}
		l.buf = append(l.buf, chunk...)
		l.r.Discard(len(chunk))
		if end >= 0 {
			l.r.Discard(1)
			return l.buf, nil
		}
	}
}

// separatorOf is what parts the fields of a line: a tab, a semicolon or a comma outside of
// quotes, the first of them that the line has, else blanks. A tab beside a comma or a
// semicolon is a blank, and a comma in a line with tabs or semicolons a decimal comma. A
// line between bars has bars.
func separatorOf(line []byte) byte {
	if len(line) > 2 && line[0] == '|' && line[len(line)-1] == '|' {
		return '|'
	}
	var found [3]bool
	quoted := false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\t':
			before, after := bytes.TrimSpace(line[:i]), bytes.TrimSpace(line[i:])
			beside := len(before) > 0 && isOneOf(before[len(before)-1], ",;") || len(after) > 0 && isOneOf(after[0], ",;")
			found[0] = found[0] || !beside
		case c == ';':
			found[1] = true
		case c == ',':
			found[2] = true
		}
	}
	for i, c := range []byte("\t;,") {
		if found[i] {
			return c
		}
	}
	return ' '
}

func isOneOf(c byte, set string) bool { return strings.IndexByte(set, c) >= 0 }

// separatorName is how messages call a separator.
func separatorName(c byte) string {
	switch c {
	case '\t':
		return "tabs"
	case ';':
		return "semicolons"
	case ',':
		return "commas"
	case '|':
		return "bars"
	}
	return "blanks"
}
