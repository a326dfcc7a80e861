package config

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Text that costs a parser far more memory than it is long is refused before it is parsed,
// in a file and in a -set, with a short message that names the line.
func TestBombs(t *testing.T) {
	long := strings.Repeat("k", 300)
	var keys, strays strings.Builder
	for i := range mostKeys + 1 {
		fmt.Fprintf(&keys, "k%d=1\n", i)
	}
	for i := range mostKeys - 10 {
		fmt.Fprintf(&strays, "ovrlap%d=1\n", i)
	}
	for _, c := range []struct{ name, text, want string }{
		{"dotted key", "\n" + strings.Repeat("a.", 20000) + "b = 1", "x.toml:2: a key of more than 8 parts"},
		{"dotted header", "[" + strings.Repeat("a.", 20000) + "b]", "x.toml:1: a key of more than 8 parts"},
		{"dotted key in a table", "v = {" + strings.Repeat("a.", 20000) + "b = 1}", "x.toml:1: a key of more than 8 parts"},
		{"quoted parts", strings.Repeat(`"a".`, 20000) + "b = 1", "x.toml:1: a key of more than 8 parts"},
		{"lists", "v = " + strings.Repeat("[", 20000), "x.toml:1: more than 8 lists or tables within each other"},
		{"lists over lines", "v = " + strings.Repeat("[\n", 20000), "x.toml:9: more than 8 lists or tables within each other"},
		{"tables", "v = " + strings.Repeat("{a=", 20000), "x.toml:1: more than 8 lists or tables within each other"},
		{"lists and tables", "v = " + strings.Repeat("[{a=", 20000), "x.toml:1: more than 8 lists or tables within each other"},
		{"long key", "a = 1\n" + long + " = 1", "x.toml:2: a key of more than 128 bytes"},
		{"long header", "a = 1\n[" + long + "]\na=1", "x.toml:2: a key of more than 128 bytes"},
		{"long name of a list of tables", "[[" + long + "]]\na=1", "x.toml:1: a key of more than 128 bytes"},
		{"long key in quotes", `"` + long + `" = 1`, "x.toml:1: a key of more than 128 bytes"},
		{"keys", keys.String(), "x.toml:10001: more than 10000 keys"},
		{"headers", strings.Repeat("[[a]]\n", mostKeys+1), "x.toml:10001: more than 10000 keys"},
		{"after a string", "a = \"x\\\"[[[\\\\\"\nb = '''\n[[['\n'''''\nc = \"\"\"[[[\\\n\"\"\"\n" + long + " = 1", "x.toml:7: a key of more than 128 bytes"},
		{"unknown keys", strays.String(), "more problems"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := read(c.text)
		runtime.ReadMemStats(&after)
		said := fmt.Sprint(err)
		if !strings.HasSuffix(said, c.want) || len(said) > 6000 || c.name != "unknown keys" && len(said) > 200 {
			t.Errorf("%s: %.300s, want %s", c.name, said, c.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 40<<20 {
			t.Errorf("%s: %d MB of memory for %d bytes", c.name, took>>20, len(c.text))
		}
	}
	for _, set := range []string{
		strings.Repeat("a.", 20000) + "b=1", long + "=1", "v=" + strings.Repeat("[", 20000), "v={" + strings.Repeat("a.", 20000) + "b=1}", long, "=" + long,
	} {
		if _, err := read("", set); err == nil || len(err.Error()) > 200 {
			t.Errorf("-set %.20s...: %.300v", set, err)
		}
	}
}

// The longest text within the bounds takes memory in proportion to its length.
func TestLongestConfig(t *testing.T) {
	key := strings.Repeat("k", longestKey-10)
	header := "[" + key + "]\n"
	var b strings.Builder
	b.WriteString(header)
	for i := 0; b.Len() < MaxSize-200 && i < mostKeys-1; i++ {
		fmt.Fprintf(&b, "%s%d=[[[[[[[1]]]]]]]\n", key[:60], i)
	}
	for name, text := range map[string]string{
		"keys": b.String(), "lists": "a = [" + strings.Repeat("[],", MaxSize/3-10) + "]", "numbers": "a = [" + strings.Repeat("1,", MaxSize/2-10) + "]",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Parse("x.toml", []byte(text), nil)
		runtime.ReadMemStats(&after)
		if err != nil || f == nil {
			t.Fatalf("%s: %v", name, err)
		}
		took := (after.TotalAlloc - before.TotalAlloc) >> 20
		if t.Logf("%s: %d MB", name, took); took > 200 {
			t.Errorf("%s: %d MB for %d bytes", name, took, len(text))
		}
	}
}

// What looks like a bomb and is none.
func TestWithinBounds(t *testing.T) {
	for _, text := range []string{
		"v = '" + strings.Repeat("[", 1000) + "'", "v = \"" + strings.Repeat("a.", 1000) + "\" # " + strings.Repeat("[", 1000),
		"# " + strings.Repeat("a.", 1000) + " = 3", "v = [" + strings.Repeat("0.25, ", 5000) + "]", "v = \"\"\"\n" + strings.Repeat("k", 3000) + " = 1\n\"\"\"",
		"v = [\n" + strings.Repeat("  'some/directory/file.fits', # [[[\n", 3000) + "]", "a.b.c.d.e.f.g.h = 1", "v = [[[[[[[[1]]]]]]]]",
		"d = 1979-05-27T00:32:00.999999-07:00\ne = ''''a'b'''''\nf = \"\"\nlong = 'x'",
	} {
		if _, err := Parse("x.toml", []byte(text), nil); err != nil {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}
