package imageio

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	cardBytes  = 80
	blockBytes = 2880
	// Real headers are much shorter. Without a limit a large file that only starts like
	// FITS would be read into memory as one header.
	longestHeader = 4000 * blockBytes
	fitsMagic     = "SIMPLE  ="
)

// Card is one line of a FITS header as it is in the file, 80 characters. So cards that this
// package does not interpret are written back unchanged.
type Card string

// Header is the cards of a FITS header in their order, without those that describe how the
// data are stored.
type Header []Card

// normal is a card as the standard wants it: a keyword in capitals, and the value indicator
// in columns 9 and 10. Some cameras and scripts write "bzero   =" or "BZERO= 1"; other
// readers take those as they are meant, and what is written from them must be valid.
func normal(c Card) Card {
	key := strings.ToUpper(strings.TrimRight(string(c[:8]), " "))
	switch key {
	case "COMMENT", "HISTORY", "CONTINUE", "HIERARCH", "":
		return Card(fmt.Sprintf("%-8s%s", key, c[8:]))
	case "END":
		return Card(fmt.Sprintf("%-80s", key))
	}
	at := strings.IndexByte(string(c[:9]), '=')
	if at < 1 || !keyword(strings.TrimRight(string(c[:at]), " ")) {
		return c
	}
	key = strings.ToUpper(strings.TrimRight(string(c[:at]), " "))
	value := string(c[at+1:])
	if !strings.HasPrefix(value, " ") {
		value = " " + value
	}
	if at < 8 {
		value = " " + strings.TrimLeft(value, " ")
	}
	line := fmt.Sprintf("%-80s", fmt.Sprintf("%-8s=%s", key, value))
	if strings.TrimRight(line[cardBytes:], " ") != "" {
		return c // no room for what would move
	}
	return Card(line[:cardBytes])
}

// keyword tells whether a text can be one, in capitals or not.
func keyword(s string) bool {
	for i := range len(s) {
		switch b := s[i]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-', b == '_':
		default:
			return false
		}
	}
	return s != ""
}

// Key is the keyword; "HIERARCH ESO DET GAIN" for the long ones.
func (c Card) Key() string {
	if strings.HasPrefix(string(c), "HIERARCH ") {
		if i := strings.IndexByte(string(c), '='); i > 0 {
			return strings.TrimRight(string(c[:i]), " ")
		}
	}
	return strings.TrimRight(string(c[:min(8, len(c))]), " ")
}

// field is what follows the value indicator, "" if there is none.
func (c Card) field() string {
	if strings.HasPrefix(string(c), "HIERARCH ") {
		_, v, _ := strings.Cut(string(c), "=")
		return v
	}
	if len(c) < 10 || c[8:10] != "= " {
		return ""
	}
	return string(c[10:])
}

// Value is the value without its comment; a string without quotes and trailing
// blanks, two quotes inside it read as one.
func (c Card) Value() string {
	f := strings.TrimLeft(c.field(), " ")
	if !strings.HasPrefix(f, "'") {
		f, _, _ = strings.Cut(f, "/")
		return strings.TrimSpace(f)
	}
	var b strings.Builder
	for i := 1; i < len(f); i++ {
		if f[i] == '\'' {
			if i+1 == len(f) || f[i+1] != '\'' {
				break
			}
			i++
		}
		b.WriteByte(f[i])
	}
	return strings.TrimRight(b.String(), " ")
}

// number reads the value as a real number; FITS may write 1.5D3.
func (c Card) number() (float64, error) {
	v, err := strconv.ParseFloat(strings.Replace(strings.ToUpper(c.Value()), "D", "E", 1), 64)
	if err != nil {
		return 0, fmt.Errorf("FITS card %q: want a number", strings.TrimRight(string(c), " "))
	}
	return v, nil
}

func (c Card) integer() (int64, error) {
	v, err := strconv.ParseInt(c.Value(), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("FITS card %q: want an integer", strings.TrimRight(string(c), " "))
	}
	return v, nil
}

// Get returns the value of the first card with the key.
func (h Header) Get(key string) (string, bool) {
	if c, ok := h.card(key); ok {
		return c.Value(), true
	}
	return "", false
}

func (h Header) card(key string) (Card, bool) {
	for _, c := range h {
		if c.Key() == key {
			return c, true
		}
	}
	return "", false
}

// structural cards describe how the data were stored in the file read, or are checksums;
// a file that is written gets its own.
func structural(key string) bool {
	switch key {
	case "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "INHERIT", "END",
		"BSCALE", "BZERO", "BLANK", "DATAMIN", "DATAMAX", "CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM":
		return true
	}
	rest, ok := strings.CutPrefix(key, "NAXIS")
	_, err := strconv.Atoi(rest)
	return ok && err == nil
}

// descriptive is the header without its structural cards.
func (h Header) descriptive() Header {
	var out Header
	dropped := false
	for _, c := range h {
		key := c.Key()
		if key == "CONTINUE" && dropped {
			continue
		}
		if dropped = structural(key); !dropped {
			out = append(out, c)
		}
	}
	for len(out) > 0 && strings.TrimSpace(string(out[len(out)-1])) == "" {
		out = out[:len(out)-1]
	}
	return out
}

// history folds text into HISTORY cards. FITS headers are printable ASCII.
func history(text string) Header {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, text)
	const room = cardBytes - 8
	var h Header
	for {
		n := min(len(text), room)
		if n < len(text) {
			if i := strings.LastIndexByte(text[:n+1], ' '); i > 0 {
				n = i
			}
		}
		h = append(h, Card(fmt.Sprintf("%-80s", "HISTORY "+text[:n])))
		if text = strings.TrimLeft(text[n:], " "); text == "" {
			return h
		}
	}
}
