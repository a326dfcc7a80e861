package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every command, flag and word is in the script of every shell and in the manual page.
func TestTableOfCommandsIsEverywhere(t *testing.T) {
	all := commands()
	for name, text := range map[string]string{"bash": bashCompletion(all), "zsh": zshCompletion(all), "man": manPage(all)} {
		for i := range all {
			c := &all[i]
			part := section(t, name, text, c)
			for _, f := range c.flags() {
				whole := regexp.MustCompile(`(^|[\s'*])-` + f.Name + `($|[\s'\[])`)
				if !whole.MatchString(part) {
					t.Errorf("%s: %s has no flag -%s", name, c.Name, f.Name)
				}
			}
			for _, w := range c.Words {
				if !strings.Contains(part, w) {
					t.Errorf("%s: %s has no word %s", name, c.Name, w)
				}
			}
		}
	}
}

// section is what a script or the page says about a command, in plain letters.
func section(t *testing.T, name, text string, c *Command) string {
	begin, end := "\t"+c.Name+")\n", " ;;\n"
	if name == "man" {
		text = strings.NewReplacer(`\-`, "-", `\fB`, "", `\fI`, "", `\fR`, "").Replace(text)
		begin, end = ".SS tessera "+strings.TrimSpace(c.Name+" "+c.Args)+"\n", "\n.S"
	}
	_, rest, ok := strings.Cut(text, begin)
	if !ok {
		t.Errorf("%s has no command %s", name, c.Name)
	}
	part, _, _ := strings.Cut(rest, end)
	return part
}

// What bash offers at the end of a line.
func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	var names []string
	for _, c := range commands() {
		names = append(names, c.Name)
	}
	dir := t.TempDir()
	for _, name := range []string{"a frame.fits", "psf.npy"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "place"), 0o777); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		line []string
		want []string
	}{
		{[]string{""}, names},
		{[]string{"comp"}, []string{"completion"}},
		{[]string{"completion", ""}, shells()},
		{[]string{"simulate", "s"}, []string{"survey"}},
		{[]string{"help", "sc"}, []string{"scale"}},
		{[]string{"run", "x.toml", "-r"}, []string{"-ranks", "-resume"}},
		{[]string{"restore", "a"}, []string{"a frame.fits"}},
		{[]string{"restore", "x", "-psf", "p"}, []string{"place", "psf.npy"}},
		{[]string{"restore", "x", "-out", "p"}, []string{"place"}},
		{[]string{"run", "x.toml", "-ranks", ""}, nil},
		{[]string{"run", "x.toml", "-force", "ps"}, []string{"psf.npy"}},
	}
	script := bashCompletion(commands()) + "COMP_WORDS=(tessera \"$@\") COMP_CWORD=$#\n_tessera\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
	for _, c := range cases {
		cmd := exec.Command(bash, append([]string{"-c", script, "bash"}, c.line...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", c.line, err, out)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		if c.want == nil {
			c.want = []string{""}
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("tessera %q: bash offers %q, want %q", c.line, got, c.want)
		}
	}
}

// The programs that read these texts find nothing wrong with them.
func TestReadersOfGeneratedTexts(t *testing.T) {
	for _, c := range []struct {
		text string
		args []string
	}{
		{bashCompletion(commands()), []string{"bash", "-n"}},
		{bashCompletion(commands()), []string{"shellcheck", "-s", "bash", "-"}},
		{zshCompletion(commands()), []string{"zsh", "-n"}},
		{manPage(commands()), []string{"groff", "-man", "-Tutf8", "-ww", "-z"}},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			path, err := exec.LookPath(c.args[0])
			if err != nil {
				t.Skip("no " + c.args[0])
			}
			cmd := exec.Command(path, c.args[1:]...)
			cmd.Stdin = strings.NewReader(c.text)
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestRoff(t *testing.T) {
	for in, want := range map[string]string{
		`a\b`:           `a\eb`,
		".dir":          `\&.dir`,
		"'x'":           `\(aqx\(aq`,
		"-out":          `\-out`,
		"one\n.two":     "one\n\\&.two",
		"`tessera run`": `\(gatessera run\(ga`,
	} {
		if got := roff(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got, want := roffText("a\n\n    b\n    c\nd"), "a\n.PP\n.RS\n.nf\nb\nc\n.fi\n.RE\nd\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
