package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a config.
type Problem struct {
	Where string // the file, with the line of a syntax error; or "-set"
	Key   string // section.key; "" for a syntax error
	Value string // as in a config; "" if the key is missing or unknown
	Text  string // which value is wanted, or what is wrong
	Maker string // the command that makes the missing file at Value; "" = none is known
}

func (p Problem) String() string {
	s := p.Where + ": "
	if strings.HasPrefix(p.Where, "-set") && p.Key != "" {
		s = p.Where + " "
	}
	if p.Key != "" {
		s += p.Key
		if p.Value != "" {
			s += " = " + p.Value
		}
		s += ": "
	}
	return s + p.Text
}

// Error is all problems of a config; its text has one line for each.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Awaited says whether all problems are files that are not there yet and that known commands make.
func (e *Error) Awaited() bool {
	return len(e.Problems) > 0 && !slices.ContainsFunc(e.Problems, func(p Problem) bool { return p.Maker == "" })
}

// mostProblems is how many problems are reported; a file with more is no config.
const mostProblems = 50

// Err is an *Error with the problems recorded so far, or nil if there are none.
func (f *File) Err() error {
	if len(f.problems) == 0 {
		return nil
	}
	problems := slices.Clone(f.problems)
	if more := len(problems) - mostProblems; more > 0 {
		problems = append(problems[:mostProblems], Problem{Where: f.name, Text: fmt.Sprintf("%d more problems", more)})
	}
	return &Error{problems}
}

// Want records the problem "want ..." for the value of a decoded key, unless ok. A key with
// a problem gets no second one.
func (f *File) Want(ok bool, key, want string, args ...any) {
	if ok || f.has(key) {
		return
	}
	f.Fail(key, "want "+want, args...)
}

// OneOf records a problem unless s, the string at key, is one of the choices.
func (f *File) OneOf(key, s string, choices ...string) {
	if slices.Contains(choices, s) {
		return
	}
	hint := ""
	if near := Nearest(s, choices); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	f.Want(false, key, "%s%s", strings.Join(choices, ", "), hint)
}

// Fail records another problem of a key's value: a file that cannot be read, two keys that
// contradict each other. A key with a problem gets no second one.
func (f *File) Fail(key, format string, args ...any) {
	if f.has(key) {
		return
	}
	f.problems = append(f.problems, Problem{
		Where: f.where(key), Key: key, Value: f.value(key), Text: fmt.Sprintf(format, args...),
	})
}

// value is a key's value as in a config, or "" for a key that is neither decoded nor in the
// file.
func (f *File) value(key string) string {
	if s, ok := f.shown[key]; ok {
		return s
	}
	if v := f.find(key); v != nil {
		return show(v)
	}
	return ""
}

func (f *File) report(key string, v any, text string) {
	f.problems = append(f.problems, Problem{Where: f.where(key), Key: key, Value: show(v), Text: text})
}

func (f *File) has(key string) bool {
	return slices.ContainsFunc(f.problems, func(p Problem) bool { return p.Key == key })
}

// where is the file, or "-set" for a value from there.
func (f *File) where(key string) string {
	switch v := f.find(key).(type) {
	case setting:
		return "-set"
	case map[string]any: // a section of which all is set there
		for name := range v {
			if f.where(key+"."+name) != "-set" {
				return f.name
			}
		}
		if len(v) > 0 {
			return "-set"
		}
	}
	return f.name
}

// find is the value of the tree at a key, or nil if there is none.
func (f *File) find(key string) any {
	var v any = f.tree
	for part := range strings.SplitSeq(key, ".") {
		table, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = table[part]
	}
	return v
}

// unknown records a key without a field, with what may have been meant.
func (f *File) unknown(u stray) {
	if len(f.problems) > mostProblems {
		f.problems = append(f.problems, Problem{Where: f.name, Text: "unknown key"}) // only counted
		return
	}
	p := Problem{Where: f.where(u.prefix + u.name), Key: u.prefix + quoteKey(u.name), Text: "unknown key"}
	if u.section {
		p.Text = "unknown section"
	}
	p.Text += f.suggest(u)
	f.problems = append(f.problems, p)
}

// quoteKey quotes a key as TOML does, so that a message stays on one line.
func quoteKey(name string) string {
	if bareKey(name) {
		return name
	}
	return show(name)
}

// Nearest is the choice that s is probably a misspelling of, or "".
func Nearest(s string, choices []string) string {
	best, at := "", max(1, min(len(s)/3, 3))+1
	for _, c := range choices {
		if d := distance(strings.ToLower(s), c); d < at {
			best, at = c, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	const most = 64 // no key is longer; the cost is len(a)*len(b)
	if len(a) > most || len(b) > most {
		return most
	}
	var rows [3][most + 1]int // the last two rows and the one being filled
	for j := range len(b) + 1 {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		rows[2][0] = i
		for j := 1; j <= len(b); j++ {
			d := rows[1][j-1]
			if a[i-1] != b[j-1] {
				d++
			}
			d = min(d, rows[1][j]+1, rows[2][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[0][j-2]+1)
			}
			rows[2][j] = d
		}
		rows[0], rows[1] = rows[1], rows[2]
	}
	return rows[1][len(b)]
}
