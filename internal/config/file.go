package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/BurntSushi/toml"
)

// File is one parsed config, with the decoded values and the problems found so far.
type File struct {
	name      string
	tree      map[string]any
	effective map[string]any    // "section.key" -> value used, defaults included
	defaults  map[string]any    // "section.key" -> value of a config that says nothing
	shown     map[string]string // "section.key" -> that value as in a config
	problems  []Problem
}

// setting is a value from -set. raw is its text, which a key of type string takes as it
// is, also if it could be read as a number.
type setting struct {
	raw   string
	value any
}

// Parse reads TOML text and replaces values by sets, each "section.key=value". name is
// the file's name in messages. The error is an *Error with a syntax error and its line, or
// with all sets that cannot be used; then there is nothing to decode.
func Parse(name string, text []byte, sets []string) (*File, error) {
	f := &File{name: name, effective: map[string]any{}, defaults: map[string]any{}, shown: map[string]string{}}
	if len(text) > MaxSize {
		return nil, &Error{[]Problem{{Where: name, Text: fmt.Sprintf("%d bytes, want a TOML file of at most %d", len(text), MaxSize)}}}
	}
	if p := bounded(name, text); p != nil {
		return nil, &Error{[]Problem{*p}}
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

// syntaxProblem computes the line number from the position: the library's own number is
// one too large if the unexpected character is the end of a line.
func syntaxProblem(name string, text []byte, err error) Problem {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return Problem{Where: name, Text: err.Error()}
	}
	line := 1 + bytes.Count(text[:min(max(pe.Position.Start, 0), len(text))], []byte("\n"))
	p := Problem{Where: fmt.Sprintf("%s:%d", name, line), Text: pe.Message}
	if pe.LastKey != "" {
		p.Text += fmt.Sprintf(" (last key read: %s)", short(pe.LastKey))
	}
	return p
}

// set puts one "section.key=value" into the tree.
func (f *File) set(s string) *Problem {
	key, raw, found := strings.Cut(s, "=")
	key, raw = strings.TrimSpace(key), strings.TrimSpace(raw)
	parts := strings.Split(key, ".")
	for _, p := range parts {
		if !found || !bareKey(p) {
			return &Problem{Where: "-set " + short(s), Text: "want section.key=value"}
		}
	}
	if p := bounded("", []byte(key+" = "+raw)); p != nil {
		return &Problem{Where: "-set " + short(s), Text: p.Text}
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
			return &Problem{Where: "-set " + short(s), Text: strings.Join(parts[:i+1], ".") + " is a value, not a section"}
		}
	}
	last := parts[len(parts)-1]
	if _, ok := table[last].(map[string]any); ok {
		return &Problem{Where: "-set " + short(s), Text: key + " is a section: want " + key + ".key=value"}
	}
	table[last] = setting{raw: raw, value: parseValue(raw)}
	return nil
}

// parseValue reads raw as a TOML value; other text is a string as it stands.
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

// String is the string at a key, or "" if there is none. It can be used before Decode: the
// key "job" decides into which struct the file is decoded.
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

// Has tells whether the file or a -set has the given key or section.
func (f *File) Has(key string) bool { return f.find(key) != nil }

// Name is the file's name in messages.
func (f *File) Name() string { return f.name }

// Values are the values after Decode, defaults included, by "section.key".
func (f *File) Values() map[string]any { return maps.Clone(f.effective) }
