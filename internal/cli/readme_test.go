package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tessera/internal/jobs"
)

// The commands of the README and of the job pages are ones that the program has, with flags
// and keys that exist and configs that are there, and a reader who runs the README from top
// to bottom meets no directory that an earlier command has filled.
func TestPrintedCommands(t *testing.T) {
	t.Chdir("../..")
	pages, err := filepath.Glob("docs/jobs/*.md")
	if err != nil || len(pages) < 8 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, page := range append(pages, "README.md", "docs/scaling.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		filled := map[string]string{}
		for _, line := range commandsOf(string(text)) {
			c, cmd, err := parse(strings.Fields(line), io.Discard, io.Discard)
			if err != nil {
				t.Errorf("%s: tessera %s: %v", page, line, err)
				continue
			}
			if cmd.Name != "run" || len(c.args) != 1 || !strings.HasPrefix(c.args[0], "configs/") {
				continue
			}
			text, err := os.ReadFile(c.args[0])
			if err != nil {
				t.Errorf("%s: tessera %s: %v", page, line, err)
				continue
			}
			j, err := jobs.Load(c.args[0], text, c.overrides())
			if err != nil {
				t.Errorf("%s: tessera %s: %v", page, line, err)
				continue
			}
			if earlier := filled[j.Dir]; page == "README.md" && earlier != "" && !c.force && !c.resume {
				t.Errorf("%s: tessera %s writes into %s, as %q before it", page, line, j.Dir, earlier)
			}
			filled[j.Dir] = line
			if page == "README.md" && !strings.HasPrefix(j.Dir, "out/") {
				t.Errorf("%s: tessera %s writes into %s, which is not below out", page, line, j.Dir)
			}
		}
	}
}

// commandsOf are the command lines of the program in the indented blocks, without the
// program's name.
func commandsOf(text string) []string {
	start := regexp.MustCompile("^(?:(?:scripts/)?(?:mpirun|srun)(?: -[a-zA-Z-]+(?: [0-9]+)?)* )?(?:go run \\.|(?:[./]*bin/)?tessera|scripts/run) (.*)$")
	var all []string
	add := func(line string) {
		line, _, _ = strings.Cut(line, " #")
		line, _, _ = strings.Cut(line, " > ")
		if m := start.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			all = append(all, m[1])
		}
	}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if strings.HasPrefix(line, "    ") {
			add(strings.TrimRight(line, "\n"))
		}
	}
	return all
}
