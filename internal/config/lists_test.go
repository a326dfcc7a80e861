package config

import (
	"fmt"
	"slices"
	"testing"
)

func TestLists(t *testing.T) {
	type lists struct {
		Sizes Numbers `toml:"sizes"`
		Names Words   `toml:"names"`
	}
	for _, c := range []struct {
		text, set string
		sizes     Numbers
		names     Words
		err       string
	}{
		{text: ``, sizes: Numbers{7}, names: Words{"default"}},
		{text: `sizes = []`, sizes: Numbers{}, names: Words{"default"}},
		{text: `sizes = [1, 2.5]` + "\n" + `names = ["a", ""]`, sizes: Numbers{1, 2.5}, names: Words{"a", ""}},
		{text: `sizes = [1]`, set: "sizes=[3, -4]", sizes: Numbers{3, -4}, names: Words{"default"}},
		{text: `sizes = 3`, sizes: Numbers{7}, names: Words{"default"}, err: "x.toml: sizes = 3: want a list of numbers"},
		{text: `sizes = [1, "2"]`, sizes: Numbers{7}, names: Words{"default"}, err: `x.toml: sizes = [1, "2"]: want a list of numbers`},
		{text: `sizes = [1, nan]`, sizes: Numbers{7}, names: Words{"default"}, err: `x.toml: sizes = [1, NaN]: want a list of numbers`},
		{text: `names = "a"`, sizes: Numbers{7}, names: Words{"default"}, err: `x.toml: names = "a": want a list of strings`},
		{text: `names = ["a", 1]`, sizes: Numbers{7}, names: Words{"default"}, err: `x.toml: names = ["a", 1]: want a list of strings`},
	} {
		var sets []string
		if c.set != "" {
			sets = append(sets, c.set)
		}
		f, err := Parse("x.toml", []byte(c.text), sets)
		if err != nil {
			t.Fatal(err)
		}
		got := lists{Sizes: Numbers{7}, Names: Words{"default"}}
		f.Decode(&got)
		said := ""
		if err := f.Err(); err != nil {
			said = err.Error()
		}
		if said != c.err || !slices.Equal(got.Sizes, c.sizes) || !slices.Equal(got.Names, c.names) {
			t.Errorf("%s %s: %v, %q; want %v %v, %q", c.text, c.set, got, said, c.sizes, c.names, c.err)
		}
	}
}

func TestInts(t *testing.T) {
	for _, c := range []struct {
		n     Numbers
		least int
		want  string
	}{
		{nil, 0, "[] true"},
		{Numbers{3, 0, 2}, 0, "[3 0 2] true"},
		{Numbers{3, 0, 2}, 1, "[3 0 2] false"},
		{Numbers{-3, -1}, -3, "[-3 -1] true"},
		{Numbers{1, 2.5}, 0, "[1 2] false"},
	} {
		list, ok := c.n.Ints(c.least)
		if got := fmt.Sprint(list, ok); got != c.want {
			t.Errorf("%v.Ints(%d) = %s, want %s", c.n, c.least, got, c.want)
		}
	}
}
