package frames

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tessera/internal/config"
)

// checkedBlur decodes and checks a section of this name with the defaults of the jobs.
func checkedBlur(t *testing.T, section, text string, sets ...string) (BlurSection, *config.File) {
	t.Helper()
	f, err := config.Parse("a.toml", []byte(text), sets)
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Blur   BlurSection `toml:"blur"`
		Target BlurSection `toml:"target"`
	}
	c.Blur = BlurSection{Kind: "none", Sigma: 1, FWHM: 3, Beta: 3}
	c.Target = c.Blur
	f.Decode(&c)
	if section == "target" {
		c.Target.Check(f, section, MostBlur, "common")
		return c.Target, f
	}
	c.Blur.Check(f, section, MostBlur)
	return c.Blur, f
}

// Every kind refuses every key that it does not use, with one error that names the key; the default of
// a key is accepted.
func TestBlurRefusesUnusedKeys(t *testing.T) {
	changed := map[string]string{"size": "7", "sigma": "2.0", "fwhm": "5.0", "beta": "2.0", "path": `"psf.npy"`}
	defaults := map[string]string{"size": "0", "sigma": "1.0", "fwhm": "3.0", "beta": "3.0", "path": `""`}
	uses := map[string][]string{
		"gaussian": {"size", "sigma", "fwhm"}, "moffat": {"size", "fwhm", "beta"}, "box": {"size"}, "file": {"path"},
		"none": nil, "common": nil,
	}
	for _, section := range []string{"blur", "target"} {
		for kind, used := range uses {
			if kind == "common" && section != "target" {
				continue
			}
			for key, value := range changed {
				needs := ""
				switch {
				case kind == "box" && key != "size":
					needs = "size = 7\n"
				case kind == "file" && key != "path":
					needs = "path = \"psf.npy\"\n"
				}
				head := fmt.Sprintf("[%s]\nkind = %q\n%s", section, kind, needs)
				_, f := checkedBlur(t, section, head+key+" = "+value+"\n")
				err := f.Err()
				name := section + "." + key
				switch {
				case slices.Contains(used, key) && err != nil:
					t.Errorf("%s = %q refuses %s: %v", section, kind, key, err)
				case !slices.Contains(used, key) && (err == nil || strings.Count(err.Error(), "\n") > 0 || !strings.Contains(err.Error(), name+" = ")):
					t.Errorf("%s = %q with %s: %v, want one error that names it", section, kind, name, err)
				}
				if slices.Contains(used, key) {
					continue
				}
				if _, f := checkedBlur(t, section, head+key+" = "+defaults[key]+"\n"); f.Err() != nil {
					t.Errorf("%s = %q refuses the default of %s: %v", section, kind, name, f.Err())
				}
				// The kind is from -set: the key of the file belonged to another kind.
				other := strings.Replace(head, fmt.Sprintf("kind = %q\n", kind), "", 1)
				_, f = checkedBlur(t, section, other+key+" = "+value+"\n", section+".kind="+kind)
				if _, kept := f.Values()[name]; f.Err() != nil || kept {
					t.Errorf("-set %s.kind=%s: %s is %v of the values in force, %v", section, kind, name, kept, f.Err())
				}
			}
		}
	}
}

// A Gaussian has the width that the config gives, as sigma or as fwhm, and what Encode writes has the same width.
func TestGaussianWidth(t *testing.T) {
	const byFWHM = 5 / 2.3548200450309493
	for _, c := range []struct {
		text  string
		sets  []string
		sigma float64 // 0 = refused
	}{
		{"", nil, 1},
		{"sigma = 2.0", nil, 2},
		{"fwhm = 5.0", nil, byFWHM},
		{"fwhm = 3.0", nil, byFWHM * 3 / 5},
		{"sigma = 2.0\nfwhm = 5.0", nil, 0},
		{"sigma = 2.0\nfwhm = 3.0", nil, 2}, // as in a config of all keys
		{"sigma = 2.0", []string{"fwhm=5"}, byFWHM},
		{"fwhm = 5.0", []string{"sigma=2"}, 2},
		{"", []string{"sigma=2", "fwhm=3"}, 0},
	} {
		var sets []string
		for _, s := range c.sets {
			sets = append(sets, "blur."+s)
		}
		b, f := checkedBlur(t, "blur", "[blur]\nkind = \"gaussian\"\n"+c.text+"\n", sets...)
		err := f.Err()
		if c.sigma == 0 {
			if err == nil || !strings.Contains(err.Error(), "blur.fwhm = ") {
				t.Errorf("%q %q: %v, want an error that names blur.fwhm", c.text, c.sets, err)
			}
			continue
		}
		if err != nil || math.Abs(b.Sigma-c.sigma) > 1e-14 {
			t.Errorf("%q %q: sigma %g, want %g; %v", c.text, c.sets, b.Sigma, c.sigma, err)
			continue
		}
		var w strings.Builder
		if err := f.Encode(&w, nil); err != nil {
			t.Fatal(err)
		}
		if again, f := checkedBlur(t, "blur", w.String()); f.Err() != nil || again.Sigma != b.Sigma {
			t.Errorf("%q %q: the config that Encode writes has sigma %g, want %g; %v", c.text, c.sets, again.Sigma, b.Sigma, f.Err())
		}
	}
}
