package tables

import (
	"slices"
	"strings"

	"tessera/internal/imageio"
)

// Find is the column that a key of the config names, in upper or lower case or by its number
// counted from 1; or, where there is none of that name, the only one that has one of the names
// in like. A column of text is an error. A key without a section is no key, but what the column
// is called in messages.
func Find(t *imageio.Table, key, name string, like ...string) (int, error) {
	f := newFinder(t, Want{})
	at := t.Column(name)
	for j, other := range t.Names {
		switch {
		case at >= 0 && j != at && t.Names[at] == other && other == name:
			return 0, f.fail("%s: more than one column is called %q: give its number, counted from 1", key, name)
		case t.Column(name) >= 0 || !slices.Contains(like, plain(other)):
		case at >= 0:
			return 0, f.fail("%s: is it %s or %s? Write %s = %q or %q", key, f.call(at), f.call(j), key, f.call(at), f.call(j))
		default:
			at = j
		}
	}
	if at < 0 && !strings.Contains(key, ".") {
		return 0, f.fail("%s: no column %q; call it so", key, name)
	}
	if at < 0 {
		return 0, f.fail("%s: no column %q; write %s = \"NAME\" with the name of one", key, name, key)
	}
	if n, where := t.Text(at); n > 0 {
		return 0, f.fail("%s: column %s holds %d texts: %s", key, f.call(at), n, where)
	}
	return at, nil
}

// Names are the names of a coordinate of a group of the dictionary: of "equatorial" the index
// 0 is the right ascension, 1 the declination.
func Names(group string, index int) []string {
	for _, g := range groups {
		if g.name == group {
			return strings.Fields(g.axes[index])
		}
	}
	return nil
}

// Weights are names of columns of relative weights.
func Weights() []string { return strings.Fields(errorWords[Weight]) }
