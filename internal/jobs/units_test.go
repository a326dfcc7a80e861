package jobs

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// unitTest says how a kind of job is run on the same data in different units. A kind
// without one fails TestUnits.
type unitTest struct {
	elsewhere string // the test that does it, with all that this one asks for; then the rest is not used
	// input writes data times c, and what else has a unit accordingly, and returns the sets
	// that name the files.
	input func(t *testing.T, dir string, c float64) []string
	// forms are sets by the name of a form of the job; "%c" in them is 0.01 c, and "%dir" the folder of the input.
	forms map[string][]string
	same  bool // the answer has no unit
	limit float64
	most  float64 // the largest unit that is tried; 0 = largest
}

// largest is above the largest power of two of float64: there a run may also say that its
// answer is no float64.
const largest = 1.2e308

var unitTests = map[string]unitTest{
	"kernel":      {elsewhere: "internal/jobs/kernel, TestUnits"},
	"deep-kernel": {elsewhere: "internal/jobs/kernel, TestUnits"},
	"tikhonov": {
		input: frameIn,
		forms: map[string][]string{
			"number":        {"tikhonov.lambda=0.01"},
			"gradient":      {"tikhonov.lambda=0.01", "tikhonov.regulariser=gradient", "blur.kind=gaussian"},
			"double":        {"tikhonov.lambda=0.01", "tikhonov.precision=double", "blur.kind=gaussian"},
			"given noise":   {"tikhonov.lambda=discrepancy", "tikhonov.noise=%c", "tikhonov.noise_unit=data"},
			"found noise":   {"tikhonov.lambda=discrepancy"},
			"cross":         {"tikhonov.lambda=gcv"},
			"inverse sigma": {"tikhonov.lambda=gcv", "image.weights=%dir/weights.npy"},
		},
		limit: 1e-5,
	},
	"two-layer": {
		input: frameIn,
		forms: map[string][]string{"plain": {"layers.tile=8", "layers.overlap=3"}},
		limit: 1e-5,
	},
	"tv": {
		input: frameIn,
		forms: map[string][]string{
			"number":        {"tv.lambda=%c", "tv.tolerance=1e-2", "blur.kind=gaussian"},
			"primal-dual":   {"tv.lambda=%c", "tv.tolerance=1e-2", "tv.method=primal-dual", "tv.penalty=isotropic", "tv.lower=%c"},
			"given noise":   {"tv.noise=%c", "tv.noise_unit=data", "tv.tolerance=1e-2"},
			"found noise":   {"tv.tolerance=1e-2"},
			"sure":          {"tv.lambda=sure", "tv.noise=%c", "tv.probes=1", "tv.tolerance=1e-2"},
			"inverse sigma": {"image.weights=%dir/weights.npy", "tv.tolerance=1e-2"},
		},
		limit: 1e-5,
	},
	"tppa-train": {
		input: func(t *testing.T, dir string, c float64) []string {
			return []string{"data.truth=" + cellsIn(t, dir, c), "data.validation=1", "tppa.layers=3", "tppa.steps=4", "output.pictures=false"}
		},
		forms: map[string][]string{"adam": {}, "nesterov": {"tppa.method=nesterov", "tppa.shared=true"}},
		same:  true, limit: 1e-5,
	},
	"tppa": { // the model is learned in the unit, too
		input: func(t *testing.T, dir string, c float64) []string {
			return append(frameIn(t, dir, c), model(t, dir, "data.truth="+cellsIn(t, dir, c))...)
		},
		forms: map[string][]string{"plain": {"tv.tolerance=0.5"}, "given noise": {"tv.noise=%c", "tv.tolerance=0.5"}},
		limit: 1e-5,
		most:  1e170, // a model in a larger one is refused by the training
	},
	"mlpatch-train": {
		input: func(t *testing.T, dir string, c float64) []string {
			return []string{"data.truth=" + cellsIn(t, dir, c), "data.validation=1", "mlpatch.hidden=[6]", "mlpatch.side=3", "mlpatch.steps=4", "mlpatch.block=10", "mlpatch.batch=2", "mlpatch.blocks=2", "output.pictures=false"}
		},
		forms: map[string][]string{"square": {}, "learned": {"mlpatch.geometry=round", "mlpatch.radii=2", "mlpatch.angles=3", "mlpatch.learned=true", "mlpatch.loss=l1"}},
		same:  true, limit: 1e-5,
	},
	"mlpatch-superres": { // the model is learned in the unit, too
		input: func(t *testing.T, dir string, c float64) []string {
			return append(frameIn(t, dir, c), "data.truth="+cellsIn(t, dir, c), "data.validation=1", "superres.scale=1.7", "superres.tests=[2]", "mlpatch.hidden=[6]", "mlpatch.side=3", "mlpatch.steps=4", "mlpatch.block=8", "mlpatch.batch=2", "mlpatch.blocks=2")
		},
		forms: map[string][]string{"plain": {}, "inverse sigma": {"image.weights=%dir/weights.npy"}},
		limit: 1e-5,
	},
	"darkmatter": {
		input: shearIn,
		forms: map[string][]string{"given spectrum": {"spectrum.path=%dir/spectrum.npy", "shear.mask=%dir/weights.npy"}, "maps of noise": {"shear.sigma1=%dir/weights.npy", "shear.sigma2=%dir/weights.npy", "spectrum.path=%dir/spectrum.npy"}, "estimated": {"shear.mask=%dir/weights.npy"},
			"learned": {"shear.mask=%dir/weights.npy", "spectrum.path=%dir/spectrum.npy", "learned.skies=3", "learned.validation=1", "network.geometry=square", "network.hidden=[8]", "network.steps=4", "network.block=6", "network.batch=2", "network.blocks=2"}},
		limit: 1e-5,
	},
	"mlpatch-denoise": { // the model is learned in the unit, too
		input: func(t *testing.T, dir string, c float64) []string {
			return append(frameIn(t, dir, c), patchModel(t, dir, "data.truth="+cellsIn(t, dir, c))...)
		},
		forms: map[string][]string{"plain": {"tv.tolerance=0.5"}, "given noise": {"noise.sigma=%c", "tv.rule=none"}, "inverse sigma": {"image.weights=%dir/weights.npy", "tv.rule=none"}},
		limit: 1e-5,
	},
	"mlpatch-admm": {
		input: func(t *testing.T, dir string, c float64) []string {
			return append(frameIn(t, dir, c), patchModel(t, dir, "data.truth="+cellsIn(t, dir, c))...)
		},
		forms: map[string][]string{"plain": {"tv.rule=none", "admm.max_iterations=3"}, "inverse sigma": {"image.weights=%dir/weights.npy", "tv.rule=none", "admm.max_iterations=3"}},
		limit: 1e-5,
	},
	"psf": {
		input: stampsIn,
		forms: map[string][]string{
			"sparse":        {},
			"low rank":      {"psf.mode=low-rank"},
			"given noise":   {"psf.noise=given", "psf.sigma=%c", "psf.start=wiener", "psf.precision=double"},
			"inverse sigma": {"psf.noise=weights", "stack.weights=%dir/weights.npy", "psf.mode=low-rank", "psf.precision=double"},
			"relative":      {"stack.weights=%dir/weights.npy", "psf.start=given", "psf.start_path=%dir/stamps.npy"},
		},
		limit: 1e-4,
	},
	"scdl-train": {
		input: samplesIn,
		forms: map[string][]string{
			"single": {}, "double": {"scdl.precision=double", "scdl.beta=0.7"}, "online": {"scdl.method=online", "code.method=lasso"},
		},
		same: true, limit: 1e-3,
	},
	"scdl-spectra": {
		input: func(t *testing.T, dir string, c float64) []string {
			samplesIn(t, dir, 1)
			sets := trained(t, dir, "data.high="+filepath.Join(dir, "high.npy"), "data.low="+filepath.Join(dir, "low.npy"), "data.samples=rows")
			return append(samplesIn(t, dir, c)[1:3], sets...)
		},
		forms: map[string][]string{"ridge": {}, "lasso": {"code.method=lasso"}},
		limit: 1e-5,
	},
	"scdl-upscale": {
		input: func(t *testing.T, dir string, c float64) []string {
			picture(t, filepath.Join(dir, "pictures"), "a.png", 60, 70)
			sets := trained(t, dir, "patches.images="+filepath.Join(dir, "pictures"), "patches.count=500", "patches.patch=3")
			return append(frameIn(t, dir, c)[:1], sets...)
		},
		forms: map[string][]string{"ridge": {}, "lasso": {"code.method=lasso"}},
		limit: 1e-5,
	},
}

// write writes numbers times c and returns the path.
func write(t *testing.T, dir, name string, c float64, x []float64, shape ...int) string {
	t.Helper()
	data := make([]float64, len(x))
	for i, v := range x {
		data[i] = c * v
	}
	path := filepath.Join(dir, name)
	if err := imageio.WriteNpy(path, shape, data); err != nil {
		t.Fatal(err)
	}
	return path
}

// frameIn writes a frame with noise, and inverse variances of it.
func frameIn(t *testing.T, dir string, c float64) []string {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, cols = 30, 28
	x, w := make([]float64, rows*cols), make([]float64, rows*cols)
	for i := range x {
		a, b := float64(i/cols), float64(i%cols)
		x[i] = 0.3 + 0.2*math.Sin(a/5)*math.Cos(b/4) + 0.4*math.Exp(-((a-12)*(a-12)+(b-9)*(b-9))/20) + 0.01*r.NormFloat64()
		w[i] = 1e4 / float64(1+i%3)
	}
	write(t, dir, "weights.npy", 1/c/c, w, rows, cols)
	return []string{"image.path=" + write(t, dir, "frame.npy", c, x, rows, cols), "output.pictures=false"}
}

// shearIn writes maps of the shear with noise, standard deviations and a spectrum.
func shearIn(t *testing.T, dir string, c float64) []string {
	r := rand.New(rand.NewPCG(1, 4))
	const rows, cols = 22, 24
	e1, e2, sigma := make([]float64, rows*cols), make([]float64, rows*cols), make([]float64, rows*cols)
	for i := range e1 {
		a, b := float64(i/cols)/rows*2*math.Pi, float64(i%cols)/cols*2*math.Pi
		e1[i], e2[i] = 0.1*math.Cos(a)*math.Sin(2*b)+0.03*r.NormFloat64(), 0.1*math.Sin(a)*math.Cos(2*b)+0.03*r.NormFloat64()
		sigma[i] = 0.03 + 0.01*float64(i%3)
	}
	write(t, dir, "weights.npy", c, sigma, rows, cols)
	write(t, dir, "spectrum.npy", 1, []float64{100, 10000, 1e-7 * c * c, 1e-9 * c * c}, 2, 2)
	return []string{
		"shear.e1=" + write(t, dir, "e1.npy", c, e1, rows, cols), "shear.e2=" + write(t, dir, "e2.npy", c, e2, rows, cols),
		"shear.pixel=2", fmt.Sprintf("shear.sigma=%g", 0.03*c), "noise.realisations=2", "output.pictures=false", "wiener.tolerance=1e-10",
	}
}

// cellsIn writes pictures of cells and returns the path.
func cellsIn(t *testing.T, dir string, c float64) string {
	const count, rows, cols = 4, 16, 20
	var x []float64
	for k := range count {
		x = append(x, simulate.Cells{Seed: 1, Rows: rows, Cols: cols}.Draw(k)...)
	}
	return write(t, dir, "cells.npy", c, x, count, rows, cols)
}

// stampsIn writes stamps with noise, a PSF in the unit c too, and inverse variances.
func stampsIn(t *testing.T, dir string, c float64) []string {
	r := rand.New(rand.NewPCG(1, 3))
	const count, side = 4, 11
	x, w, h := make([]float64, count*side*side), make([]float64, count*side*side), make([]float64, side*side)
	for i := range x {
		k, a, b := i/(side*side), float64(i%(side*side)/side)-5, float64(i%side)-5
		x[i] = math.Exp(-((a-0.3*float64(k))*(a-0.3*float64(k))+b*b)/8) + 0.01*r.NormFloat64()
		w[i] = 1e4 / float64(1+i%3)
		if k == 0 {
			h[i] = math.Exp(-(a*a + b*b) / 4)
		}
	}
	write(t, dir, "weights.npy", 1/c/c, w, count, side, side)
	return []string{"stack.path=" + write(t, dir, "stamps.npy", c, x, count, side, side), "psf.path=" + write(t, dir, "psf.npy", c, h, side, side), "psf.iterations=10", "output.mosaic=0"}
}

// samplesIn writes matched samples.
func samplesIn(t *testing.T, dir string, c float64) []string {
	const count = 120
	s := simulate.Spectra{Seed: 1, High: 25, Noise: 0.002}
	p, m := 25, s.Low()
	high, low := make([]float64, count*p), make([]float64, count*m)
	for k := range count {
		s.Draw(k, high[k*p:(k+1)*p], low[k*m:(k+1)*m])
	}
	return []string{
		"data.high=" + write(t, dir, "high.npy", c, high, count, p), "data.low=" + write(t, dir, "low.npy", c, low, count, m), "data.samples=rows",
		"scdl.atoms=16", "scdl.iterations=4",
	}
}

// answer is the answer of a job as one list of numbers.
func answer(t *testing.T, path string) (x []float64) {
	t.Helper()
	if strings.HasSuffix(path, ".npz") {
		members, err := imageio.ReadNpz(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			x = append(x, m.Data...)
		}
		return x
	}
	a, err := imageio.ReadNpy(path)
	if err != nil {
		t.Fatal(err)
	}
	return a.Data
}

// The same data in other units give the same answer in these units: every kind of job,
// every form and precision of it, with what else has a unit in them. In short each form takes one of the units.
func TestUnits(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			u, known := unitTests[k.Name]
			if !known {
				t.Fatalf("no unitTest of a job %q: add one to this file", k.Name)
			}
			if u.elsewhere != "" {
				t.Skip("tested in " + u.elsewhere)
			}
			for nth, name := range slices.Sorted(maps.Keys(u.forms)) {
				form := u.forms[name]
				var want []float64
				var plain float64 // root mean square of the residual of that
				units := []float64{1, 3e-20, 1e20}
				if !strings.Contains(strings.Join(form, " "), "weights") { // of which 1/c^2 would be no number
					units = append(units, 1e-170, 1e170, largest)
				}
				if testing.Short() { // one of them in turn
					units = []float64{units[0], units[1+nth%(len(units)-1)]}
				}
				for _, c := range units {
					if u.most > 0 && c > u.most {
						continue
					}
					dir := t.TempDir()
					sets := append(u.input(t, dir, c), unpictured(t, k.Name)...)
					for _, set := range form {
						set = strings.ReplaceAll(set, "%dir", dir)
						sets = append(sets, strings.ReplaceAll(set, "%c", fmt.Sprint(0.01*c)))
					}
					out := filepath.Join(dir, "out")
					got, err := tryRun(t, k.Name, append(sets, fmt.Sprintf("output.dir=%q", out)))
					if c == largest && err != nil && strings.Contains(err.Error(), "not finite") && strings.Contains(err.Error(), "too large") {
						continue
					}
					if err != nil {
						t.Fatalf("%s, times %g: %v", name, c, err)
					}
					unit := c
					if u.same {
						unit = 1
					}
					rms := residualOf(t, out)
					if want == nil {
						want, plain = got, rms
					}
					if plain > 0 && !u.same && !strings.Contains(name, "inverse") && !(c == largest && math.IsInf(rms, 1)) && !(math.Abs(rms/unit/plain-1) <= 0.01) && !(math.Abs(rms/plain-1) <= 0.01) {
						t.Errorf("%s, times %g: the residual has an rms of %g, want %g of it, or %g without a unit", name, c, rms, plain, plain)
					}
					diff, norm := 0.0, 0.0
					for i, v := range want {
						diff, norm = math.Hypot(diff, got[i]/unit-v), math.Hypot(norm, v)
					}
					if !(diff <= u.limit*norm) || norm == 0 {
						t.Errorf("%s, times %g: off by %.2g", name, c, diff/norm)
					}
				}
			}
		})
	}
}

// residualOf is the root mean square of the residual in the metrics of a run; 0 where the data of a job have none.
func residualOf(t *testing.T, dir string) float64 {
	fit, _ := jobtest.Metrics(t, dir)["fit"].(map[string]any)
	switch v := fit["residual_rms"].(type) {
	case float64:
		return v
	case string: // "+Inf"
		return math.Inf(1)
	}
	return 0
}

// run runs a job of a kind on one rank and returns its answer.
func run(t *testing.T, kind string, sets []string) []float64 {
	t.Helper()
	x, err := tryRun(t, kind, sets)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func tryRun(t *testing.T, kind string, sets []string) ([]float64, error) {
	t.Helper()
	var path string
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
		if err == nil {
			err = j.CheckFiles()
		}
		if err != nil {
			return err
		}
		path = filepath.Join(j.Dir, j.Answer)
		return j.Run(ctx, comm, lifecycle.Env{Version: "test"})
	})
	if err != nil {
		return nil, err
	}
	return answer(t, path), nil
}
