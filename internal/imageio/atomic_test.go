package imageio

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteAtomic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.npy")
	alone := func(when, want string) {
		t.Helper()
		names, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(path)
		if len(names) > 1 || string(b) != want {
			t.Errorf("%s: %d files, content %q, want %q", when, len(names), b, want)
		}
	}
	broken := errors.New("broken")
	half := func(w io.Writer) error {
		io.WriteString(w, "half")
		return broken
	}
	if err := WriteAtomic(path, half); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	alone("failed", "")
	if err := WriteAtomic(path, func(w io.Writer) error { _, err := io.WriteString(w, "whole"); return err }); err != nil {
		t.Fatal(err)
	}
	alone("written", "whole")
	if err := WriteAtomic(path, half); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	alone("failed over an old file", "whole")
	func() {
		defer func() { recover() }()
		WriteAtomic(path, func(w io.Writer) error { panic("in write") })
	}()
	alone("panicked", "whole")

	plain := filepath.Join(dir, "..", "plain")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.Stat(path); err != nil || got.Mode() != want.Mode() {
		t.Errorf("mode %v, an ordinary file has %v", got.Mode(), want.Mode())
	}
	if err := WriteAtomic(filepath.Join(dir, "none", "a"), half); err == nil {
		t.Error("written into a directory that is not there")
	}
	// The new name is taken by a directory: the rename fails.
	if err := os.MkdirAll(filepath.Join(dir, "taken", "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := WriteAtomic(filepath.Join(dir, "taken"), func(io.Writer) error { return nil }); err == nil {
		t.Error("a directory was replaced")
	}
	if names, _ := os.ReadDir(dir); len(names) != 2 {
		t.Errorf("left behind: %v", names)
	}
}

// Of what lies in a directory only the temporary files of the named files go.
func TestSweepTemporaries(t *testing.T) {
	dir := t.TempDir()
	kept := []string{
		"out.npy", ".out.npy.0123abcd", ".out.npy.0123abc.tmp", ".out.npy.0123ABCD.tmp", ".out.npy.0123abcde.tmp", "out.npy.0123abcd.tmp",
		".other.npy.0123abcd.tmp", ".out.npy..tmp", ".tmp", "..0123abcd.tmp", ".out.npy.+123abcd.tmp",
	}
	gone := []string{".out.npy.0123abcd.tmp", ".out.npy.00000000.tmp"}
	for _, name := range append(gone, kept...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("out.npy", filepath.Join(dir, ".out.npy.ffffffff.tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".out.npy.fffffffe.tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	kept = append(kept, ".out.npy.ffffffff.tmp", ".out.npy.fffffffe.tmp")
	if err := SweepTemporaries(dir, func(base string) bool { return base == "out.npy" }); err != nil {
		t.Fatal(err)
	}
	for _, name := range kept {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if names, _ := os.ReadDir(dir); len(names) != len(kept) {
		t.Errorf("%d files are left, want %d: %v", len(names), len(kept), names)
	}
	if err := SweepTemporaries(filepath.Join(dir, "none"), nil); err != nil {
		t.Error(err)
	}
}
