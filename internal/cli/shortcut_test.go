package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/jobs"
)

// shortcutCase is how a test runs a command without a config.
type shortcutCase struct {
	args []string // behind the name, without -out
	set  string   // a value that changes the solution
	line string   // that value in the config
}

// shortcutCases makes small data in the working directory and returns a case of every command
// without a config, by its name.
func shortcutCases(t *testing.T) map[string]shortcutCase {
	t.Helper()
	must(t, "simulate", "cells", "-out", "cells", "-count", "1", "-rows", "24", "-cols", "20")
	must(t, "simulate", "observations", "-out", "table.csv", "-count", "60")
	must(t, "simulate", "survey", "-out", "survey", "-count", "2", "-psfs", "2", "-side", "15")
	frame := []string{"cells/observed.npy", "-psf", "none", "-lambda", "0.5"}
	return map[string]shortcutCase{
		"restore": {frame, "tikhonov.regulariser=laplacian", `regulariser = "laplacian"`},
		"tv":      {frame, "tv.method=fppa", `method = "fppa"`},
		"fit":     {[]string{"table.csv"}, "kernel.choose=none", `choose = "none"`},
		"stamps":  {[]string{"survey/observed.npy", "-psf", "survey/psfs.npy"}, "psf.iterations=3", "iterations = 3"},
	}
}

// must runs the program in this process and returns its standard output.
func must(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := Main(args, &stdout, &stderr); code != done {
		t.Fatalf("tessera %q ends with %d: %s", args, code, stderr.String())
	}
	return stdout.String()
}

// The config that a command without one prints and saves holds the values of -set: it gives the
// same solution.
func TestShortcutConfigHoldsSet(t *testing.T) {
	t.Chdir(t.TempDir())
	cases := shortcutCases(t)
	for _, s := range shortcuts() {
		c, ok := cases[s.name]
		if !ok {
			t.Errorf("tessera %s has no case in shortcutCases", s.name)
			continue
		}
		saved := s.name + ".toml"
		args := append([]string{s.name}, c.args...)
		printed := must(t, append(args, "-set", c.set, "-save", saved, "-out", s.name, "-ranks", "1")...)
		text, err := os.ReadFile(saved)
		if err != nil {
			t.Fatal(err)
		}
		for _, where := range []string{string(text), printed} {
			if !strings.Contains(where, c.line+"\n") {
				t.Errorf("tessera %s -set %s: no line %q in\n%s", s.name, c.set, c.line, where)
			}
		}
		must(t, "run", saved, "-quiet", "-out", s.name+"-again", "-ranks", "1")
		must(t, append(args, "-quiet", "-out", s.name+"-plain", "-ranks", "1")...)
		j, err := (&call{}).load(saved, text)
		if err != nil {
			t.Fatal(err)
		}
		answer := func(dir string) []byte {
			b, err := os.ReadFile(filepath.Join(dir, j.Answer))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		want := answer(s.name)
		if !bytes.Equal(answer(s.name+"-again"), want) {
			t.Errorf("tessera %s -set %s: tessera run %s gives another %s", s.name, c.set, saved, j.Answer)
		}
		if bytes.Equal(answer(s.name+"-plain"), want) {
			t.Errorf("tessera %s: %s does not change %s, so the test shows nothing", s.name, c.set, j.Answer)
		}
	}
}

// A command without a config has -resume if and only if its job keeps checkpoints: the message of
// a stopped run says that the same command with -resume continues it.
func TestShortcutResume(t *testing.T) {
	t.Chdir(t.TempDir())
	cases := shortcutCases(t)
	for _, s := range shortcuts() {
		var text bytes.Buffer
		fmt.Fprintf(&text, "job = %q\n", s.job)
		s.write(&text, &shortcutOptions{psf: "none"}, "FILE")
		j, err := jobs.Load(s.name, text.Bytes(), nil)
		if err != nil {
			t.Fatalf("tessera %s: %v", s.name, err)
		}
		want := "flag provided but not defined: -resume"
		if j.Resumable {
			want = "holds no checkpoint"
		}
		args := append([]string{s.name, "-resume", "-quiet", "-ranks", "1"}, cases[s.name].args...)
		var stdout, stderr bytes.Buffer
		if code := Main(args, &stdout, &stderr); code != misused || !strings.Contains(stderr.String(), want) {
			t.Errorf("tessera %q ends with %d, want %d and %q: %s", args, code, misused, want, stderr.String())
		}
	}
}

// A key that is misspelt, or stands in no section or another one, is answered with the key that the job of the command has; so is
// a flag. Every command without a config is in the table.
func TestKeysOfShortcuts(t *testing.T) {
	files := good(t)
	table := map[string][][2]string{ // what is typed, and what is suggested
		"restore": {
			{"-set max_iteration=3", "tikhonov.max_iterations"}, {"-set lamda=3", "tikhonov.lambda"}, {"-set tv.max_iterations=3", "tikhonov.max_iterations"},
			{"-set output.directory=x", "output.dir"}, {"-set blur.quux=3", "[blur] has beta, fwhm, kind, path, sigma, size"}, {"-sigmas x", "did you mean -sigma?"},
		},
		"tv": {
			{"-set iterations=3", "tv.max_iterations"}, {"-set tikhonov.tolerance=3", "tv.tolerance"}, {"-set tv.lamda=3", "tv.lambda"}, {"-max_iterations 3", "-set section.key=value"},
		},
		"fit": {
			{"-set widths=3", "search.widths"}, {"-set kernel.lamda=3", "kernel.lambda"}, {"-set tikhonov.lambda=3", "kernel.lambda"}, {"-colums a", "did you mean -columns?"},
		},
		"stamps": {
			{"-set max_iterations=3", "psf.iterations"}, {"-set stamps.iterations=3", "psf.iterations"}, {"-set psf.iteration=3", "psf.iterations"}, {"-set stack.quux=3", "[stack] has "}, {"-trut x", "did you mean -truth?"},
		},
	}
	begin := map[string][]string{"restore": {files["FRAME"], "-psf", "none"}, "tv": {files["FRAME"], "-psf", "none"}, "fit": {files["TABLE"]}, "stamps": {files["STAMPS"], "-psf", files["PSF"]}}
	for _, s := range shortcuts() {
		if len(table[s.name]) < 3 {
			t.Errorf("tessera %s is not in the table", s.name)
		}
		for _, c := range table[s.name] {
			var out, said bytes.Buffer
			args := append(append([]string{s.name}, begin[s.name]...), strings.Fields(c[0])...)
			if code := Main(append(args, "-out", filepath.Join(t.TempDir(), "out")), &out, &said); code != misused || !strings.Contains(said.String(), c[1]) {
				t.Errorf("%s %s: exit status %d, want %q in %s", s.name, c[0], code, c[1], said.String())
			}
		}
	}
}

// tessera stamps compares its result with the true stamps, as restore and tv do with a true frame.
func TestTruthOfShortcuts(t *testing.T) {
	files := good(t)
	for _, args := range [][]string{
		{"restore", files["FRAME"], "-psf", "none", "-lambda", "0.1", "-truth", files["FRAME"]}, {"tv", files["FRAME"], "-psf", "none", "-lambda", "0.1", "-truth", files["FRAME"]},
		{"stamps", files["STAMPS"], "-psf", files["PSF"], "-set", "psf.iterations=3", "-set", "psf.noise=given", "-set", "psf.sigma=0.1", "-truth", files["STAMPS"]},
	} {
		var out, said bytes.Buffer
		if code := Main(append(args, "-ranks", "1", "-out", filepath.Join(t.TempDir(), "out")), &out, &said); code != done || !strings.Contains(out.String(), "rms error") && !strings.Contains(out.String(), "PSNR") {
			t.Errorf("%q: exit status %d: %s%s", args, code, out.String(), said.String())
		}
	}
}
