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

// awaitedBy are the configs that make what other shipped configs read, by config and key.
var awaitedBy = map[string]map[string]string{
	"reference-scdl-spectra.toml": {"dictionary.dir": "reference-scdl-train.toml"},
	"reference-scdl-upscale.toml": {"dictionary.dir": "scdl-train-grey.toml"},
	"reference-tppa.toml":         {"tppa.model": "tppa-train.toml"},
	"scdl-spectra.toml":           {"dictionary.dir": "scdl-train-spectral.toml"},
	"scdl-upscale.toml":           {"dictionary.dir": "scdl-train-grey.toml"},
	"tppa-deblur.toml":            {"tppa.model": "tppa-train.toml"},
}

// check of every shipped config in a fresh clone ends with 0. Where a file is missing that another one makes, a line on standard
// error says which command makes it and that run would stop, and run stops.
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
		status, out, said := told("check", path)
		var want []string
		for key, by := range awaitedBy[filepath.Base(path)] {
			if _, err := os.Stat("configs/" + by); err != nil {
				t.Errorf("%s: %s: %v", path, key, err)
			}
			want = append(want, path+": "+key+" = ", "is not there yet, and run would stop now: make it with tessera run configs/"+by+".")
		}
		if status != 0 || (len(want) == 0) != (said == "") || strings.Count(said, "\n") != len(want)/2 || (out == path+": fine\n") != (len(want) == 0) {
			t.Errorf("check %s: status %d, %q, %q", path, status, out, said)
		}
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("check %s: %q, want %q in it", path, said, w)
			}
		}
		if len(want) > 0 {
			if status, _, said := told("run", path); status != 2 || !strings.Contains(said, "first: it writes out/") {
				t.Errorf("run %s: status %d, %q, want 2", path, status, said)
			}
		}
	}
}

// A missing file passes check only where the command that another config stands for would make it, and where all else is fine.
func TestAwaitedFiles(t *testing.T) {
	clone := t.TempDir()
	if err := os.CopyFS(filepath.Join(clone, "configs"), os.DirFS("../../configs")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(clone)
	for name, args := range map[string][]string{
		"another mistake":            {"-set", "tv.tolerance=2"},
		"another missing file":       {"-set", "image.path=nowhere.npy"},
		"no file of that config":     {"-set", "tppa.model=out/tppa-train/modell.npz"},
		"a folder of that config":    {"-set", "tppa.model=out/tppa-train"},
		"below a file":               {"-set", "tppa.model=out/tppa-train/model.npz/x.npz"},
		"a folder of no config":      {"-set", "tppa.model=out/elsewhere/model.npz"},
		"one of two configs is none": {"none.toml"},
	} {
		if status, _, said := told(append([]string{"check", "configs/tppa-deblur.toml"}, args...)...); status != 2 {
			t.Errorf("%s: status %d, %q, want 2", name, status, said)
		}
	}
	if err := os.MkdirAll("out/tppa-train", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("out/tppa-train/metrics.json", []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	if status, _, said := told("check", "configs/tppa-deblur.toml"); status != 2 {
		t.Errorf("a complete result without the file: status %d, %q, want 2", status, said)
	}
}

// told runs a command of the program in this process.
func told(args ...string) (status int, stdout, stderr string) {
	var out, said strings.Builder
	status = Main(args, &out, &said)
	return status, out.String(), said.String()
}
