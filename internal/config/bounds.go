package config

import (
	"bytes"
	"fmt"
)

// Bounds of a config, far above those of any real one. The memory that the TOML library
// takes grows with the square of the depth and with the product of the length and the
// number of the keys: within these bounds it takes a few times the length of the file.
const (
	MaxSize      = 1 << 20 // bytes of a file; a larger one is something else, such as an image, given by mistake
	mostKeys     = 10000   // keys and headers of tables
	longestKey   = 128     // bytes of a key or of a header, all its parts together
	deepestKey   = 8       // parts of a key or of a header
	deepestValue = 8       // lists and inline tables within each other
)

// bounded looks at TOML text before it is parsed. The problem names what is too long or too
// deep, and the line.
func bounded(name string, text []byte) *Problem {
	s := scanner{text: text, line: 1}
	for s.at < len(text) && s.wrong == "" {
		s.step()
	}
	if s.wrong == "" {
		return nil
	}
	return &Problem{Where: fmt.Sprintf("%s:%d", name, s.line), Text: s.wrong}
}

// scanner goes over TOML text. It knows strings and comments, and takes as a key what
// stands before "=" or between the brackets of a header. Where the text is no TOML, it may
// take something else for a key; the parser ends there with an error in any case.
type scanner struct {
	text  []byte
	at    int
	line  int
	start int // of the line or item in hand
	dots  int // since then, outside of strings
	depth int // of the brackets
	keys  int
	wrong string

	header bool // the first bracket of the line opened the header of a table
}

func (s *scanner) step() {
	c := s.text[s.at]
	switch c {
	case '"', '\'':
		s.string(c)
		return
	case '#':
		for s.at < len(s.text) && s.text[s.at] != '\n' {
			s.at++
		}
		return
	case '\n':
		s.line++
		s.begin()
	case ',':
		s.begin()
	case '.':
		s.dots++
		if s.dots >= deepestKey {
			s.wrong = fmt.Sprintf("a key of more than %d parts", deepestKey)
		}
	case '[', '{':
		s.header = s.header || s.depth == 0 && c == '[' && len(bytes.TrimSpace(s.text[s.start:s.at])) == 0
		s.depth++
		if s.depth > deepestValue {
			s.wrong = fmt.Sprintf("more than %d lists or tables within each other", deepestValue)
		}
		if c == '{' {
			s.begin()
		}
	case ']', '}':
		if s.header && s.depth == 1 {
			s.key()
			s.header = false
		}
		s.depth = max(0, s.depth-1)
	case '=':
		s.key()
	}
	s.at++
}

// begin is the beginning of a line or of an item of a list or table.
func (s *scanner) begin() { s.start, s.dots = s.at, 0 }

// key is the end of a key or of a header.
func (s *scanner) key() {
	s.keys++
	switch {
	case s.at-s.start > longestKey:
		s.wrong = fmt.Sprintf("a key of more than %d bytes", longestKey)
	case s.keys > mostKeys:
		s.wrong = fmt.Sprintf("more than %d keys", mostKeys)
	}
	s.begin()
}

// string goes past a string: basic or literal, on one line or on several.
func (s *scanner) string(quote byte) {
	has := func(n int) bool {
		for i := range n {
			if s.at+i >= len(s.text) || s.text[s.at+i] != quote {
				return false
			}
		}
		return true
	}
	length := 1
	if has(3) {
		length = 3
	}
	for s.at += length; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '\\' && quote == '"' && s.at+1 < len(s.text) && s.text[s.at+1] != '\n':
			s.at++
		case c == '\n':
			if length == 1 {
				return // not TOML
			}
			s.line++
		case has(length):
			s.at += length
			// A string of several lines may end in up to two more quotes.
			for length == 3 && has(1) {
				s.at++
			}
			return
		}
	}
}
