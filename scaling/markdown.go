package scaling

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the sentences and the tables of a report, without its figures.
func WriteMarkdown(w io.Writer, r *Report) error {
	var b bytes.Buffer
	say := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	say("# %s\n", plain(r.Title))
	if !r.Made.IsZero() {
		say("\nMade %s.\n", r.Made.UTC().Format("2006-01-02 15:04 UTC"))
	}
	for i := range r.Studies {
		s := &r.Studies[i]
		say("\n## %s\n\n", plain(s.Study.Title))
		for _, sentence := range s.headline() {
			say("%s\n", plain(sentence))
		}
		say("\n")
		for _, fact := range s.facts() {
			say("- %s\n", plain(fact))
		}
		for _, t := range s.tables() {
			t.markdown(&b)
		}
	}
	say("\n## Environment\n\n")
	for _, n := range r.Environment.list() {
		say("- %s: %s\n", plain(n.Name), plain(n.Value))
	}
	say("\n## Definitions\n\n")
	for _, n := range definitions {
		say("- %s: %s\n", plain(n.Name), plain(n.Value))
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("scaling: report.md: %w", err)
	}
	return nil
}

func (t *table) markdown(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n### %s\n\n", plain(t.Title))
	var names, rules []string
	for _, h := range t.Head {
		names = append(names, plain(h.Name))
		rules = append(rules, map[bool]string{true: ":--", false: "--:"}[h.Text])
	}
	fmt.Fprintf(b, "| %s |\n| %s |\n", strings.Join(names, " | "), strings.Join(rules, " | "))
	for _, r := range t.Rows {
		b.WriteString("|")
		for _, c := range r.Cells {
			fmt.Fprintf(b, " %s |", plain(c))
		}
		b.WriteString("\n")
	}
	for _, n := range t.Notes {
		fmt.Fprintf(b, "\n%s\n", plain(n))
	}
}

var markdownEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, `\`, `\\`, "\n", " ")

// plain is text with the characters escaped that mean something in Markdown.
func plain(s string) string { return markdownEscapes.Replace(s) }
