package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/cli"
	"tessera/internal/jobs"
)

// The test binary is the program that is tried.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// A campaign of few trials finds nothing wrong.
func TestCampaign(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	c, err := newCampaign(tiny, 1, 2, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.tally.wrong() > 0 {
		t.Errorf("wrong: %s\n%s", strings.Join(c.tally.failed, ", "), c.tally.table())
	}
	for _, p := range phases {
		if !slices.ContainsFunc(c.tally.rows, func(r *row) bool { return r.phase == p.name && (r.tried() > 0 || r.count[skipped] > 0) }) {
			t.Errorf("nothing was tried of the phase %q", p.name)
		}
	}
}

// A program that does wrong is found out, in each phase and whatever it does.
func TestWrongProgram(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"claims a wrong answer": {`mkdir -p "$out" && cp -r "$TESSERA_TEST_OTHER"/* "$out"`, "differs"},
		"has half a result":     {`mkdir -p "$out" && cp "$TESSERA_TEST_OTHER"/metrics.json "$out"`, "no such file"},
		"does nothing":          {`:`, "status 0"},
		"crashes":               {`echo "panic: x" >&2; exit 2`, "a crash"},
		"fails silently":        {`exit 1`, "status 1"},
		"fails":                 {`echo "$0: no" >&2; exit 1`, "status 1"},
	} {
		t.Run(name, func(t *testing.T) { wrongProgram(t, c.script, c.want) })
	}
}

// wrongProgram tries a program that is a script with the job "scdl-spectra", whose right
// answer the real program has found.
func wrongProgram(t *testing.T, script, want string) {
	var said []string
	c, err := newCampaign(scale{kills: 1, pairs: 1}, 1, 2, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	s, err := c.subject(t.Context(), "scdl-spectra")
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(c.dir, "other")
	if err := copyFolder(filepath.Dir(s.expected[seeds[0]]), other); err != nil {
		t.Fatal(err)
	}
	if err := flipAnswer(filepath.Join(other, s.answer)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TESSERA_TEST_OTHER", other)
	c.program = filepath.Join(c.dir, "program")
	text := "#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" = -out ] && out=$2; shift; done\n" + script + "\n"
	if err := os.WriteFile(c.program, []byte(text), 0o777); err != nil {
		t.Fatal(err)
	}
	s.seconds = 60 // it ends before it is killed
	for _, trial := range c.kills(s) {
		tr := &try{campaign: c, folder: t.TempDir(), rng: c.random(trial.name)}
		r := trial.do(t.Context(), tr)
		if r.verdict != wrong {
			t.Errorf("%s: verdict %d (%s), want wrong", trial.name, r.verdict, r.why)
		}
		said = append(said, r.why)
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, want) {
		t.Errorf("the reasons are\n%s\nwant %q", all, want)
	}
}

// flipAnswer changes a bit of the exponent of the last number of an npy file.
func flipAnswer(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[len(b)-2] ^= 1
	return os.WriteFile(path, b, 0o666)
}

// Each job of the registry has a recipe or an example config.
func TestEachJobIsInIt(t *testing.T) {
	for _, k := range jobs.Kinds() {
		if _, ok := recipes[k.Name]; !ok {
			if _, err := example(k.Name); err != nil {
				t.Error(err)
			}
		}
	}
}

// The table counts, and the names of what was wrong are kept.
func TestTally(t *testing.T) {
	var tl tally
	a, b := &trial{phase: "kill", job: "psf", name: "x"}, &trial{phase: "pair", job: "psf", name: "y"}
	for _, r := range []result{{verdict: right}, {verdict: refused}, {verdict: wrong}, {skipped, "no mount"}} {
		tl.add(a, r)
		tl.add(b, r)
	}
	table := tl.table()
	for _, want := range []string{"kill   psf  3      1      1                1      1 skipped: no mount", "all         6      2      2                2"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	if tl.wrong() != 2 || tl.names(1)[0] != "kill/psf/x" {
		t.Errorf("wrong: %v", tl.failed)
	}
}

// Each damage changes a file, or says that it does not.
func TestDamages(t *testing.T) {
	dir := t.TempDir()
	c := &campaign{seed: 1}
	text := strings.Repeat("{\"a\": [1, 2.5, \"\x00\x80\"]}\n", 40)
	for _, d := range damages {
		path := filepath.Join(dir, "file")
		os.RemoveAll(path)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		done, err := d.do(c.random(d.name), path)
		if err != nil {
			t.Errorf("%s: %v", d.name, err)
		}
		info, e := os.Lstat(path)
		if changed := e != nil || !info.Mode().IsRegular(); !changed {
			b, _ := os.ReadFile(path)
			if (string(b) != text) != done {
				t.Errorf("%s: says %v", d.name, done)
			}
		}
	}
}
