package frames

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tessera/internal/config"
)

// Every way to describe a PSF that varies refuses the keys of the others, with one error that names the key,
// and accepts them with their defaults.
func TestPSFModelRefusesUnusedKeys(t *testing.T) {
	changed := map[string]string{
		"kind": `"field"`, "path": `"m.psf"`, "format": `"cube"`, "detector": "2", "positions": `"p.csv"`, "oversampling": "2.0", "pixel": `"integrate"`,
		"row": "4.0", "col": "4.0", "size": "7", "grid": "3", "fwhm_left": "2.0", "fwhm_right": "2.0", "beta": "2.0", "ellipticity": "0.1", "coma": "0.1",
	}
	uses := map[string][]string{
		"": {"kind", "path"},
		"kind = \"field\"\n": {
			"kind", "path", "row", "col", "size", "grid", "fwhm_left", "fwhm_right", "beta", "ellipticity", "coma",
		},
		"path = \"m.psf\"\n": {"path", "format", "detector", "positions", "oversampling", "pixel", "row", "col", "size"},
	}
	check := func(text string, sets ...string) *config.File {
		f, err := config.Parse("a.toml", []byte("[psf_model]\n"+text), sets)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Model PSFModelSection `toml:"psf_model"`
		}
		c.Model = DefaultPSFModel()
		f.Decode(&c)
		c.Model.Check(f, &BlurSection{Kind: "none"})
		return f
	}
	defaults := check("").Values()
	fields := reflect.TypeFor[PSFModelSection]()
	for i := range fields.NumField() {
		key := fields.Field(i).Tag.Get("toml")
		value, ok := changed[key]
		if !ok {
			t.Errorf("psf_model.%s is not in the table of this test", key)
			continue
		}
		for head, used := range uses {
			if strings.HasPrefix(head, key+" ") || key == "path" {
				continue
			}
			err := check(head + key + " = " + value + "\n").Err()
			name := "psf_model." + key
			if slices.Contains(used, key) {
				if err != nil {
					t.Errorf("%q refuses %s: %v", head, name, err)
				}
				continue
			}
			if err == nil || strings.Count(err.Error(), "\n") > 0 || !strings.Contains(err.Error(), name+" = ") {
				t.Errorf("%q with %s: %v, want one error that names it", head, name, err)
			}
			text := fmt.Sprint(defaults[name])
			if _, ok := defaults[name].(string); ok {
				text = config.Quote(text)
			}
			if err := check(head + key + " = " + text + "\n").Err(); err != nil {
				t.Errorf("%q refuses the default of %s: %v", head, name, err)
			}
		}
	}
	// A file's made-up PSF is replaced by -set.
	for _, set := range []string{"psf_model.path=m.psf", "psf_model.kind=none"} {
		f := check("kind = \"field\"\nfwhm_left = 2.0\n", set)
		if _, kept := f.Values()["psf_model.fwhm_left"]; f.Err() != nil || kept {
			t.Errorf("-set %s: psf_model.fwhm_left is %v of the values in force, %v", set, kept, f.Err())
		}
	}
}
