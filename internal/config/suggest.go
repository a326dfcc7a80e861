package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Of suggestions and of keys that a section has, so many are shown.
const (
	mostSuggested = 3
	mostListed    = 16
)

// suggest says what an unknown key or section may have been meant to be, or what there is; "" = nothing to say. Of the keys of
// the same section a similar name is preferred; then a key of that name, of a similar name, or of the same words in other
// sections.
func (f *File) suggest(u stray) string {
	meant := f.meant(u)
	if len(meant) > mostSuggested {
		meant = meant[:mostSuggested]
	}
	if n := len(meant); n > 1 {
		return "; did you mean " + strings.Join(meant[:n-1], ", ") + " or " + meant[n-1] + "?"
	} else if n == 1 {
		return "; did you mean " + meant[0] + "?"
	}
	known := slices.Sorted(slices.Values(u.siblings))
	if len(known) == 0 {
		return ""
	}
	more := ""
	if len(known) > mostListed {
		more = fmt.Sprintf(" and %d more", len(known)-mostListed)
		known = known[:mostListed]
	}
	of := "the sections and keys are "
	if u.prefix != "" {
		of = "[" + strings.TrimSuffix(u.prefix, ".") + "] has "
	}
	return "; " + of + strings.Join(known, ", ") + more
}

// meant are the full keys that may have been meant.
func (f *File) meant(u stray) []string {
	if near := Nearest(u.name, u.siblings); near != "" {
		return []string{u.prefix + near}
	}
	known := slices.Sorted(maps.Keys(f.effective))
	names := []string{u.name}
	if u.section { // a key has its name, or its keys may be those of another section
		var list []string
		for _, key := range known {
			if strings.HasSuffix(key, "."+u.name) {
				list = append(list, key)
			}
		}
		if len(list) > 0 {
			return list
		}
		within, _ := f.find(u.prefix + u.name).(map[string]any)
		names = slices.Sorted(maps.Keys(within))
	}
	for _, like := range []func(leaf, name string) bool{
		func(leaf, name string) bool { return leaf == name },
		func(leaf, name string) bool { return Nearest(name, []string{leaf}) != "" },
		sameWords,
	} {
		var list []string
		for _, name := range names {
			for _, key := range known {
				leaf := key[strings.LastIndexByte(key, '.')+1:]
				if like(leaf, name) && !slices.Contains(list, key) {
					list = append(list, key)
				}
			}
		}
		if !u.section { // those of its own section first
			slices.SortStableFunc(list, func(a, b string) int {
				return bit(strings.HasPrefix(b, u.prefix)) - bit(strings.HasPrefix(a, u.prefix))
			})
		}
		if len(list) > 0 {
			return list
		}
	}
	return nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sameWords tells whether all words of one name, parted by underscores, are words of the other, or one name begins with the
// other: max_iterations and iterations, directory and dir.
func sameWords(a, b string) bool {
	const least = 3 // letters
	if len(a) < least || len(b) < least {
		return false
	}
	if a, b := strings.ToLower(a), strings.ToLower(b); strings.HasPrefix(a, b) || strings.HasPrefix(b, a) {
		return true
	}
	within := func(a, b []string) bool {
		return !slices.ContainsFunc(a, func(word string) bool { return !slices.Contains(b, word) })
	}
	x, y := strings.Split(a, "_"), strings.Split(b, "_")
	return within(x, y) || within(y, x)
}
