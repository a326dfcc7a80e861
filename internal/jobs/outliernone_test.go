package jobs

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
)

// knownEverywhere are inputs in which no value may be missing, by the kind of job: a mark of a missing value in one of them is an error that
// names file, place and value.
var knownEverywhere = map[string][]struct {
	file  string // of unitTest.input
	sets  []string
	marks []float64
}{
	"psf": {
		{"psf.npy", nil, []float64{1e30, -9999}},
		{"stamps.npy", []string{"psf.start=given", "psf.start_path=%file"}, []float64{1e30, -9999}},
	},
	"tikhonov":   {{"frame.npy", []string{"blur.kind=file", "blur.path=%file"}, []float64{1e30, -9999}}},
	"tv":         {{"frame.npy", []string{"blur.kind=file", "blur.path=%file"}, []float64{1e30}}},
	"darkmatter": {{"weights.npy", []string{"shear.e1=", "shear.e2=", "shear.sigma=0.1", "simulate.from=%file"}, []float64{1e30, -9999}}},
	"scdl-train": {{"low.npy", nil, []float64{1e30}}},
}

func TestMarksWhereNoneMayBeMissing(t *testing.T) {
	for _, k := range Kinds() {
		for _, c := range knownEverywhere[k.Name] {
			for _, v := range c.marks {
				dir := t.TempDir()
				sets := append(unitTests[k.Name].input(t, dir, 1), unpictured(t, k.Name)...)
				path := filepath.Join(dir, c.file)
				a, err := imageio.ReadNpy(path)
				if err != nil {
					t.Fatal(err)
				}
				data := slices.Clone(a.Data)
				data[len(data)/2+1] = v
				if len(c.sets) > 0 { // the file as it is has another use
					path = filepath.Join(dir, "marked.npy")
				}
				if err := imageio.WriteNpy(path, a.Shape, data); err != nil {
					t.Fatal(err)
				}
				for _, set := range c.sets {
					sets = append(sets, strings.ReplaceAll(set, "%file", path))
				}
				_, err = tryRun(t, k.Name, append(sets, fmt.Sprintf("output.dir=%q", filepath.Join(dir, "out"))))
				for _, part := range []string{path, fmt.Sprintf("%.6g, which marks a missing value", v), "row ", "column "} {
					if err == nil || !strings.Contains(err.Error(), part) {
						t.Errorf("%s: %g in %s: %v, want %q in it", k.Name, v, c.file, err, part)
					}
				}
			}
		}
	}
}
