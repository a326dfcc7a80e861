package scdl

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/ranks"
	"tessera/scdl"
)

// someDictionary is of patches of 3 x 3 and 5 x 5 pixels.
func someDictionary() *dictionary {
	d := &dictionary{Head: dictionaryHead{
		Atoms: 4, High: 36, Low: 9, Normalisation: "joint", Images: "a \"folder\"\n# é\x7f\x01", Scale: 2, Patch: 3, HighPatch: 6, Blur: 0.8,
		Training: trainingHead{Digest: "ab", Samples: 7, Seed: 3, Method: "admm", Iterations: 5, Lambda: 1e-5, C1: 0.4, C2: 0.4, C3: 0.8, Beta: 1, Step: 0.02, Start: "random", Precision: "double"},
	}}
	d.allocate()
	for k, x := range [][]float64{d.Pair.High, d.Pair.Low, d.Raw.High, d.Raw.Low, d.Linear.Map} {
		for i := range x {
			x[i] = float64(k) + float64(i)/1000
		}
	}
	return d
}

func TestDictionaryRoundTrip(t *testing.T) {
	want, dir := someDictionary(), t.TempDir()
	if err := want.write(dir); err != nil {
		t.Fatal(err)
	}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(_ context.Context, c ranks.Comm) error {
		from := dictionarySection{Dir: dir}
		if c.Rank() != 0 {
			from.Dir = "where nobody has been" // other hosts need not see it
		}
		got, err := from.read(c)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(got.Pair, want.Pair) || !reflect.DeepEqual(got.Raw, want.Raw) || !reflect.DeepEqual(got.Linear, want.Linear) {
			t.Errorf("rank %d got other arrays", c.Rank())
		}
		if got.Head.grid() != (scdl.Grid{Scale: 2, Patch: 3, Blur: 0.8}) || c.Rank() == 0 && got.Head != want.Head {
			t.Errorf("rank %d got %+v", c.Rank(), got.Head)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDictionaryBad(t *testing.T) {
	member := func(change func([]imageio.Member) []imageio.Member) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, dictionaryName)
			m, err := imageio.ReadNpz(path, nil)
			if err == nil {
				err = imageio.WriteNpz(path, change(m))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	header := func(old, new string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, headerName)
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), old) {
				t.Fatal(err, old)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, dir string)
		want   string
	}{
		{"an array is missing", member(func(m []imageio.Member) []imageio.Member { return m[:3] }), `dictionary.npz: no array "raw_`},
		{"another shape", member(func(m []imageio.Member) []imageio.Member {
			m[2].Shape = []int{9, 36}
			return m
		}), "dictionary.npz: linear has shape [9 36], dictionary.toml says [36 9]"},
		{"NaN", member(func(m []imageio.Member) []imageio.Member {
			m[1].Data = slices.Clone(m[1].Data)
			m[1].Data[3] = math.NaN()
			return m
		}), "dictionary.npz: low holds NaN"},
		{"more atoms", header("atoms = 4", "atoms = 5"), "dictionary.npz: "},
		{"no atoms", header("atoms = 4", "atoms = 0"), "dictionary.toml: 0 atoms"},
		{"huge", header("atoms = 4", "atoms = 4000000000000000000"), "dictionary.toml: 4000000000000000000 atoms"},
		{"another patch", header("patch = 3", "patch = 5"), "dictionary.toml: samples of 36 and 9 numbers from patches of 10 and 5"},
		{"no TOML", header("atoms = 4", "atoms"), "dictionary.toml"},
		{"a stranger", header("[training]", "[taming]"), "dictionary.toml"},
	} {
		dir := t.TempDir()
		if err := someDictionary().write(dir); err != nil {
			t.Fatal(err)
		}
		c.change(t, dir)
		_, err := readDictionary(dir)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
