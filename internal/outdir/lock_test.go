package outdir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// aHost is a machine whose waits are short. With locks, flock is that of the system;
// without, it fails as on a file system that has none.
func aHost(name string, locks bool) *host {
	m := machine()
	m.name, m.id = name, name
	m.local = func(string) bool { return false }
	m.beat, m.look, m.patience, m.settle = 2*time.Millisecond, time.Millisecond, 35*time.Millisecond, 10*time.Millisecond
	if !locks {
		m.flock = func(*os.File) error { return unix.ENOLCK }
	}
	return m
}

func held(err error) bool { return errors.As(err, new(*HeldError)) }

// One at a time: on one machine and from another, with and without locks of the file system.
func TestOneAtATime(t *testing.T) {
	for name, c := range map[string]struct {
		first, second string
		locks         bool
	}{
		"flock, same machine": {"one", "one", true},
		"flock, two machines": {"one", "two", true},
		"without locks, same": {"one", "one", false},
		"without locks, two":  {"one", "two", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "b*[?")
			l, err := aHost(c.first, c.locks).acquire(dir, LockName, dir, "tessera run x.toml", nil)
			if err != nil {
				t.Fatal(err)
			}
			second := aHost(c.second, c.locks)
			second.patience = 5 * time.Minute // over as soon as the first one shows that it is alive
			_, err = second.acquire(dir, LockName, dir, "second", nil)
			if !held(err) || !strings.Contains(err.Error(), dir+" is in use by tessera run x.toml (process ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the second one: %v", err)
			}
			if err := l.Release(); err != nil {
				t.Error(err)
			}
			if names, _ := os.ReadDir(dir); len(names) != 0 {
				t.Errorf("left behind: %v", names)
			}
			l, err = aHost(c.second, c.locks).acquire(dir, LockName, dir, "third", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The lock of a process that is dead does not stop the next one.
func TestStale(t *testing.T) {
	for name, c := range map[string]struct {
		owner string
		locks bool
		waits bool
	}{
		"flock, same machine":    {"one", true, false},
		"flock, another machine": {"two", true, true},
		"without locks, same":    {"one", false, false},
		"without locks, another": {"two", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			dead := aHost(c.owner, c.locks).self("dead")
			dead.Started = "1" // the number belongs to another process by now
			if err := os.WriteFile(filepath.Join(dir, LockName), dead.text(7), 0o666); err != nil {
				t.Fatal(err)
			}
			said := ""
			l, err := aHost("one", c.locks).acquire(dir, LockName, dir, "next", func(s string) { said = s })
			if err != nil {
				t.Fatal(err)
			}
			defer l.Release()
			if (said != "") != c.waits {
				t.Errorf("said %q", said)
			}
			text, _ := os.ReadFile(filepath.Join(dir, LockName))
			if o, ok := parseOwner(text); !ok || !o.same(l.owner) {
				t.Errorf("the file says %q", text)
			}
		})
	}
}

// A disk of one machine needs no wait, whatever the name of the machine was.
func TestLocalDisk(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, LockName), aHost("container-1", true).self("dead").text(7), 0o666); err != nil {
		t.Fatal(err)
	}
	m := aHost("container-2", true)
	m.local = func(string) bool { return true }
	l, err := m.acquire(dir, LockName, dir, "next", func(s string) { t.Errorf("waits: %s", s) })
	if err != nil {
		t.Fatal(err)
	}
	l.Release()
}

// Of many that want the directory at once, one has it at any time.
func TestMany(t *testing.T) {
	dir := t.TempDir()
	var inside, got atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				l, err := Acquire(dir, "test", nil)
				if held(err) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d at once", n)
				}
				got.Add(1)
				inside.Add(-1)
				if err := l.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got.Load() == 0 {
		t.Error("nobody got it")
	}
}

// Files of others with the lock's name stay as they are.
func TestNotALock(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"text": func(path string) error { return os.WriteFile(path, []byte("my notes"), 0o666) },
		"link": func(path string) error {
			return errors.Join(os.WriteFile(path+"x", []byte("my notes"), 0o666), os.Symlink(path+"x", path))
		},
		"directory": func(path string) error { return os.Mkdir(path, 0o777) },
		"fifo":      func(path string) error { return unix.Mkfifo(path, 0o666) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, LockName)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Acquire(dir, "test", nil); err == nil || held(err) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		after, err := os.Lstat(path)
		if err != nil || after.Mode() != before.Mode() || after.Size() != before.Size() {
			t.Errorf("%s: was %v, is %v, %v", name, before, after, err)
		}
	}
}

// Files of one directory have locks of their own.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.csv")
	a, err := AcquireFile(path, "first", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AcquireFile(path, "second", nil); !held(err) || !strings.HasPrefix(err.Error(), path+" is in use by first (") {
		t.Error(err)
	}
	b, err := AcquireFile(filepath.Join(dir, "b.csv"), "second", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Release(), b.Release()); err != nil {
		t.Error(err)
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
}
