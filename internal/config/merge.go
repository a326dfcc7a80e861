package config

import (
	"maps"
	"slices"
	"strings"
)

// Merge returns the text of the config with the values of the -set flags in place of its
// own, so that it describes the same run without them. It is called after Decode. text is
// a config with one key a line, as the program writes it: comments stay, a key that it
// lacks is added to its section, and a section that it lacks is added at the end. The
// error names a value that no config can hold.
func (f *File) Merge(text []byte) ([]byte, error) {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	for _, key := range settings("", f.tree) {
		value, err := encode(f.effective[key])
		if err != nil {
			return nil, &Error{[]Problem{{Where: "-set", Key: key, Value: f.value(key), Text: err.Error()}}}
		}
		section, name := "", key
		if i := strings.LastIndexByte(key, '.'); i >= 0 {
			section, name = key[:i], key[i+1:]
		}
		lines = put(lines, section, name, name+" = "+value)
	}
	return []byte(strings.Join(lines, "\n") + "\n"), nil
}

// settings lists the keys of a tree whose values are from -set, in alphabetical order.
func settings(prefix string, tree map[string]any) (keys []string) {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		switch v := tree[name].(type) {
		case setting:
			keys = append(keys, prefix+name)
		case map[string]any:
			keys = append(keys, settings(prefix+name+".", v)...)
		}
	}
	return keys
}

// put replaces the line of a key in a section, "" for the top of the config, or adds it
// behind the last line of that section.
func put(lines []string, section, name, line string) []string {
	in, last := "", -1 // last: behind which line the key is added
	found := section == ""
	for i, l := range lines {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			in, _, _ = strings.Cut(l[1:], "]")
			in = strings.TrimSpace(in)
		}
		if in != section || l == "" {
			continue
		}
		found, last = true, i
		if key, _, ok := strings.Cut(l, "="); ok && strings.TrimSpace(key) == name {
			lines[i] = line
			return lines
		}
	}
	if !found {
		return append(lines, "", "["+section+"]", line)
	}
	return slices.Insert(lines, last+1, line)
}
