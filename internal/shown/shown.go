// Package shown makes text from outside, such as names of files and cards of FITS headers,
// safe to print. A terminal acts on control characters: they move the cursor, change the
// title of the window or hide what was printed before.
package shown

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line is text without control characters, which become escapes of Go such as \x1b or \n.
// So are bytes that are not UTF-8, and the characters that change the direction of writing.
func Line(text string) string { return escaped(text, unsafeInLine) }

// Text is Line, except that line feeds and tabulators stay.
func Text(text string) string {
	return escaped(text, func(r rune) bool { return r != '\n' && r != '\t' && unsafeInLine(r) })
}

func unsafeInLine(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

func escaped(text string, unsafe func(rune) bool) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, unsafe) < 0 {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case unsafe(r):
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Writer passes on Text of all that is written to it. A character must not be divided
// between two calls.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ w io.Writer }

func (w writer) Write(p []byte) (int, error) {
	text := []byte(Text(string(p)))
	if bytes.Equal(text, p) {
		return w.w.Write(p)
	}
	if _, err := w.w.Write(text); err != nil {
		return 0, err
	}
	return len(p), nil
}
