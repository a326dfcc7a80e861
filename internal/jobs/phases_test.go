package jobs

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tessera/internal/config"
	"tessera/internal/lifecycle"
	"tessera/internal/progress"
	"tessera/ranks"
)

// phases are what a kind of job shows of itself, in this order; each is the start of a line. A kind
// without them, and one that leaves a part of its work without a phase, fails TestPhases.
var phases = map[string][]string{
	"tikhonov":         {"simulated deep-sky frame", "set-up", "error map", "effective PSF", "errors against the truth", "writing"},
	"two-layer":        {"simulated deep-sky frame", "set-up", "writing"},
	"tv":               {"simulated deep-sky frame", "set-up", "writing"},
	"tppa":             {"simulated deep-sky frame", "model", "total variation, to compare", "Tikhonov, to compare", "wavelets, to compare", "writing"},
	"tppa-train":       {"pictures", "training", "writing"},
	"mlpatch-train":    {"pictures", "training", "writing"},
	"mlpatch-superres": {"pictures", "training", "enlarging", "writing"},
	"mlpatch-denoise":  {"simulated deep-sky frame", "model", "total variation, to compare", "writing"},
	"mlpatch-admm":     {"simulated deep-sky frame", "model", "quadratic penalties, to compare", "total variation, to compare", "writing"},
	"darkmatter":       {"simulated lognormal field", "Kaiser and Squires", "Wiener filter", "realisations of the noise", "simulated skies", "training", "writing"},
	"kernel":           {"observations", "choosing width and lambda", "balance", "set-up", "evaluating", "writing"},
	"deep-kernel":      {"observations", "start", "step", "a single layer, to compare", "evaluating", "writing"},
	"psf":              {"stamps", "set-up", "sparse iteration", "measuring the stamps", "writing"},
	"scdl-train":       {"samples", "training", "evaluation", "writing"},
	"scdl-spectra":     {"samples", "predicting", "writing"},
	"scdl-upscale":     {"picture", "predicting", "writing"},
}

// Every kind of job shows what it does: reading, set-up, a search, learning, solving, comparing and
// writing, as far as it has them.
func TestPhases(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			want, known := phases[k.Name]
			if !known || len(want) < 3 {
				t.Errorf("no phases of a job %q", k.Name)
			}
			dir := t.TempDir()
			sets := append(append(tinySets(t, k.Name, dir), more[k.Name]...), fmt.Sprintf("output.dir=%q", filepath.Join(dir, "out")))
			if k.Name == "kernel" {
				sets = append(sets, "kernel.choose=leave-one-out", "search.sample=60")
			}
			var shown strings.Builder
			var lock sync.Mutex
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
				j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), sets)
				if err != nil {
					return err
				}
				env := lifecycle.Env{Version: "test"}
				if comm.Rank() == 0 {
					env.Progress = progress.New(writer(func(b []byte) (int, error) {
						lock.Lock()
						defer lock.Unlock()
						return shown.Write(b)
					}))
				}
				return j.Run(ctx, comm, env)
			})
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(shown.String()), "\n")
			at := 0
			for _, phase := range want {
				for at < len(lines) && !strings.HasPrefix(lines[at], phase) {
					at++
				}
				if at++; at > len(lines) {
					t.Errorf("no phase %q after those before it: %q", phase, lines)
					break
				}
			}
		})
	}
}

// writer is a function that is an io.Writer.
type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// What is unusual about a PSF is shown before anything is solved or searched for: every job that reads the file of one.
func TestPSFIsToldFirst(t *testing.T) {
	for _, k := range Kinds() {
		f, err := config.Parse("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			t.Fatal(err)
		}
		k.Load(f)
		var sets []string
		dir := t.TempDir()
		psf := make([]float64, 49)
		for i := range psf {
			r, c := float64(i/7-2), float64(i%7-4)
			psf[i] = math.Exp(-(r*r + c*c) / 3)
		}
		path := write(t, dir, "psf.npy", 1, psf, 7, 7)
		values := f.Values()
		for _, section := range []string{"blur", "first", "second"} {
			if _, has := values[section+".path"]; has {
				sets = append(sets, section+".kind=file", section+".path="+path)
			}
		}
		if sets == nil {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			o, known := outlierTests[k.Name]
			if !known || unitTests[k.Name].input == nil {
				t.Fatalf("no small input of a job %q", k.Name)
			}
			sets := append(append(unitTests[k.Name].input(t, dir, 1), o.sets...), append(sets, unpictured(t, k.Name)...)...)
			sets = slices.DeleteFunc(sets, func(s string) bool { return s == "blur.kind=gaussian" })
			var shown strings.Builder
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
				j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), append(sets, fmt.Sprintf("output.dir=%q", filepath.Join(dir, "out"))))
				if err != nil {
					return err
				}
				return j.Run(ctx, comm, lifecycle.Env{Version: "test", Progress: progress.New(&shown)})
			})
			if err != nil {
				t.Fatal(err)
			}
			told := strings.Index(shown.String(), "PSF: its centroid is (-0.94, +0.94)")
			solved := strings.Index(shown.String(), "\n"+phases[k.Name][1])
			if told < 0 || solved < 0 || told > solved {
				t.Errorf("the centroid is told at %d, and %q begins at %d:\n%s", told, phases[k.Name][1], solved, shown.String())
			}
		})
	}
}
