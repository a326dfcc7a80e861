package imageio

import (
	"fmt"
	"strconv"
	"strings"

	"tessera/internal/shown"
)

// What messages show of texts out of files: a name may have any length, a file any number
// of names.
const (
	longestShown = 60 // characters
	mostShown    = 12 // names
)

// Quoted is a text out of a file as messages show it: in quotes, without control
// characters, and shortened.
func Quoted(s string) string {
	return strconv.Quote(cutAfter(s, longestShown))
}

// Listed lists names out of a file as messages show them: the first ones, each shortened.
func Listed(names []string) string {
	first := make([]string, 0, mostShown+1)
	for _, name := range names[:min(len(names), mostShown)] {
		first = append(first, shortened(name))
	}
	if more := len(names) - len(first); more > 0 {
		first = append(first, fmt.Sprintf("... and %d more", more))
	}
	return strings.Join(first, ", ")
}

// shortened is a text out of a file, without control characters and cut.
func shortened(s string) string { return cutAfter(shown.Line(s), longestShown) }

// cutAfter ends a text after most characters.
func cutAfter(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "..."
		}
		n++
	}
	return s
}
