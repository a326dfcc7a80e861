package jobs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tessera/internal/config"
)

// Whatever a config says, loading it ends in a job or in problems.
func FuzzLoad(f *testing.F) {
	for _, path := range []string{"../../configs/deblur.toml", "../../configs/inpaint.toml", "../../configs/reference.toml",
		"../../configs/kernel.toml", "../../configs/deep-kernel.toml", "../../configs/two-layer.toml",
		"../../configs/psf-sparse.toml", "../../configs/scdl-train-spectral.toml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "tikhonov.lambda=gcv")
	}
	f.Add("job = 'tikhonov'\n[blur]\nkind = 'box'\n", "blur.size=3")
	f.Add("job = 'tikhonov'\n[tikhonov]\nlambda = -0.0", "seed=18446744073709551615")
	f.Fuzz(func(t *testing.T, text, set string) {
		j, err := Load("fuzz.toml", []byte(text), []string{set})
		if err == nil && (j.Dir == "" || j.Run == nil || j.Plan == nil || j.CheckFiles == nil) {
			t.Fatalf("half a job: %+v", j)
		}
		if err != nil && !errors.As(err, new(*config.Error)) {
			t.Fatalf("%T %v", err, err)
		}
	})
}

// required are the keys without a default that a job has to be given, with a value.
var required = map[string][]string{
	"scdl-spectra":    {"data.low=configs/data/spectra-low.npy"},
	"scdl-upscale":    {"image.path=configs/data/small.png"},
	"mlpatch-admm":    {"mlpatch.model=configs/models/denoise-cells.npz"},
	"mlpatch-denoise": {"mlpatch.model=configs/models/denoise-cells.npz"},
	"tppa":            {"tppa.model=out/tppa-train/model.npz"},
}

// The reference config of every job names every key of it, with the default.
func TestReferenceIsTheDefaults(t *testing.T) {
	for _, k := range Kinds() {
		name := "reference-" + k.Name + ".toml"
		if k.Name == "tikhonov" {
			name = "reference.toml"
		}
		text, err := os.ReadFile("../../configs/" + name)
		if err != nil {
			t.Errorf("job %s: %v", k.Name, err)
			continue
		}
		values := func(text string, sets []string) (*config.File, map[string]any) {
			f, err := config.Parse(name, []byte(text), sets)
			if err != nil {
				t.Fatal(err)
			}
			k.Load(f)
			if err := f.Err(); err != nil {
				t.Fatal(err)
			}
			return f, f.Values()
		}
		f, said := values(string(text), nil)
		_, defaults := values(fmt.Sprintf("job = %q", k.Name), required[k.Name])
		for key, want := range defaults {
			if !f.Has(key) {
				t.Errorf("%s: %s is not there; its default is %v", name, key, want)
			} else if fmt.Sprint(said[key]) != fmt.Sprint(want) {
				t.Errorf("%s: %s = %v, the default is %v", name, key, said[key], want)
			}
		}
	}
}

// The configs that the README names are fine as they stand.
func TestShippedConfigs(t *testing.T) {
	paths, err := filepath.Glob("../../configs/*.toml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d configs, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		study, err := CheckStudy(path, text)
		if !study {
			_, err = Load(path, text, nil)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
