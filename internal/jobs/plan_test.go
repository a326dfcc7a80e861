package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// example is a job of one kind that the tests below run. A kind without one fails them.
type example struct {
	sets  []string                                // small, but with arrays that outweigh everything else
	input func(t *testing.T, dir string) []string // makes the files that it needs; returns sets
	large []string                                // laid over the small one: more than any memory holds
}

var examples = map[string]example{
	"tikhonov": {
		sets:  []string{"simulate.rows=512", "simulate.cols=500", "blur.kind=gaussian", "blur.size=5", "output.pictures=false", "output.errors=posterior", "output.error_samples=3"},
		large: []string{"simulate.rows=1000000", "simulate.cols=100000"},
	},
	"two-layer": {
		sets:  []string{"simulate.rows=150", "simulate.cols=160", "layers.tile=8", "layers.overlap=3"},
		large: []string{"simulate.rows=1000000", "simulate.cols=100000"},
	},
	"tv": {
		sets:  []string{"simulate.rows=512", "simulate.cols=500", "blur.kind=gaussian", "blur.size=5", "output.pictures=false", "tv.lambda=0.01", "tv.tolerance=0.02"},
		large: []string{"simulate.rows=1000000", "simulate.cols=100000"},
	},
	"tppa-train": {
		sets:  []string{"simulate.count=44", "simulate.rows=120", "simulate.cols=128", "tppa.steps=2", "tppa.layers=3"},
		large: []string{"simulate.count=1000000", "simulate.rows=4000", "simulate.cols=4000"},
	},
	"tppa": {
		sets:  []string{"simulate.rows=220", "simulate.cols=200", "output.pictures=false", "tv.tolerance=0.01"},
		input: func(t *testing.T, dir string) []string { return model(t, dir) },
	},
	"darkmatter": {
		sets:  []string{"simulate.rows=256", "simulate.cols=240", "noise.realisations=2", "learned.skies=6", "learned.validation=1", "learned.average=false", "network.steps=10", "network.hidden=[8]", "network.every=5", "network.blocks=2", "output.pictures=false"},
		large: []string{"simulate.rows=1000000", "simulate.cols=100000"},
	},
	"mlpatch-train": {
		sets:  []string{"simulate.count=300", "simulate.rows=120", "simulate.cols=128", "mlpatch.steps=20", "mlpatch.hidden=[8]", "mlpatch.side=3", "mlpatch.block=8", "mlpatch.batch=2", "mlpatch.blocks=2", "mlpatch.every=10"},
		large: []string{"simulate.count=1000000", "simulate.rows=4000", "simulate.cols=4000"},
	},
	"mlpatch-denoise": {
		sets:  []string{"simulate.rows=420", "simulate.cols=400", "output.pictures=false", "tv.tolerance=0.1"},
		input: func(t *testing.T, dir string) []string { return patchModel(t, dir) },
	},
	"mlpatch-admm": {
		sets:  []string{"simulate.rows=220", "simulate.cols=200", "output.pictures=false", "tv.rule=none", "admm.max_iterations=6", "admm.falling=3"},
		input: func(t *testing.T, dir string) []string { return patchModel(t, dir) },
	},
	"mlpatch-superres": {
		sets:  []string{"simulate.count=300", "simulate.rows=120", "simulate.cols=128", "superres.average=false", "superres.tests=[2]", "mlpatch.steps=20", "mlpatch.hidden=[8]", "mlpatch.side=3", "mlpatch.block=8", "mlpatch.batch=2", "mlpatch.blocks=2", "mlpatch.every=10", "output.pictures=false"},
		large: []string{"simulate.count=1000000", "simulate.rows=4000", "simulate.cols=4000"},
	},
	"kernel": {
		sets:  []string{"simulate.count=12000"},
		large: []string{"simulate.count=2000000000"},
	},
	"deep-kernel": {
		sets:  []string{"simulate.count=600", "deep.steps=3", "deep.starts=2", "single.widths=[0.08]", "single.lambdas=[0.01]"},
		large: []string{"simulate.count=1000000"},
	},
	"psf": {
		sets:  []string{"simulate.count=600", "psf.iterations=20"},
		large: []string{"simulate.count=2000000000"},
	},
	"scdl-train": {
		sets:  []string{"simulate.count=20000", "scdl.iterations=4"},
		large: []string{"simulate.count=2000000000"},
	},
	"scdl-spectra": {
		input: func(t *testing.T, dir string) []string {
			return append(trained(t, dir, "simulate.high=25"), "data.low="+spectraFile(t, dir, 200000))
		},
	},
	"scdl-upscale": {
		input: func(t *testing.T, dir string) []string {
			folder := filepath.Join(dir, "pictures")
			picture(t, folder, "a.png", 120, 140)
			return append(trained(t, dir, "patches.images="+folder, "patches.count=2000"), "image.path="+picture(t, dir, "small.png", 400, 500))
		},
	},
}

// model learns, unless there is one in the folder, a small model and returns the set that names it.
func model(t *testing.T, dir string, sets ...string) []string {
	t.Helper()
	out := filepath.Join(dir, "model")
	if imageio.Exists(out) {
		return []string{"tppa.model=" + filepath.Join(out, "model.npz")}
	}
	runOn(t, 1, "tppa-train", append(sets,
		"simulate.count=4", "data.validation=1", "simulate.rows=16", "simulate.cols=20", "tppa.steps=2", "tppa.layers=3", "output.pictures=false", fmt.Sprintf("output.dir=%q", out),
	))
	return []string{"tppa.model=" + filepath.Join(out, "model.npz")}
}

// patchModel learns a small denoiser, unless there is one in the folder, and returns the set that names it.
func patchModel(t *testing.T, dir string, sets ...string) []string {
	t.Helper()
	out := filepath.Join(dir, "model")
	if imageio.Exists(out) {
		return []string{"mlpatch.model=" + filepath.Join(out, "model.npz")}
	}
	runOn(t, 1, "mlpatch-train", append(sets,
		"simulate.count=4", "data.validation=1", "simulate.rows=16", "simulate.cols=20", "mlpatch.steps=20", "mlpatch.hidden=[8]", "mlpatch.side=5",
		"mlpatch.block=10", "mlpatch.batch=4", "mlpatch.blocks=2", "output.pictures=false", fmt.Sprintf("output.dir=%q", out),
	))
	return []string{"mlpatch.model=" + filepath.Join(out, "model.npz")}
}

// trained learns a small dictionary, unless there is one in the folder, and returns the set that names it.
func trained(t *testing.T, dir string, sets ...string) []string {
	t.Helper()
	out := filepath.Join(dir, "dictionary")
	if imageio.Exists(out) {
		return []string{"dictionary.dir=" + out}
	}
	runOn(t, 1, "scdl-train", append(sets, "scdl.atoms=16", "scdl.iterations=2", fmt.Sprintf("output.dir=%q", out)))
	return []string{"dictionary.dir=" + out}
}

// spectraFile writes low-resolution spectra, a sample a column.
func spectraFile(t *testing.T, dir string, count int) string {
	t.Helper()
	s := simulate.Spectra{Seed: 1, High: 25}
	rows := s.Low()
	a, high, low := make([]float64, rows*count), make([]float64, 25), make([]float64, rows)
	for k := range count {
		s.Draw(k%500, high, low)
		for j, v := range low {
			a[j*count+k] = v
		}
	}
	path := filepath.Join(dir, "low.npy")
	if err := imageio.WriteNpy(path, []int{rows, count}, a); err != nil {
		t.Fatal(err)
	}
	return path
}

// picture writes a picture with edges and slopes in it.
func picture(t *testing.T, dir, name string, rows, cols int) string {
	t.Helper()
	f := &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: make([]float64, rows*cols)}
	for i := range f.Data {
		r, c := float64(i/cols), float64(i%cols)
		f.Data[i] = 0.5 + 0.3*math.Sin(r/7)*math.Cos(c/11) + 0.2*math.Copysign(1, math.Sin((r+2*c)/30))
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := imageio.WritePNG(path, f, imageio.Linear(0, 1)); err != nil {
		t.Fatal(err)
	}
	return path
}

// runOn runs a job of a kind and returns its metrics.json.
func runOn(t *testing.T, n int, kind string, sets []string) map[string]any {
	t.Helper()
	var dir string
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
		if j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets); err == nil && comm.Rank() == 0 {
			dir = j.Dir
		}
		return runWith(ctx, comm, kind, sets)
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, lifecycle.MetricsName))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// runWith checks and runs a job of a kind on one rank of a world.
func runWith(ctx context.Context, comm ranks.Comm, kind string, sets []string) error {
	j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
	if err == nil && comm.Rank() == 0 {
		err = j.CheckFiles()
	}
	if err != nil {
		return err
	}
	return j.Run(ctx, comm, lifecycle.Env{Version: "test"})
}

// planOf is the plan of a job on n ranks, and the bytes that making it allocated.
func planOf(t *testing.T, n int, kind string, sets []string) (p *lifecycle.Plan, allocated uint64) {
	t.Helper()
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", kind), sets)
		if err != nil {
			return err
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err = j.Plan(ctx, comm, n, lifecycle.Link{Latency: 1e-6, Bandwidth: 1e9})
		runtime.ReadMemStats(&after)
		allocated = after.TotalAlloc - before.TotalAlloc
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, allocated
}

// within tells whether a prediction is right to a factor of two.
func within(predicted, seen float64) bool { return predicted <= 2*seen && seen <= 2*predicted }

// Every kind of job runs on what check accepts, leaves its answer and the account of its
// ranks, which scaling studies need, and needs what its plan says, within a factor of two.
func TestPlanAgainstRun(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every kind of job")
	}
	const n = 2
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			e, known := examples[k.Name]
			if !known {
				t.Fatalf("no example of a job %q in plan_test.go", k.Name)
			}
			dir := t.TempDir()
			all := e.sets[:len(e.sets):len(e.sets)]
			if e.input != nil {
				all = append(all, e.input(t, dir)...)
			}
			var p *lifecycle.Plan
			var m map[string]any
			var out string
			var sets []string
			heap := 0.0
			// A machine that is busy may not look at the heap while much of it is in use.
			for try := range 5 {
				out = filepath.Join(dir, "out", fmt.Sprint(try))
				sets = append(all[:len(all):len(all)], fmt.Sprintf("output.dir=%q", out))
				p, _ = planOf(t, n, k.Name, sets)
				heap, _ = lifecycle.PeakHeap(func() error {
					m = runOn(t, n, k.Name, sets)
					return nil
				})
				if within(n*p.MemoryBytes+p.RootBytes, heap) {
					break
				}
			}
			j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), sets)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(out, j.Answer)); j.Answer == "" || err != nil {
				t.Errorf("no answer to compare: %q, %v", j.Answer, err)
			}
			did, _ := m["ranks_did"].([]any)
			if len(did) != n {
				t.Fatalf("ranks_did has %d entries, want %d", len(did), n)
			}
			var sent, seconds, owned float64
			for _, d := range did {
				a := d.(map[string]any)
				sent += a["bytes_sent"].(float64)
				owned += a["owned"].(float64)
				seconds = max(seconds, a["seconds"].(float64))
			}
			if seconds <= 0 || owned <= 0 {
				t.Errorf("the ranks say that they did %v", did)
			}
			total := n*p.MemoryBytes + p.RootBytes
			t.Logf("memory: %s planned, %s seen; traffic: %s planned, %s seen; time: %s planned, %s seen",
				lifecycle.Bytes(total), lifecycle.Bytes(heap), lifecycle.Bytes(p.SentBytes), lifecycle.Bytes(sent),
				lifecycle.Seconds(p.Compute+p.Talk), lifecycle.Seconds(seconds))
			if !within(total, heap) {
				t.Errorf("memory: planned %s, the run held %s", lifecycle.Bytes(total), lifecycle.Bytes(heap))
			}
			if !within(p.SentBytes, sent) {
				t.Errorf("traffic: planned %s, the run sent %s", lifecycle.Bytes(p.SentBytes), lifecycle.Bytes(sent))
			}
			if p.Compute <= 0 {
				t.Errorf("the plan has no time: %+v", p)
			}
			var text strings.Builder
			if err := p.Write(&text); err != nil || !strings.Contains(text.String(), "memory") {
				t.Errorf("%v in\n%s", err, &text)
			}
		})
	}
}

// A plan allocates nothing of the problem's size.
func TestPlanAllocatesLittle(t *testing.T) {
	for _, k := range Kinds() {
		e := examples[k.Name]
		if e.large == nil {
			continue // what it reads is there, so that it fits
		}
		p, allocated := planOf(t, 64, k.Name, append(e.sets[:len(e.sets):len(e.sets)], e.large...))
		if total := 64*p.MemoryBytes + p.RootBytes; float64(allocated) > 1<<30 || total < 1e11 {
			t.Errorf("%s: the plan of a run that needs %s allocated %s", k.Name, lifecycle.Bytes(total), lifecycle.Bytes(float64(allocated)))
		}
	}
}
