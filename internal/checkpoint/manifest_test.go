package checkpoint

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A manifest with any byte changed, or cut off anywhere, is refused by name, and the one
// before is used.
func TestManifestDamage(t *testing.T) {
	for name, harm := range map[string]func(b []byte, at int) []byte{
		"a bit":     func(b []byte, at int) []byte { b[at] ^= 1; return b },
		"upper bit": func(b []byte, at int) []byte { b[at] ^= 0x80; return b },
		"cut off":   func(b []byte, at int) []byte { return b[:at] },
	} {
		dir := t.TempDir()
		save(t, dir, 1, []int{0, 1})
		save(t, dir, 2, []int{0, 1})
		path := filepath.Join(dir, ManifestName)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := range whole {
			if err := os.WriteFile(path, harm(append([]byte(nil), whole...), at), 0o666); err != nil {
				t.Fatal(err)
			}
			list, damage, err := Read(dir)
			if err != nil || len(list) != 1 || list[0].Generation != 1 || damage == nil || !strings.Contains(damage.Error(), path) {
				t.Fatalf("%s at byte %d: %d manifests, damage %v, %v", name, at, len(list), damage, err)
			}
		}
		// A new generation does not put the damaged one into the place of the whole one.
		save(t, dir, 3, []int{0, 1})
		if list, damage, err := Read(dir); err != nil || damage != nil || len(list) != 2 || list[1].Generation != 1 {
			t.Errorf("%s: after the next one: %d manifests, %v, %v", name, len(list), damage, err)
		}
		if err := os.WriteFile(filepath.Join(dir, PreviousName), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(`{"generation":1}`), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(dir); err == nil || !strings.Contains(err.Error(), ManifestName+": it has no checksum") || !strings.Contains(err.Error(), PreviousName+": damaged") {
			t.Errorf("%s: both damaged: %v", name, err)
		}
	}
}

// Every byte of a part is under its checksum.
func TestPartDamage(t *testing.T) {
	dir := t.TempDir()
	m := save(t, dir, 1, []int{5, 6})
	path := filepath.Join(dir, "part-1-0")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		b := append([]byte(nil), whole...)
		b[at] ^= 4
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := Verify(dir, m, 0); err == nil {
			t.Fatalf("byte %d", at)
		}
	}
}

// Whatever the directory is called, and whatever else lies in it: the files of the
// checkpoint go, the others stay.
func TestOnlyOurs(t *testing.T) {
	for _, folder := range []string{"plain", "a*", "a?", "[a]", "a\\b", "*/part-*"} {
		t.Run(folder, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, folder, "checkpoint")
			other := filepath.Join(root, "aXb", "checkpoint") // what "a*" would match
			for _, d := range []string{dir, other} {
				if err := os.MkdirAll(d, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			save(t, other, 1, []int{1, 2})
			others := names(t, other)
			mine := map[string]string{
				"part-list.csv": "a,b", "part-1": "", "part-1-0.fits": "x", "part-01-0": "x", "part-1-+0": "x", "part--1-0": "x", "part-9-9": "somebody's",
				".part-1-0.tmp": "", "notes": "", ".notes.0123abcd.tmp": "",
			}
			for name, text := range mine {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(filepath.Join(other, "part-1-0"), filepath.Join(dir, "part-8-0")); err != nil {
				t.Fatal(err)
			}
			before := names(t, dir)
			for g := 1; g < 4; g++ {
				save(t, dir, g, []int{1, 2}, []int{3})
			}
			if got := len(strings.Fields(names(t, dir))) - len(strings.Fields(before)); got != 2+4 {
				t.Errorf("%d files of the checkpoint, want 2 manifests and 4 parts: %s", got, names(t, dir))
			}
			for _, name := range []string{".part-4-0.0123abcd.tmp", ".checkpoint.json.0123abcd.tmp", ".checkpoint-previous.json.0123abcd.tmp"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := WritePart(dir, 4, 0, nil, 8, nil); err != nil {
				t.Fatal(err)
			}
			if err := Sweep(dir); err != nil {
				t.Fatal(err)
			}
			if got := len(strings.Fields(names(t, dir))) - len(strings.Fields(before)); got != 2+4 {
				t.Errorf("swept: %s", names(t, dir))
			}
			if err := Remove(dir); err != nil {
				t.Fatal(err)
			}
			if got := names(t, dir); got != before {
				t.Errorf("left %s\nwant %s", got, before)
			}
			if got := names(t, other); got != others {
				t.Errorf("the other checkpoint is now %s, was %s", got, others)
			}
		})
	}
}

// A link to a directory stays, as do the files of others behind it; a manifest that is not
// one stays, and what is ours beside it does not.
func TestRemoveThroughLink(t *testing.T) {
	root := t.TempDir()
	behind, link := filepath.Join(root, "behind"), filepath.Join(root, "checkpoint")
	if err := os.Mkdir(behind, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(behind, link); err != nil {
		t.Fatal(err)
	}
	save(t, link, 1, []int{1})
	if err := Remove(link); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode().Type() != os.ModeSymlink || names(t, behind) != "" {
		t.Errorf("%v, %v, %q", st, err, names(t, behind))
	}
	save(t, link, 1, []int{1})
	save(t, link, 2, []int{1})
	if err := os.WriteFile(filepath.Join(behind, ManifestName), []byte(`{"my":"data"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Foreign(link); err == nil || len(strings.Fields(names(t, behind))) != 4 {
		t.Errorf("Foreign: %v; left %q", err, names(t, behind))
	}
	if err := Remove(link); err == nil || !strings.Contains(err.Error(), "is not the manifest of a checkpoint") || names(t, behind) != ManifestName {
		t.Errorf("%v; left %q", err, names(t, behind))
	}
}

// A manifest with any content is read or refused.
func FuzzManifest(f *testing.F) {
	text, err := encode(&Manifest{Generation: 3, Job: "psf", Config: "a = 1", Parts: []uint32{1, 2}, State: []byte("state")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"crc32c":0,"manifest":{}}`))
	f.Add(binary.LittleEndian.AppendUint64(nil, 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decode(text)
		if (m == nil) == (err == nil) {
			t.Fatal(fmt.Sprint(m, err))
		}
	})
}
