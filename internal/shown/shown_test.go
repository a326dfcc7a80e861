package shown

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"galaxies.fits, 5 µm, Å":      "galaxies.fits, 5 µm, Å",
		"\x1b]0;title\a":              `\x1b]0;title\a`,
		"a\nb: fine":                  `a\nb: fine`,
		"a\r\t\x7f":                   `a\r\t\x7f`,
		"\u0085\u009b31m":             `\u0085\u009b31m`,
		"txt.\u202egnp":               `txt.\u202egnp`,
		"a\xffb\xc3":                  `a\xffb\xc3`,
		"\u2028 and \ufffd by itself": `\u2028 and ` + "\ufffd by itself",
	} {
		if got := Line(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
	if got := Text("a\n\tb\x1b"); got != "a\n\tb\\x1b" {
		t.Errorf("Text: %q", got)
	}
}

// Whatever is written, what comes out is UTF-8 without control characters.
func FuzzWriter(f *testing.F) {
	f.Add("a\x1bb\n")
	f.Add("\xff\xc2\x9b")
	f.Fuzz(func(t *testing.T, text string) {
		var b strings.Builder
		if n, err := Writer(&b).Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
		for _, r := range b.String() {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				t.Fatalf("%q came through", r)
			}
		}
		if !utf8.ValidString(b.String()) {
			t.Fatalf("%q is not UTF-8", b.String())
		}
	})
}
