package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tessera/internal/lifecycle"
	"tessera/internal/outdir"
	"tessera/ranks"
)

// contents are the files of a directory, hidden ones and those of directories included.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// claimed runs a job as the command line does, on two ranks, and returns the job.
func claimed(t *testing.T, kind string, sets []string, accept func(*lifecycle.Job) error, env lifecycle.Env) (*lifecycle.Job, error) {
	t.Helper()
	j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
	if err != nil {
		t.Fatal(err)
	}
	claim, err := lifecycle.NewClaim(j, "tessera run test.toml", nil, accept)
	if err != nil {
		return j, err
	}
	env.Version = "test"
	err = ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
		if err != nil {
			return err
		}
		return j.Run(ctx, comm, env)
	})
	return j, errors.Join(err, claim.Release())
}

func anyResult(*lifecycle.Job) error { return nil }

// fullDisk is the variable with which this binary, started again, runs a job with files that
// cannot grow: the kind and the sets, a line each.
const fullDisk = "TESSERA_TEST_FULL_DISK"

// onFullDisk runs a job that is told to replace a result, in a process whose files cannot
// grow beyond a few bytes, and returns what it says.
func onFullDisk(t *testing.T, kind string, sets []string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOnFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), fullDisk+"="+strings.Join(append([]string{kind}, sets...), "\n"))
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return string(said)
}

// TestOnFullDisk is the other process of onFullDisk.
func TestOnFullDisk(t *testing.T) {
	kind, sets, found := strings.Cut(os.Getenv(fullDisk), "\n")
	if !found {
		t.Skip("only for TestOutputDirectory")
	}
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	_, err := claimed(t, kind, strings.Split(sets, "\n"), anyResult, lifecycle.Env{Replace: true})
	fmt.Println("the run ended with:", err)
}

// What every kind of job does in its output directory: it leaves the files that it lists and
// no others; it replaces none of them unless it is told to, and then only by a whole result;
// what a killed run has left is gone after the next one, and what others have put there stays.
func TestOutputDirectory(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			dir := t.TempDir()
			out := filepath.Join(dir, "out*[?")
			sets := append(tinySets(t, k.Name, dir), fmt.Sprintf("output.dir=%q", out))
			j, err := claimed(t, k.Name, sets, lifecycle.Refuse, lifecycle.Env{})
			if err != nil {
				t.Fatal(err)
			}
			first := contents(t, out)
			listed := append([]string{lifecycle.MetricsName, lifecycle.ConfigName, "run.log"}, j.Files...)
			for name := range first {
				if !slices.Contains(listed, name) {
					t.Errorf("left %s, which Job.Files does not list", name)
				}
			}
			if !slices.Contains(j.Files, j.Answer) {
				t.Errorf("Job.Files does not list the answer, %s", j.Answer)
			}

			// Not replaced, with metrics.json or without.
			exists := new(lifecycle.ExistsError)
			for range 2 {
				if _, err := claimed(t, k.Name, sets, lifecycle.Refuse, lifecycle.Env{}); !errors.As(err, &exists) {
					t.Errorf("a second run: %v", err)
				}
				if got := contents(t, out); !maps.Equal(got, first) {
					t.Errorf("the result is not what it was: %v", slices.Sorted(maps.Keys(got)))
				}
				os.Remove(filepath.Join(out, lifecycle.MetricsName))
				delete(first, lifecycle.MetricsName)
			}
			first[lifecycle.MetricsName] = "{}"
			if err := os.WriteFile(filepath.Join(out, lifecycle.MetricsName), []byte("{}"), 0o666); err != nil {
				t.Fatal(err)
			}

			// What killed runs leave, and what is not theirs.
			ours := []string{".run-17.log", "." + j.Answer + ".0123abcd.tmp", ".metrics.json.0123abcd.tmp"}
			others := []string{".run-x.log", ".run-017.log", ".notes.0123abcd.tmp", ".gitignore", "part-list.csv"}
			for _, name := range append(ours, others...) {
				if err := os.WriteFile(filepath.Join(out, name), nil, 0o666); err != nil {
					t.Fatal(err)
				}
				first[name] = ""
			}
			if err := os.MkdirAll(outdir.StagePath(out, ""), 0o777); err != nil {
				t.Fatal(err)
			}

			// Told to replace it, on a full disk: the old result stays.
			if said := onFullDisk(t, k.Name, sets); !strings.Contains(said, "file too large") {
				t.Errorf("on a full disk: %s", said)
			}
			for _, name := range ours {
				delete(first, name)
			}
			got := contents(t, out)
			delete(got, lifecycle.FailedLogName)
			if !maps.Equal(got, first) {
				t.Errorf("after a full disk there are %v, want %v, and each as it was", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(first)))
			}

			// Told to replace it: every file is new, and those of others stay.
			if _, err = claimed(t, k.Name, sets, anyResult, lifecycle.Env{Replace: true}); err != nil {
				t.Fatal(err)
			}
			got = contents(t, out)
			if len(got) != len(first) || got[lifecycle.MetricsName] == "{}" || got["run.log"] == first["run.log"] || got[j.Answer] != first[j.Answer] {
				t.Errorf("replaced: %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(first)))
			}
			if st, err := os.Stat(outdir.StagePath(out, "")); err == nil {
				t.Errorf("left: %v", st)
			}

			// While one run has the directory no other one may.
			claim, err := lifecycle.NewClaim(j, "tessera run first.toml", nil, anyResult)
			if err != nil {
				t.Fatal(err)
			}
			defer claim.Release()
			for _, accept := range []func(*lifecycle.Job) error{lifecycle.Refuse, lifecycle.Continue, anyResult} {
				if _, err := claimed(t, k.Name, sets, accept, lifecycle.Env{}); !errors.As(err, new(*outdir.HeldError)) {
					t.Errorf("a run beside another: %v", err)
				}
			}
		})
	}
}
