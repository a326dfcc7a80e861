package config

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Value is what replaces a key's value where a config is written.
type Value struct {
	Value   any    // string, bool, int, uint64, float64, a list of them, or a type with its own JSON form; nil = the value in force
	Comment string // one line after it; "" = none
	Omit    bool   // leave the key out: it had no effect
}

// Encode writes the values after Decode, defaults included, as a config: keys without a
// section first, then the sections, all in alphabetical order. chosen, by "section.key",
// replaces values. Numbers are written so that reading gives the same bits; what a list or
// a field with its own UnmarshalTOML holds is written in its JSON form, which must be TOML
// too. The error names a key whose value no config can hold.
func (f *File) Encode(w io.Writer, chosen map[string]Value) error {
	var b strings.Builder
	section := ""
	for _, key := range f.inOrder() {
		v, c := f.effective[key], chosen[key]
		if c.Omit {
			continue
		}
		if c.Value != nil {
			v = c.Value
		}
		text, err := encode(v)
		if err != nil {
			return fmt.Errorf("%s = %v: %w", key, v, err)
		}
		in, name := "", key
		if i := strings.LastIndexByte(key, '.'); i >= 0 {
			in, name = key[:i], key[i+1:]
		}
		if in != section {
			fmt.Fprintf(&b, "\n[%s]\n", in)
			section = in
		}
		fmt.Fprintf(&b, "%s = %s", name, text)
		if c.Comment != "" {
			fmt.Fprintf(&b, "  # %s", strings.Join(strings.Fields(c.Comment), " "))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// inOrder lists the keys: those of the top before any section, sections together.
func (f *File) inOrder() []string {
	keys := slices.Collect(maps.Keys(f.effective))
	slices.SortFunc(keys, func(a, b string) int {
		i, j := strings.LastIndexByte(a, '.'), strings.LastIndexByte(b, '.')
		if c := strings.Compare(a[:max(i, 0)], b[:max(j, 0)]); c != 0 {
			return c
		}
		return strings.Compare(a[i+1:], b[j+1:])
	})
	return keys
}

// encode is a value in TOML.
func encode(v any) (string, error) {
	switch x := v.(type) {
	case string:
		return Quote(x), nil
	case bool:
		return strconv.FormatBool(x), nil
	case int:
		return strconv.Itoa(x), nil
	case uint64:
		if x > math.MaxInt64 {
			return "", fmt.Errorf("TOML has no whole number above %d", int64(math.MaxInt64))
		}
		return strconv.FormatUint(x, 10), nil
	case float64:
		return number(x)
	case Numbers:
		return list(x, number)
	case Words:
		return list(x, func(s string) (string, error) { return Quote(s), nil })
	case json.Marshaler:
		text, err := x.MarshalJSON()
		return string(text), err
	}
	if word := reflect.ValueOf(v); word.Kind() == reflect.String { // the name of a choice
		return Quote(word.String()), nil
	}
	return "", fmt.Errorf("a config holds no value of type %T", v)
}

// number is a finite float64 in the shortest form that reads back as the same bits.
func number(x float64) (string, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "", fmt.Errorf("want a finite number")
	}
	s := strconv.FormatFloat(x, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s, nil
}

func list[T any](items []T, one func(T) (string, error)) (string, error) {
	texts := make([]string, len(items))
	for i, x := range items {
		var err error
		if texts[i], err = one(x); err != nil {
			return "", err
		}
	}
	return "[" + strings.Join(texts, ", ") + "]", nil
}

// Quote is a TOML basic string.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
