package lifecycle

import (
	"fmt"
	"strings"
)

// Message is the text of an error as the console and the log show it: a name or value of
// any length can be in it, and any number of lines. Of a long line the beginning and the
// end are kept, which say where and what; of many lines the first ones.
func Message(text string) string {
	const (
		mostLines = 200
		longest   = 1200 // bytes of a line
		atStart   = 700
	)
	lines := strings.SplitN(text, "\n", mostLines+1)
	if len(lines) > mostLines {
		lines[mostLines] = fmt.Sprintf("... and %d more lines", 1+strings.Count(lines[mostLines], "\n"))
	}
	for i, line := range lines {
		if len(line) > longest {
			end := len(line) - (longest - atStart)
			lines[i] = strings.ToValidUTF8(line[:atStart]+" ... "+line[end:], "")
		}
	}
	return strings.Join(lines, "\n")
}
