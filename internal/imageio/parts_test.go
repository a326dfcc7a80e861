package imageio

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// boxesOf cuts a box into pieces at random.
func boxesOf(t *rapid.T, b Box) []Box {
	cut := func(lo, hi int) int { return rapid.IntRange(lo+1, hi-1).Draw(t, "cut") }
	switch kind := rapid.IntRange(0, 2).Draw(t, "kind"); {
	case kind == 1 && b.R1-b.R0 > 1:
		m := cut(b.R0, b.R1)
		return append(boxesOf(t, Box{b.R0, m, b.C0, b.C1}), boxesOf(t, Box{m, b.R1, b.C0, b.C1})...)
	case kind == 2 && b.C1-b.C0 > 1:
		m := cut(b.C0, b.C1)
		return append(boxesOf(t, Box{b.R0, b.R1, b.C0, m}), boxesOf(t, Box{b.R0, b.R1, m, b.C1})...)
	}
	return []Box{b}
}

// boxOfFrame copies a box of all channels.
func boxOfFrame(f *Frame, b Box) []float64 {
	var data []float64
	for c := range f.Channels {
		for r := b.R0; r < b.R1; r++ {
			at := (c*f.Rows + r) * f.Cols
			data = append(data, f.Data[at+b.C0:at+b.C1]...)
		}
	}
	return data
}

// A file that is written in parts has the bytes of one that is written whole.
func TestPartsAreTheWholeFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "parts")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		f := &Frame{
			Channels: rapid.SampledFrom([]int{1, 3}).Draw(t, "channels"),
			Rows:     rapid.IntRange(1, 23).Draw(t, "rows"), Cols: rapid.IntRange(1, 23).Draw(t, "cols"),
			Header: Header{Card("OBJECT  = 'M 51    '" + strings.Repeat(" ", 60))},
		}
		f.Data = make([]float64, f.Channels*f.Rows*f.Cols)
		for i := range f.Data {
			f.Data[i] = math.Sqrt(float64(i)) - 3
		}
		f.Data[len(f.Data)/2] = math.NaN()
		shape := []int{f.Channels, f.Rows, f.Cols}
		if f.Channels == 1 {
			shape = shape[1:]
		}
		whole := map[string]func(path string) error{
			"a.npy":  func(path string) error { return WriteNpy(path, shape, f.Data) },
			"a.fits": func(path string) error { return WriteFITS(path, f, "made by a test") },
		}
		for name, write := range whole {
			path := filepath.Join(dir, name)
			if err := write(path + ".whole"); err != nil {
				t.Fatal(err)
			}
			boxes := boxesOf(t, Box{R1: f.Rows, C1: f.Cols})
			first, err := CreateParts(path, f, "made by a test")
			if err != nil {
				t.Fatal(err)
			}
			writers := []*PartsFile{first}
			for len(writers) < 3 {
				w, err := OpenParts(path, first.Layout())
				if err != nil {
					t.Fatal(err)
				}
				writers = append(writers, w)
			}
			for i, b := range boxes {
				if err := writers[i%3].WriteBox(b, boxOfFrame(f, b)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat(path); err == nil {
				t.Fatalf("%s is there before it is published", name)
			}
			for _, w := range writers {
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := first.Publish(); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if want, err := os.ReadFile(path + ".whole"); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s in %d parts differs from the whole file (%v)", name, len(boxes), err)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
	})
}

// What does not fit is refused, and an unfinished file leaves nothing.
func TestPartsErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.npy")
	frame := &Frame{Channels: 1, Rows: 4, Cols: 5}
	w, err := CreateParts(path, frame)
	if err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]func() error{
		"box [0,4)x[0,6) of an image of 4x5": func() error { return w.WriteBox(Box{0, 4, 0, 6}, make([]float64, 24)) },
		"3 values for 1 channels of 2 x 2":   func() error { return w.WriteBox(Box{0, 2, 0, 2}, make([]float64, 3)) },
		"does not see it":                    func() error { _, err := OpenParts(path, PartsLayout{Hidden: ".none"}); return err },
		"0 channels of 4 x 5":                func() error { _, err := CreateParts(path, &Frame{Rows: 4, Cols: 5}); return err },
		"FITS card of 3 bytes": func() error {
			_, err := CreateParts(dir+"/a.fits", &Frame{Channels: 1, Rows: 1, Cols: 1, Header: Header{"A=1"}})
			return err
		},
		filepath.Join("none", "a.npy") + ": op": func() error { _, err := CreateParts(filepath.Join(dir, "none", "a.npy"), frame); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if err := w.Publish(); err == nil || !strings.Contains(err.Error(), "before it was closed") {
		t.Errorf("published while open: %v", err)
	}
	w.Drop()
	if err := w.WriteBox(Box{0, 1, 0, 1}, []float64{1}); err == nil {
		t.Error("written after Drop")
	}
	if err := w.Close(); err == nil {
		t.Error("closed after Drop")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
