package config

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Unmarshaler is a type of field with its own way to read a TOML value, which is a string,
// int64, float64, bool, time.Time, []any or map[string]any. The text of its error
// completes "want ...": "a number or \"auto\"".
type Unmarshaler interface {
	UnmarshalTOML(v any) error
}

// Decode sets the fields of *into, a struct with the default values whose fields have
// tags `toml:"name"`, to the values of the file. Nested structs are sections. A value of
// the wrong type, which leaves the default, and a key without a field are recorded as
// problems (see Err).
func (f *File) Decode(into any) {
	strays := f.table("", f.tree, reflect.ValueOf(into).Elem())
	for _, u := range strays { // last, when every known key is in f.effective
		f.unknown(u)
	}
}

// stray is a key for which its section's struct has no field.
type stray struct {
	prefix, name string
	section      bool
	siblings     []string // the keys the section does have
}

// table decodes one section and returns the keys without a field.
func (f *File) table(prefix string, tree map[string]any, into reflect.Value) []stray {
	var strays []stray
	var fields []string
	for i := range into.NumField() {
		name := into.Type().Field(i).Tag.Get("toml")
		if name == "" {
			continue
		}
		fields = append(fields, name)
		strays = append(strays, f.field(prefix+name, tree[name], into.Field(i))...)
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if !slices.Contains(fields, name) {
			_, section := tree[name].(map[string]any)
			strays = append(strays, stray{prefix, name, section, fields})
		}
	}
	return strays
}

func (f *File) field(key string, v any, into reflect.Value) []stray {
	_, custom := into.Addr().Interface().(Unmarshaler)
	if into.Kind() == reflect.Struct && !custom {
		section, ok := v.(map[string]any)
		if v != nil && !ok {
			f.report(key, v, "want a section ["+key+"]")
		}
		return f.table(key+".", section, into)
	}
	f.defaults[key] = into.Interface()
	if v != nil {
		f.shown[key] = show(v)
		if err := assign(into, v); err != nil {
			f.report(key, v, "want "+err.Error())
		}
	} else {
		f.shown[key] = show(into.Interface())
	}
	f.effective[key] = into.Interface()
	return nil
}

// assign stores v in a field that is no section; its error says which value is wanted.
func assign(into reflect.Value, v any) error {
	raw := ""
	if s, ok := v.(setting); ok {
		v, raw = s.value, s.raw
	}
	if u, ok := into.Addr().Interface().(Unmarshaler); ok {
		return u.UnmarshalTOML(v)
	}
	switch into.Kind() {
	case reflect.String:
		s, ok := v.(string)
		if !ok && raw == "" {
			return fmt.Errorf("a string")
		}
		if !ok {
			s = raw
		}
		into.SetString(s)
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return fmt.Errorf("true or false")
		}
		into.SetBool(b)
	case reflect.Int:
		n, ok := v.(int64)
		if !ok || into.OverflowInt(n) {
			return fmt.Errorf("a whole number")
		}
		into.SetInt(n)
	case reflect.Uint64:
		n, ok := v.(int64)
		if !ok || n < 0 {
			return fmt.Errorf("a whole number, 0 or more")
		}
		into.SetUint(uint64(n))
	case reflect.Float64:
		x, err := Number(v)
		if err != nil {
			return err
		}
		into.SetFloat(x)
	default:
		panic("config: no TOML value fits a field of type " + into.Type().String())
	}
	return nil
}

// Number is the finite number in a TOML value; if there is none, the error says that one is
// wanted.
func Number(v any) (float64, error) {
	switch x := v.(type) {
	case int64:
		return float64(x), nil
	case float64:
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			return x, nil
		}
		return 0, fmt.Errorf("a finite number")
	}
	return 0, fmt.Errorf("a number")
}

// show formats a value as in a config; it shortens a long one.
func show(v any) string {
	s := ""
	switch x := v.(type) {
	case setting:
		return show(x.value)
	case string:
		s = strconv.Quote(x)
	case float64:
		s = strconv.FormatFloat(x, 'g', -1, 64)
	case time.Time:
		s = x.Format(time.RFC3339Nano)
	case fmt.Stringer:
		s = x.String()
	case []any:
		items := make([]string, 0, 4)
		for i, item := range x {
			if i == 4 {
				items = append(items, "...")
				break
			}
			items = append(items, show(item))
		}
		s = "[" + strings.Join(items, ", ") + "]"
	case map[string]any, []map[string]any:
		s = "{...}"
	default:
		s = fmt.Sprint(x)
	}
	return short(s)
}

// short is what messages show of a text of any length.
func short(s string) string {
	const most = 60 // characters
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "..."
	}
	return s
}
