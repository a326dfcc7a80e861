package mlpatch

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
	"tessera/internal/simulate"
	"tessera/mlpatch"
)

const smallEnlarging = `job = "mlpatch-superres"
[data]
validation = 1
[simulate]
count = 5
rows = 40
cols = 36
[superres]
scale = 2.2
tests = [2, 2.2]
average = false
[mlpatch]
hidden = [12]
side = 5
steps = 120
block = 12
batch = 6
blocks = 4
every = 40
`

// A run without files learns a model that gains on cubic interpolation, and agrees on any number of ranks; the model that
// it leaves gives the same bits on any number of them.
func TestEnlarging(t *testing.T) {
	a, err := jobtest.Run(t, LoadSuper, 1, smallEnlarging)
	if err != nil {
		t.Fatal(err)
	}
	m := jobtest.Metrics(t, a)
	if tests := m["validation"].([]any); len(tests) != 2 {
		t.Errorf("validation %v", tests)
	} else {
		for _, v := range tests {
			v := v.(map[string]any)
			cubic, learned := jobtest.Quality(t, v, "cubic", "psnr_db"), jobtest.Quality(t, v, "solution", "psnr_db")
			t.Logf("scale %v: %.2f dB cubic, %.2f dB learned", v["scale"], cubic, learned)
			if !(learned > cubic+0.3) {
				t.Errorf("no gain: %v", v)
			}
		}
	}
	if m["rows"].(float64) != float64(mlpatch.Enlarged(18, 2.2)) || m["coarse_rows"].(float64) != 18 || m["coarse_cols"].(float64) != 16 {
		t.Errorf("%v x %v pixels of %v x %v", m["rows"], m["cols"], m["coarse_rows"], m["coarse_cols"])
	}
	x := jobtest.ReadNpy(t, a, "solution.npy")
	quality := jobtest.Quality(t, m, "solution", "psnr_db")
	truth := simulate.Cells{Seed: 1, Rows: 40, Cols: 36}.Draw(5)
	sum, top, cols := 0.0, 0.0, int(m["cols"].(float64))
	for i, v := range x {
		d := v - truth[i/cols*36+i%cols]
		sum += d * d
		top = max(top, truth[i/cols*36+i%cols])
	}
	if db := 10 * math.Log10(top*top*float64(len(x))/sum); math.Abs(db-quality) > 1e-6 {
		t.Errorf("PSNR %g dB, the run says %g", db, quality)
	}
	b, err := jobtest.Run(t, LoadSuper, 3, smallEnlarging, "output.pictures=false")
	if err != nil {
		t.Fatal(err)
	}
	if d := jobtest.Farthest(jobtest.ReadNpy(t, b, "solution.npy"), x); d != 0 {
		t.Errorf("on 3 ranks the answer differs by %g", d)
	}
	given := "superres.model=" + filepath.Join(a, "model.npz")
	for _, n := range []int{1, 2, 7} {
		c, err := jobtest.Run(t, LoadSuper, n, smallEnlarging, given, "output.pictures=false")
		if err != nil {
			t.Fatal(err)
		}
		if d := jobtest.Farthest(jobtest.ReadNpy(t, c, "solution.npy"), x); d != 0 {
			t.Errorf("with the given model on %d ranks the answer differs by %g", n, d)
		}
	}
	// A frame of two channels with a hole, at a scale that was not learned.
	frame := append(simulate.Cells{Seed: 3, Rows: 15, Cols: 17}.Draw(0), make([]float64, 15*17)...)
	frame[40] = math.NaN()
	for i := range 15 * 17 {
		frame[15*17+i] = math.NaN()
	}
	path := jobtest.WriteNpy(t, t.TempDir(), "frame.npy", frame, 2, 15, 17)
	c, err := jobtest.Run(t, LoadSuper, 2, smallEnlarging, given, "output.pictures=false", "image.path="+path, "superres.scale=5", "output.gather=never")
	if err != nil {
		t.Fatal(err)
	}
	y := jobtest.ReadNpy(t, c, "solution.npy")
	if model := jobtest.Metrics(t, c)["model"].(map[string]any); len(y) != 2*75*85 || model["scale_outside"] != true {
		t.Errorf("%d values, model %v", len(y), model)
	}
	for i, v := range y {
		if math.IsNaN(v) != (i >= 75*85) {
			t.Fatalf("value %d is %g", i, v)
		}
	}
}

// An observed frame is compared with the picture in image.truth, which has the pixels of the answer, whether rank 0 reads
// the files or every rank its part: the answer, and cubic interpolation, by the numbers that their files have. The fit is that of the means
// of the answer over the pixels of the frame. A truth of another shape is refused.
func TestEnlargedTruth(t *testing.T) {
	const rows, cols, scale = 40, 37, 2.2
	a, err := jobtest.Run(t, LoadSuper, 1, smallEnlarging, "output.pictures=false", "mlpatch.steps=20")
	if err != nil {
		t.Fatal(err)
	}
	picture := simulate.Cells{Seed: 9, Rows: rows, Cols: cols}.Draw(0)
	coarse, low, high := mlpatch.Shrink(picture, rows, cols, scale)
	var truth []float64
	for r := range high[0] {
		truth = append(truth, picture[r*cols:r*cols+high[1]]...)
	}
	dir := t.TempDir()
	sets := []string{
		"superres.model=" + filepath.Join(a, "model.npz"), "output.pictures=false", "image.path=" + jobtest.WriteNpy(t, dir, "frame.npy", coarse, low[0], low[1]),
	}
	top := slices.Max(truth)
	for _, gather := range []string{"always", "never"} {
		out, err := jobtest.Run(t, LoadSuper, 3, smallEnlarging, append(sets, "image.truth="+jobtest.WriteNpy(t, dir, "truth.npy", truth, high[0], high[1]), "output.gather="+gather)...)
		if err != nil {
			t.Fatal(err)
		}
		m := jobtest.Metrics(t, out)
		for file, column := range map[string]string{"solution.npy": "solution", "cubic.npy": "cubic"} {
			sum := 0.0
			for i, v := range jobtest.ReadNpy(t, out, file) {
				sum += (v - truth[i]) * (v - truth[i])
			}
			want := 10 * math.Log10(top*top*float64(len(truth))/sum)
			if got := jobtest.Quality(t, m, column, "psnr_db"); math.Abs(got-want) > 1e-9 {
				t.Errorf("gather %s: %s has %g dB, want %g", gather, column, got, want)
			}
		}
		if q := m["quality"].(map[string]any); len(q) != 2 || !strings.Contains(fmt.Sprint(m["inputs"]), "truth.npy") {
			t.Errorf("gather %s: quality %v, inputs %v", gather, q, m["inputs"])
		}
		flux := 0.0
		for _, v := range coarse {
			flux += v
		}
		fit := m["fit"].(map[string]any)
		if in, out := fit["flux_data"].(float64), fit["flux_solution"].(float64); math.Abs(in-flux) > 1e-9*flux || math.Abs(out-in) > 0.05*in || !(fit["residual_rms"].(float64) < 0.1) {
			t.Errorf("gather %s: fit %v, flux of the frame %g", gather, fit, flux)
		}
	}
	j, err := jobtest.Parse(LoadSuper, smallEnlarging, append(sets, "image.truth="+jobtest.WriteNpy(t, dir, "small.npy", coarse, low[0], low[1]))...)
	if err == nil {
		err = j.CheckFiles()
	}
	if err == nil || !strings.Contains(err.Error(), "image.truth") {
		t.Errorf("a truth of the shape of the frame: %v", err)
	}
}

// What is wrong is said with the key.
func TestEnlargingProblems(t *testing.T) {
	small := jobtest.WriteNpy(t, t.TempDir(), "small.npy", make([]float64, 5*4*4), 5, 4, 4)
	for set, want := range map[string]string{
		"superres.scale=0.5":                      "superres.scale",
		"superres.low=5":                          "superres.high",
		"superres.tests=[40]":                     "superres.tests",
		"superres.border=round":                   "superres.border",
		"superres.noise=-1":                       "superres.noise",
		"superres.model=" + shipped:               `want "mlpatch upscaler"`,
		"data.truth=" + small:                     "mlpatch.block",
		"mlpatch.block=37":                        "mlpatch.block",
		"mlpatch.side=4":                          "an odd number",
		"image.path=gone.npy":                     "gone.npy",
		"superres.model=" + shipped + "x":         "denoise-cells.npzx",
		"output.stretch=loud":                     "output.stretch",
		"data.validation=0\x00mlpatch.patience=1": "data.validation = 1",
	} {
		j, err := jobtest.Parse(LoadSuper, smallEnlarging, strings.Split(set, "\x00")...)
		if err == nil {
			err = j.CheckFiles()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", set, err, want)
		}
	}
}
