package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxSize is far above any config a person writes, and keeps a wrong path (an
// image, a core file) from being parsed to its end.
const maxSize = 1 << 20

// File is one parsed config, what was decoded from it, and what is wrong with it.
type File struct {
	name      string
	tree      map[string]any
	effective map[string]any    // "section.key" -> value in force, defaults included
	shown     map[string]string // "section.key" -> the value as the user would write it
	problems  []Problem
}

// setting is a value that came from a -set: raw is kept so that a string key
// can take it as it stands, whatever TOML makes of it.
type setting struct {
	raw   string
	value any
}

// Parse reads TOML text and lays sets, each "section.key=value", over it. name
// is what messages call the file. An error means that nothing can be decoded;
// it is an *Error with the line of a syntax error or with every bad set.
func Parse(name string, text []byte, sets []string) (*File, error) {
	f := &File{name: name, effective: map[string]any{}, shown: map[string]string{}}
	if len(text) > maxSize {
		return nil, &Error{[]Problem{{Where: name, Text: fmt.Sprintf("%d bytes, want a TOML file of at most %d", len(text), maxSize)}}}
	}
	f.tree = map[string]any{}
	if _, err := toml.Decode(string(text), &f.tree); err != nil {
		return nil, &Error{[]Problem{syntaxProblem(name, text, err)}}
	}
	for _, s := range sets {
		if p := f.set(s); p != nil {
			f.problems = append(f.problems, *p)
		}
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// syntaxProblem counts the line itself: the library's own is that after the
// newline where the newline is what it did not expect.
func syntaxProblem(name string, text []byte, err error) Problem {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return Problem{Where: name, Text: err.Error()}
	}
	line := 1 + bytes.Count(text[:min(max(pe.Position.Start, 0), len(text))], []byte("\n"))
	p := Problem{Where: fmt.Sprintf("%s:%d", name, line), Text: pe.Message}
	if pe.LastKey != "" {
		p.Text += fmt.Sprintf(" (last key read: %s)", pe.LastKey)
	}
	return p
}

// set lays one override over the tree.
func (f *File) set(s string) *Problem {
	key, raw, found := strings.Cut(s, "=")
	key, raw = strings.TrimSpace(key), strings.TrimSpace(raw)
	parts := strings.Split(key, ".")
	for _, p := range parts {
		if !found || !bareKey(p) {
			return &Problem{Where: "-set " + s, Text: "want section.key=value"}
		}
	}
	table := f.tree
	for i, p := range parts[:len(parts)-1] {
		switch sub := table[p].(type) {
		case nil:
			fresh := map[string]any{}
			table[p], table = fresh, fresh
		case map[string]any:
			table = sub
		default:
			return &Problem{Where: "-set " + s, Text: strings.Join(parts[:i+1], ".") + " is a value, not a section"}
		}
	}
	last := parts[len(parts)-1]
	if _, ok := table[last].(map[string]any); ok {
		return &Problem{Where: "-set " + s, Text: key + " is a section: want " + key + ".key=value"}
	}
	table[last] = setting{raw: raw, value: parseValue(raw)}
	return nil
}

// parseValue reads raw as one TOML value; what is none is a bare string.
func parseValue(raw string) any {
	var one map[string]any
	if strings.ContainsAny(raw, "\r\n") {
		return raw
	}
	if _, err := toml.Decode("v = "+raw, &one); err != nil || len(one) != 1 {
		return raw
	}
	return one["v"]
}

func bareKey(s string) bool {
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == '-':
		default:
			return false
		}
	}
	return s != ""
}

// String is the text at a key, before anything is decoded: a file's job decides what
// the rest of it is decoded into. "" if it is not a string.
func (f *File) String(key string) string {
	switch v := f.find(key).(type) {
	case string:
		return v
	case setting:
		if s, ok := v.value.(string); ok {
			return s
		}
		return v.raw
	}
	return ""
}

// Has tells whether the file, or a -set, says anything at key or in section key.
func (f *File) Has(key string) bool { return f.find(key) != nil }

// Name is what the file is called in messages.
func (f *File) Name() string { return f.name }

// Values are the values in force after Decode, defaults included, by
// "section.key".
func (f *File) Values() map[string]any { return maps.Clone(f.effective) }
