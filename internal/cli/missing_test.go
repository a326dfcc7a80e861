package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs"
)

// pathCompanions are the sets without which a key that names a file is not read, by key; for all jobs that have them.
var pathCompanions = map[string][]string{
	"blur.path": {"blur.kind=file"}, "first.path": {"first.kind=file"}, "second.path": {"second.kind=file"}, "target.path": {"target.kind=file"},
	"psf.path": {"stack.path=here.npy"}, "psf.index": {"stack.path=here.npy", "psf.path=here.npy"}, "psf.start_path": {"psf.start=given"}, "stack.truth": {"stack.path=here.npy", "psf.path=here.npy"}, "stack.path": {"psf.path=here.npy"},
	"image.truth": {"image.path=here.npy"}, "psf_model.positions": {"psf_model.path=here.npy", "psf_model.format=cube"},
	"shear.e1": {"shear.e2=here.npy", "shear.pixel=1", "shear.sigma=1"}, "shear.e2": {"shear.e1=here.npy", "shear.pixel=1", "shear.sigma=1"}, "shear.sigma1": {"shear.sigma2=here.npy"}, "shear.sigma2": {"shear.sigma1=here.npy"},
	"frame.truth": {"frame.pixels=true"}, "data.low": {"data.high=here.npy", "data.samples=rows"}, "data.high": {"data.low=here.npy", "data.samples=rows"},
}

// jobCompanions are likewise sets for every key of a job.
var jobCompanions = map[string][]string{
	"tppa": {"tppa.model=here.npy"}, "mlpatch-denoise": {"mlpatch.model=here.npy"}, "mlpatch-admm": {"mlpatch.model=here.npy"}, "mlpatch-superres": {"image.path=here.npy"},
	"scdl-spectra": {"data.low=here.npy"}, "scdl-upscale": {"image.path=here.npy"},
}

// notRead are string keys with an empty value, or one of a file, that no check reads: why.
var notRead = map[string]string{
	"scdl.folder": "is written",
}

// fileKeys are the keys of a job that name a file or a folder: those with an empty string for a value, and those of models and dictionaries.
func fileKeys(values map[string]any) (keys []string) {
	for key, v := range values {
		_, isText := v.(string)
		_, name, _ := strings.Cut(key, ".")
		if isText && key != "output.dir" && (v == "" || slices.Contains([]string{"model", "dir", "path", "low"}, name)) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Every key of every job that names a file has the one rule: a path is relative to the folder in which the command runs. Where no file is there the
// error says so, and where one lies beside the config it has the line that names it.
func TestMissingFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.MkdirAll("sub", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := imageio.WriteNpy("here.npy", []int{4, 4}, make([]float64, 16)); err != nil {
		t.Fatal(err)
	}
	for _, k := range jobs.Kinds() {
		f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), nil)
		if err != nil {
			t.Fatal(err)
		}
		k.Load(f)
		for _, key := range fileKeys(f.Values()) {
			if notRead[key] != "" {
				continue
			}
			c := &call{options: options{}}
			section, name, _ := strings.Cut(key, ".")
			text := fmt.Appendf(nil, "job = %q\n[%s]\n%s = \"beside.npy\"\n", k.Name, section, name)
			for _, set := range slices.Concat(pathCompanions[key], jobCompanions[k.Name]) {
				of, _, _ := strings.Cut(set, "=")
				if _, has := f.Values()[of]; has && of != key {
					c.sets = append(c.sets, set)
				}
			}
			told := func() string {
				_, err := c.load("sub/c.toml", text)
				if err == nil {
					return ""
				}
				for _, p := range err.(*config.Error).Problems {
					if p.Key == key {
						return p.Text
					}
				}
				return ""
			}
			if got, want := told(), "paths are relative to the folder in which the command runs, "+dir; !strings.Contains(got, want) || !strings.Contains(got, key) {
				t.Errorf("%s: %s: %q, want %q in it", k.Name, key, got, want)
				continue
			}
			if err := os.WriteFile("sub/beside.npy", nil, 0o666); err != nil {
				t.Fatal(err)
			}
			if got, want := told(), fmt.Sprintf("this file lies beside the config: write %s = \"sub/beside.npy\"", key); !strings.Contains(got, want) {
				t.Errorf("%s: %s: %q, want %q in it", k.Name, key, got, want)
			}
			os.Remove("sub/beside.npy")
		}
	}
}

// made are the files that shipped configs want and that a run of another one makes, and given those that a user has, with
// the key of each: a config that fails check in a fresh clone is in these tables, key by key.
var (
	made = map[string]map[string]string{
		"reference-scdl-spectra.toml": {"dictionary.dir": "reference-scdl-train.toml"},
		"reference-scdl-upscale.toml": {"dictionary.dir": "scdl-train-grey.toml"},
		"reference-tppa.toml":         {"tppa.model": "tppa-train.toml"},
		"scdl-spectra.toml":           {"dictionary.dir": "scdl-train-spectral.toml"},
		"scdl-upscale.toml":           {"dictionary.dir": "scdl-train-grey.toml"},
		"tppa-deblur.toml":            {"tppa.model": "tppa-train.toml"},
	}
	given = map[string][]string{
		"darkmatter-cosmos.toml":      {"shear.mask", "shear.sigma1", "shear.sigma2", "spectrum.path"},
		"hubble.toml":                 {"simulate.from"},
		"inpaint.toml":                {"simulate.from"},
		"reference-scdl-spectra.toml": {"data.low"},
		"reference-scdl-upscale.toml": {"image.path"},
		"scdl-spectra.toml":           {"data.low"},
		"scdl-train-grey.toml":        {"patches.images"},
		"scdl-upscale.toml":           {"image.path"},
	}
)

// check of every shipped config in a fresh clone is fine, or says for each missing file which command makes it, or how to
// name one.
func TestShippedConfigs(t *testing.T) {
	clone := t.TempDir()
	if err := os.CopyFS(filepath.Join(clone, "configs"), os.DirFS("../../configs")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(clone)
	list, err := filepath.Glob("configs/*.toml")
	if err != nil || len(list) < 20 {
		t.Fatalf("%d configs, %v", len(list), err)
	}
	for _, path := range list {
		name := filepath.Base(path)
		want := map[string]string{}
		for key, by := range made[name] {
			want[key] = "run configs/" + by + " first: it writes out/"
		}
		for _, key := range given[name] {
			want[key] = "-set " + key + "=PATH names another file"
		}
		text, err := readConfig(path)
		if err != nil {
			t.Fatal(err)
		}
		if study, err := jobs.CheckStudy(path, text); study {
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		_, err = (&call{}).load(path, text)
		if (err == nil) != (len(want) == 0) {
			t.Errorf("%s: %v, want %d missing files", path, err, len(want))
			continue
		}
		if err == nil {
			continue
		}
		problems := err.(*config.Error).Problems
		if len(problems) != len(want) {
			t.Errorf("%s: %v, want %d problems", path, err, len(want))
		}
		for _, p := range problems {
			if want[p.Key] == "" || !strings.Contains(p.Text, want[p.Key]) {
				t.Errorf("%s: %s: %q, want %q in it", path, p.Key, p.Text, want[p.Key])
			}
		}
	}
	for name, keys := range made {
		for key, by := range keys {
			if _, err := os.Stat("configs/" + by); err != nil || len(list) == 0 {
				t.Errorf("%s: %s: %v", name, key, err)
			}
		}
	}
}
