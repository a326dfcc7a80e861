package jobs

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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
