package jobs

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
)

// door is a key of a config that names a file: the family of formats that it may have, and what
// else the config says. A door without a family is tested elsewhere, as more says.
type door struct {
	family string
	more   []string // sets; {family} stands for the npy file, or the first one, of a family
}

// imageDoors are the keys of [image] but for the frame itself, and of [simulate].
func imageDoors(more ...string) map[string]door {
	observed := slices.Concat([]string{"image.path={frame}", "image.planes=none"}, more)
	return map[string]door{
		"image.mask": {"mask", observed}, "image.dq": {"flags", observed}, "image.weights": {"plane", observed}, "image.sigma": {"plane", observed}, "image.variance": {"plane", observed}, "image.truth": {"frame", observed},
		"simulate.from": {"frame", more},
	}
}

func with(doors map[string]door, more map[string]door) map[string]door {
	out := maps.Clone(doors)
	maps.Copy(out, more)
	return out
}

func without(doors map[string]door, key string) map[string]door {
	out := maps.Clone(doors)
	delete(out, key)
	return out
}

// doors are the keys that name files, of every job, but for the one of readings.
var doors = func() map[string]map[string]door {
	small := []string{"output.pictures=false"}
	blurred := append(small, "blur.kind=gaussian", "blur.size=3")
	tv := append(blurred, "tv.lambda=0.01", "tv.tolerance=0.01")
	tppa := append(small, "tv.tolerance=0.01", "tv.noise=0.02", "tppa.model={tppa model}")
	patch := append(small, "tv.rule=none", "noise.sigma=0.02", "mlpatch.model={patch model}")
	maps := append(small, "shear.e1={frame}", "shear.e2={frame}", "shear.pixel=1", "noise.realisations=2")
	stamps := []string{"stack.path={stack}", "psf.path={psf}", "psf.iterations=3"}
	ofPSF := func(more []string) map[string]door {
		frame := append([]string{"image.path={frame}"}, more...)
		return map[string]door{
			"blur.path":      {"psf", append(frame, "blur.kind=file")},
			"psf_model.path": {"cube", append(frame, "psf_model.format=cube", "psf_model.positions={positions}")}, "psf_model.positions": {"positions", append(frame, "psf_model.format=cube", "psf_model.path={cube}")},
		}
	}
	fromModel := func(more []string) map[string]door {
		d := ofPSF(more)
		d["blur.path"] = door{"psf", append(d["blur.path"].more, "image.path={frame}")}
		return d
	}
	enlarging := append(small, "simulate.count=6", "data.validation=2", "simulate.rows=16", "simulate.cols=20", "superres.scale=1.5", "superres.tests=[]", "mlpatch.steps=2", "mlpatch.hidden=[8]", "mlpatch.side=3", "mlpatch.batch=3", "mlpatch.block=8", "mlpatch.blocks=3")
	elsewhere := func(test string) door { return door{"", []string{test}} }
	return map[string]map[string]door{
		"tikhonov": with(with(imageDoors(blurred...), ofPSF(small)), map[string]door{"target.path": {"psf", append(blurred, "image.path={frame}", "target.kind=file")}}),
		"two-layer": with(imageDoors(append(small, "layers.tile=8")...), map[string]door{
			"first.path": {"psf", append(small, "layers.tile=8", "image.path={frame}", "first.kind=file")}, "second.path": {"psf", append(small, "layers.tile=8", "image.path={frame}", "second.kind=file")},
		}),
		"tv":              with(imageDoors(tv...), ofPSF(append(small, "tv.lambda=0.01", "tv.tolerance=0.01"))),
		"tppa":            with(imageDoors(tppa...), fromModel(tppa)),
		"mlpatch-denoise": imageDoors(patch...),
		"mlpatch-admm":    with(imageDoors(append(patch, "admm.max_iterations=2")...), ofPSF(append(patch, "admm.max_iterations=2"))),
		"kernel":          {"evaluate.path": {"table", []string{"observations.path={table}", "kernel.width=5"}}, "frame.truth": {"frame", []string{"frame.pixels=true", "frame.fraction=0.5"}}},
		"deep-kernel":     {},
		"psf": {
			"psf.path": {"one PSF", []string{"stack.path={stack}", "psf.iterations=3"}}, "psf.index": {"index", []string{"stack.path={stack}", "psf.path={stack}", "psf.iterations=3"}},
			"psf.start_path": {"stack", append(stamps, "psf.start=given")}, "stack.mask": {"stack", stamps}, "stack.weights": {"positive stack", stamps}, "stack.truth": {"stack", stamps},
		},
		"scdl-train": {
			"data.low": {"matrix", []string{"data.high={matrix}", "data.samples=rows", "data.held_out=0.1", "scdl.atoms=4", "scdl.iterations=2"}}, "patches.images": elsewhere("TestTrainFolders"), "scdl.folder": elsewhere("no input"),
		},
		"scdl-spectra":  {"data.truth": {"spectra", []string{"data.low={low}", "data.samples=columns", "dictionary.dir={spectra dictionary}"}}},
		"scdl-upscale":  {"image.truth": {"frame", []string{"image.path={half}", "image.peak=1", "dictionary.dir={picture dictionary}"}}},
		"tppa-train":    {"blur.path": {"psf", append(small, "blur.kind=file", "simulate.count=4", "data.validation=1", "simulate.rows=16", "simulate.cols=20", "tppa.steps=1", "tppa.layers=2")}},
		"mlpatch-train": {},
		"mlpatch-superres": with(without(imageDoors(enlarging...), "simulate.from"), map[string]door{
			"data.truth": {"pictures", append(enlarging, "data.validation=1")}, "superres.model": elsewhere("TestEnlarging"), "image.truth": elsewhere("TestEnlargedTruth"),
		}),
		"darkmatter": {
			"shear.e2": {"frame", append(small, "shear.e1={frame}", "shear.sigma=0.1", "shear.pixel=1", "noise.realisations=2")}, "shear.sigma1": {"plane", append(maps, "shear.sigma2={plane}")}, "shear.sigma2": {"plane", append(maps, "shear.sigma1={plane}")},
			"shear.counts": {"plane", append(maps, "shear.sigma=0.1")}, "shear.mask": {"mask", append(maps, "shear.sigma=0.1")}, "simulate.from": {"frame", append(small, "shear.pixel=1", "noise.realisations=2")},
			"catalogue.path": {"catalogue", append(small, "shear.pixel=2", "noise.realisations=2")}, "spectrum.path": {"spectrum", append(maps, "shear.sigma=0.1")},
			"learned.model": elsewhere("TestLearnedMap"),
		},
	}
}()

// more families than those of families: planes beside a frame, PSFs, and small tables.
func moreFamilies(t *testing.T, dir string) map[string]map[string]string {
	t.Helper()
	all := families(t, dir)
	const rows, cols = 16, 20
	planes := func(name string, value func(i int) int, plain bool, shape ...int) {
		n := shape[0] * shape[len(shape)-1]
		if len(shape) == 3 {
			n *= shape[1]
		}
		data, whole := make([]float64, n), make([]int, n)
		for i := range data {
			whole[i] = value(i)
			data[i] = float64(whole[i])
		}
		axes := slices.Clone(shape)
		slices.Reverse(axes)
		in := func(suffix string) string { return filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+suffix) }
		all[name] = map[string]string{
			"npy": jobtest.WriteNpy(t, dir, filepath.Base(in(".npy")), data, shape...), "FITS": written(t, in(".fits"), scaled(whole, "1.0", axes...)), "FITS extension": written(t, in("-ext.fits"), inExtension("A", data, axes...)),
			"npz": npzFile(t, in(".npz"), data, shape...), "FITS, tiles": written(t, in(".fits.fz"), inTiles(data, axes...)),
		}
		all[name]["FITS, gzip"] = gzipped(t, all[name]["FITS"])
		all[name]["npy, gzip"] = gzipped(t, all[name]["npy"])
		if plain && len(shape) == 2 {
			all[name]["TIFF, real"] = written(t, in(".tif"), tiffFile(shape[0], shape[1], 4, 3, func(i int) []byte { return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(data[i]))) }))
		}
	}
	planes("mask", func(i int) int { return min(1, i%7) }, true, rows, cols)
	planes("flags", func(i int) int { return 4 * max(0, i%9-7) }, true, rows, cols)
	planes("plane", func(i int) int { return 1 + i%3 }, true, rows, cols)
	planes("psf", func(i int) int { return []int{0, 1, 0, 1, 4, 1, 0, 1, 0}[i] }, true, 3, 3)
	planes("one PSF", func(i int) int { return []int{0, 1, 0, 1, 4, 1, 0, 1, 0}[i] }, false, 3, 3) // in a file of stacks, which is no picture
	planes("cube", func(i int) int { return []int{0, 1, 0, 1, 4 + i/9, 1, 0, 1, 0}[i%9] }, false, 4, 3, 3)
	planes("positive stack", func(i int) int { return 1 + i%3 }, false, 5, 9, 9)

	table := func(name string, names []string, data ...float64) {
		n := len(names)
		t1 := &imageio.Table{Names: names, Rows: len(data) / n, Cols: n, Data: data}
		in := func(suffix string) string { return filepath.Join(dir, name+suffix) }
		all[name] = map[string]string{"npy records": written(t, in("-records.npy"), recordsFile(names, data)), "FITS": in(".fits"), "CSV": in(".csv")}
		for _, path := range []string{in(".fits"), in(".csv")} {
			if err := imageio.WriteTable(path, t1); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(in(".csv"))
		if err != nil {
			t.Fatal(err)
		}
		all[name]["tabs"] = written(t, in(".tsv"), []byte(strings.ReplaceAll(string(text), ",", "\t")))
		all[name]["MRT"] = written(t, in("-mrt.txt"), []byte(mrt(strings.Split(strings.TrimSpace(string(text)), "\n"))))
		all[name]["CSV, gzip"], all[name]["FITS, gzip"] = gzipped(t, in(".csv")), gzipped(t, in(".fits"))
	}
	table("positions", []string{"x", "y"}, 0, 0, 19, 0, 0, 15, 19, 15)
	table("index", []string{"psf"}, 0, 1, 2, 3, 4)
	var galaxies []float64
	for i := range 64 {
		galaxies = append(galaxies, 10+float64(i%8)/30, 20+float64(i/8)/30, 0.05*math.Sin(float64(i)), 0.05*math.Cos(float64(i)), 1)
	}
	table("catalogue", []string{"ra", "dec", "e1", "e2", "weight"}, galaxies...)
	table("spectrum", []string{"ell", "c_ell"}, 100, 1e-7, 1000, 1e-8, 10000, 1e-9)
	all["spectrum"]["npy"] = jobtest.WriteNpy(t, dir, "spectrum2.npy", []float64{100, 1000, 10000, 1e-7, 1e-8, 1e-9}, 2, 3)

	half := make([]float64, 80)
	for i := range half {
		half[i] = 0.5 + 0.3*math.Sin(float64(i))
	}
	all["half"] = map[string]string{"npy": jobtest.WriteNpy(t, dir, "half.npy", half, 8, 10)}
	low := spectraFile(t, dir, 30)
	all["low"] = map[string]string{"npy": low}
	spectra := make([]float64, 25*30)
	for i := range spectra {
		spectra[i] = 1 + math.Sin(float64(i))
	}
	all["spectra"] = map[string]string{"npy": jobtest.WriteNpy(t, dir, "spectra.npy", spectra, 25, 30), "FITS, tiles": written(t, filepath.Join(dir, "spectra.fits.fz"), inTiles(spectra, 30, 25)), "npz": npzFile(t, filepath.Join(dir, "spectra.npz"), spectra, 25, 30)}
	named := func(set []string) map[string]string {
		_, path, _ := strings.Cut(set[0], "=")
		return map[string]string{"npy": path}
	}
	all["tppa model"], all["patch model"] = named(model(t, filepath.Join(dir, "m1"))), named(patchModel(t, filepath.Join(dir, "m2")))
	all["spectra dictionary"] = named(trained(t, filepath.Join(dir, "d1"), "simulate.count=300", "simulate.high=25"))
	folder := filepath.Join(dir, "folder")
	picture(t, folder, "a.png", 40, 40)
	all["picture dictionary"] = named(trained(t, filepath.Join(dir, "d2"), "patches.images="+folder, "patches.count=300"))
	return all
}

// Every key that names a file takes every format of its family: here each one takes two, another
// pair for the next key, with the same answer; and the run says of the file what it took.
func TestEveryPath(t *testing.T) {
	dir := t.TempDir()
	all := moreFamilies(t, dir)
	turn := 0
	for _, k := range Kinds() {
		f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		k.Load(f)
		main := "image.path" // of the jobs of frames, and the first key that is set of the others
		if readings[k.Name].family != "frame" || k.Name == "darkmatter" {
			main, _, _ = strings.Cut(readings[k.Name].sets(t, t.TempDir(), "x")[0], "=")
		}
		for _, key := range slices.Sorted(maps.Keys(f.Values())) {
			if text, ok := f.Values()[key].(string); !ok || text != "" || key == main {
				continue
			}
			d, known := doors[k.Name][key]
			switch {
			case !known:
				t.Errorf("the key %s of the job %s is not in the table of doors", key, k.Name)
				continue
			case d.family == "":
				continue
			}
			formats := slices.Sorted(maps.Keys(all[d.family]))
			if strings.HasPrefix(d.family, "plane") || d.family == "mask" {
				formats = slices.DeleteFunc(formats, func(s string) bool { return s == "JPEG" })
			}
			turn++
			pair := []string{formats[turn%len(formats)], formats[(turn+1+turn/len(formats))%len(formats)]}
			t.Run(k.Name+" "+key, func(t *testing.T) {
				t.Parallel()
				var answers [2][]float64
				for i, format := range pair {
					path := all[d.family][format]
					out := filepath.Join(t.TempDir(), "out")
					sets := []string{key + "=" + path, fmt.Sprintf("output.dir=%q", out)}
					for _, s := range d.more {
						for family, files := range all {
							first := files["npy"]
							if first == "" {
								first = files["CSV"]
							}
							s = strings.ReplaceAll(s, "{"+family+"}", first)
						}
						sets = append(sets, s)
					}
					j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), sets)
					if err != nil {
						t.Fatalf("%s: %v", format, err)
					}
					if err := j.CheckFiles(); err != nil {
						t.Fatalf("%s: check: %v", format, err)
					}
					metrics := runOn(t, 1, k.Name, sets)
					answers[i] = answerOf(t, out, j.Answer)
					if !slices.ContainsFunc(metrics["inputs"].([]any), func(in any) bool { return in.(map[string]any)["file"] == path }) {
						t.Errorf("%s: the run says nothing of %s; it says %v", format, path, metrics["inputs"])
					}
				}
				if d := jobtest.Farthest(answers[0], answers[1]); !(d < 1e-6) {
					t.Errorf("%s and %s give answers that are %g apart", pair[0], pair[1], d)
				}
			})
		}
	}
}
