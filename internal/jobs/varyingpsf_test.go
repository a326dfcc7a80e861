package jobs

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// varyingTest says how a kind of job with the section [psf_model] is run on the frame of varyingFrame. A kind with that
// section and without a varyingTest fails TestVaryingPSFWithEverything.
type varyingTest struct {
	sets  []string
	input func(t *testing.T, dir string) []string // what else the job reads; nil = nothing
	// rules are sets by the name of a rule for lambda, or of a number.
	rules map[string][]string
	slow  []string // rules that take some of the forms, and none in short, as others of the table do the same or solve less often
	// Largest distances of two answers, by the size of one: on several ranks; and of the same PSF in another form, in which
	// another bound of its norm gives an iteration other steps on the way to its tolerance.
	ranks, other float64
}

var varyingTests = map[string]varyingTest{
	"tikhonov": { // the other rules, which solve many times, have a table in internal/jobs/tikhonov
		sets: []string{"tikhonov.tolerance=1e-6"},
		rules: map[string][]string{
			"number":          {"tikhonov.lambda=0.02"},
			"gradient":        {"tikhonov.lambda=0.02", "tikhonov.regulariser=gradient"},
			"discrepancy":     {"tikhonov.lambda=discrepancy", "tikhonov.noise=1"},
			"noise from data": {"tikhonov.lambda=discrepancy"},
		},
		slow:  []string{"discrepancy", "gradient"},
		ranks: 1e-5, other: 1e-5,
	},
	"tv": {
		sets: []string{"tv.tolerance=0.05", "tv.probes=1"},
		rules: map[string][]string{
			"number":             {"tv.lambda=1"},
			"discrepancy":        {"tv.lambda=discrepancy", "tv.noise=1"},
			"noise from data":    {"tv.lambda=discrepancy"},
			"sure":               {"tv.lambda=sure"},
			"ADMM, number":       {"tv.method=admm", "tv.lambda=1"},
			"ADMM, discrepancy":  {"tv.method=admm", "tv.lambda=discrepancy"},
			"ADMM, sure":         {"tv.method=admm", "tv.lambda=sure"},
			"primal-dual, bound": {"tv.method=primal-dual", "tv.lambda=1", "tv.lower=0"},
		},
		slow:  []string{"ADMM, sure", "discrepancy"},
		ranks: 1e-6, other: 0.1,
	},
	"tppa": {
		sets:  []string{"tv.tolerance=0.2"},
		input: func(t *testing.T, dir string) []string { return model(t, dir, "data.truth="+cellsIn(t, dir, 100)) },
		rules: map[string][]string{"discrepancy": {"tv.noise=1"}, "noise from data": {}},
		slow:  []string{"discrepancy"},
		ranks: 1e-5, other: 0.01,
	},
	"mlpatch-admm": {
		sets:  []string{"admm.max_iterations=3", "tv.tolerance=0.1"},
		input: func(t *testing.T, dir string) []string { return patchModel(t, dir, "data.truth="+cellsIn(t, dir, 100)) },
		rules: map[string][]string{"discrepancy": {"noise.sigma=1"}, "noise from data": {}, "alone": {"tv.rule=none", "beside.tikhonov=false", "beside.wiener=false"}},
		slow:  []string{"discrepancy"},
		ranks: 2e-5, other: 0.01,
	},
}

// varyingRows and varyingCols are the pixels of the frame of these tests.
const (
	varyingRows = 30
	varyingCols = 24
)

// varyingForm is a way to describe the observation: what is in the files, and the sets that name them.
type varyingForm struct {
	name  string
	group string // forms of one group describe the same observation
	sets  []string
}

// varyingForms writes a frame whose noise has a standard deviation of 1, with missing pixels, in every way. Weights are powers
// of 2, so that standard deviations, variances and weights say the same to the bit.
func varyingForms(t *testing.T, dir string) []varyingForm {
	const n = varyingRows * varyingCols
	random := rand.New(rand.NewPCG(5, 6))
	data, missing := make([]float64, n), make([]bool, n)
	sigma, variance, weights := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range data {
		r, c := float64(i/varyingCols), float64(i%varyingCols)
		data[i] = 30 + 20*math.Sin(r/5)*math.Cos(c/4) + 60*math.Exp(-((r-20)*(r-20)+(c-13)*(c-13))/12)
		sigma[i] = []float64{0.5, 1, 1, 2}[(i+i/varyingCols)%4]
		data[i] += sigma[i] * random.NormFloat64()
		inHole := r >= 20 && r < 23 && c >= 15 && c < 19
		missing[i] = inHole || i%37 == 5
		variance[i], weights[i] = sigma[i]*sigma[i], 1/sigma[i]/sigma[i]
	}
	// at is list with other values at the missing pixels.
	at := func(name string, list []float64, other func(i int) float64) string {
		changed := slices.Clone(list)
		for i := range changed {
			if missing[i] {
				changed[i] = other(i)
			}
		}
		return write(t, dir, name, 1, changed, varyingRows, varyingCols)
	}
	zero := func(int) float64 { return 0 }
	wild := func(i int) float64 { return 1e4 * math.Sin(float64(i)) }
	zeros, ones := make([]float64, n), make([]float64, n)
	for i := range ones {
		ones[i] = 1
	}
	nan := "image.path=" + at("nan.npy", data, func(int) float64 { return math.NaN() })
	frame := "image.path=" + write(t, dir, "frame.npy", 1, data, varyingRows, varyingCols)
	wildFrame := "image.path=" + at("wild.npy", data, wild)
	mask, dq := "image.mask="+at("mask.npy", ones, zero), "image.dq="+at("dq.npy", zeros, func(int) float64 { return 4 })
	full := "image.sigma=" + write(t, dir, "full.npy", 1, sigma, varyingRows, varyingCols)
	holed := "image.sigma=" + at("sigma.npy", sigma, zero)
	return []varyingForm{
		{"NaN", "missing", []string{nan}},
		{"mask", "missing", []string{frame, mask}},
		{"mask, other values", "missing", []string{wildFrame, mask}},
		{"DQ", "missing", []string{frame, dq}},
		{"DQ, other values", "missing", []string{wildFrame, dq}},
		{"NaN, mask, DQ", "missing", []string{nan, mask, dq}},
		{"sigma", "noise", []string{frame, holed}},
		{"sigma, other values", "noise", []string{wildFrame, holed}},
		{"variance", "noise", []string{frame, "image.variance=" + at("variance.npy", variance, zero)}},
		{"weights", "noise", []string{frame, "image.weights=" + at("weights.npy", weights, zero)}},
		{"sigma, NaN", "noise", []string{nan, full}},
		{"sigma, mask", "noise", []string{wildFrame, full, mask}},
		{"sigma, DQ", "noise", []string{wildFrame, full, dq}},
	}
}

// varyingModels writes a PSF that varies bilinearly between the corners of the frame, as a cube with positions and as a PSFEx
// file, and one PSF everywhere, as a cube and as the PSF of a blur. They are sets by name.
func varyingModels(t *testing.T, dir string) map[string][]string {
	const side = 7
	corner := func(k int) []float64 { // values that float32 holds, of sum 1
		p, sum := make([]float64, side*side), 0.0
		for i := range p {
			r, c := float64(i/side-side/2), float64(i%side-side/2)
			v := math.Exp(-r*r/(1.5+float64(k)) - c*c/(3-0.5*float64(k)))
			p[i] = math.Round(v*4096) / 32768
			sum += p[i]
		}
		p[side*side/2] += 1 - sum
		return p
	}
	var varying, constant []float64
	for k := range 4 { // rows first
		varying, constant = append(varying, corner(k)...), append(constant, corner(1)...)
	}
	places := filepath.Join(dir, "places.csv")
	text := fmt.Sprintf("row,col\n0,0\n0,%[2]d\n%[1]d,0\n%[1]d,%[2]d\n", varyingRows-1, varyingCols-1)
	if err := os.WriteFile(places, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	cube := func(name string, values []float64) []string {
		return []string{"psf_model.path=" + write(t, dir, name, 1, values, 4, side, side), "psf_model.format=cube", "psf_model.positions=" + places}
	}
	// Coefficients of 1, x, x^2, y, x y, y^2.
	var coefficients []byte
	for k := range 6 {
		for i := range side * side {
			p00, p01, p10, p11 := varying[i], varying[side*side+i], varying[2*side*side+i], varying[3*side*side+i]
			v := [6]float64{p00, p01 - p00, 0, p10 - p00, p11 - p10 - p01 + p00, 0}[k]
			coefficients = binary.BigEndian.AppendUint32(coefficients, math.Float32bits(float32(v)))
		}
	}
	psfex := filepath.Join(dir, "model.psf")
	if err := os.WriteFile(psfex, psfexTable(side, 6, coefficients,
		"POLNAXIS= 2", "POLNAME1= 'X_IMAGE'", "POLNAME2= 'Y_IMAGE'", "POLGRP1 = 1", "POLGRP2 = 1", "POLNGRP = 1", "POLDEG1 = 2", "PSF_SAMP= 1.0",
		"POLZERO1= 1.0", fmt.Sprintf("POLSCAL1= %d", varyingCols-1), "POLZERO2= 1.0", fmt.Sprintf("POLSCAL2= %d", varyingRows-1)), 0o666); err != nil {
		t.Fatal(err)
	}
	return map[string][]string{
		"cube": cube("cube.npy", varying), "PSFEx": {"psf_model.path=" + psfex},
		"constant": cube("constant.npy", constant),
		"plain":    {"blur.kind=file", "blur.path=" + write(t, dir, "plain.npy", 1, corner(1), side, side)},
	}
}

// psfexTable is a PSFEx file of images of side x side samples, float32.
func psfexTable(side, images int, data []byte, cards ...string) []byte {
	header := func(cards ...string) []byte {
		var b []byte
		for _, c := range append(cards, "END") {
			b = fmt.Appendf(b, "%-80s", c)
		}
		return append(b, strings.Repeat(" ", (2880-len(b)%2880)%2880)...)
	}
	n := side * side * images
	file := header("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", "EXTEND  = T")
	file = append(file, header(append([]string{
		"XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", fmt.Sprintf("NAXIS1  = %d", 4*n), "NAXIS2  = 1", "PCOUNT  = 0", "GCOUNT  = 1",
		"TFIELDS = 1", "EXTNAME = 'PSF_DATA'", "TTYPE1  = 'PSF_MASK'", fmt.Sprintf("TFORM1  = '%dE'", n),
		fmt.Sprintf("TDIM1   = '(%d, %d, %d)'", side, side, images),
	}, cards...)...)...)
	file = append(file, data...)
	return append(file, make([]byte, (2880-len(file)%2880)%2880)...)
}

// restorations are the answers of a run that a missing pixel must not change.
var restorations = []string{"solution.npy", "tv.npy", "tikhonov.npy", "wavelet.npy", "wiener.npy"}

// varyingRun runs a kind of job on n ranks and returns its restorations by the names of their files.
func varyingRun(t *testing.T, kind string, n int, sets []string) map[string][]float64 {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	sets = append(slices.Clone(sets), "output.pictures=false", fmt.Sprintf("output.dir=%q", out))
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
		if err == nil {
			err = j.CheckFiles()
		}
		if err != nil {
			return err
		}
		return j.Run(ctx, comm, lifecycle.Env{Version: "test"})
	})
	if err != nil {
		t.Fatalf("%d ranks, %v: %v", n, sets, err)
	}
	found := map[string][]float64{}
	for _, name := range restorations {
		path := filepath.Join(out, name)
		if !imageio.Exists(path) {
			continue
		}
		found[name] = answer(t, path)
		if i := slices.IndexFunc(found[name], func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }); i >= 0 {
			t.Fatalf("%d ranks, %v: value %d of %s is %g", n, sets, i, name, found[name][i])
		}
	}
	return found
}

// farther reports restorations that are not within most of those of another run, by their size.
func farther(t *testing.T, what string, got, want map[string][]float64, most float64) {
	t.Helper()
	if len(got) != len(want) || len(want["solution.npy"]) != varyingRows*varyingCols {
		t.Fatalf("%s: %d files with restorations, want %d, solution.npy of %d pixels", what, len(got), len(want), varyingRows*varyingCols)
	}
	for name, w := range want {
		d, s := 0.0, 0.0
		for i, v := range got[name] {
			d, s = d+(v-w[i])*(v-w[i]), s+w[i]*w[i]
		}
		limit := most
		if name == "tv.npy" && most > 0 {
			limit = max(most, 0.1) // within the tolerance of its cost
		}
		if d = math.Sqrt(d / s); !(d <= limit) {
			t.Errorf("%s: %s differs by %.2g, want at most %.2g", what, name, d, limit)
		}
	}
}

// withPSFModel are the kinds of jobs that have the section [psf_model].
func withPSFModel(t *testing.T) (list []Kind) {
	t.Helper()
	for _, k := range Kinds() {
		f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		k.Load(f)
		if _, has := f.Values()["psf_model.path"]; has {
			list = append(list, k)
		}
	}
	return list
}

// Every way to describe an observation goes with every rule for lambda and with models of both forms, in every job that takes a
// PSF that varies: forms that say the same give the same bits, so that nothing depends on the values of missing pixels; the
// number of ranks and the format of the model change nothing but rounding; and a model of one PSF gives what that PSF gives.
// Each form is run on one of 1, 2 and 3 ranks with each rule that is not slow; in short with one of the rules of some jobs, all but
// the first on one rank.
func TestVaryingPSFWithEverything(t *testing.T) {
	kinds := withPSFModel(t)
	if len(kinds) < len(varyingTests) {
		t.Errorf("%d jobs have the section [psf_model], want %d", len(kinds), len(varyingTests))
	}
	for _, k := range kinds {
		v, known := varyingTests[k.Name]
		if !known {
			t.Errorf("no varyingTest of a job %q: add one to this file", k.Name)
			continue
		}
		dir := t.TempDir()
		forms, models := varyingForms(t, dir), varyingModels(t, dir)
		common := slices.Clone(v.sets)
		if v.input != nil {
			common = append(common, v.input(t, dir)...)
		}
		rules := slices.DeleteFunc(slices.Sorted(maps.Keys(v.rules)), func(rule string) bool {
			return testing.Short() && slices.Contains(v.slow, rule)
		})
		for turn, rule := range rules {
			t.Run(k.Name+", "+rule, func(t *testing.T) {
				run := func(n int, form varyingForm, model string) map[string][]float64 {
					return varyingRun(t, k.Name, n, slices.Concat(common, v.rules[rule], form.sets, models[model]))
				}
				type place struct {
					group string
					ranks int
				}
				most := 3
				if testing.Short() {
					most = 1
					if turn == 0 {
						most = 2
					}
				}
				first := map[place]map[string][]float64{}
				for i, form := range forms {
					one := first[place{form.group, 1}]
					if one == nil {
						for n := 1; n <= most; n++ {
							got := run(n, form, "cube")
							first[place{form.group, n}] = got
							farther(t, fmt.Sprintf("%s, %d ranks", form.name, n), got, first[place{form.group, 1}], v.ranks)
						}
						if form.group == "noise" && (!testing.Short() || turn == 0) {
							farther(t, form.name+", PSFEx", run(1, form, "PSFEx"), first[place{form.group, 1}], v.other)
							farther(t, form.name+", one PSF", run(1, form, "constant"), run(1, form, "plain"), v.other)
						}
						continue
					}
					whole := !testing.Short() && !slices.Contains(v.slow, rule)
					if n := 1 + (i+turn)%most; whole || i%max(3, len(rules)) == turn {
						farther(t, fmt.Sprintf("%s, %d ranks", form.name, n), run(n, form, "cube"), first[place{form.group, n}], 0)
					}
				}
			})
		}
	}
}
