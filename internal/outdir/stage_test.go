package outdir

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// content is every file of a directory with what it holds.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for _, e := range entries {
		text, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		list[e.Name()] = string(text)
	}
	return list
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

var (
	earlier = map[string]string{"a": "old a", "b": "old b", "done": "old", "mine": "not of a run"}
	later   = map[string]string{"a": "new a", "c": "new c", "done": "new", "mine": "not of a run"}
)

// staged is a directory with an earlier result and a stage with a later one.
func staged(t *testing.T) (*Stage, string) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, earlier)
	s, err := NewStage(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, StageName), map[string]string{"a": "new a", "c": "new c", "done": "new"})
	return s, dir
}

func TestPublish(t *testing.T) {
	s, dir := staged(t)
	if err := s.Publish("done", []string{"a", "b", "c"}); err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir); !maps.Equal(got, later) {
		t.Errorf("published: %v", got)
	}
	if again, err := Recover(dir); again || err != nil {
		t.Errorf("nothing is left to publish: %v, %v", again, err)
	}
}

// An incomplete result leaves the earlier one as it is.
func TestIncomplete(t *testing.T) {
	s, dir := staged(t)
	if err := os.Remove(StagePath(dir, "done")); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish("done", []string{"a", "b"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("published without its last file: %v", err)
	}
	if again, err := Recover(dir); again || err != nil {
		t.Errorf("recovered an incomplete result: %v, %v", again, err)
	}
	if err := s.Drop(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir); !maps.Equal(got, earlier) {
		t.Errorf("the earlier result is now %v", got)
	}
}

// A directory in the place of a file stops the result before anything is moved.
func TestDirectoryInTheWay(t *testing.T) {
	s, dir := staged(t)
	if err := os.Mkdir(filepath.Join(dir, "c"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish("done", []string{"a", "b"}); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "c")+" is a directory") {
		t.Error(err)
	}
	if err := s.Abandon(); err != nil {
		t.Error(err)
	}
	got := content(t, dir)
	delete(got, "c")
	if !maps.Equal(got, earlier) {
		t.Errorf("the earlier result is now %v", got)
	}
}

// Killed after any of the steps of Publish, the rest is done by Recover.
func TestRecover(t *testing.T) {
	steps := []func(dir string) error{
		func(dir string) error { return os.Remove(filepath.Join(dir, "done")) },
		func(dir string) error { return os.Remove(filepath.Join(dir, "b")) },
		func(dir string) error { return os.Rename(StagePath(dir, "a"), filepath.Join(dir, "a")) },
		func(dir string) error { return os.Rename(StagePath(dir, "c"), filepath.Join(dir, "c")) },
		func(dir string) error { return os.Rename(StagePath(dir, "done"), filepath.Join(dir, "done")) },
	}
	for done := range len(steps) + 1 {
		t.Run(fmt.Sprint(done), func(t *testing.T) {
			_, dir := staged(t)
			write(t, filepath.Join(dir, StageName), map[string]string{orderName: `{"last":"done","remove":["b"]}`})
			for _, step := range steps[:done] {
				if err := step(dir); err != nil {
					t.Fatal(err)
				}
			}
			if again, err := Recover(dir); !again || err != nil {
				t.Fatal(again, err)
			}
			if got := content(t, dir); !maps.Equal(got, later) {
				t.Errorf("recovered: %v", got)
			}
		})
	}
}

// What is not an order of this package moves and removes nothing.
func TestRecoverRefuses(t *testing.T) {
	for _, text := range []string{"", "{", `{}`, `{"last":"done","remove":["../x"]}`, `{"last":"../done"}`} {
		_, dir := staged(t)
		write(t, filepath.Join(dir, StageName), map[string]string{orderName: text})
		if again, err := Recover(dir); again || err == nil {
			t.Errorf("%q: %v, %v", text, again, err)
		}
		got := content(t, dir)
		delete(got, StageName)
		if !maps.Equal(got, earlier) {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// A stage that is a link goes, and what it names stays.
func TestStageIsLink(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write(t, other, map[string]string{"done": "of others", orderName: `{"last":"done"}`})
	if err := os.Symlink(other, filepath.Join(dir, StageName)); err != nil {
		t.Fatal(err)
	}
	if again, err := Recover(dir); again || err != nil {
		t.Error(again, err)
	}
	if _, err := NewStage(dir); err != nil {
		t.Fatal(err)
	}
	if got := content(t, other); len(got) != 2 {
		t.Errorf("left: %v", got)
	}
}
