package jobs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/config"
)

// said is what `tessera info` says of a file that a key may name: the line, and a word in it. A key of the table of doors, or
// the first key of readings, that is missing here fails TestInfoOfEveryKey.
var said = map[string][2]string{
	"image.path": {"as image.path", ""}, "image.truth": {"as image.path", "image.truth"}, "simulate.from": {"as image.path", "simulate.from"}, "frame.truth": {"as image.path", ""},
	"image.mask": {"as image.mask", ""}, "image.dq": {"as image.dq", ""}, "image.sigma": {"as image.sigma", ""}, "image.variance": {"as image.sigma", "image.variance"}, "image.weights": {"as image.sigma", "image.weights"},
	"blur.path": {"as a PSF", "blur.path"}, "target.path": {"as a PSF", "target.path"}, "first.path": {"as a PSF", "first.path"}, "second.path": {"as a PSF", "second.path"},
	"psf_model.path": {"as stamps or PSFs", "psf_model.path"}, "psf_model.positions": {"as positions", "psf_model.positions"},
	"observations.path": {"as observations", "kernel and deep-kernel"}, "evaluate.path": {"as observations", "evaluate.path"},
	"stack.path": {"as stamps or PSFs", "stack.path"}, "stack.mask": {"as stamps or PSFs", "stack.mask"}, "stack.weights": {"as stamps or PSFs", "stack.weights"}, "stack.truth": {"as stamps or PSFs", "stack.truth"},
	"psf.path": {"as one PSF for all stamps", "psf.path"}, "psf.start_path": {"as stamps or PSFs", "psf.start_path"}, "psf.index": {"as PSFs of stamps", "psf.index"},
	"data.high": {"as samples", ""}, "data.low": {"as samples", ""}, "data.truth": {"", ""}, // of spectra and of pictures: below
	"tppa.model": {"as a model", "tppa.model"}, "mlpatch.model": {"as a model", "mlpatch.model"},
	"shear.e1": {"as a map of a field", "shear.e1"}, "shear.e2": {"as a map of a field", "shear.e2"}, "shear.sigma1": {"as a map of a field", "shear.sigma1"}, "shear.sigma2": {"as a map of a field", "shear.sigma2"},
	"shear.counts": {"as a map of a field", "shear.counts"}, "shear.mask": {"as a map of a field", "shear.mask"},
	"catalogue.path": {"as a catalogue", "64 galaxies"}, "spectrum.path": {"as a spectrum", "spectrum.path"},
}

// info says of the files of every job as what, and by which key, they would be read: for every key of every job that names a
// file, in every format.
func TestInfoOfEveryKey(t *testing.T) {
	dir := t.TempDir()
	all := moreFamilies(t, dir)
	seen := map[string]string{} // what is said of each file
	look := func(job, key, family string) {
		want, known := said[key]
		if !known {
			t.Errorf("what does info say of a file for %s of the job %s? It is not in the table of this test", key, job)
			return
		}
		switch {
		case key == "data.truth" && family == "spectra":
			want = [2]string{"as samples", ""}
		case key == "data.truth":
			want = [2]string{"as true pictures", "data.truth"}
		}
		if len(all[family]) == 0 {
			t.Errorf("%s of %s: no files of the family %q", key, job, family)
		}
		for _, format := range slices.Sorted(maps.Keys(all[family])) {
			path := all[family][format]
			if _, done := seen[path]; !done {
				seen[path] = Info(path)
			}
			lines := strings.Split(seen[path], "\n")
			if !slices.ContainsFunc(lines, func(line string) bool {
				return strings.HasPrefix(strings.TrimSpace(line), want[0]) && strings.Contains(line, want[1]) && !strings.Contains(line, "refused")
			}) {
				t.Errorf("%s of %s, %s: no %q with %q in\n%s", key, job, format, want[0], want[1], seen[path])
			}
		}
	}
	defer func() {
		if len(seen) < 100 {
			t.Errorf("%d files were looked at", len(seen))
		}
	}()
	for _, k := range Kinds() {
		f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		k.Load(f)
		for _, key := range slices.Sorted(maps.Keys(f.Values())) {
			if d, is := doors[k.Name][key]; is && d.family != "" {
				look(k.Name, key, d.family)
			}
		}
		for _, set := range readings[k.Name].sets(t, t.TempDir(), "HERE") {
			if key, value, _ := strings.Cut(set, "="); value == "HERE" {
				look(k.Name, key, readings[k.Name].family)
			}
		}
	}
}

// A table of places alone, as for a prediction, is read as that.
func TestInfoOfPlaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places.csv")
	if err := os.WriteFile(path, []byte("ra,dec\n10,20\n11,21\n12,-3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if text := Info(path); !strings.Contains(text, "as places") || !strings.Contains(text, "coordinates ra, dec (evaluate.path") {
		t.Error(text)
	}
}

// A fit, as tessera predict takes it, is named with its observations.
func TestInfoOfFit(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	runOn(t, 1, "kernel", append(tinySets(t, "kernel", dir), fmt.Sprintf("output.dir=%q", out)))
	if text := Info(filepath.Join(out, "fit.npz")); !strings.Contains(text, "as a fit  wendland-c2 of width ") || !strings.Contains(text, "tessera predict FIT PLACES") {
		t.Error(text)
	}
}
