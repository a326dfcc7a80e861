package tikhonov

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/random"
	"tessera/internal/simulate"
	"tessera/psfmodel"
	"tessera/ranks"
)

const varyingJob = `
job = "tikhonov"
[simulate]
rows = 40
cols = 48
galaxies = 30
[psf_model]
kind = "field"
size = 11
grid = 3
fwhm_left = 1.8
fwhm_right = 2.4
[tikhonov]
lambda = 0.002
[output]
pictures = false
`

// A simulated frame with a PSF that varies is restored alike on any number of ranks, the model is written, and read again it
// is the same model.
func TestVaryingPSF(t *testing.T) {
	var first []float64
	for _, n := range []int{1, 2, 4} {
		dir, err := jobtest.Run(t, Load, n, varyingJob)
		if err != nil {
			t.Fatal(err)
		}
		m := jobtest.Metrics(t, dir)
		model := m["psf_model"].(map[string]any)
		if model["format"] != "field" || len(model["places"].([]any)) != 9 || fmt.Sprint(model["boxes"]) == "<nil>" || m["local"] != "box" {
			t.Errorf("%d ranks: method %v after %q, %v iterations, local %v, psf_model %v", n, m["method"], m["fallback"], m["iterations"], m["local"], model)
		}
		if jobtest.Quality(t, m, "solution", "psnr_db") < jobtest.Quality(t, m, "observed", "psnr_db")-20 || m["converged"] != true || m["certified"] != true {
			t.Errorf("%d ranks: PSNR %v, converged %v, certified %v", n, m["quality"], m["converged"], m["certified"])
		}
		w := jobtest.ReadNpy(t, dir, "solution.npy")
		if first == nil {
			first = w
		}
		if d := distance(w, first); d > 3e-8 {
			t.Errorf("%d ranks: the solution differs by %g from that on one", n, d)
		}
		if n > 1 {
			continue
		}
		path := filepath.Join(dir, "psfs.fits")
		written, err := psfmodel.Read(path, psfmodel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		made, err := psfmodel.Field{Size: 11, Grid: 3, FWHM: [2]float64{1.8, 2.4}, Ellipticity: 0.2, Coma: 0.3}.Model(40, 48)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range [][2]float64{{0, 0}, {39, 47}, {11, 30}} {
			got, err1 := written.At(at[0], at[1], 0)
			want, err2 := made.At(at[0], at[1], 0)
			if err1 != nil || err2 != nil || distance(got.Values, want.Values) > 1e-13 {
				t.Errorf("psfs.fits at %v: %v, %v, off by %g", at, err1, err2, distance(got.Values, want.Values))
			}
		}
		again, err := jobtest.Run(t, Load, 1, varyingJob, fmt.Sprintf("psf_model.path=%q", path))
		if err != nil {
			t.Fatal(err)
		}
		if d := distance(jobtest.ReadNpy(t, again, "solution.npy"), w); d > 3e-8 {
			t.Errorf("with the model in psfs.fits the solution differs by %g", d)
		}
	}
}

func distance(a, b []float64) float64 {
	d, s := 0.0, 0.0
	for i := range a {
		d += (a[i] - b[i]) * (a[i] - b[i])
		s += b[i] * b[i]
	}
	return math.Sqrt(d / s)
}

// observedField writes a made-up star field of side x side pixels, seen through a PSF that varies, with its model and the PSF in
// the middle of the frame. It returns the names of frame, model and middle PSF, and the truth.
func observedField(t *testing.T, side int, f psfmodel.Field, noise float64) (frame, model, middle string, truth []float64) {
	t.Helper()
	dir := t.TempDir()
	m, err := f.Model(side, side)
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.Varying(side, side, [2]float64{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	truth = simulate.Sky(simulate.SkyOptions{Seed: 3, Rows: side, Cols: side, Channels: 1, Galaxies: side * side / 300}).Render(simulate.Box{R1: side, C1: side})
	peak := slices.Max(truth)
	for i := range truth {
		truth[i] /= peak
	}
	data := make([]float64, len(truth))
	err = ranks.Launch(t.Context(), ranks.Options{Ranks: 1}, func(_ context.Context, comm ranks.Comm) error {
		whole, err := halo.Decompose([]int{side, side}, 1)
		if err != nil {
			return err
		}
		h, err := forward.NewVaryingBlur(comm, whole, 1, v, halo.Reflect)
		if err != nil {
			return err
		}
		return h.Apply(data, truth)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] += noise * random.New(4).Normal(uint64(i))
	}
	frame = jobtest.WriteNpy(t, dir, "frame.npy", data, side, side)
	p := v.At(side/2, side/2)
	middle = jobtest.WriteNpy(t, dir, "middle.npy", p.Values, p.Rows, p.Cols)
	g := m.Law.(*psfmodel.Grid)
	var psfs []forward.PSF
	for _, image := range m.Images {
		psfs = append(psfs, forward.PSF{Rows: m.Rows, Cols: m.Cols, Values: image})
	}
	model = filepath.Join(dir, "model.fits")
	if err := psfmodel.WriteGrid(model, g, psfs); err != nil {
		t.Fatal(err)
	}
	return frame, model, middle, truth
}

// Restored with the PSF of every pixel a frame is better by 3 dB than restored with that of its middle.
func TestVaryingPSFAgainstOnePSF(t *testing.T) {
	if testing.Short() {
		t.Skip("takes several seconds")
	}
	const side = 96
	frame, model, middle, truth := observedField(t, side, psfmodel.Field{Size: 21, Grid: 3, FWHM: [2]float64{2.5, 5}, Ellipticity: 0.2, Coma: 0.3}, 0.0005)
	text := "job = 'tikhonov'\n[tikhonov]\nlambda = 0.0003\ntolerance = 1e-5\n[output]\npictures = false\n"
	quality := map[string]float64{}
	for name, set := range map[string][]string{
		"varying": {fmt.Sprintf("psf_model.path=%q", model)},
		"middle":  {"blur.kind=file", fmt.Sprintf("blur.path=%q", middle)},
	} {
		dir, err := jobtest.Run(t, Load, 2, text, append(set, fmt.Sprintf("image.path=%q", frame))...)
		if err != nil {
			t.Fatal(err)
		}
		quality[name] = -20 * math.Log10(distance(jobtest.ReadNpy(t, dir, "solution.npy"), truth))
	}
	t.Logf("SNR %v", quality)
	if quality["varying"] < quality["middle"]+3 {
		t.Errorf("SNR %v: want 3 dB more with the PSF that varies", quality)
	}
}

// Everything that describes an observation and every rule for lambda works with a PSF that varies: finite results that do not depend on
// the number of ranks.
func TestVaryingPSFWithEverything(t *testing.T) {
	side := 26
	if testing.Short() {
		side = 18
	}
	frame, model, _, _ := observedField(t, side, psfmodel.Field{Size: 7, Grid: 2, FWHM: [2]float64{1.5, 2.5}, Coma: 0.2}, 0.01)
	dir := t.TempDir()
	data := jobtest.ReadNpy(t, filepath.Dir(frame), "frame.npy")
	holes, ones, sigma, flags := slices.Clone(data), make([]float64, side*side), make([]float64, side*side), make([]float64, side*side)
	for i := range data {
		ones[i], sigma[i] = 1, 0.01*(1+0.3*math.Sin(float64(i)))
		if i%37 == 5 {
			holes[i], ones[i], sigma[i], flags[i] = math.NaN(), 0, 0, 4
		}
	}
	nan := jobtest.WriteNpy(t, dir, "nan.npy", holes, side, side)
	mask := jobtest.WriteNpy(t, dir, "mask.npy", ones, side, side)
	errors := jobtest.WriteNpy(t, dir, "sigma.npy", sigma, side, side)
	dq := jobtest.WriteNpy(t, dir, "dq.npy", flags, side, side)
	image := fmt.Sprintf("image.path=%q", frame)
	weighted := []string{image, fmt.Sprintf("image.sigma=%q", errors), "tikhonov.lambda=5"}
	slow := map[string]bool{"gcv": true, "discrepancy, found": true, "auto": true, "l-curve": true, "gcv, sigma": true, "posterior": true} // solve many times
	for name, sets := range map[string][]string{
		"plain":               {image},
		"NaN":                 {fmt.Sprintf("image.path=%q", nan)},
		"mask":                {image, fmt.Sprintf("image.mask=%q", mask)},
		"DQ":                  {image, fmt.Sprintf("image.dq=%q", dq)},
		"sigma":               weighted,
		"zero border":         {image, "tikhonov.border=zero"},
		"periodic border":     {image, "tikhonov.border=periodic"},
		"gradient":            {image, "tikhonov.regulariser=gradient"},
		"laplacian":           {image, "tikhonov.regulariser=laplacian"},
		"cg":                  {image, "tikhonov.method=cg"},
		"ras-gmres":           {image, "tikhonov.method=ras-gmres"},
		"discrepancy":         {image, "tikhonov.lambda=discrepancy", "tikhonov.noise=0.01"},
		"discrepancy, found":  {image, "tikhonov.lambda=discrepancy"},
		"gcv":                 {image, "tikhonov.lambda=gcv"},
		"gcv, sigma":          {image, fmt.Sprintf("image.sigma=%q", errors), "tikhonov.lambda=gcv"},
		"auto":                {image, "tikhonov.lambda=auto"},
		"l-curve":             {fmt.Sprintf("image.path=%q", nan), "tikhonov.lambda=l-curve"},
		"errors of the noise": {image, "output.errors=noise", "output.error_samples=4"},
		"posterior":           append(weighted[:3:3], "output.errors=posterior", "output.error_samples=4"),
		"apart":               {fmt.Sprintf("image.path=%q", nan), "output.gather=never"},
		"balance":             {fmt.Sprintf("image.path=%q", nan), "image.balance=observed"},
		"cropped PSF":         {image, "psf_model.size=5"},
	} {
		t.Run(name, func(t *testing.T) {
			if slow[name] && testing.Short() {
				t.Skip("takes several seconds")
			}
			var one []float64
			for _, n := range []int{1, 3} {
				text := "job = 'tikhonov'\n[tikhonov]\nlambda = 0.002\ntolerance = 1e-6\n[output]\npictures = false\n"
				out, err := jobtest.Run(t, Load, n, text, append(sets, fmt.Sprintf("psf_model.path=%q", model))...)
				if err != nil {
					t.Fatal(err)
				}
				w := jobtest.ReadNpy(t, out, "solution.npy")
				if slices.ContainsFunc(w, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
					t.Fatalf("%d ranks: values that are not finite", n)
				}
				if one == nil {
					one = w
				}
				if d := distance(w, one); d > 1e-4 { // a rule for lambda stops within its tolerance
					t.Errorf("%d ranks: differs by %g from one rank", n, d)
				}
			}
		})
	}
}

// What needs one PSF for the whole frame is refused, each with its key.
func TestVaryingPSFRefused(t *testing.T) {
	_, model, _, _ := observedField(t, 16, psfmodel.Field{Size: 3, Grid: 2, FWHM: [2]float64{1.5, 2}}, 0)
	for set, want := range map[string]string{
		"tikhonov.method=spectral":            "tikhonov.method",
		"tikhonov.method=as-cg":               "tikhonov.method",
		"tikhonov.method=two-level":           "tikhonov.method",
		"tikhonov.method=mult":                "tikhonov.method",
		"tikhonov.method=literal":             "tikhonov.method",
		"tikhonov.local=tile":                 "tikhonov.local",
		"tikhonov.tile=8":                     "tikhonov.tile",
		"tikhonov.lambda=marginal-likelihood": "tikhonov.lambda",
		"blur.kind=gaussian":                  "blur.kind",
		"psf_model.size=4":                    "psf_model.size",
		"psf_model.pixel=no":                  "psf_model.pixel",
		"psf_model.format=no":                 "psf_model.format",
		"psf_model.kind=no":                   "psf_model.kind",
		"psf_model.oversampling=-1":           "psf_model.oversampling",
	} {
		_, err := jobtest.Parse(Load, "job = 'tikhonov'\n[simulate]\nmissing = 0.0\n", set, fmt.Sprintf("psf_model.path=%q", model))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one of %s", set, err, want)
		}
	}
	job, err := jobtest.Parse(Load, "job = 'tikhonov'\n", `psf_model.path="nowhere.psf"`)
	if err != nil {
		t.Fatal(err)
	}
	if err := job.CheckFiles(); err == nil || !strings.Contains(err.Error(), "psf_model.path") || !strings.Contains(err.Error(), "nowhere.psf") {
		t.Errorf("a model that is not there: error %v", err)
	}
}
