package scaling

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// The table of every made-up report fits a console of 100 columns, but for titles and links.
func TestTableFitsConsole(t *testing.T) {
	for _, r := range []*Report{madeUp()} {
		for i := range r.Studies {
			var text strings.Builder
			if err := WriteTable(&text, &r.Studies[i]); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(text.String(), "\n")
			for k, line := range lines[1:] {
				if utf8.RuneCountInString(line) > 100 && !strings.HasPrefix(line, "modelled, ") && !strings.HasPrefix(line, "serial, ") {
					t.Errorf("%d: line %d has %d columns: %s", i, k+1, utf8.RuneCountInString(line), line)
				}
			}
			if n := strings.Count(text.String(), "\n"); n < len(r.Studies[i].Rows)+2 {
				t.Errorf("%d: %d lines for %d rows", i, n, len(r.Studies[i].Rows))
			}
		}
	}
}
