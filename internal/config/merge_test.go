package config

import (
	"reflect"
	"strings"
	"testing"
)

// The merged text holds every value of -set once, and is read as the same values without -set.
func TestMergeHoldsTheSettings(t *testing.T) {
	const text = "# outer.x = 7\njob = \"a\"\n\n[outer]\nx = 1.5  # said here\ntext = \"t\"\n\n[outer.inner]\ny = 2.0\n"
	for _, c := range []struct {
		sets []string
		want []string // lines
	}{
		{nil, nil},
		{[]string{"outer.x=3"}, []string{"x = 3.0"}},
		{[]string{"outer.x=3", "outer.x=4"}, []string{"x = 4.0"}},
		{[]string{"outer.n=-3", "outer.on=true"}, []string{"n = -3", "on = true"}},
		{[]string{"outer.text=5"}, []string{`text = "5"`}},
		{[]string{`outer.text=a "b" = [c]`}, []string{`text = "a \"b\" = [c]"`}},
		{[]string{"outer.list=[1,2]", `outer.words=["a","b"]`}, []string{"list = [1.0, 2.0]", `words = ["a", "b"]`}},
		{[]string{"outer.inner.y=1e-9"}, []string{"y = 1e-09"}},
		{[]string{"other.z=6"}, []string{"[other]", "z = 6.0"}},
		{[]string{"seed=12", "job=b"}, []string{"seed = 12", `job = "b"`}},
	} {
		read := func(text string, sets []string) (f *File, v everything) {
			f, err := Parse("test", []byte(text), sets)
			if err != nil {
				t.Fatalf("%q: %v in\n%s", c.sets, err, text)
			}
			f.Decode(&v)
			if err := f.Err(); err != nil {
				t.Fatalf("%q: %v in\n%s", c.sets, err, text)
			}
			return f, v
		}
		f, want := read(text, c.sets)
		merged, err := f.Merge([]byte(text))
		if err != nil {
			t.Fatalf("%q: %v", c.sets, err)
		}
		if _, got := read(string(merged), nil); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: read %+v, want %+v from\n%s", c.sets, got, want, merged)
		}
		for _, line := range c.want {
			if n := strings.Count("\n"+string(merged), "\n"+line+"\n"); n != 1 {
				t.Errorf("%q: %d lines %q, want one, in\n%s", c.sets, n, line, merged)
			}
		}
		if len(c.sets) == 0 && string(merged) != text {
			t.Errorf("without -set the text changes to\n%s", merged)
		}
	}
}
