package config

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rule takes a number or one of two words, as lambda does.
type rule struct {
	word string
	x    float64
}

func (r *rule) UnmarshalTOML(v any) error {
	if s, ok := v.(string); ok && s == "auto" {
		r.word = s
		return nil
	}
	x, err := Number(v)
	if err != nil {
		return fmt.Errorf(`a number or "auto"`)
	}
	r.x = x
	return nil
}

func (r rule) String() string { return fmt.Sprint(r.x) }

type sample struct {
	Job   string `toml:"job"`
	Seed  uint64 `toml:"seed"`
	Solve struct {
		Method    string  `toml:"method"`
		Overlap   int     `toml:"overlap"`
		Tolerance float64 `toml:"tolerance"`
		Lambda    rule    `toml:"lambda"`
		Exact     bool    `toml:"exact"`
	} `toml:"solve"`
	Output struct {
		Dir string `toml:"dir"`
	} `toml:"output"`
}

func read(text string, sets ...string) (sample, error) {
	f, err := Parse("x.toml", []byte(text), sets)
	if err != nil {
		return sample{}, err
	}
	s := sample{Job: "none", Seed: 1}
	s.Solve.Method = "gmres"
	s.Solve.Overlap = 4
	s.Solve.Tolerance = 1e-8
	f.Decode(&s)
	f.OneOf("solve.method", s.Solve.Method, "gmres", "cg", "as-cg")
	f.Want(s.Solve.Overlap >= 0, "solve.overlap", "0 or more")
	f.Want(s.Solve.Tolerance > 0, "solve.tolerance", "more than 0")
	return s, f.Err()
}

func TestBadFiles(t *testing.T) {
	for _, c := range []struct {
		name, text string
		sets       []string
		want       string
	}{
		{"range", "[solve]\noverlap = -3", nil, `x.toml: solve.overlap = -3: want 0 or more`},
		{"type of an int", "[solve]\noverlap = 2.5", nil, `x.toml: solve.overlap = 2.5: want a whole number`},
		{"int from a string", "[solve]\noverlap = \"4\"", nil, `x.toml: solve.overlap = "4": want a whole number`},
		{"negative seed", "seed = -1", nil, `x.toml: seed = -1: want a whole number, 0 or more`},
		{"bool", "[solve]\nexact = 1", nil, `x.toml: solve.exact = 1: want true or false`},
		{"string", "job = 3", nil, `x.toml: job = 3: want a string`},
		{"date", "job = 2020-01-02", nil, `x.toml: job = 2020-01-02T00:00:00Z: want a string`},
		{"array", "job = [1, 2, 3, 4, 5, 6]", nil, `x.toml: job = [1, 2, 3, 4, ...]: want a string`},
		{"not finite", "[solve]\ntolerance = nan", nil, `x.toml: solve.tolerance = NaN: want a finite number`},
		{"infinite", "[solve]\ntolerance = inf", nil, `x.toml: solve.tolerance = +Inf: want a finite number`},
		{"own type", "[solve]\nlambda = \"gvc\"", nil, `x.toml: solve.lambda = "gvc": want a number or "auto"`},
		{"word", "[solve]\nmethod = \"gmers\"", nil, `x.toml: solve.method = "gmers": want gmres, cg, as-cg; did you mean "gmres"?`},
		{"far word", "[solve]\nmethod = \"multigrid\"", nil, `x.toml: solve.method = "multigrid": want gmres, cg, as-cg`},
		{"slip in a key", "[solve]\noverlpa = 3", nil, `x.toml: solve.overlpa: unknown key; did you mean solve.overlap?`},
		{"slip in a section", "[solv]\noverlap = 3\nmethod = 1", nil, `x.toml: solv: unknown section; did you mean solve?`},
		{"right key, wrong section", "overlap = 3", nil, `x.toml: overlap: unknown key; did you mean solve.overlap?`},
		{"unknown", "[solve]\nquux = 3", nil, `x.toml: solve.quux: unknown key; [solve] has exact, lambda, method, overlap, tolerance`},
		{"a key that breaks lines", "\"a\\nb\" = 3", nil, `x.toml: "a\nb": unknown key; the sections and keys are job, output, seed, solve`},
		{"right words, wrong section", "max_overlap = 3", nil, `x.toml: max_overlap: unknown key; did you mean solve.overlap?`},
		{"slip and wrong section", "[output]\nlamda = 3", nil, `x.toml: output.lamda: unknown key; did you mean solve.lambda?`},
		{"beginning of a key", "[output]\ndirectory = 3", nil, `x.toml: output.directory: unknown key; did you mean output.dir?`},
		{"keys of another section", "[quux]\noverlap = 3", nil, `x.toml: quux: unknown section; did you mean solve.overlap?`},
		{"set of another section", "", []string{"quux.tolerance=3"}, `-set quux: unknown section; did you mean solve.tolerance?`},
		{"unknown section", "[quux]\nquux = 3", nil, `x.toml: quux: unknown section; the sections and keys are job, output, seed, solve`},
		{"value for a section", "solve = 3", nil, `x.toml: solve = 3: want a section [solve]`},
		{"section for a value", "[job]\nx = 1", nil, `x.toml: job = {...}: want a string`},
		{"syntax", "job = \"a\"\n[solve\noverlap = 1", nil, `x.toml:2: `},
		{"twice", "job = \"a\"\njob = \"b\"", nil, `x.toml:2: `},
		{"not UTF-8", "job = \"\xff\"", nil, `x.toml:1: `},
		{"bad set", "", []string{"solve.overlap"}, `-set solve.overlap: want section.key=value`},
		{"set without a key", "", []string{"=3"}, `-set =3: want section.key=value`},
		{"set of a section", "[solve]\noverlap = 1", []string{"solve=3"}, `-set solve=3: solve is a section: want solve.key=value`},
		{"set under a value", "job = \"a\"", []string{"job.x=3"}, `-set job.x=3: job is a value, not a section`},
		{"set out of range", "[solve]\noverlap = 1", []string{"solve.overlap=-3"}, `-set solve.overlap = -3: want 0 or more`},
		{"set of the wrong type", "", []string{"solve.overlap=wide"}, `-set solve.overlap = "wide": want a whole number`},
		{"set unknown", "", []string{"solve.overlp=3"}, `-set solve.overlp: unknown key; did you mean solve.overlap?`},
		{
			"everything at once", "sed = 3\n[solve]\noverlap = -3\nmethod = 4\ntolerance = 0",
			[]string{"output.dir=x", "output.dri=x"},
			"x.toml: solve.method = 4: want a string\n" +
				"-set output.dri: unknown key; did you mean output.dir?\n" +
				"x.toml: sed: unknown key; did you mean seed?\n" +
				"x.toml: solve.overlap = -3: want 0 or more\n" +
				"x.toml: solve.tolerance = 0: want more than 0",
		},
		{"too large", strings.Repeat("#", MaxSize+1), nil, `x.toml: 1048577 bytes, want a TOML file of at most 1048576`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(c.text, c.sets...)
			if err == nil {
				t.Fatalf("accepted; want %q", c.want)
			}
			got := err.Error()
			whole := !strings.HasSuffix(c.want, ": ") // the words of a syntax error are the TOML library's
			if whole && got != c.want || !whole && (!strings.HasPrefix(got, c.want) || strings.Contains(got, "\n")) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestDefaultsFileSets(t *testing.T) {
	text := "job = \"t\"\n[solve]\nlambda = 3 # a whole number does for a number\n[output]\ndir = 'a b'"
	s, err := read(text, "solve.overlap = 7", "seed=9", "output.dir=2024-01-01", "solve.method=cg", "solve.lambda=auto", "solve.exact=true")
	if err != nil {
		t.Fatal(err)
	}
	if s.Job != "t" || s.Seed != 9 || s.Solve.Overlap != 7 || s.Solve.Tolerance != 1e-8 ||
		s.Solve.Method != "cg" || s.Solve.Lambda.word != "auto" || !s.Solve.Exact || s.Output.Dir != "2024-01-01" {
		t.Errorf("got %+v", s)
	}
}

func TestSetCannotSmuggleKeys(t *testing.T) {
	s, err := read("", "output.dir=1\nseed = 5")
	if err != nil {
		t.Fatal(err)
	}
	if s.Seed != 1 || s.Output.Dir != "1\nseed = 5" {
		t.Errorf("got seed %d, dir %q", s.Seed, s.Output.Dir)
	}
}

func TestValuesHoldDefaults(t *testing.T) {
	f, err := Parse("x.toml", []byte("seed = 4"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var s sample
	s.Solve.Overlap = 4
	f.Decode(&s)
	v := f.Values()
	if v["seed"] != uint64(4) || v["solve.overlap"] != 4 || len(v) != 8 {
		t.Errorf("got %v", v)
	}
}

// A value set on the command line and the same value in the file mean the same.
func TestSetIsTheFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		overlap := rapid.IntRange(0, math.MaxInt32).Draw(t, "overlap")
		tolerance := rapid.Float64Range(1e-300, 1e300).Draw(t, "tolerance")
		dir := rapid.StringMatching(`[a-zA-Z0-9/_. -]{1,20}`).Draw(t, "dir")
		inFile, err1 := read(fmt.Sprintf("[solve]\noverlap = %d\ntolerance = %v\n[output]\ndir = %q", overlap, float(tolerance), dir))
		onLine, err2 := read("", fmt.Sprintf("solve.overlap=%d", overlap), "solve.tolerance="+float(tolerance), fmt.Sprintf("output.dir=%q", dir))
		if err1 != nil || err2 != nil || inFile != onLine {
			t.Fatalf("file %+v (%v), -set %+v (%v)", inFile, err1, onLine, err2)
		}
	})
}

// float writes a float so that TOML reads one: it wants digits about the point.
func float(x float64) string { return fmt.Sprintf("%.17e", x) }

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"abc", "abc", 0}, {"overlpa", "overlap", 1},
		{"kitten", "sitting", 3}, {"lamda", "lambda", 1}, {"ab", "ba", 1}, {strings.Repeat("a", 100), "a", 64},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// Whatever the bytes, reading ends in values that pass the checks or in
// problems that each name the file or the -set on a line of their own.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"", "job = 1", "[solve]\noverlap = 3", "a.b.c = [1, {x = 2}]", "[[solve]]\noverlap = 1", "\x00", "x = \"\\u0000\"",
		"[solve]\nlambda = 1e400", "seed = 99999999999999999999", "d = 07:32:00", "[a]\n[a.b]\n[a]",
	} {
		f.Add(s, "solve.overlap=3")
	}
	f.Add("", "a.b.c=[1,")
	f.Fuzz(func(t *testing.T, text, set string) {
		s, err := read(text, set)
		if err == nil {
			if s.Solve.Overlap < 0 || !(s.Solve.Tolerance > 0) || math.IsInf(s.Solve.Tolerance, 0) {
				t.Fatalf("accepted %+v", s)
			}
			return
		}
		e, ok := err.(*Error)
		if !ok || len(e.Problems) == 0 {
			t.Fatalf("%T %v", err, err)
		}
		for _, p := range e.Problems {
			if p.Where == "" || p.Text == "" {
				t.Fatalf("%#v", p)
			}
		}
	})
}
