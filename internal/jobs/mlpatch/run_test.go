package mlpatch

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
)

// shipped is the model that the repository has.
const shipped = "../../../configs/models/denoise-cells.npz"

const smallTraining = `job = "mlpatch-train"
[data]
validation = 2
[simulate]
count = 6
rows = 24
cols = 20
[mlpatch]
hidden = [10]
side = 5
steps = 12
block = 12
batch = 5
blocks = 4
every = 4
`

// cells writes pictures of cells that the shipped model has not seen, as channels of a frame.
func cells(t *testing.T, count, rows, cols int) (path string, x []float64) {
	for k := range count {
		x = append(x, simulate.Cells{Seed: 77, Rows: rows, Cols: cols}.Draw(k)...)
	}
	return jobtest.WriteNpy(t, t.TempDir(), "truth.npy", x, count, rows, cols), x
}

// Pictures of a file teach what the same pictures teach without one, on another number of ranks, and the
// validation says what was learned.
func TestTraining(t *testing.T) {
	var x []float64
	for k := range 6 {
		x = append(x, simulate.Cells{Seed: 1, Rows: 24, Cols: 20}.Draw(k)...)
	}
	file := jobtest.WriteNpy(t, t.TempDir(), "truth.npy", x, 6, 24, 20)
	a, err := jobtest.Run(t, LoadTrain, 1, smallTraining, "output.pictures=true")
	if err != nil {
		t.Fatal(err)
	}
	b, err := jobtest.Run(t, LoadTrain, 3, smallTraining, "data.truth="+file, "output.pictures=false")
	if err != nil {
		t.Fatal(err)
	}
	if d := jobtest.Farthest(jobtest.ReadNpy(t, a, "parameters.npy"), jobtest.ReadNpy(t, b, "parameters.npy")); d > 0 {
		t.Errorf("pictures of a file on 3 ranks give parameters that differ by %g", d)
	}
	m := jobtest.Metrics(t, a)
	curve := m["curve"].(map[string]any)
	if n := len(curve["losses"].([]any)); n != 3 || len(m["losses"].([]any)) != 12 || len(m["validation"].([]any)) != 3 || m["training_digest"] != jobtest.Metrics(t, b)["training_digest"] {
		t.Errorf("%d validations, metrics %v", n, m)
	}
	if _, err := os.Stat(filepath.Join(a, "losses.png")); err != nil {
		t.Error(err)
	}
}

// The shipped model is what its config describes, and no larger than a model in a repository should be.
func TestShippedModel(t *testing.T) {
	info, err := os.Stat(shipped)
	if err != nil || info.Size() > 200_000 {
		t.Fatal(info, err)
	}
	m, err := readModel(shipped)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../../configs/mlpatch-train.toml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := config.Parse("mlpatch-train.toml", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := trainDefaults()
	f.Decode(&c)
	c.check(f)
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	if want := c.network(); fmt.Sprint(m.Network) != fmt.Sprint(*want) || m.Low != c.Noise.Low || m.High != c.Noise.High || m.Steps != c.MLPatch.Steps || m.Pictures != c.Simulate.Count-c.Data.Validation {
		t.Errorf("the model is %+v, its config has %+v", m.about, c)
	}
}

// Denoising cells that were not learned from gains on total variation with the best lambda, and is the
// same to the bit on any number of ranks.
func TestDenoise(t *testing.T) {
	path, truth := cells(t, 2, 64, 49)
	sets := []string{"simulate.from=" + path, "simulate.noise=0.15", "mlpatch.model=" + shipped, "output.pictures=false", "mlpatch.average=false"}
	var want []float64
	for _, n := range []int{1, 2, 7} {
		rule := "none"
		if n == 1 {
			rule = "oracle"
		}
		dir, err := jobtest.Run(t, Load, n, `job = "mlpatch-denoise"`, append(sets, "tv.rule="+rule)...)
		if err != nil {
			t.Fatal(err)
		}
		x := jobtest.ReadNpy(t, dir, "solution.npy")
		if n > 1 {
			if d := jobtest.Farthest(x, want); d != 0 {
				t.Errorf("%d ranks: the answer differs by %g", n, d)
			}
			continue
		}
		want = x
		m := jobtest.Metrics(t, dir)
		learned, tv := jobtest.Quality(t, m, "solution", "psnr_db"), jobtest.Quality(t, m, "tv", "psnr_db")
		t.Logf("PSNR %.2f dB learned, %.2f dB TV", learned, tv)
		if learned < tv+1.8 {
			t.Errorf("PSNR %.2f dB learned, %.2f dB TV, want 1.8 dB more", learned, tv)
		}
		sum := 0.0
		for i, v := range truth {
			sum += (x[i] - v) * (x[i] - v)
		}
		top := 0.0
		for _, v := range truth {
			top = max(top, v)
		}
		if db := 10 * math.Log10(top*top*float64(len(x))/sum); math.Abs(db-learned) > 1e-6 {
			t.Errorf("PSNR %g dB, the run says %g", db, learned)
		}
		if model := jobtest.Metrics(t, dir)["model"].(map[string]any); model["strange"] != false || model["outside"].(float64) != 0 {
			t.Errorf("cells with noise that was learned: %v", model)
		}
	}
}

// A frame that is streamed in bands has the bits of one that is held, on any number of ranks; what cannot be streamed is refused.
func TestStream(t *testing.T) {
	path, _ := cells(t, 2, 50, 41)
	sets := []string{"image.path=" + path, "noise.sigma=0.1", "mlpatch.model=" + shipped, "output.pictures=false", "tv.rule=none", "mlpatch.average=false"}
	for _, border := range []string{"reflect", "periodic"} {
		sets := append(sets, "mlpatch.border="+border)
		whole, err := jobtest.Run(t, Load, 1, `job = "mlpatch-denoise"`, sets...)
		if err != nil {
			t.Fatal(err)
		}
		want := jobtest.ReadNpy(t, whole, "solution.npy")
		fit := jobtest.Metrics(t, whole)["fit"].(map[string]any)
		for _, n := range []int{1, 2, 7} {
			dir, err := jobtest.Run(t, Load, n, `job = "mlpatch-denoise"`, append(sets, "bands.rows=6")...)
			if err != nil {
				t.Fatal(err)
			}
			if d := jobtest.Farthest(jobtest.ReadNpy(t, dir, "solution.npy"), want); d != 0 {
				t.Errorf("%s border, %d ranks: the streamed frame differs by %g", border, n, d)
			}
			if m := jobtest.Metrics(t, dir); m["gathered"] != false || m["rows"].(float64) != 50 || m["pixels"].(float64) != 50*41 || !(m["model"].(map[string]any)["score"].(float64) > 0) {
				t.Errorf("metrics %v", m)
			} else {
				for _, key := range []string{"residual_rms", "residual_by_noise", "flux_data", "flux_solution"} {
					if v, want := m["fit"].(map[string]any)[key].(float64), fit[key].(float64); math.Abs(v-want) > 1e-9*want {
						t.Errorf("%s border, %d ranks: fit.%s is %g of the streamed frame, %g of the one that is held", border, n, key, v, want)
					}
				}
				if s := m["seconds"].(map[string]any); !(s["write"].(float64)+s["solve"].(float64) < s["total"].(float64)) {
					t.Errorf("%s border, %d ranks: seconds %v", border, n, s)
				}
			}
		}
	}
	if p := jobtest.Plan(t, Load, 2, `job = "mlpatch-denoise"`, append(sets, "bands.rows=6")...); p.Compute <= 0 || p.MemoryBytes <= 0 {
		t.Errorf("plan %+v", p)
	}
	for set, want := range map[string]string{"tv.rule=discrepancy": "tv.rule", "noise.sigma=0": "noise.sigma", "image.mask=" + path: "bands.rows", "image.truth=" + path: "bands.rows", "bands.rows=-1": "bands.rows"} {
		if _, err := jobtest.Parse(Load, `job = "mlpatch-denoise"`, append(sets, "bands.rows=6", set)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", set, err, want)
		}
	}
	holes := jobtest.WriteNpy(t, t.TempDir(), "holes.npy", []float64{1, 2, math.NaN(), 4}, 2, 2)
	if _, err := jobtest.Run(t, Load, 2, `job = "mlpatch-denoise"`, append(sets, "bands.rows=1", "image.path="+holes)...); err == nil || !strings.Contains(err.Error(), "row 1, column 0 is NaN") {
		t.Errorf("holes: %v", err)
	}
	for _, c := range []struct {
		data       []float64
		rule, want string
	}{
		{[]float64{1, 2, -1e30, 4}, "report", "row 0, column 2 is -1e+30, which marks a missing value"},
		{[]float64{1, 2, -1e30, 4}, "keep", ""},
		{[]float64{-9999, -9999, -9999, -9999}, "report", "every observed value is -9999, which marks missing values"},
	} {
		marked := jobtest.WriteNpy(t, t.TempDir(), "marked.npy", c.data, 1, 4)
		_, err := jobtest.Run(t, Load, 1, `job = "mlpatch-denoise"`, append(sets, "bands.rows=1", "image.path="+marked, "image.outliers="+c.rule)...)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), marked)) {
			t.Errorf("marks, %s: %v", c.rule, err)
		}
	}
}

// A frame that is unlike the training set, and noise that was not learned, are said to be so.
func TestWarnings(t *testing.T) {
	x := make([]float64, 40*40)
	for i := range x {
		x[i] = 0.5 + 0.5*math.Sin(float64(i/40)*2)*math.Cos(float64(i%40))
	}
	frame := jobtest.WriteNpy(t, t.TempDir(), "waves.npy", x, 40, 40)
	dir, err := jobtest.Run(t, Load, 1, `job = "mlpatch-denoise"`, "image.path="+frame, "noise.sigma=0.5", "mlpatch.model="+shipped, "output.pictures=false", "tv.rule=none", "mlpatch.average=false")
	if err != nil {
		t.Fatal(err)
	}
	if model := jobtest.Metrics(t, dir)["model"].(map[string]any); model["outside"].(float64) != 1 {
		t.Errorf("noise that was not learned: %v", model)
	}
	dir, err = jobtest.Run(t, Load, 1, `job = "mlpatch-denoise"`, "image.path="+frame, "noise.sigma=0.02", "mlpatch.model="+shipped, "output.pictures=false", "tv.rule=none", "mlpatch.average=false")
	if err != nil {
		t.Fatal(err)
	}
	if model := jobtest.Metrics(t, dir)["model"].(map[string]any); model["strange"] != true {
		t.Errorf("waves: %v", model)
	}
}

// Plug-and-play ADMM with one setting gains 3 dB on total variation where it deblurs (with the best
// lambda) and where it fills in, its residuals fall, and ranks do not matter.
func TestADMM(t *testing.T) {
	path, _ := cells(t, 1, 48, 45)
	for name, form := range map[string][]string{
		"deblurring": {"tv.rule=oracle"}, "inpainting": {"blur.kind=none", "simulate.missing=0.7"},
	} {
		sets := append([]string{"simulate.from=" + path, "mlpatch.model=" + shipped, "output.pictures=false", "tv.tolerance=0.05"}, form...)
		dir, err := jobtest.Run(t, LoadADMM, 1, `job = "mlpatch-admm"`, sets...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m := jobtest.Metrics(t, dir)
		measure := map[string]string{"deblurring": "psnr_db", "inpainting": "psnr_holes_db"}[name]
		learned, tv := jobtest.Quality(t, m, "solution", measure), jobtest.Quality(t, m, "tv", measure)
		admm := m["admm"].(map[string]any)
		t.Logf("%s: PSNR %.2f dB learned, %.2f dB TV; %v iterations, growth %v", name, learned, tv, m["iterations"], admm["lipschitz"])
		for _, beside := range []string{"tikhonov", "wiener"} {
			v := jobtest.Quality(t, m, beside, measure)
			t.Logf("%s: %s %.2f dB", name, beside, v)
			if !(learned > v) {
				t.Errorf("%s: PSNR %.2f dB %s, %.2f dB learned", name, v, beside, learned)
			}
		}
		if learned < tv+3 {
			t.Errorf("%s: PSNR %.2f dB learned, %.2f dB TV, want 3 dB more", name, learned, tv)
		}
		if p := admm["primal"].([]any); m["converged"] != true || !(p[len(p)-1].(float64) < p[0].(float64)/10) {
			t.Errorf("%s: residuals %v", name, p)
		}
		if testing.Short() {
			continue
		}
		other, err := jobtest.Run(t, LoadADMM, 3, `job = "mlpatch-admm"`, append(sets, "tv.rule=none")...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := jobtest.Farthest(jobtest.ReadNpy(t, other, "solution.npy"), jobtest.ReadNpy(t, dir, "solution.npy")); d > 1e-4 {
			t.Errorf("%s on 3 ranks: the answer differs by %g", name, d)
		}
	}
}

// Missing pixels are filled from their neighbours, on any number of ranks alike, and a frame with missing
// pixels is denoised.
func TestMissing(t *testing.T) {
	const rows, cols = 30, 26
	x := simulate.Cells{Seed: 5, Rows: rows, Cols: cols}.Draw(0)
	for i := range x {
		if i/cols > 9 && i/cols < 17 && i%cols > 4 && i%cols < 20 || i%7 == 0 {
			x[i] = math.NaN()
		}
	}
	frame := jobtest.WriteNpy(t, t.TempDir(), "holes.npy", x, rows, cols)
	var want []float64
	for _, n := range []int{1, 3} {
		dir, err := jobtest.Run(t, Load, n, `job = "mlpatch-denoise"`, "image.path="+frame, "noise.sigma=0.05", "mlpatch.model="+shipped, "output.pictures=false", "tv.rule=none", "mlpatch.average=false")
		if err != nil {
			t.Fatal(err)
		}
		got := jobtest.ReadNpy(t, dir, "solution.npy")
		if want == nil {
			want = got
		}
		for i, v := range got {
			if v != want[i] || !(v > -0.5 && v < 1.5) {
				t.Fatalf("%d ranks: pixel %d is %g, want %g", n, i, v, want[i])
			}
		}
	}
}

// What is wrong with a config or with a model is found by check, with the file's name.
func TestProblems(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.npz")
	if err := imageio.WriteNpz(other, []imageio.Member{{Name: "theta", Array: imageio.Array{Shape: []int{1}, Data: []float64{1}}}}); err != nil {
		t.Fatal(err)
	}
	flat := jobtest.WriteNpy(t, dir, "flat.npy", []float64{1, 2}, 2)
	small := jobtest.WriteNpy(t, dir, "small.npy", make([]float64, 5*4*4), 5, 4, 4)
	for _, c := range []struct {
		load func(*config.File) *lifecycle.Job
		text string
		sets []string
		want string
	}{
		{Load, `job = "mlpatch-denoise"`, nil, "mlpatch.model"},
		{Load, `job = "mlpatch-denoise"`, []string{"mlpatch.model=" + other}, "other.npz: not a model file"},
		{LoadADMM, `job = "mlpatch-admm"`, []string{"mlpatch.model=" + filepath.Join(dir, "gone.npz")}, "gone.npz"},
		{LoadADMM, `job = "mlpatch-admm"`, []string{"mlpatch.model=" + shipped, "admm.first=0.001"}, "admm.first"},
		{Load, `job = "mlpatch-denoise"`, []string{"mlpatch.model=" + shipped, "image.path=x.npy", "tv.rule=oracle"}, "tv.rule"},
		{LoadTrain, smallTraining, []string{"data.truth=" + flat}, "(count, rows, cols)"},
		{LoadTrain, smallTraining, []string{"data.truth=" + small}, "mlpatch.block"},
		{LoadTrain, smallTraining, []string{"mlpatch.side=4"}, "an odd number"},
		{LoadTrain, smallTraining, []string{"mlpatch.chunks=4", "mlpatch.features=2"}, "a number that divides it"},
		{LoadTrain, smallTraining, []string{"mlpatch.hidden=[1.5]"}, "mlpatch.hidden"},
		{LoadTrain, smallTraining, []string{"noise.low=0.5"}, "noise.high"},
		{LoadTrain, smallTraining, []string{"data.validation=0", "mlpatch.patience=2"}, "mlpatch.patience"},
		{LoadTrain, smallTraining, []string{"mlpatch.loss=l3"}, "mlpatch.loss"},
	} {
		j, err := jobtest.Parse(c.load, c.text, c.sets...)
		if err == nil {
			err = j.CheckFiles()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.sets, err, c.want)
		}
	}
}
