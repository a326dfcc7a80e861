package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// save writes a generation of parts, part r with the ids of parts[r].
func save(t *testing.T, dir string, generation int, parts ...[]int) *Manifest {
	t.Helper()
	m := &Manifest{Generation: generation, Job: "test", State: []byte{1, 2, 3}}
	for rank, ids := range parts {
		sum, err := WritePart(dir, generation, rank, ids, 12, func(i int, record []byte) {
			binary.LittleEndian.PutUint64(record, uint64(ids[i]*generation))
			copy(record[8:], "tail")
		})
		if err != nil {
			t.Fatal(err)
		}
		m.Parts = append(m.Parts, sum)
	}
	if err := Commit(dir, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func names(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, e := range list {
		s = append(s, e.Name())
	}
	return strings.Join(s, " ")
}

// A part without records is complete, whatever the length of a record.
func TestNothingOfARank(t *testing.T) {
	dir := t.TempDir()
	sum, err := WritePart(dir, 1, 0, nil, 1000, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := &Manifest{Generation: 1, Parts: []uint32{sum}}
	if err := Commit(dir, m); err != nil {
		t.Fatal(err)
	}
	if err := Records(dir, m, []int{0}, func(int, []byte) error { return errors.New("a record") }); err != nil {
		t.Error(err)
	}
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Read(dir); !errors.Is(err, ErrNone) || Exists(dir) {
		t.Errorf("an empty directory: %v, want ErrNone", err)
	}
	save(t, dir, 1, []int{0, 1, 2}, []int{3, 4}, nil)
	save(t, dir, 2, []int{4, 0}, []int{2, 1, 3})
	if got := names(t, dir); got != "checkpoint-previous.json checkpoint.json part-1-0 part-1-1 part-1-2 part-2-0 part-2-1" {
		t.Errorf("files %s", got)
	}
	save(t, dir, 3, []int{0, 1, 2, 3, 4})
	save(t, dir, 2, []int{4, 0}, []int{2, 1, 3}) // as after going on from the one before
	if got := names(t, dir); got != "checkpoint-previous.json checkpoint.json part-2-0 part-2-1 part-3-0" {
		t.Errorf("files %s", got)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	save(t, dir, 1, []int{0, 1, 2}, []int{3, 4}, nil)
	save(t, dir, 2, []int{4, 0}, []int{2, 1, 3})
	list, damage, err := Read(dir)
	if err != nil || damage != nil || len(list) != 2 || list[1].Generation != 1 {
		t.Fatal(list, damage, err)
	}
	m := list[0]
	for r := range m.Parts {
		if err := Verify(dir, m, r); err != nil {
			t.Error(err)
		}
	}
	if m.Generation != 2 || m.Job != "test" || !slices.Equal(m.State, []byte{1, 2, 3}) {
		t.Errorf("manifest %+v", m)
	}
	var seen []string
	err = Records(dir, m, []int{1, 3, 4}, func(id int, record []byte) error {
		seen = append(seen, fmt.Sprint(id, binary.LittleEndian.Uint64(record), string(record[8:])))
		return nil
	})
	if err != nil || !slices.Equal(seen, []string{"4 8tail", "1 2tail", "3 6tail"}) {
		t.Errorf("records %q, %v", seen, err)
	}
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
	if err := Remove(dir); err != nil {
		t.Errorf("removing nothing: %v", err)
	}
}

// A run killed before Commit leaves the earlier checkpoint as it was.
func TestKilledBeforeCommit(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, 1, []int{0, 1})
	if _, err := WritePart(dir, 2, 0, []int{0, 1}, 12, func(int, []byte) {}); err != nil {
		t.Fatal(err)
	}
	list, _, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, n := list[0], 0
	if err := Records(dir, m, []int{0, 1}, func(int, []byte) error { n++; return nil }); err != nil || n != 2 || m.Generation != 1 {
		t.Errorf("generation %d, %d records, %v", m.Generation, n, err)
	}
}

func TestDamage(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(path string, b []byte) []byte
		want string
	}{
		"flipped bit": {func(_ string, b []byte) []byte { b[50] ^= 1; return b }, "damaged"},
		"cut off":     {func(_ string, b []byte) []byte { return b[:len(b)-3] }, "records of"},
		"empty":       {func(string, []byte) []byte { return nil }, "not a part"},
		"another":     {func(_ string, b []byte) []byte { return b }, "another checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := save(t, dir, 1, []int{5, 6})
			path := filepath.Join(dir, "part-1-0")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.harm(path, b), 0o666); err != nil {
				t.Fatal(err)
			}
			if name == "another" {
				m.Parts[0]++
			}
			err = Records(dir, m, []int{6}, func(int, []byte) error { return nil })
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want one that names %s and says %q", err, path, c.want)
			}
			if err := Verify(dir, m, 0); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("verified: %v", err)
			}
			if err := Records(dir, m, []int{7}, func(int, []byte) error { return nil }); err != nil && name != "cut off" && name != "empty" {
				t.Errorf("no record of the part is wanted, and reading it failed: %v", err)
			}
		})
	}
}

// A part with any content gives records or an error.
func FuzzPart(f *testing.F) {
	dir := f.TempDir()
	sum, err := WritePart(dir, 1, 0, []int{5, 6}, 12, func(_ int, record []byte) { record[3] = 7 })
	if err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "part-1-0"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:20])
	f.Add([]byte(magic + "\xff\xff\xff\xff\xff\xff\xff\x0f\xff\xff\xff\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, part []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "part-1-0"), part, 0o666); err != nil {
			t.Fatal(err)
		}
		m := &Manifest{Generation: 1, Parts: []uint32{sum}}
		_ = Records(dir, m, []int{5, 6}, func(_ int, record []byte) error {
			if len(record) > len(part) {
				t.Fatalf("a record of %d bytes from a part of %d", len(record), len(part))
			}
			return nil
		})
	})
}
