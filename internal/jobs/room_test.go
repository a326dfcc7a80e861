package jobs

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// small are sets of a run of each kind that takes no time. A kind without them fails the test.
var small = map[string][]string{
	"tikhonov":         {"simulate.rows=16", "simulate.cols=16", "output.pictures=false"},
	"two-layer":        {"simulate.rows=16", "simulate.cols=16", "output.pictures=false"},
	"kernel":           {"simulate.count=30"},
	"deep-kernel":      {"simulate.count=30", "deep.steps=1", "deep.starts=1"},
	"psf":              {"simulate.count=2", "psf.iterations=2"},
	"scdl-train":       {"simulate.count=300", "scdl.iterations=2", "scdl.atoms=8"},
	"tv":               {"simulate.rows=16", "simulate.cols=16", "output.pictures=false"},
	"tppa":             {"simulate.rows=16", "simulate.cols=16", "output.pictures=false"},
	"tppa-train":       {"simulate.count=2", "data.validation=1", "simulate.rows=16", "simulate.cols=16", "tppa.steps=1", "tppa.layers=2", "output.pictures=false"},
	"mlpatch-train":    {"simulate.count=2", "data.validation=1", "simulate.rows=16", "simulate.cols=16", "mlpatch.steps=1", "mlpatch.hidden=[4]", "mlpatch.batch=1", "mlpatch.blocks=1", "output.pictures=false"},
	"mlpatch-denoise":  {"simulate.rows=16", "simulate.cols=16", "output.pictures=false", "tv.rule=none"},
	"mlpatch-admm":     {"simulate.rows=16", "simulate.cols=16", "output.pictures=false", "tv.rule=none", "admm.max_iterations=1"},
	"mlpatch-superres": {"simulate.count=2", "data.validation=1", "simulate.rows=16", "simulate.cols=16", "superres.tests=[]", "mlpatch.steps=1", "mlpatch.hidden=[4]", "mlpatch.block=8", "mlpatch.batch=1", "mlpatch.blocks=1", "output.pictures=false"},
	"darkmatter":       {"simulate.rows=8", "simulate.cols=8", "noise.realisations=2", "output.pictures=false"},
	"scdl-spectra":     {},
	"scdl-upscale":     {},
}

// inUse are sets with which a key of a kind that names a file is used; other keys need none. SAME
// is that file, STACK a small stack and LOW are a few
// samples.
var inUse = map[string][]string{
	"tikhonov blur.path":               {"blur.kind=file"},
	"tikhonov target.path":             {"target.kind=file"},
	"tikhonov psf_model.positions":     {"psf_model.path=STACK", "blur.kind=none"},
	"tv psf_model.positions":           {"psf_model.path=STACK", "blur.kind=none"},
	"tppa psf_model.positions":         {"psf_model.path=STACK", "blur.kind=none"},
	"mlpatch-admm psf_model.positions": {"psf_model.path=STACK", "blur.kind=none"},
	"two-layer first.path":             {"first.kind=file"},
	"two-layer second.path":            {"second.kind=file"},
	"tv blur.path":                     {"blur.kind=file"},
	"tppa blur.path":                   {"blur.kind=file"},
	"tppa-train blur.path":             {"blur.kind=file"},
	"mlpatch-admm blur.path":           {"blur.kind=file"},
	"darkmatter shear.e1":              {"shear.e2=SAME", "shear.sigma=1", "shear.pixel=1"},
	"darkmatter shear.e2":              {"shear.e1=SAME", "shear.sigma=1", "shear.pixel=1"},
	"darkmatter shear.sigma1":          {"shear.sigma2=SAME"},
	"darkmatter shear.sigma2":          {"shear.sigma1=SAME"},
	"kernel frame.truth":               {"frame.pixels=true"},
	"scdl-train data.low":              {"data.high=SAME"},
	"scdl-train data.high":             {"data.low=SAME"},
	"psf psf.path":                     {"stack.path=STACK"},
	"scdl-spectra data.truth":          {"data.low=LOW"},
	"psf psf.index":                    {"stack.path=STACK", "psf.path=STACK"},
	"psf psf.start_path":               {"stack.path=STACK", "psf.path=STACK", "psf.start=given"},
	"psf stack.path":                   {"psf.path=STACK"},
	"psf stack.mask":                   {"stack.path=STACK", "psf.path=STACK"},
	"psf stack.weights":                {"stack.path=STACK", "psf.path=STACK"},
	"psf stack.truth":                  {"stack.path=STACK", "psf.path=STACK"},
}

// noFile are keys of texts that name no file of numbers.
var noFile = map[string]bool{"patches.images": true, "state.folder": true, "scdl.folder": true}

// sparse writes an npy file of bytes that takes no room on the disk.
func sparse(t *testing.T, dir, name string, shape string, bytes int64) string {
	t.Helper()
	path := filepath.Join(dir, name)
	dict := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': %s, }", shape)
	dict += strings.Repeat(" ", 117-len(dict)) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), 118, 0)
	if err := os.WriteFile(path, append(head, dict...), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 128+bytes); err != nil {
		t.Skipf("no file of %d bytes can be made: %v", bytes, err)
	}
	return path
}

// stampsOf are round spots.
func stampsOf(count, side int) []float64 {
	var data []float64
	for range count {
		for i := range side * side {
			r, c := float64(i/side-side/2), float64(i%side-side/2)
			data = append(data, math.Exp(-(r*r+c*c)/3))
		}
	}
	return data
}

// Whatever key of a config names a file, one that no host has memory for is refused before
// memory is taken for it. The keys are those of the reference configs.
func TestFilesThatNoHostHolds(t *testing.T) {
	const most = 64 << 20
	files := t.TempDir()
	list := []string{
		sparse(t, files, "frame.npy", "(1048576, 1048576)", 1<<40),
		sparse(t, files, "table.npy", "(274877906944, 3)", 3<<38),
		sparse(t, files, "stack.npy", "(268435456, 64, 64)", 1<<40),
		sparse(t, files, "samples.npy", "(9, 68719476736)", 9<<36),
	}
	low := jobtest.WriteNpy(t, files, "low.npy", make([]float64, 9*4), 9, 4)
	stack := jobtest.WriteNpy(t, files, "small.npy", stampsOf(2, 9), 2, 9, 9)
	dictionaries := map[string][]string{
		"tppa":            model(t, filepath.Join(files, "c")),
		"mlpatch-denoise": patchModel(t, filepath.Join(files, "d")),
		"mlpatch-admm":    patchModel(t, filepath.Join(files, "e")),
		"scdl-spectra":    trained(t, filepath.Join(files, "a"), "simulate.count=300", "simulate.high=25"),
		"scdl-upscale":    trained(t, filepath.Join(files, "b"), "patches.images="+filepath.Dir(picture(t, filepath.Join(files, "pictures"), "a.png", 40, 40)), "patches.count=300"),
	}
	key := regexp.MustCompile(`^(\w+) *= *("".*|"\w+\.\w+".*)$`)
	for _, k := range Kinds() {
		sets, known := small[k.Name]
		if !known {
			t.Fatalf("no small job %q in room_test.go", k.Name)
		}
		name := "reference-" + k.Name + ".toml"
		if k.Name == "tikhonov" {
			name = "reference.toml"
		}
		text, err := os.ReadFile(filepath.Join("../../configs", name))
		if err != nil {
			t.Fatal(err)
		}
		section, keys := "", []string{}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "[") {
				section, _, _ = strings.Cut(line[1:], "]")
			}
			if m := key.FindStringSubmatch(line); m != nil && section != "" && !noFile[section+"."+m[1]] {
				keys = append(keys, section+"."+m[1])
			}
		}
		if len(keys) == 0 {
			t.Errorf("%s: no key of %s names a file", k.Name, name)
		}
		for _, key := range keys {
			for _, path := range list {
				all := append(sets[:len(sets):len(sets)], dictionaries[k.Name]...)
				for _, s := range inUse[k.Name+" "+key] {
					all = append(all, strings.NewReplacer("SAME", path, "STACK", stack, "LOW", low).Replace(s))
				}
				all = append(all, key+"="+path, fmt.Sprintf("output.dir=%q", filepath.Join(t.TempDir(), "out")))
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
					j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), all)
					if err == nil && comm.Rank() == 0 {
						err = j.CheckFiles()
					}
					if err != nil {
						return err
					}
					return j.Run(ctx, comm, lifecycle.Env{Version: "test"})
				})
				runtime.ReadMemStats(&after)
				if err == nil {
					t.Errorf("%s, %s = %s: accepted", k.Name, key, filepath.Base(path))
				}
				if took := after.TotalAlloc - before.TotalAlloc; took > most {
					t.Errorf("%s, %s = %s: %d MB taken before %v", k.Name, key, filepath.Base(path), took>>20, err)
				}
				if testing.Verbose() {
					t.Logf("%s, %s = %s: %v", k.Name, key, filepath.Base(path), err)
				}
			}
		}
	}
}
